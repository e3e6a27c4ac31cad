//! Compiles a cell to be run, by the first of the [`attempts`](super::attempts) that settles it.

use crate::{
    errors::warnings,
    evcxr_text::{rustc_messages, store_calls::StoredTypes},
    rustc_wrapper::{
        attempts::{Attempt, Facts, Items, Lesson, attempts, lesson},
        compile_source::Compilation,
        conflicts,
        empty_cell::EmptyCell,
        reachable_items::ManyItems,
        replay_errors,
        rustc::{Rustc, is_warning},
    },
    session::{
        environment,
        files::{self, PassedItems},
        settings::Settings,
    },
    source::fingerprints::Definitions,
};
use anyhow::{Context, Result};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitStatus,
};

/// A cell to be compiled.
pub(super) struct Cell<'a> {
    pub(super) session: PathBuf,
    /// The whole source.
    pub(super) text: String,
    /// The source as evcxr wrote it.
    pub(super) carried: &'a str,
    /// The whole source with stores of variables where the cell ends early, if there are any.
    pub(super) storing_early: Option<String>,
    /// The length of the notebook's items, with which the source begins, in bytes.
    pub(super) items: usize,
    /// The builds of the crates that the cell links, by the crate's name.
    pub(super) crates: BTreeMap<String, String>,
    pub(super) settings: Settings,
    /// The definitions of the whole source. Empty if it has neither variables nor statics.
    pub(super) definitions: Definitions,
    /// rustc has refused to compile the cell such that it keeps its variables when it fails.
    pub(super) keeps_no_variables: std::cell::Cell<bool>,
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

impl Cell<'_> {
    /// Compiles the cell. Returns no status if its errors are known without rustc.
    pub(super) fn compile(&self, rustc: &Rustc) -> Result<Option<ExitStatus>> {
        if let Some(text) = &self.storing_early {
            let compilation = self.run(rustc, text, self.items)?;
            if compilation.status.success() || compilation.status.code().is_none() {
                return self.report(compilation).map(Some);
            }
        }
        let known = self.gather(rustc);
        for attempt in attempts(known.facts()) {
            match attempt {
                Attempt::ReplayErrors => {
                    let messages = known.known_messages.as_deref().unwrap_or_default();
                    replay_errors::keep(&self.session, &self.text, messages)?;
                    self.print(messages.lines().filter(|line| !is_warning(line)))?;
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

    /// Prints rustc's messages for evcxr, and keeps the warnings of a successful compilation for the kernel.
    fn report(&self, compilation: Compilation) -> Result<ExitStatus> {
        let is_compiled = compilation.status.success();
        // evcxr prefers any message on the user's code to an error elsewhere, as those of the linker are.
        let lines = compilation
            .messages
            .lines()
            .filter(|line| is_compiled || !is_warning(line));
        self.print(lines)?;
        let warnings = match compilation.status.success() {
            true => compilation.warnings,
            false => Vec::new(),
        };
        warnings::keep(&self.session, &self.text, warnings)?;
        Ok(compilation.status)
    }

    /// Prints rustc's messages, changed so that evcxr places each error where it is.
    fn print<'m>(&self, messages: impl Iterator<Item = &'m str>) -> Result<()> {
        let wrapped = rustc_messages::last_expression(&self.text);
        let lines = messages.map(|line| {
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
