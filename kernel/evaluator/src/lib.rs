//! Evaluates cells: the only place that names evcxr.
//!
//! evcxr runs unmodified in a thread of the kernel and compiles each cell in a session directory (`session`) that was
//! cloned from prebuilt crates (`crates`). Around it:
//!
//! - [`rustc_wrapper`] exchanges what evcxr generates around a cell for calls into compiled code,
//! - [`cell_host_main`] is the process in which the cells run, and
//! - [`Evaluator`] is the handle that the kernel uses.

mod absent;
mod analyst;
mod as_written;
mod assistance;
mod builtin;
mod commands;
mod completeness;
mod crates;
mod definitions;
mod diagnostics;
mod digest;
mod evaluation;
#[path = "../cell/src/fingerprint.rs"]
mod fingerprint;
mod flusher;
mod handle;
mod host;
mod inbox;
mod interrupt;
mod link;
mod loss;
mod memory;
mod pool;
mod preamble;
mod processes;
mod questions;
mod report;
mod request;
mod session;
mod settings;
mod shared;
mod shell;
mod skip;
mod start;
mod stdin;
mod store_calls;
mod syntax;
mod toolchain;
mod tools;
mod types;
mod unkept;
mod versions;
mod warnings;
mod wrapper;

pub use completeness::{Completeness, is_complete};
pub use handle::{CellPipes, Evaluator};
pub use host::cell_host_main;
pub use link::ProcessEvent;
pub use report::CellError;
pub use request::{Completion, Completions, Options};
pub use start::this_executable;
pub use toolchain::{Toolchain, ToolchainError};
pub use tools::{take_over, tool, users_environment};
pub use wrapper::rustc_wrapper;

use host::report as report_to_kernel;
use std::collections::BTreeMap;

/// A value in several formats: MIME type to content.
pub type MimeBundle = BTreeMap<String, serde_json::Value>;

/// Looks for what compiling cells needs.
///
/// # Errors
///
/// What is missing, and the command that mends it.
pub fn check_toolchain() -> Result<Toolchain, ToolchainError> {
    Toolchain::find()
}

/// Builds the cells' crates for the current toolchain, unless they are built already.
///
/// # Errors
///
/// A toolchain that is incomplete, a cache that cannot be written, a crate that does not build.
pub fn prepare() -> anyhow::Result<()> {
    start::prepare()
}
