//! One `lldb-dap`.
//!
//! - `find`: where the program is.
//! - `framing`: messages as bytes.
//! - `formatters`: the commands by which lldb shows Rust's types.
//! - `process`: the running program, its requests and its events.

pub(crate) mod find;
pub(crate) mod formatters;
mod framing;
pub(crate) mod process;
