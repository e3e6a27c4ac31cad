//! The prefix of worker output lines, in notebooks and in programs.
//!
//! The lines themselves are made in `kernel/src/output/worker_lines.rs` for notebooks, and in `program::output_lines`
//! for programs.

/// The column in which the text of a line begins.
const TEXT_COLUMN: usize = 16;

/// Returns the prefix of a line from a part of the runtime: its uid in capitals, padded to the column of the text.
///
/// ```
/// assert_eq!(mosaic_engine::line_prefix("worker:0:1") + "text", "WORKER:0:1      text");
/// // A space always parts the two.
/// assert_eq!(mosaic_engine::line_prefix("worker:0:1000000"), "WORKER:0:1000000 ");
/// ```
pub fn line_prefix(uid: &str) -> String {
    let width = TEXT_COLUMN - 1;
    format!("{:<width$} ", uid.to_uppercase())
}
