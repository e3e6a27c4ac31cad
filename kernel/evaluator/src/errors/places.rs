//! Places in a cell: lines and columns of the compiled text become bytes of the text that the user wrote.

use crate::source::carriers::carried_cell::CarriedCell;
use mosaic_expand::{CellExpansion, Location, Position, TextRange};
use std::ops::Range;

/// What was done to the text of a cell before it was compiled.
#[derive(Clone, Copy, Default)]
pub(crate) struct Changes<'a> {
    /// The cell's tesserae were expanded.
    pub(crate) expansion: Option<&'a CellExpansion>,
    /// The items of the cell, after the expansion, were carried.
    pub(crate) carried: Option<&'a CarriedCell>,
}

impl<'a> Changes<'a> {
    /// Finds where a line and column of the compiled text come from. Both count from 1.
    pub(crate) fn locate(self, line: usize, column: usize) -> Location<'a> {
        let (line, column) = self
            .carried
            .map_or((line, column), |carried| carried.locate(line, column));
        let expansion = self.expansion.map(|expansion| expansion.locate(line, column));
        expansion.unwrap_or(Location::User(Position { line, column }))
    }
}

/// Returns the bytes between two places, each a line and a column of characters. Both count from 1. The bytes are never
/// outside the text.
fn bytes(code: &str, start: (usize, usize), end: (usize, usize)) -> Range<usize> {
    let (start, end) = (offset(code, start), offset(code, end));
    start..end.max(start)
}

/// Returns the bytes of a cell that a place covers.
pub(super) fn byte_range(code: &str, place: &TextRange) -> Range<usize> {
    bytes(
        code,
        (place.start.line, place.start.column),
        (place.end.line, place.end.column),
    )
}

/// Returns the byte at a line and a column of characters. Both count from 1. The byte is never outside the text.
pub(super) fn offset(code: &str, (line, column): (usize, usize)) -> usize {
    let before: usize = code
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let text = code[before..].split('\n').next().unwrap_or_default();
    before
        + text
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_bytes() {
        let code = "let ä = 1;\nlet b = ü;\n";
        assert_eq!(&code[bytes(code, (1, 5), (1, 6))], "ä");
        assert_eq!(&code[bytes(code, (2, 9), (2, 10))], "ü");
        assert_eq!(bytes(code, (9, 1), (9, 5)), code.len()..code.len());
        assert_eq!(&code[bytes(code, (1, 5), (2, 4))], "ä = 1;\nlet");
    }
}
