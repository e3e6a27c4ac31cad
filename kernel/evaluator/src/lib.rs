//! Evaluates Rust cells through evcxr, which this crate alone names.
//!
//! Five programs live here. The kernel's executable is all of them; how it is started decides which one it becomes.
//!
//! | program | runs as | enters at |
//! | --- | --- | --- |
//! | [`evaluation`] | a thread of the kernel: evaluates one cell after another through evcxr | `evaluation::run` |
//! | [`code help thread`] | a thread of the kernel: completes and documents code with a rust-analyzer of its own | `CodeHelp::start` |
//! | [`cell_process`] | a process: loads each compiled cell and runs it | [`cell_host_main`] |
//! | [`rustc_wrapper`](mod@rustc_wrapper) | a process that cargo starts instead of rustc: compiles a cell | [`rustc_wrapper()`] |
//! | [`cargo_shim`] | a process that evcxr starts instead of cargo, rustc or rustup: answers from a cache | [`cargo_shim()`] |
//!
//! The rest serves them: [`session`] is what the programs tell each other, [`prebuilt`] the crates of all cells, [`source`]
//! reads a cell's text, [`evcxr_text`] is all that matches a text of evcxr's, [`type_probe`] asks rustc for types, and
//! [`errors`] is what a failed cell shows. [`Evaluator`] is the handle that the kernel uses.

mod cargo_shim;
mod cell_process;
mod code_help;
mod errors;
mod evaluation;
mod evaluator;
mod evcxr_text;
mod prebuilt;
mod rustc_wrapper;
mod session;
mod source;
mod type_probe;

pub use cargo_shim::cargo_shim;
pub use cell_process::cell_host_main;
pub use errors::cell_error::CellError;
pub use evaluation::{
    request::{Completion, Completions, Options},
    start::this_executable,
};
pub use evaluator::{CellPipes, Evaluator};
pub use prebuilt::toolchain::{Toolchain, ToolchainError};
pub use rustc_wrapper::rustc_wrapper;
pub use session::{
    environment::{take_over, users_environment},
    link::ProcessEvent,
};
pub use source::completeness::{Completeness, is_complete};

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
    evaluation::start::prepare()
}
