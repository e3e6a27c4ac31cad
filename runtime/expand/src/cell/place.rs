//! Places in a cell's text, as the compiler counts them.

use std::{fmt, ops::Range};

/// A place between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A stretch of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Before its first character.
    pub start: Position,
    /// After its last character.
    pub end: Position,
}

/// Turns offsets into positions.
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

    pub(super) fn place(&self, range: &Range<usize>) -> Place {
        Place {
            start: self.position(range.start),
            end: self.position(range.end),
        }
    }
}
