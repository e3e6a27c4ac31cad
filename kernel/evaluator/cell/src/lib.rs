//! What the code that evcxr generates around a cell calls, compiled once instead of in every cell.
//!
//! evcxr talks to itself through marker lines on the cell's standard output. Nothing here prints: events go to the cell
//! process through the host's table, so that a cell may print whatever it likes.

mod ask;
mod display;
mod fingerprint;
mod order;
mod sizes;
mod variables;

pub use ask::ask;
pub use display::{BeginResult, DisplayDebug, DisplayRich};
pub use mosaic_message as message;
pub use order::{before_stderr, before_stdout};
pub use variables::{Fingerprints, VariableStore, create_variable_store, mosaic_cell_variables};

use mosaic::__private::{CellEvent, tell};
use std::fmt;

/// The cell's code unwound. The message follows from the guest, which kept it.
pub fn panicked() {
    tell(CellEvent::Panicked, "", "");
}

/// A `?` of the cell returned `error`, which is not formatted yet, so that no cell needs to know how.
pub fn question_mark_failed(error: fmt::Arguments<'_>) {
    tell(CellEvent::Failed, &error.to_string(), "");
}

/// The text of the cell's last expression, where evcxr formatted it itself.
pub fn send_text_plain(text: &str) {
    tell(CellEvent::Result, "text/plain", text);
}
