//! Crates that exist once in a process: the dylibs through which cells link the crates of `:dep`.
//!
//! A cell is a library of its own. If it contained the crates that it uses, each cell would have its own logger, its
//! own pool of threads, and its own copy of every other static. So the wrapper makes a dylib of each crate,
//! which only re-exports it. The cells that name the crate link the dylib.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`units`] | which crates a built crate needs, and which a dylib contains |
//! | [`libraries`] | the dylibs of a session, and which of them holds a crate |
//! | [`build`] | makes the dylib of a crate |
//! | [`hidden`] | crates that only added crates need, and that the types of variables come from |
//! | [`exports`] | the C functions of a crate, which rustc does not export |
//!
//! # Invariants
//!
//! - A crate is in one dylib that a cell loads. rustc refuses a crate that is in two.
//! - A dylib is never written again. A crate that cargo has rebuilt, or whose dependencies it has, gets another one.
//! - A cell that names no added crate is compiled as if there were no such dylibs.
//! - A cell that cannot be linked with the dylibs contains its crates instead, and the user is told once.

mod build;
mod exports;
pub(in crate::rustc_wrapper) mod hidden;
mod libraries;
pub(crate) mod units;

use crate::{
    prebuilt::{
        builtin::{self, BUILT_IN_CRATES},
        cache_directory::CacheDirectory,
    },
    rustc_wrapper::{
        rustc::Rustc,
        rustc_call::RustcCall,
        shared_crates::{build::Builder, libraries::Libraries, units::Unit},
    },
    session::files::{self, SharedCrates},
};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// The prefix of the names that the dylibs have as crates. The name of the crate in the dylib follows.
const PREFIX: &str = "mosaic_shared_";

/// The dylibs of added crates that one cell links.
pub(super) struct LinkedLibraries<'a> {
    session: &'a Path,
    /// The libraries, by the names that the cell's source gives them.
    libraries: BTreeMap<String, PathBuf>,
    /// The crates that the cell names, with their units.
    crates: BTreeMap<String, Unit>,
}

impl<'a> LinkedLibraries<'a> {
    /// Returns the libraries for the added crates that a cell's source names, after making those that are not there.
    /// Returns `None` if it names none, or only crates that cannot be shared.
    ///
    /// # Errors
    ///
    /// A file of the session cannot be read or written.
    pub(super) fn for_source(rustc: &Rustc, session: &'a Path, text: &str) -> Result<Option<LinkedLibraries<'a>>> {
        let added = added_crates(rustc.call);
        if added.is_empty() {
            return Ok(None);
        }
        let words: BTreeSet<&str> = text.split(|it: char| !it.is_alphanumeric() && it != '_').collect();
        let named = added.iter().filter(|(name, _)| words.contains(name.as_str()));
        let mut named: BTreeMap<String, Unit> = named.map(|(name, unit)| (name.clone(), unit.clone())).collect();
        if named.is_empty() {
            return Ok(None);
        }
        let mut state = files::SHARED_CRATES.read(session).unwrap_or_default();
        named.retain(|_, unit| !state.contained.contains(unit.name()));
        if named.is_empty() {
            return Ok(None);
        }
        let mut builder = Builder::new(rustc, session, &added, Libraries::new(rustc.call, &mut state));
        let mut needed = BTreeSet::new();
        for (name, unit) in &named {
            needed.extend(builder.provide(name, unit)?);
        }
        let is_changed = builder.is_changed();
        let named_anyway = ["mosaic", "mosaic_cell"].map(|it| builder.built_in(it));
        let needed = needed
            .into_iter()
            .filter(|it| !named_anyway.contains(&Some(it.clone())));
        let libraries = needed
            .enumerate()
            .map(|(number, library)| (format!("__mosaic_shared_{number}"), library.path));
        let libraries: BTreeMap<String, PathBuf> = libraries.collect();
        if is_changed {
            write(session, &state)?;
        }
        if libraries.is_empty() {
            return Ok(None);
        }
        Ok(Some(LinkedLibraries {
            session,
            libraries,
            crates: named,
        }))
    }

    /// Returns the source of the cell with declarations of the libraries, which stand behind it.
    pub(super) fn declared_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in self.libraries.keys() {
            let _ = write!(text, "\nextern crate {name} as _;");
        }
        text
    }

    /// Adds the options by which rustc finds the libraries.
    pub(super) fn add_to(&self, call: &mut RustcCall) {
        for (name, path) in &self.libraries {
            call.add_extern(name, path);
        }
    }

    /// Has the crates of the cell be contained in each cell from now on, and tells the user.
    ///
    /// # Errors
    ///
    /// A file of the session cannot be written.
    pub(super) fn give_up(&self) -> Result<()> {
        let mut state = files::SHARED_CRATES.read(self.session).unwrap_or_default();
        for (name, unit) in &self.crates {
            contain(&mut state, name, unit, "a cell does not link with it");
        }
        write(self.session, &state)
    }
}

/// Notes that cells contain a crate from now on.
fn contain(state: &mut SharedCrates, name: &str, unit: &Unit, reason: &str) {
    if state.contained.insert(unit.name().to_owned()) {
        state.notices.push(format!(
            "`{name}` cannot be shared among cells ({reason}): each cell that names it has its own copy of the crate's \
             statics"
        ));
    }
}

fn write(session: &Path, state: &SharedCrates) -> Result<()> {
    let written = files::SHARED_CRATES.write(session, state);
    written.context("cannot remember the shared crates")
}

/// Tells the user once that a cell links built-in crates that cargo has built again for this session.
///
/// # Errors
///
/// A file of the session cannot be written.
pub(super) fn announce_rebuilt(call: &RustcCall, session: &Path) -> Result<()> {
    let template = CacheDirectory::of_session(session).template();
    let is_rebuilt = |path: &Path| {
        path.strip_prefix(session)
            .is_ok_and(|file| !template.join(file).exists())
    };
    let externs = call.externs().iter();
    let rebuilt = externs.filter(|(name, path)| builtin::is_for_users(name) && is_rebuilt(path));
    let rebuilt: BTreeMap<&String, &PathBuf> = rebuilt.map(|(name, path)| (name, path)).collect();
    // While the template itself is built, there is none.
    if rebuilt.is_empty() || !template.is_dir() {
        return Ok(());
    }
    let mut state = files::SHARED_CRATES.read(session).unwrap_or_default();
    let new = rebuilt.iter().filter(|(_, path)| !state.rebuilt.contains(**path));
    let names: Vec<String> = new.map(|(name, _)| format!("`{name}`")).collect();
    if names.is_empty() {
        return Ok(());
    }
    state.rebuilt.extend(rebuilt.into_values().cloned());
    state.notices.push(format!(
        "the crates that were added ask for other features of built-in crates, so this notebook uses {} as cargo has built \
         them for it: variables of their types may be lost",
        names.join(", ")
    ));
    write(session, &state)
}

/// Returns the crates that the user has added and that can be in a library, by their names in the source.
fn added_crates(call: &RustcCall) -> BTreeMap<String, Unit> {
    let is_built_in = |name: &str| BUILT_IN_CRATES.iter().any(|it| it.is_library(name));
    let added = call.externs().iter().filter(|(name, _)| !is_built_in(name));
    added
        .filter_map(|(name, path)| Some((name.clone(), Unit::of_rlib(path)?)))
        .collect()
}
