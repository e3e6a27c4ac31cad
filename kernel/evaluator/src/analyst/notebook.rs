//! What a cell that is being typed may refer to: the source that evcxr would have analysed, with a place for the cell.

use evcxr::CommandContext;
use std::{collections::BTreeSet, path::PathBuf};

/// Stands where the code of a cell would stand.
const CELL: &str = "mosaic_cell_stands_here;";

/// A notebook at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notebook {
    /// The crate in which its cells are compiled.
    pub(crate) directory: PathBuf,
    before: String,
    after: String,
    /// The names of its variables.
    pub(crate) variables: BTreeSet<String>,
    /// The variables that evcxr believes in and that are not stored.
    pub(crate) absent: BTreeSet<String>,
}

impl Notebook {
    /// What evcxr knows, or nothing where it does not say. Its own rust-analyzer need not have read anything.
    pub(crate) fn of(context: &mut CommandContext, directory: PathBuf, absent: &BTreeSet<String>) -> Option<Notebook> {
        // Before it completes, it writes the source in which it looks; what it finds there is of no interest.
        let _ = context.completions(CELL, CELL.len());
        let source = context.last_source().ok()?;
        let (before, after) = source.split_once(CELL)?;
        let variables = context.variables_and_types().map(|(name, _)| name.to_owned());
        Some(Notebook {
            directory,
            before: before.to_owned(),
            after: after.to_owned(),
            variables: variables.filter(|name| !absent.contains(name)).collect(),
            absent: absent.clone(),
        })
    }

    /// The source with a cell in its place.
    pub(crate) fn with(&self, cell: &str) -> String {
        // What is unfinished is not to go on with what evcxr writes after it.
        [&self.before, cell, "\n;\n", &self.after].concat()
    }

    /// Where a byte of the cell is in the source.
    pub(crate) fn place(&self, at: usize) -> usize {
        self.before.len() + at
    }

    /// Where a byte of the source is in a cell, if it is there.
    pub(crate) fn place_in(&self, cell: &str, at: usize) -> Option<usize> {
        at.checked_sub(self.before.len()).filter(|at| *at <= cell.len())
    }
}
