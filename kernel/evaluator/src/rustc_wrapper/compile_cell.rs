//! Compiles a cell to be run, by the first of the [`attempts`](super::attempts) that settles it.

use crate::{
    errors::warnings,
    evcxr_text::{rustc_messages, store_calls::StoredTypes},
    rustc_wrapper::{
        attempts::{Attempt, Facts, Items, Lesson, attempts, lesson},
        conflicts,
        empty_cell::EmptyCell,
        placed_source::{KnownParts, PlacedSource},
        reachable_items::ManyItems,
        replay_errors,
        rustc::{Run, Rustc},
        statics::{Notebook, Statics},
    },
    session::{
        environment,
        files::{self, PassedItems},
        settings::Settings,
    },
    source::fingerprints::Definitions,
};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitStatus,
};

/// The length of a source from which on incremental compilation saves more than its files cost, in bytes.
const LONG_SOURCE: usize = 14_000;

/// A cell to be compiled.
pub(super) struct Cell<'a> {
    pub(super) session: PathBuf,
    /// The whole source.
    pub(super) text: String,
    /// The source as evcxr wrote it.
    pub(super) carried: &'a str,
    /// The length of the notebook's items, with which the source begins, in bytes.
    pub(super) items: usize,
    /// The builds of the crates that the cell links, by the crate's name.
    pub(super) crates: BTreeMap<String, String>,
    pub(super) settings: Settings,
    /// The definitions of the whole source. Empty if it has neither variables nor statics.
    pub(super) definitions: Definitions,
}

/// The data of the attempts, from which their [`Facts`] follow.
struct Knowledge<'a> {
    is_fast: bool,
    /// rustc's messages, if they follow from those of the last compilation.
    known_messages: Option<String>,
    empty_cell: Option<EmptyCell>,
    /// The notebook's items, if they are many, their digests, and whether they have compiled together.
    items: Option<(ManyItems<'a>, PassedItems, bool)>,
}

/// The result of a run of rustc's.
struct Compilation {
    status: ExitStatus,
    messages: String,
    warnings: Vec<Value>,
    /// The places of texts that the wrapper inserted and that rustc has errors on.
    refused: BTreeSet<usize>,
}

