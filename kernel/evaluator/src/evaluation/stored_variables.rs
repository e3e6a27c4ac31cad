//! How variables are kept between cells, as far as the kernel takes part.
//!
//! The values lie in the store of the cell process: a cell takes the variables out of the store when it begins and puts
//! them back when it ends. evcxr keeps the names and types, and generates that code. evcxr learns that a cell has ended
//! when the cell begins, so it *believes* in variables that a panic, a failed `?`, an interrupt or the end of the process
//! has kept out of the store.
//!
//! The cell process therefore reports which variables it stores at the end of each cell. The difference between what evcxr
//! believes and what is stored is *missing*. The kernel tells the rustc wrapper to leave missing variables out of the next
//! cell (`evcxr_text/missing_variables.rs`), and hides them from `:vars` and from completion.
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

    type Step = fn(&mut StoredVariables);

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn stores(variables: &mut StoredVariables, stored: &[&str]) {
        variables.set_stored(names(stored));
    }

    #[test]
    fn missing_variables_are_those_that_evcxr_believes_in_and_nobody_stores() {
        let first_cell: Step = |it| {
            it.note_process(1);
            stores(it, &["a", "b"]);
        };
        // What happened, the steps that the kernel noted, what evcxr believes in, and what is missing of it.
        let table: &[(&str, &[Step], &[&str], &[&str])] = &[
            ("no process has reported", &[], &["a"], &[]),
            ("a first process reports", &[|it| it.note_process(1)], &["a"], &["a"]),
            ("a cell stores all its variables", &[first_cell], &["a", "b"], &[]),
            (
                "a cell takes a variable and panics",
                &[first_cell, |it| stores(it, &["a"])],
                &["a", "b"],
                &["b"],
            ),
            (
                "a cell defines a variable and panics before it stores it",
                &[first_cell, |it| stores(it, &["a", "b"])],
                &["a", "b", "new"],
                &["new"],
            ),
            (
                "a cell redefines a variable that was missing",
                &[first_cell, |it| stores(it, &["a"]), |it| stores(it, &["a", "b"])],
                &["a", "b"],
                &[],
            ),
            (
                "evcxr has forgotten a variable that was missing",
                &[first_cell, |it| stores(it, &["a"])],
                &["a"],
                &[],
            ),
            (
                "a cell that runs has not stored its variables yet",
                &[first_cell, |it| it.set_cell_runs(true)],
                &["a", "b", "new"],
                &[],
            ),
            (
                "the cell has ended, whatever was stored",
                &[first_cell, |it| it.set_cell_runs(true), |it| it.set_cell_runs(false)],
                &["a", "b", "new"],
                &["new"],
            ),
            (
                "the process of a cell that ran has died",
                &[
                    first_cell,
                    |it| it.set_cell_runs(true),
                    |it| it.set_cell_runs(false),
                    StoredVariables::lose_all,
                ],
                &["a", "b"],
                &["a", "b"],
            ),
            (
                ":restart, before the cell runs",
                &[first_cell, StoredVariables::lose_all],
                &["a", "b"],
                &["a", "b"],
            ),
            (
                "the same process reports again",
                &[first_cell, |it| it.note_process(1)],
                &["a", "b"],
                &[],
            ),
            (
                "a new process reports",
                &[first_cell, |it| it.note_process(2)],
                &["a", "b"],
                &["a", "b"],
            ),
            (
                "evcxr has started anew",
                &[first_cell, StoredVariables::lose_all, StoredVariables::forget],
                &["a"],
                &[],
            ),
        ];
        for (happened, steps, believed, missing) in table {
            let mut variables = StoredVariables::default();
            for step in *steps {
                step(&mut variables);
            }
            assert_eq!(
                variables.missing(believed.iter().copied()),
                names(missing),
                "{happened}"
            );
            let usable = believed.iter().copied().filter(|name| !missing.contains(name));
            assert_eq!(
                variables.usable(believed.iter().copied()),
                names(&usable.collect::<Vec<_>>()),
                "{happened}"
            );
        }
    }

    #[test]
    fn variables_are_taken_if_they_were_usable_and_are_not_stored() {
        let before = names(&["a", "b"]);
        let mut variables = StoredVariables::default();
        assert_eq!(variables.taken(&before), names(&[]), "nothing is known");
        stores(&mut variables, &["b", "c"]);
        assert_eq!(variables.taken(&before), names(&["a"]));
        variables.lose_all();
        assert_eq!(variables.taken(&before), before);
    }
}
