//! Positions in a cell's text, counted like the compiler's.

use std::{fmt, ops::Range};

/// A position between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A range of a cell's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRange {
    /// The position before the first character.
    pub start: Position,
    /// The position after the last character.
    pub end: Position,
}

/// Converts offsets to positions.
pub(super) struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(super) fn new(text: &'a str) -> LineIndex<'a> {
        let after_newlines = text.match_indices('\n').map(|(offset, _)| offset + 1);
        LineIndex {
            text,
            starts: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let before = &self.text[self.starts[line - 1]..offset];
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    pub(super) fn range(&self, bytes: &Range<usize>) -> TextRange {
        TextRange {
            start: self.position(bytes.start),
            end: self.position(bytes.end),
        }
    }
}
