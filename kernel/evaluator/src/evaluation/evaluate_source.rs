//! Has evcxr compile and run the code of a cell, whose items are carried and whose parts know their places.

use crate::{
    errors::{cell_error::CellError, places::Changes},
    evaluation::{Evaluation, cell_outcome::CellOutcome, execute::kernel_error},
    session::placed_code::PlacedCell,
    source::{
        carriers::{carried_cell::CarriedCell, uncarried},
        placed_parts,
        preamble::{has_command, without_commands},
    },
};
use evcxr::EvalOutputs;
use mosaic_expand::{CellExpansion, Location};
use std::collections::BTreeSet;

/// The code of a cell or of a step of it.
pub(super) struct Source<'a> {
    /// The text, with its tesserae expanded.
    pub(super) text: &'a str,
    /// The number of the cell.
    pub(super) number: u32,
    /// The name of the cell in places of its code.
    pub(super) name: &'a str,
    pub(super) expansion: Option<&'a CellExpansion>,
}

/// A source that evcxr has compiled and run, or refused.
pub(super) struct Evaluated {
    /// The source with its items in carriers, if it has items.
    pub(super) carried: Option<CarriedCell>,
    pub(super) result: Result<EvalOutputs, evcxr::Error>,
    pub(super) outcome: CellOutcome,
}

impl Evaluation<'_> {
    /// Has evcxr compile and run a source with its items in carriers. If an item conflicts with one of an earlier cell,
    /// evcxr forgets the older item and compiles the source again.
    pub(super) fn evaluate_source(&mut self, source: &Source, execution: u64) -> Result<Evaluated, CellError> {
        let mut forget = BTreeSet::new();
        loop {
            let carried = self.session()?.carry(source.text, source.number, &forget);
            let text = carried.as_ref().map_or(source.text, CarriedCell::source);
            let placed = placed_parts(source, carried.as_ref());
            let (result, outcome) = self.evaluate_placed(text, placed, execution)?;
            if let Some(carried) = &carried {
                match result {
                    Ok(_) => self.session()?.keep_items(carried.items()),
                    Err(evcxr::Error::CompilationErrors(_)) => {
                        let known = forget.len();
                        forget.extend(self.session()?.conflicting(carried.items()));
                        // A command may not run twice.
                        if forget.len() > known && !has_command(source.text) {
                            continue;
                        }
                    }
                    Err(_) => {}
                }
            }
            return Ok(Evaluated {
                carried,
                result,
                outcome,
            });
        }
    }

    /// Evaluates a text whose parts know their places in the cell.
    fn evaluate_placed(
        &mut self,
        text: &str,
        mut placed: PlacedCell,
        execution: u64,
    ) -> Result<(Result<EvalOutputs, evcxr::Error>, CellOutcome), CellError> {
        let cannot_write = |error| kernel_error(anyhow::Error::from(error).context("cannot write for rustc"));
        let session = self.session()?;
        let begun = session.places.begin(session.directory.path(), &mut placed);
        begun.map_err(cannot_write)?;
        let evaluated = self.evaluate(text, execution);
        let is_compiled = evaluated.as_ref().is_ok_and(|(result, _)| result.is_ok());
        let session = self.session()?;
        let ended = session.places.end(session.directory.path(), placed, is_compiled);
        ended.map_err(cannot_write)?;
        evaluated
    }
}

/// Reads the parts of a source that the user wrote.
fn placed_parts(source: &Source, carried: Option<&CarriedCell>) -> PlacedCell {
    let changes = Changes {
        expansion: source.expansion,
        carried,
    };
    let locate = |line: usize, column: usize| match changes.locate(line, column) {
        Location::User(place) => Some((place.line, place.column)),
        Location::Generated(_) => None,
    };
    let text = without_commands(carried.map_or(source.text, CarriedCell::source));
    let lay_out = |item| carried.and_then(|carried| carried.as_in_cell(item));
    placed_parts::read(&uncarried(&text), source.name, locate, lay_out)
}
