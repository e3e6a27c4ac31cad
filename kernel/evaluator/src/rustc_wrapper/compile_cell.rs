//! A cell that is compiled to be run.

use crate::{
    errors::warnings,
    evcxr_text::{rustc_messages, store_calls::Stored},
    rustc_wrapper::{NOT_RUN, empty_cell::EmptyCell, reachable_items::Items, replay_errors, rustc_call::quick},
    session::{
        environment,
        files::{self, PassedItems},
        settings::Settings,
    },
};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

/// Bytes of source from which on files from the last compilation save more than they cost.
const LONG: usize = 14_000;

pub(super) struct Cell {
    pub(super) session: PathBuf,
    pub(super) text: String,
    /// How much of the text are items of the notebook's.
    pub(super) items: usize,
    pub(super) crates: BTreeMap<String, String>,
    pub(super) settings: Settings,
}

/// What came of a call of rustc's.
struct Compiled {
    status: ExitStatus,
    messages: Vec<u8>,
    warned: Vec<Value>,
}

impl Cell {
    /// Compiles it with the items that it needs, or else with all. There is no status if its errors are known.
    pub(super) fn compile(&self, rustc: &OsStr, arguments: &[OsString], source: &Path) -> Result<Option<ExitStatus>> {
        if let Some(said) = replay_errors::said_of(&self.session, &self.text) {
            replay_errors::keep(&self.session, &self.text, said.as_bytes())?;
            io::stderr().write_all(told(said.as_bytes(), &self.text).as_bytes())?;
            return Ok(None);
        }
        let idle = EmptyCell::of(&self.session, &self.text, &quick(arguments, &self.settings, false));
        if let Some(idle) = idle.filter(|_| environment::is_fast()) {
            return self.compile_idle(&idle, rustc, arguments, source).map(Some);
        }
        let (items, rest) = self.text.split_at(self.items);
        let many = environment::is_fast().then(|| Items::many(items)).flatten();
        let together: Option<PassedItems> = many.as_ref().map(|items| items.together(&self.crates));
        if let Some(items) = &many
            && together.as_ref().is_some_and(|it| it.have_passed(&self.session))
        {
            let compiled = self.call(rustc, arguments, source, &(items.needed(rest) + rest))?;
            // Stopped by a signal, it is not to begin again.
            if compiled.status.success() || compiled.status.code().is_none() {
                return self.pass_on(compiled).map(Some);
            }
        }
        let compiled = self.call(rustc, arguments, source, &self.text)?;
        if compiled.status.success()
            && let Some(together) = together
        {
            together.pass(&self.session)?;
        }
        if environment::is_fast() && !compiled.status.success() {
            replay_errors::keep(&self.session, &self.text, &compiled.messages)?;
        }
        self.pass_on(compiled).map(Some)
    }

    /// Has the library of a cell in which there is nothing.
    fn compile_idle(
        &self,
        idle: &EmptyCell,
        rustc: &OsStr,
        arguments: &[OsString],
        source: &Path,
    ) -> Result<ExitStatus> {
        if idle.give()? {
            warnings::keep(&self.session, &self.text, Vec::new())?;
            return Ok(ExitStatus::default());
        }
        let compiled = self.call(rustc, arguments, source, &self.text)?;
        if compiled.status.success() {
            idle.keep()?;
        }
        self.pass_on(compiled)
    }

    fn call(&self, rustc: &OsStr, arguments: &[OsString], source: &Path, text: &str) -> Result<Compiled> {
        fs::write(source, text).with_context(|| format!("cannot write {}", source.display()))?;
        let mut rustc = Command::new(rustc);
        rustc.args(quick(arguments, &self.settings, text.len() >= LONG));
        read(rustc.stderr(Stdio::piped())).context(NOT_RUN)
    }

    /// Passes rustc's messages on, and keeps for the kernel what it warns of.
    fn pass_on(&self, compiled: Compiled) -> Result<ExitStatus> {
        io::stderr().write_all(told(&compiled.messages, &self.text).as_bytes())?;
        let warned = match compiled.status.success() {
            true => compiled.warned,
            false => Vec::new(),
        };
        warnings::keep(&self.session, &self.text, warned)?;
        Ok(compiled.status)
    }
}

fn read(rustc: &mut Command) -> io::Result<Compiled> {
    let (mut messages, mut warned) = (Vec::new(), Vec::new());
    let mut rustc = rustc.spawn()?;
    if let Some(output) = rustc.stderr.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            warned.extend(warnings::warning(&line));
            writeln!(messages, "{line}")?;
        }
    }
    Ok(Compiled {
        status: rustc.wait()?,
        messages,
        warned,
    })
}

/// rustc's messages as evcxr is to have them.
fn told(messages: &[u8], text: &str) -> String {
    let wrapped = rustc_messages::last_expression(text);
    let messages = String::from_utf8_lossy(messages);
    let lines = messages.lines().map(|line| {
        let changed = rustc_messages::without_places_of_notes(line, wrapped.as_ref());
        changed.unwrap_or_else(|| line.to_owned()) + "\n"
    });
    lines.collect()
}

pub(super) fn read_stored(session: &Path) -> Stored {
    files::VARIABLE_FINGERPRINTS.read(session).unwrap_or_default()
}

pub(super) fn write_stored(session: &Path, stored: &Stored) -> Result<()> {
    files::VARIABLE_FINGERPRINTS
        .write(session, stored)
        .context("cannot remember the variables")
}