impl Cell<'_> {
    /// Compiles the cell. Returns no status if its errors are known without rustc.
    pub(super) fn compile(&self, rustc: &Rustc) -> Result<Option<ExitStatus>> {
        let known = self.gather(rustc);
        for attempt in attempts(known.facts()) {
            match attempt {
                Attempt::ReplayErrors => {
                    let messages = known.known_messages.as_deref().unwrap_or_default();
                    replay_errors::keep(&self.session, &self.text, messages)?;
                    self.print(messages)?;
                    return Ok(None);
                }
                Attempt::CopyEmptyCell => {
                    if let Some(empty_cell) = &known.empty_cell
                        && empty_cell.copy()?
                    {
                        warnings::keep(&self.session, &self.text, Vec::new())?;
                        return Ok(Some(ExitStatus::default()));
                    }
                }
                Attempt::ReachableItems => {
                    if let Some((items, ..)) = &known.items {
                        let rest = &self.text[self.items..];
                        let reachable = items.reachable_from(rest);
                        let compilation = self.run(rustc, &format!("{reachable}{rest}"), reachable.len())?;
                        // A signal that stops rustc also stops the next attempt from beginning.
                        if compilation.status.success() || compilation.status.code().is_none() {
                            return self.report(compilation).map(Some);
                        }
                    }
                }
                Attempt::AllItems => {
                    let compilation = self.run(rustc, &self.text, self.items)?;
                    if !compilation.status.success() {
                        conflicts::keep(&self.session, self.carried, &compilation.messages)?;
                    }
                    self.learn(&known, &compilation)?;
                    return self.report(compilation).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Gathers data up to the first fact that decides. Each fact costs more than the one before.
    fn gather(&self, rustc: &Rustc) -> Knowledge<'_> {
        let mut known = Knowledge {
            is_fast: environment::is_fast(),
            known_messages: replay_errors::known_messages(&self.session, &self.text),
            empty_cell: None,
            items: None,
        };
        if known.known_messages.is_some() || !known.is_fast {
            return known;
        }
        known.empty_cell = EmptyCell::of(&self.session, &self.text, || {
            rustc.call.of_running_cell(&self.settings, false)
        });
        if known.empty_cell.is_none() {
            known.items = ManyItems::of(&self.text[..self.items]).map(|items| {
                let with_files = rustc.items_with_files(&self.text[..self.items]);
                let files = matches!(with_files, Cow::Owned(_)).then_some(&*with_files);
                let digests = items.digests(&self.crates, files);
                let have_passed = digests.have_passed(&self.session);
                (items, digests, have_passed)
            });
        }
        known
    }

    /// Keeps what later compilations profit from, after a compilation with all items.
    fn learn(&self, known: &Knowledge, compilation: &Compilation) -> Result<()> {
        match lesson(known.facts(), compilation.status.success()) {
            Some(Lesson::EmptyCell) => known.empty_cell.iter().try_for_each(EmptyCell::share)?,
            Some(Lesson::PassedItems) => {
                if let Some((_, digests, _)) = &known.items {
                    digests.remember(&self.session)?;
                }
            }
            Some(Lesson::Errors) => replay_errors::keep(&self.session, &self.text, &compilation.messages)?,
            None => {}
        }
        Ok(())
    }

    /// Has rustc compile a source, whose first bytes are `items`. Its statics are those of earlier cells, unless the
    /// source forbids that.
    fn run(&self, rustc: &Rustc, text: &str, items: usize) -> Result<Compilation> {
        let notebook = Notebook {
            session: &self.session,
            source: &self.text,
            definitions: &self.definitions,
        };
        let mut refused = BTreeSet::new();
        loop {
            let statics = notebook.statics_of(text, &refused);
            let compilation = self.run_with(rustc, text, items, &statics)?;
            if compilation.refused.is_subset(&refused) {
                return Ok(compilation);
            }
            refused.extend(compilation.refused);
        }
    }

    /// Has rustc compile a source with given statics, and with the places that its code has in the cells.
    ///
    /// A macro may expand to statements, for which there is no place in a file of its own. If the cell does not compile,
    /// it is compiled with such calls where they are.
    fn run_with(&self, rustc: &Rustc, text: &str, items: usize, statics: &Statics) -> Result<Compilation> {
        let Some(tree) = &rustc.tree else {
            return self.run_placed(rustc, &PlacedSource::without_parts(text, &statics.edits), 0, statics);
        };
        let known = KnownParts::read(&self.session);
        let placed = PlacedSource::new(text, items, &known, tree, true, &statics.edits)?;
        let compilation = self.run_placed(rustc, &placed, known.count(), statics)?;
        let is_refused = !compilation.refused.is_empty();
        if compilation.status.code() != Some(1) || is_refused || !known.has_macros() {
            return Ok(compilation);
        }
        let placed = PlacedSource::new(text, items, &known, tree, false, &statics.edits)?;
        self.run_placed(rustc, &placed, known.count(), statics)
    }

    fn run_placed(&self, rustc: &Rustc, placed: &PlacedSource, parts: usize, statics: &Statics) -> Result<Compilation> {
        rustc.write_source(placed.text())?;
        let library = rustc.call.cell_library();
        if let Some(library) = library.as_deref().filter(|_| !statics.edits.is_empty()) {
            // A library that was never loaded may still be there. It has two names, so nothing may write into it.
            let _ = fs::remove_file(library);
        }
        let is_long = self.text.len() >= LONG_SOURCE;
        let mut call = rustc.call.of_running_cell(&self.settings, is_long);
        let plan = statics.link(&self.session, &mut call)?;
        let refused = RefCell::new(BTreeSet::new());
        let output = rustc.run(&Run {
            parts,
            prepare: &|command| {
                command.envs(plan);
            },
            restore: &|file, message| {
                refused.borrow_mut().extend(placed.insertion_of_error(file, message));
                placed.restore(file, message);
            },
            ..Run::of(&call)
        })?;
        if let Some(library) = library.filter(|_| output.status.success()) {
            statics.keep(&self.session, &library)?;
        }
        let messages = output.messages.iter();
        Ok(Compilation {
            status: output.status,
            warnings: messages.clone().filter_map(|line| warnings::warning(line)).collect(),
            messages: messages.map(|line| format!("{line}\n")).collect(),
            refused: refused.into_inner(),
        })
    }

    /// Prints rustc's messages for evcxr, and keeps the warnings of a successful compilation for the kernel.
    fn report(&self, compilation: Compilation) -> Result<ExitStatus> {
        self.print(&compilation.messages)?;
        let warnings = match compilation.status.success() {
            true => compilation.warnings,
            false => Vec::new(),
        };
        warnings::keep(&self.session, &self.text, warnings)?;
        Ok(compilation.status)
    }

    /// Prints rustc's messages, changed so that evcxr places each error where it is.
    fn print(&self, messages: &str) -> Result<()> {
        let wrapped = rustc_messages::last_expression(&self.text);
        let lines = messages.lines().map(|line| {
            let changed = rustc_messages::without_places_of_notes(line, wrapped.as_ref());
            changed.unwrap_or_else(|| line.to_owned()) + "\n"
        });
        io::stderr().write_all(lines.collect::<String>().as_bytes())?;
        Ok(())
    }
}

impl Knowledge<'_> {
    fn facts(&self) -> Facts {
        Facts {
            is_fast: self.is_fast,
            errors_are_known: self.known_messages.is_some(),
            is_empty: self.empty_cell.is_some(),
            items: match self.items {
                None => Items::Few,
                Some((.., false)) => Items::New,
                Some((.., true)) => Items::Passed,
            },
        }
    }
}

/// Reads the types of the variables that the session has stored.
pub(super) fn read_stored(session: &Path) -> StoredTypes {
    files::VARIABLE_FINGERPRINTS.read(session).unwrap_or_default()
}

/// Keeps the types of the variables that the session stores from now on.
pub(super) fn write_stored(session: &Path, stored: &StoredTypes) -> Result<()> {
    files::VARIABLE_FINGERPRINTS
        .write(session, stored)
        .context("cannot remember the variables")
}
