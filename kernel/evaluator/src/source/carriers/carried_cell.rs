//! A cell whose items are carried, and the mapping from it to the cell.

use crate::source::carriers::known_items::NewItems;
use std::ops::Range;

/// Text to be added to a cell.
#[derive(Debug)]
pub(super) struct Edit {
    /// The byte of the cell before which the text is added.
    pub(super) at: usize,
    pub(super) text: String,
    /// Parts of the text that repeat the cell's: where a part begins in the text, and where in the cell.
    pub(super) repeats: Vec<(usize, usize)>,
}

/// A cell whose items are carried.
#[derive(Debug)]
pub(crate) struct CarriedCell {
    cell: String,
    source: String,
    pieces: Vec<Piece>,
    items: NewItems,
}

/// A part of the source that comes from one place of the cell.
#[derive(Debug)]
struct Piece {
    source: Range<usize>,
    cell: usize,
    /// Each byte has a place of its own. The bytes of other pieces share one.
    is_copy: bool,
}

impl CarriedCell {
    /// Makes the carried cell by edits in the order of the cell.
    pub(super) fn new(cell: &str, edits: Vec<Edit>, items: NewItems) -> CarriedCell {
        let mut carried = CarriedCell {
            cell: cell.to_owned(),
            source: String::with_capacity(2 * cell.len()),
            pieces: Vec::new(),
            items,
        };
        let mut from = 0;
        for edit in edits {
            carried.push(&cell[from..edit.at], from, true);
            let first = edit.repeats.first().map_or(edit.text.len(), |(begin, _)| *begin);
            carried.push(&edit.text[..first], edit.at, false);
            let ends = edit.repeats.iter().skip(1).map(|(begin, _)| *begin);
            for ((begin, place), end) in edit.repeats.iter().zip(ends.chain([edit.text.len()])) {
                carried.push(&edit.text[*begin..end], *place, true);
            }
            from = edit.at;
        }
        carried.push(&cell[from..], from, true);
        carried
    }

    fn push(&mut self, text: &str, cell: usize, is_copy: bool) {
        let begin = self.source.len();
        self.source += text;
        let source = begin..self.source.len();
        self.pieces.push(Piece { source, cell, is_copy });
    }

    /// Returns the text for evcxr. It has the cell's lines.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Returns the items that evcxr keeps once the cell has run.
    pub(crate) fn items(&self) -> &NewItems {
        &self.items
    }

    /// Finds the line and the column of the cell for those of the source. Both count from 1, columns in characters.
    pub(crate) fn locate(&self, line: usize, column: usize) -> (usize, usize) {
        let at = offset(&self.source, line, column);
        let piece = self.pieces.iter().find(|piece| piece.source.contains(&at));
        let byte = match piece {
            Some(piece) if piece.is_copy => piece.cell + (at - piece.source.start),
            Some(piece) => piece.cell,
            None => self.cell.len(),
        };
        let mut byte = byte.min(self.cell.len());
        while !self.cell.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &self.cell[..byte];
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[begin..].chars().count() + 1)
    }
}

/// Returns the byte at a line and a column of characters, from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let characters = text[before..].char_indices().map(|(at, _)| before + at);
    characters.chain([text.len()]).nth(column - 1).unwrap_or(text.len())
}
