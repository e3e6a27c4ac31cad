//! The session: all that the programs of the evaluator share while one kernel lives.
//!
//! The kernel, the cell process, the rustc wrapper and the cargo shim are processes of their own. They talk through
//! files, sockets and environment variables, and every name of these is here.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`files`] | the files of the session directory, each with its type, its writers and its readers |
//! | [`session_file`] | a file of the session directory, and the encoding of its contents |
//! | [`directory`] | the session directory itself: created, locked, and removed at the end |
//! | [`run_directory`] | the names in the run directory: sockets, pipes and the names of the cargo shim |
//! | [`environment_variables`] | the environment variables from one program to another |
//! | [`link`] | the socket between kernel and cell process, with its messages |
//! | [`frames`] | the form of the messages in that socket |
//! | [`outbox`] | the thread that sends over the link |
//! | [`build_progress`] | how far cargo is with the crates of a cell |
//! | [`placed_code`] | the parts of a cell, with their places in it |
//! | [`notebook_files`] | the files beside the notebook that its items name |
//! | [`settings`] | the settings of `:opt`, `:fmt` and `:types` |
//! | [`shim_state`] | what the kernel tells the cargo shim |
//! | [`environment`] | the `PATH` in which the cargo shim stands first, and the user's own environment |
//! | [`processes`] | the marks by which the kernel ends the processes that it and the cells have started |
//! | [`sysroot`] | where things lie in a toolchain |
//! | [`shared_files`] | file operations that never change what sessions share |
//! | [`exit_code`](mod@exit_code) | the exit code of a program that runs another one |
//! | [`digest`] | digests of contents |
//!
//! # Invariants
//!
//! - No other module names a file of the session directory or of the run directory, or one of the
//!   [`environment_variables`]. A test checks it (`xtask/tests/invariants/main.rs`).
//! - The session directory does not outlive its kernel. The kernel removes it at its end. If the kernel was killed, its
//!   [guardian](crate::guardian) removes it, or else the next kernel.
//! - This room uses no other room, so that all programs can use it.

pub(crate) mod build_progress;
pub(crate) mod cpu_time;
pub(crate) mod digest;
pub(crate) mod directory;
pub(crate) mod environment;
pub(crate) mod environment_variables;
pub(crate) mod exit_code;
pub(crate) mod files;
pub(crate) mod frames;
pub(crate) mod link;
pub(crate) mod notebook_files;
pub(crate) mod outbox;
pub(crate) mod placed_code;
pub(crate) mod processes;
pub(crate) mod run_directory;
pub(crate) mod session_file;
pub(crate) mod settings;
pub(crate) mod shared_files;
pub(crate) mod shim_state;
pub(crate) mod sysroot;
