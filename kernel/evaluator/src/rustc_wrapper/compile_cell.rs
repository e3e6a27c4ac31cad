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
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitStatus,
};

/// The code of rustc's error that a value or a function is not found.
const NAME_NOT_FOUND: &str = "E0425";

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
    /// The stored variables that the cell does not mention, and leaves where they are.
    pub(super) left_out: BTreeSet<String>,
    /// rustc has found an `.await` in the cell that no word of its text is.
    pub(super) hides_await: std::cell::Cell<bool>,
    /// rustc has refused to compile the cell such that it keeps its variables when it fails.
    pub(super) keeps_no_variables: std::cell::Cell<bool>,
}

/// What came of compiling a cell.
pub(super) enum Outcome {
    /// The cell is compiled, or does not compile. There is no status if its errors are known without rustc.
    Settled(Option<ExitStatus>),
    /// The cell does not compile, and the variables that were left out may be the reason, or may be what the user meant
    /// to write. No error has been printed.
    LacksVariables,
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
    /// Compiles the cell.
    pub(super) fn compile(&self, rustc: &Rustc) -> Result<Outcome> {
        if let Some(text) = &self.storing_early {
            let compilation = self.run(rustc, text, self.items)?;
            if compilation.status.success() || compilation.status.code().is_none() {
                return self.report(compilation);
            }
        }
        let known = self.gather(rustc);
        for attempt in attempts(known.facts()) {
            match attempt {
                Attempt::ReplayErrors => {
                    let messages = known.known_messages.as_deref().unwrap_or_default();
                    replay_errors::keep(&self.session, &self.text, messages)?;
                    self.print(messages.lines().filter(|line| !is_warning(line)))?;
                    return Ok(Outcome::Settled(None));
                }
                Attempt::CopyEmptyCell => {
                    if let Some(empty_cell) = &known.empty_cell
                        && empty_cell.copy()?
                    {
                        warnings::keep(&self.session, &self.text, Vec::new())?;
                        return Ok(Outcome::Settled(Some(ExitStatus::default())));
                    }
                }
                Attempt::ReachableItems => {
                    if let Some((items, ..)) = &known.items {
                        let rest = &self.text[self.items..];
                        let reachable = items.reachable_from(rest);
                        let compilation = self.run(rustc, &format!("{reachable}{rest}"), reachable.len())?;
                        // A signal that stops rustc also stops the next attempt from beginning.
                        if compilation.status.success() || compilation.status.code().is_none() {
                            return self.report(compilation);
                        }
                    }
                }
                Attempt::AllItems => {
                    let compilation = self.run(rustc, &self.text, self.items)?;
                    if self.lacks_variables(&compilation) {
                        return Ok(Outcome::LacksVariables);
                    }
                    if !compilation.status.success() {
                        conflicts::keep(&self.session, self.carried, &compilation.messages)?;
                    }
                    self.learn(&known, &compilation)?;
                    return self.report(compilation);
                }
            }
        }
        Ok(Outcome::Settled(None))
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
    fn report(&self, compilation: Compilation) -> Result<Outcome> {
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
        Ok(Outcome::Settled(Some(compilation.status)))
    }

    /// Reports whether a compilation failed and would have other errors with the variables that were left out.
    fn lacks_variables(&self, compilation: &Compilation) -> bool {
        let messages = &compilation.messages;
        let is_named = |name: &String| messages.contains(&format!("`{name}`"));
        // For a name that it does not find, rustc suggests similar ones.
        let may_suggest = !self.left_out.is_empty() && messages.contains(NAME_NOT_FOUND);
        !compilation.status.success() && (may_suggest || self.left_out.iter().any(is_named))
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
