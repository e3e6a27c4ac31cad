//! Code help: completion, documentation and types of code that is being typed.
//!
//! A thread of its own answers, with a rust-analyzer of its own, so that answers come while a cell is compiled or runs.
//! The evaluation thread tells it after each cell what the next cell may refer to.
//!
//! | file | about |
//! | --- | --- |
//! | [`thread`] | the thread, and [`CodeHelp`](thread::CodeHelp), the handle to it |
//! | [`notebook`] | the source that rust-analyzer sees: what earlier cells have left, with the cell in its place |
//! | [`project`] | rust-analyzer on that source and the crates that it depends on |
//! | [`answers`] | answers to questions of clients, from the notebook and the project |
//! | [`relevance`] | which of rust-analyzer's completions are shown, and in which order |
//! | [`completions`] | the types of completions, for the whole crate |
//! | [`memory`] | the memory of this process, most of which rust-analyzer takes |
//!
//! Invariants: nothing here runs code of the user's, calls evcxr's rust-analyzer or waits for a cell. rust-analyzer may
//! panic over code that is being typed; the question then has no answer, and the thread goes on.

mod answers;
pub(crate) mod completions;
pub(crate) mod memory;
pub(crate) mod notebook;
mod project;
mod relevance;
pub(crate) mod thread;
