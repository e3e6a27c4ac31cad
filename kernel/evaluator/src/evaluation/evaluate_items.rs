//! Has evcxr compile and run the code of a cell, whose items are carried and whose parts know their places.

use crate::{
    errors::{cell_error::CellError, places::Changes},
    evaluation::{Evaluation, cell_outcome::CellOutcome, execute::kernel_error},
    session::placed_code::PlacedCell,
    source::{
        carriers::{self, carried_cell::CarriedCell},
        placed_parts,
        preamble::{has_command_that_acts, without_commands},
    },
};
use evcxr::EvalOutputs;
use mosaic_expand::{CellExpansion, Location};
use std::collections::BTreeSet;

/// A cell that is executed.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    /// The whole text.
    pub(super) code: &'a str,
    /// The number, as clients show it.
    pub(super) number: u32,
    /// The name in places of the cell's code.
    pub(super) name: &'a str,
}

/// What became of a text: the text with its items in carriers, if it has any, evcxr's answer, and the end of the cell.
pub(super) type Evaluated = (Option<CarriedCell>, Result<EvalOutputs, evcxr::Error>, CellOutcome);

impl Evaluation<'_> {
    /// Has evcxr compile and start a text with its items in carriers, and waits until the text has run.
    ///
    /// If the text does not compile, it may be compiled again: without the items of earlier cells with which its own
    /// conflict, or with calls of macros as statements that were taken for items.
    pub(super) fn evaluate_items(
        &mut self,
        source: &str,
        expansion: Option<&CellExpansion>,
        cell: &Cell,
        execution: u64,
    ) -> Result<Evaluated, CellError> {
        let mut forget = BTreeSet::new();
        loop {
            let carried = self.session()?.carry(source, cell.number, &forget);
            let text = carried.as_ref().map_or(source, CarriedCell::source);
            let changes = Changes {
                expansion,
                carried: carried.as_ref(),
            };
            let placed = placed_parts(text, changes, cell.name);
            let (result, outcome) = self.evaluate_placed(text, placed, execution)?;
            let new_items = carried.as_ref().map(CarriedCell::items);
            match &result {
                Ok(_) => new_items
                    .into_iter()
                    .try_for_each(|it| self.session().map(|session| session.keep_items(it)))?,
                // A command may not run twice.
                Err(evcxr::Error::CompilationErrors(errors)) if !has_command_that_acts(source) => {
                    let known = forget.len();
                    let session = self.session()?;
                    let is_revised = new_items.is_some_and(|new| {
                        forget.extend(session.conflicting(new));
                        session.revise_guesses(new, errors)
                    });
                    if is_revised || forget.len() > known {
                        continue;
                    }
                }
                Err(_) => {}
            }
            return Ok((carried, result, outcome));
        }
    }

    /// Evaluates the text of a cell, whose code knows its places in the cell.
    fn evaluate_placed(
        &mut self,
        source: &str,
        mut placed: PlacedCell,
        execution: u64,
    ) -> Result<(Result<EvalOutputs, evcxr::Error>, CellOutcome), CellError> {
        let cannot_write = |error| kernel_error(anyhow::Error::from(error).context("cannot write for rustc"));
        let session = self.session()?;
        session
            .places
            .begin(session.directory.path(), &mut placed)
            .map_err(cannot_write)?;
        let evaluated = self.evaluate(source, execution);
        let is_compiled = evaluated.as_ref().is_ok_and(|(result, _)| result.is_ok());
        let session = self.session()?;
        let ended = session.places.end(session.directory.path(), placed, is_compiled);
        ended.map_err(cannot_write)?;
        evaluated
    }
}

/// Reads the parts of a step that the user wrote, in the text that evcxr gets.
fn placed_parts(text: &str, changes: Changes, name: &str) -> PlacedCell {
    let locate = |line: usize, column: usize| match changes.locate(line, column) {
        Location::User(place) => Some((place.line, place.column)),
        Location::Generated(_) => None,
    };
    placed_parts::read(&without_commands(&carriers::uncarried(text)), name, locate)
}
