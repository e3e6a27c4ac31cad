//! An expanded cell, and the mapping from it to the user's text.

use super::{
    scan,
    text_range::{LineIndex, Position, TextRange},
};
use std::ops::Range;

/// A cell whose tesserae are expanded.
///
/// ```
/// let expansion = mosaic_expand::expand_cell("#[tessera]\nimpl S { fn new() -> S { S } }").unwrap().unwrap();
/// assert_eq!(expansion.source().lines().count(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellExpansion {
    source: String,
    generated: Vec<Generated>,
}

/// Code that was added to a cell: a line, or part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The code.
    pub code: String,
    /// The line of [`CellExpansion::source`] that holds the code, from 1.
    pub line: usize,
    /// The columns of the code, in characters from 1, without the end.
    pub columns: Range<usize>,
    /// The origin of each of these columns, in order and without gaps.
    pub origins: Vec<(Range<usize>, Origin)>,
}

/// The part of the user's text from which generated code stems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The range in the cell.
    pub range: TextRange,
    /// A description, such as "argument `data` of `Solver1::solve`".
    pub what: String,
}

/// The meaning of a position in [`CellExpansion::source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location<'a> {
    /// The cell's own text, at this position of the text that the user wrote.
    User(Position),
    /// Generated code, which stems from this part of the user's text.
    Generated(&'a Origin),
}

/// Code to be added to a cell.
pub(super) struct Insertion {
    /// The offset in the cell's text, in bytes.
    pub(super) offset: usize,
    /// The separator between the code and the text before it.
    pub(super) lead: &'static str,
    pub(super) code: String,
    /// The origins of the code's columns, from 0.
    pub(super) origins: Vec<(Range<usize>, Origin)>,
}

impl CellExpansion {
    /// Blanks out the attributes, and inserts the code in the order of the text.
    pub(super) fn new(text: &str, blanks: &[Range<usize>], mut insertions: Vec<Insertion>) -> CellExpansion {
        let lines = LineIndex::new(text);
        let blanked = scan::blanked(text, blanks.iter().cloned());
        insertions.sort_by_key(|insertion| insertion.offset);
        let mut expansion = CellExpansion {
            source: String::new(),
            generated: Vec::new(),
        };
        let mut written = 0;
        for insertion in insertions {
            expansion.source.push_str(&blanked[written..insertion.offset]);
            written = insertion.offset;
            let position = lines.position(insertion.offset);
            expansion.insert(position, insertion);
        }
        expansion.source.push_str(&blanked[written..]);
        expansion
    }

    fn insert(&mut self, Position { line, column }: Position, insertion: Insertion) {
        let before = self
            .on_line(line)
            .map(|generated| generated.columns.len())
            .sum::<usize>();
        let start = column + before;
        let lead = insertion.lead.len();
        let end = start + lead + insertion.code.chars().count();
        let shift = |(columns, origin): (Range<usize>, Origin)| {
            let first = if columns.start == 0 {
                start
            } else {
                start + lead + columns.start
            };
            (first..start + lead + columns.end, origin)
        };
        self.source.push_str(insertion.lead);
        self.source.push_str(&insertion.code);
        self.generated.push(Generated {
            code: insertion.code,
            line,
            columns: start..end,
            origins: insertion.origins.into_iter().map(shift).collect(),
        });
    }

    /// Returns the cell to compile: the user's text with the attributes blanked out and the generated code inserted.
    ///
    /// The result has as many lines as the cell. Tokens of the user keep their position, except tokens that follow the
    /// end of a tessera's `impl` on the same line, if the attribute does not have a line of its own.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the added code, in the order of the text.
    pub fn generated(&self) -> &[Generated] {
        &self.generated
    }

    /// Returns what a position (from 1, in characters) of [`CellExpansion::source`] means.
    pub fn locate(&self, line: usize, column: usize) -> Location<'_> {
        let mut shift = 0;
        for generated in self
            .on_line(line)
            .take_while(|generated| generated.columns.start <= column)
        {
            let about = |(columns, origin)| Range::contains(columns, &column).then_some(origin);
            if let Some(origin) = generated
                .origins
                .iter()
                .find_map(|(columns, origin)| about((columns, origin)))
            {
                return Location::Generated(origin);
            }
            shift += generated.columns.len();
        }
        Location::User(Position {
            line,
            // Code without an origin may stand before all of the user's.
            column: column.saturating_sub(shift),
        })
    }

    /// Returns the origin of the generated code at a position, or `None` in the user's own text.
    pub fn origin(&self, line: usize, column: usize) -> Option<&Origin> {
        match self.locate(line, column) {
            Location::User(_) => None,
            Location::Generated(origin) => Some(origin),
        }
    }

    fn on_line(&self, line: usize) -> impl Iterator<Item = &Generated> {
        self.generated.iter().filter(move |generated| generated.line == line)
    }
}
