//! How variables are kept between cells, as far as the kernel takes part.
//!
//! The values lie in the store of the cell process (`kernel/evaluator/cell/src/variable_store.rs`): a cell takes the
//! variables out of the store when it begins and puts them back when it ends. evcxr keeps the names and types, and
//! generates that code, which `evcxr_text/store_calls.rs` rewrites. evcxr learns that a cell has ended when the cell
//! begins, so it *believes* in variables that a panic, a failed `?`, an interrupt or the end of the process has kept
//! out of the store.
//!
//! The cell process therefore reports which variables it stores at the end of each cell. The difference between what
//! evcxr believes and what is stored is *missing*. The kernel tells the rustc wrapper to leave missing variables out of
//! the next cell (`evcxr_text/missing_variables.rs`), and hides them from `:vars` and from completion.
//!
//! Invariant: the difference is computed whenever it is needed and never kept, so no caller can forget to renew it.

use std::collections::BTreeSet;

/// The variables that the cell process stores, as far as the kernel knows them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StoredVariables {
    /// The number of the cell process that reported last.
    process: u64,
    /// The variables in the process's store, once a process has reported.
    stored: Option<BTreeSet<String>>,
    /// A cell runs. Its variables are on their way, and evcxr has just learned which other ones are gone.
    cell_runs: bool,
}

impl StoredVariables {
    /// Forgets what is stored: evcxr starts anew and believes in no variables.
    pub(super) fn forget(&mut self) {
        self.stored = None;
        self.cell_runs = false;
    }

    /// Notes that a report came from this cell process. A new process stores no variables yet.
    pub(super) fn note_process(&mut self, process: u64) {
        if process != self.process {
            self.process = process;
            self.lose_all();
        }
    }

    /// Notes that the cell process ends, and its store with it.
    pub(super) fn lose_all(&mut self) {
        self.stored = Some(BTreeSet::new());
    }

    /// Notes whether a cell runs. Nothing is missing while it does.
    pub(super) fn set_cell_runs(&mut self, runs: bool) {
        self.cell_runs = runs;
    }

    /// Notes the variables that are stored at the end of a cell.
    pub(super) fn set_stored(&mut self, names: impl IntoIterator<Item = String>) {
        self.stored = Some(names.into_iter().collect());
    }

    /// Returns the variables that evcxr believes in and that are not stored.
    pub(super) fn missing<'a>(&self, believed: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        self.select(believed, true)
    }

    /// Returns the variables that evcxr believes in and that a cell can use.
    pub(super) fn usable<'a>(&self, believed: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        self.select(believed, false)
    }

    /// Returns those of the variables that were usable `before` a cell which the cell took and did not put back.
    pub(super) fn taken(&self, before: &BTreeSet<String>) -> BTreeSet<String> {
        match &self.stored {
            Some(stored) => before.difference(stored).cloned().collect(),
            None => BTreeSet::new(),
        }
    }

    fn select<'a>(&self, believed: impl IntoIterator<Item = &'a str>, missing: bool) -> BTreeSet<String> {
        let stored = self.stored.as_ref().filter(|_| !self.cell_runs);
        let is_missing = |name: &str| stored.is_some_and(|stored| !stored.contains(name));
        let selected = believed.into_iter().filter(|name| is_missing(name) == missing);
        selected.map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change that the kernel notes.
    type Change = fn(&mut StoredVariables);

    /// What happened, and which variables are missing then.
    struct Case {
        happened: &'static str,
        changes: &'static [Change],
        believed: &'static [&'static str],
        missing: &'static [&'static str],
    }

    const fn case(
        happened: &'static str,
        changes: &'static [Change],
        believed: &'static [&'static str],
        missing: &'static [&'static str],
    ) -> Case {
        Case {
            happened,
            changes,
            believed,
            missing,
        }
    }

    /// A process has stored the variables of a first cell.
    const CELL: Change = |it| {
        it.note_process(1);
        it.set_stored(names(&["a", "b"]));
    };
    const ONLY_A_STORED: Change = |it| it.set_stored(names(&["a"]));
    const BOTH_STORED: Change = |it| it.set_stored(names(&["a", "b"]));
    const BEGAN: Change = |it| it.set_cell_runs(true);
    const ENDED: Change = |it| it.set_cell_runs(false);
    const LOST: Change = StoredVariables::lose_all;
    const FORGOTTEN: Change = StoredVariables::forget;

    #[rustfmt::skip]
    const CASES: &[Case] = &[
        case("no process has reported", &[], &["a"], &[]),
        case("a first process reports", &[|it| it.note_process(1)], &["a"], &["a"]),
        case("a cell stores all its variables", &[CELL], &["a", "b"], &[]),
        case("the same process reports again", &[CELL, |it| it.note_process(1)], &["a", "b"], &[]),
        case("a new process reports", &[CELL, |it| it.note_process(2)], &["a", "b"], &["a", "b"]),
        case("a cell takes a variable and panics", &[CELL, ONLY_A_STORED], &["a", "b"], &["b"]),
        case("a cell defines a variable and panics", &[CELL, BOTH_STORED], &["a", "b", "new"], &["new"]),
        case("a cell redefines a missing variable", &[CELL, ONLY_A_STORED, BOTH_STORED], &["a", "b"], &[]),
        case("evcxr forgets a missing variable", &[CELL, ONLY_A_STORED], &["a"], &[]),
        case("a cell runs and has not stored yet", &[CELL, BEGAN], &["a", "b", "new"], &[]),
        case("a cell ends without a report of its variables", &[CELL, BEGAN, ENDED], &["a", "b", "new"], &["new"]),
        case("the process dies while a cell runs", &[CELL, BEGAN, ENDED, LOST], &["a", "b"], &["a", "b"]),
        case(":restart, before the cell runs", &[CELL, LOST], &["a", "b"], &["a", "b"]),
        case("the cell after :restart ends", &[CELL, LOST, BEGAN, ONLY_A_STORED, ENDED], &["a", "b"], &["b"]),
        case("evcxr starts anew", &[CELL, LOST, FORGOTTEN], &["a"], &[]),
    ];

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn missing_variables_are_those_that_evcxr_believes_in_and_nobody_stores() {
        for case in CASES {
            let mut variables = StoredVariables::default();
            for change in case.changes {
                change(&mut variables);
            }
            let believed = || case.believed.iter().copied();
            assert_eq!(variables.missing(believed()), names(case.missing), "{}", case.happened);
            let usable: Vec<&str> = believed().filter(|name| !case.missing.contains(name)).collect();
            assert_eq!(variables.usable(believed()), names(&usable), "{}", case.happened);
        }
    }

    #[test]
    fn variables_are_taken_if_they_were_usable_and_are_not_stored() {
        let before = names(&["a", "b"]);
        let mut variables = StoredVariables::default();
        assert_eq!(variables.taken(&before), names(&[]), "nothing is known");
        variables.set_stored(names(&["b", "c"]));
        assert_eq!(variables.taken(&before), names(&["a"]));
        variables.lose_all();
        assert_eq!(variables.taken(&before), before);
    }
}
