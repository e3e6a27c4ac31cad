//! The calls that the wrapper writes in place of texts of evcxr's.

/// The call that reports a panic of the cell, within [`UNWOUND`].
pub(crate) const PANIC_CALL: &str = "::mosaic_cell::unwound(__mosaic_payload);";
/// Reports that the cell unwound, with the payload. Stands in place of
/// [`PANIC_REPORT`](super::markers::PANIC_REPORT).
pub(crate) const UNWOUND: &str = "Err(__mosaic_payload) => {\n    ::mosaic_cell::unwound(__mosaic_payload);";
/// Ends the catching of panics around the cell's code, with [`UNWOUND`]. `wrap_user_code` of evcxr's writes the rest.
pub(crate) const CATCH_ENDS: &str = "})) { \n  Ok(_) => {}\n  Err(__mosaic_payload) => {\n    \
     ::mosaic_cell::unwound(__mosaic_payload);\n}}\n";
/// Imports the function that prints a value's text. Stands in place of the function that begins with
/// [`SEND_TEXT_BEGINS`](super::markers::SEND_TEXT_BEGINS).
pub(crate) const SEND_TEXT_IMPORT: &str = "use ::mosaic_cell::send_text_plain as evcxr_send_text_plain;";
/// Announces the result and shows it. Stands in place of [`DISPLAY_ENDS`](super::markers::DISPLAY_ENDS).
pub(crate) const RESULT_ENDS: &str = ").mosaic_begin_result().evcxr_display();";
/// Imports the variable store that `mosaic-cell` holds compiled. Stands in place of evcxr's copy of the store. The
/// macros come by `macro_use`, the only import that gives way to macros that the user imports.
pub(super) const RUNTIME_IMPORTS: &str = "#[allow(unused_imports)] #[macro_use] extern crate mosaic_cell; \
     use ::mosaic_cell as evcxr_internal_runtime; #[allow(unused_imports)] use ::mosaic_cell::BeginResult as _;";
/// Imports the traits that show a value which has no `evcxr_display` of its own: richly, or by `{:?}`. Without them,
/// evcxr shows such a value in the format that the user chose.
pub(super) const DISPLAY_IMPORTS: &str =
    " #[allow(unused_imports)] use ::mosaic_cell::{DisplayDebug as _, DisplayRich as _};";
/// Gives a cell that may sleep a standard library whose `sleep` an interrupt ends.
pub(super) const SLEEP_IMPORT: &str = " extern crate mosaic_std as std;";
/// Tells the debugger that the user's code has ended, while its variables are still there.
pub(crate) const END_FOR_DEBUGGER: &str = "::mosaic_cell::mosaic_cell_end_for_debugger(); ";
/// Runs a cell with `.await` on the notebook's tokio. Stands in place of [`EXECUTOR`](super::markers::EXECUTOR).
pub(crate) const EXECUTOR_CALL: &str = "evcxr_variable_store.started(); ::tokio::runtime::run_cell(async {";

/// Runs a cell without `.await` in the surroundings of one with `.await`. Stands in place of [`EXECUTOR_CALL`].
pub(super) const CALL_AT_ONCE: &str = "evcxr_variable_store.started(); ::tokio::runtime::run_cell_at_once(|| -> \
     ::core::result::Result<(), EvcxrUserCodeError> {";
/// Begins to catch panics around the cell's code, by a function that is compiled already. Stands in place of
/// [`CATCH_BEGINS`](super::markers::CATCH_BEGINS).
pub(super) const COMPILED_CATCH_BEGINS: &str =
    "match ::mosaic_cell::catch_unwind(\n  std::panic::AssertUnwindSafe(||{\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catching_ends_with_the_call_that_reports_a_panic() {
        assert!(CATCH_ENDS.contains(UNWOUND) && UNWOUND.ends_with(PANIC_CALL));
    }
}
