//! The expanded cell, and the way back from it to what the user wrote.

use super::{
    place::{LineIndex, Place, Position},
    scan,
};
use std::ops::Range;

/// A cell whose tesserae are expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellExpansion {
    source: String,
    generated: Vec<Generated>,
}

/// Code that was added to a cell: one line, or part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The code.
    pub code: String,
    /// The line of [`CellExpansion::source`] that it is on, from 1.
    pub line: usize,
    /// Its columns there, in characters from 1, the end excluded.
    pub columns: Range<usize>,
    /// What each of those columns is about, in order and without gaps.
    pub origins: Vec<(Range<usize>, Origin)>,
}

/// What the user wrote that generated code is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it stands in the cell.
    pub place: Place,
    /// What it is: "argument `data` of `Solver1::solve`".
    pub what: String,
}

/// What a position in [`CellExpansion::source`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location<'a> {
    /// The cell's own text, at this position of the cell as the user wrote it.
    User(Position),
    /// Generated code.
    Generated(&'a Origin),
}

/// Code to be added.
pub(super) struct Insertion {
    /// Where in the cell's text, in bytes.
    pub(super) offset: usize,
    /// What separates the code from what is before it.
    pub(super) lead: &'static str,
    pub(super) code: String,
    /// What the code's columns are about, from 0.
    pub(super) origins: Vec<(Range<usize>, Origin)>,
}

impl CellExpansion {
    /// Blanks out the attributes and inserts the code, which is in the order of the text.
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

    /// The cell to compile: the user's text with the attributes blanked out and the generated code in it.
    ///
    /// It has as many lines as the cell. No token of the user's is moved, but for those that share a line with the end
    /// of a tessera's `impl` and come after it, when the attribute does not have a line to itself.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The code that was added, in the order of the text.
    pub fn generated(&self) -> &[Generated] {
        &self.generated
    }

    /// What stands at a position (from 1, in characters) of [`CellExpansion::source`].
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
            column: column - shift,
        })
    }

    /// What the generated code at a position is about; `None` in the user's own text.
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
