//! Evaluates Rust cells through the crate `evcxr`. No other crate of this workspace names evcxr.
//!
//! [`Evaluator`] is the handle that the kernel uses: a cell goes in, and its value or a [`CellError`] comes out.
//!
//! Seven programs live here. Two are threads of the kernel. Five are processes, for which the kernel's executable is
//! started again in another role.
//!
//! | program | runs as | enters at |
//! | --- | --- | --- |
//! | [`evaluation`] | a thread: evaluates one cell after the other through evcxr | `evaluation::run` |
//! | [`code_help`] | a thread: completes and documents code with a rust-analyzer of its own | `CodeHelp::start` |
//! | [`cell_process`] | a process: loads each compiled cell and runs it | [`cell_host_main`] |
//! | [`rustc_wrapper`](mod@rustc_wrapper) | a process that cargo starts instead of rustc: compiles a cell | [`rustc_wrapper()`] |
//! | [`linker`](mod@linker) | a process that rustc starts instead of the linker: imports what earlier cells define | [`linker()`] |
//! | [`guardian`] | a process that outlives a killed kernel, and removes what it has left | [`guard`] |
//! | [`cargo_shim`](mod@cargo_shim) | a process that evcxr starts instead of cargo, rustc or rustup: answers from a cache | [`cargo_shim()`] |
//!
//! The other modules serve the programs:
//!
//! | module | about |
//! | --- | --- |
//! | [`session`] | what the programs tell each other, through sockets and the files of the session's directory |
//! | [`prebuilt`] | the crates that every cell can use, built once for each toolchain |
//! | [`source`] | reading the text of a cell |
//! | [`evcxr_text`] | every text of evcxr's that the kernel matches or rewrites |
//! | [`type_probe`] | asking rustc for the types of variables |
//! | [`errors`] | what a failed cell shows |
//!
//! A cell takes this way: [`evaluation`] splits it into commands and code and hands the code to evcxr. evcxr generates
//! a crate and starts cargo, which is the [`cargo_shim`](mod@cargo_shim). Its rustc is the
//! [`rustc_wrapper`](mod@rustc_wrapper), which compiles the cell to a shared object. The [`cell_process`] loads and
//! runs it, and reports to [`evaluation`] how it ended.

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the map above is for those who work on this crate"
)]

mod cargo_shim;
mod cell_process;
mod code_help;
mod errors;
mod evaluation;
mod evaluator;
mod evcxr_text;
mod export;
mod guardian;
mod linker;
mod mime_bundle;
mod prebuilt;
mod profile;
mod rustc_wrapper;
mod session;
mod source;
mod type_probe;

pub use cell_process::{cell_host_main, is_cell_process};
pub use code_help::completions::{Completion, Completions};
pub use errors::{cell_error::CellError, error_name::ErrorName};
pub use evaluation::{request::Options, start_evcxr::this_executable};
pub use evaluator::{CellPipes, Evaluator};
pub use evcxr_text::markers::{CONTENT_BEGINS, CONTENT_ENDS};
pub use export::{Export, Exported, export};
pub use guardian::{Guardian, guard};
pub use linker::linker;
pub use mime_bundle::MimeBundle;
pub use prebuilt::toolchain::{Toolchain, ToolchainError};
pub use profile::show_profile;
pub use rustc_wrapper::rustc_wrapper;
pub use session::{
    build_progress::BuildProgress,
    environment::{take_over, users_environment},
    link::ProcessEvent,
};
pub use source::completeness::{Completeness, is_complete};

/// Finds the toolchain that compiles cells.
///
/// # Errors
///
/// A part of the toolchain is missing. The error names the command that installs it.
pub fn check_toolchain() -> Result<Toolchain, ToolchainError> {
    Toolchain::find()
}

/// Runs as the cargo shim if this process was started as `cargo`, `rustc` or `rustup`. Returns `None` otherwise.
///
/// # Safety
///
/// This process must have no other thread yet, since the function changes environment variables.
pub unsafe fn cargo_shim() -> Option<std::process::ExitCode> {
    // SAFETY: by this function's contract.
    unsafe { cargo_shim::cargo_shim(rustc_wrapper::called_with) }
}

/// Builds the cells' crates for the current toolchain, unless they are built already. Building takes about a minute.
///
/// # Errors
///
/// The toolchain is incomplete, the cache cannot be written, or a crate does not build.
pub fn prepare() -> anyhow::Result<()> {
    evaluation::prepare::prepare()
}
