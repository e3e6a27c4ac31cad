//! The library of every cell: what the generated code around a cell calls, compiled once instead of in every cell.
//!
//! evcxr talks to itself through marker lines on the cell's standard output. Nothing here prints: events go to the cell
//! process through the host's table, so that a cell may print whatever it likes.

mod ask;
mod fingerprint;
mod order;
mod show_result;
mod sizes;
mod variable_store;

pub use ask::ask;
pub use mosaic_message as message;
pub use order::{before_stderr, before_stdout};
pub use show_result::{BeginResult, DisplayDebug, DisplayRich};
pub use variable_store::{
    Fingerprints, VariableStore, create_variable_store, mosaic_cell_drop_variables, mosaic_cell_variables,
};

use mosaic::__private::{CellEvent, tell};
use std::fmt;

/// Reports that the cell's code unwound. The message of the panic follows from the guest, which kept it.
pub fn panicked() {
    tell(CellEvent::Panicked, "", "");
}

/// Reports that a `?` of the cell returned `error`. The error is formatted here, so that no cell compiles that code.
pub fn question_mark_failed(error: fmt::Arguments<'_>) {
    tell(CellEvent::Failed, &error.to_string(), "");
}

/// Shows the text of the cell's last expression, if evcxr's code formatted it.
pub fn send_text_plain(text: &str) {
    tell(CellEvent::Result, "text/plain", text);
}
