//! Makes the dylib of a crate. The dylib re-exports the crate, and contains all crates that the crate needs and no other
//! dylib holds.

use crate::{
    prebuilt::cache_directory::CacheDirectory,
    rustc_wrapper::{
        rustc::{CANNOT_RUN_RUSTC, Rustc},
        shared_crates::{
            PREFIX, contain,
            exports::c_symbols,
            libraries::{Libraries, Library},
            units::{LINK_ARGUMENTS_EXTENSION, Unit, contents},
        },
    },
    session::{
        digest::Parts,
        files::{SharedLibrary, TEMPORARY},
        shared_files::{link_if_built, replace},
    },
};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Makes the dylibs for one call of rustc.
pub(super) struct Builder<'a> {
    rustc: &'a Rustc<'a>,
    session: &'a Path,
    /// The crates that the user has added, by their names in the source.
    added: &'a BTreeMap<String, Unit>,
    libraries: Libraries<'a>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        rustc: &'a Rustc<'a>,
        session: &'a Path,
        added: &'a BTreeMap<String, Unit>,
        libraries: Libraries<'a>,
    ) -> Builder<'a> {
        Builder {
            rustc,
            session,
            added,
            libraries,
        }
    }

    /// Returns the built-in dylib of a name.
    pub(super) fn built_in(&self, name: &str) -> Option<Library> {
        self.libraries.built_in(name).cloned()
    }

    /// Returns whether the session's list of libraries has changed.
    pub(super) fn is_changed(&self) -> bool {
        self.libraries.is_changed
    }

    /// Returns the library that holds a crate, after making it if necessary. Returns `None` if the crate cannot be in a
    /// library.
    ///
    /// # Errors
    ///
    /// rustc cannot be run, or a file of the session cannot be written.
    pub(super) fn provide(&mut self, name: &str, unit: &Unit) -> Result<Option<Library>> {
        if let Some(library) = self.libraries.holder(unit) {
            return Ok(Some(library.clone()));
        }
        let Ok(closure) = unit.closure() else {
            self.contain(name, unit, "what it needs is not known");
            return Ok(None);
        };
        // An added crate that others need has a library of its own, so that it is cheap to name.
        let added = self.added.iter().filter(|(_, it)| *it != unit && closure.contains(it));
        let mut added: Vec<(usize, &String, &Unit)> = added
            .filter(|(_, it)| self.libraries.holder(it).is_none())
            .filter_map(|(name, it)| Some((it.closure().ok()?.len(), name, it)))
            .collect();
        added.sort_unstable();
        for (_, name, unit) in added {
            let closure = unit.closure()?;
            self.make(name, unit, &closure)?;
        }
        self.make(name, unit, &closure)?;
        Ok(self.libraries.holder(unit).cloned())
    }

    fn make(&mut self, name: &str, unit: &Unit, closure: &BTreeSet<Unit>) -> Result<()> {
        if self.libraries.holder(unit).is_some() || self.libraries.state.contained.contains(unit.name()) {
            return Ok(());
        }
        let held = closure.iter().filter_map(|it| self.libraries.holder(it).cloned());
        let links: BTreeSet<Library> = held.collect();
        let mut key = Parts::default();
        key.add(unit.build().as_bytes());
        for library in &links {
            key.add(library.path.file_name().unwrap_or_default().as_encoded_bytes());
        }
        let key = key.name(8);
        let file = format!("{DLL_PREFIX}{PREFIX}{}-{key}{DLL_SUFFIX}", unit.crate_name());
        let path = unit.path().with_file_name(&file);
        let kept = CacheDirectory::of_session(self.session).shared_libraries().join(&file);
        if !take(&kept, &path) {
            if let Err(reason) = self.compile(unit, closure, &links, &key)? {
                self.contain(name, unit, &reason);
                return Ok(());
            }
            // If this fails, the next session makes the library again.
            let _ = keep(&path, &kept);
        }
        let rlib = |name: &String| unit.path().with_file_name(format!("lib{name}.rlib"));
        let contents = contents(&path).into_iter().filter_map(|name| {
            let unit = Unit::of_rlib(&rlib(&name))?;
            Some((name, unit.build()))
        });
        let library = SharedLibrary {
            path,
            contents: contents.collect(),
            links: links.into_iter().map(|it| it.path).collect(),
        };
        self.libraries.add(unit, library);
        Ok(())
    }

    fn contain(&mut self, name: &str, unit: &Unit, reason: &str) {
        contain(self.libraries.state, name, unit, reason);
        self.libraries.is_changed = true;
    }

    /// Compiles the library of a crate. Returns the reason if rustc does not.
    fn compile(
        &self,
        unit: &Unit,
        closure: &BTreeSet<Unit>,
        links: &BTreeSet<Library>,
        key: &str,
    ) -> Result<Result<(), String>> {
        let temporary = TEMPORARY.path(self.session);
        fs::create_dir_all(&temporary)?;
        let directory = tempfile::Builder::new().prefix("shared-").tempdir_in(temporary)?;
        let mut source = "pub extern crate it;\n".to_owned();
        let mut rustc = self.rustc.command_of_library();
        rustc.arg("--extern").arg(extern_of("it", unit.path()));
        for (number, library) in links.iter().enumerate() {
            let name = format!("linked_{number}");
            let _ = writeln!(source, "extern crate {name} as _;");
            rustc.arg("--extern").arg(extern_of(&name, &library.path));
        }
        let file = directory.path().join("lib.rs");
        fs::write(&file, source)?;
        let own = closure.iter().filter(|it| self.libraries.holder(it).is_none());
        let symbols: Vec<String> = own.flat_map(|it| c_symbols(it.path())).collect();
        for argument in export_arguments(&symbols, directory.path())? {
            rustc.arg("-C").arg(format!("link-arg={argument}"));
        }
        let name = format!("{PREFIX}{}", unit.crate_name());
        let output = unit
            .path()
            .with_file_name(format!("{DLL_PREFIX}{name}-{key}{DLL_SUFFIX}"));
        rustc
            .args(["--crate-name", &name, "--crate-type=dylib", "--edition=2024"])
            .args(["-Cprefer-dynamic", "-Crpath", "-Copt-level=0", "-Cstrip=debuginfo"])
            .arg(format!("-Cmetadata={key}"))
            .arg(format!("-Cextra-filename=-{key}"))
            .arg(format!(
                "--print=link-args={}",
                output.with_extension(LINK_ARGUMENTS_EXTENSION).display()
            ))
            .arg("--out-dir")
            .arg(unit.path().parent().unwrap_or(self.session))
            .arg(&file);
        let output = rustc.output().context(CANNOT_RUN_RUSTC)?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        let messages = String::from_utf8_lossy(&output.stderr);
        let error = messages.lines().find(|line| line.starts_with("error"));
        Ok(Err(error.unwrap_or("rustc failed").to_owned()))
    }
}

fn extern_of(name: &str, path: &Path) -> std::ffi::OsString {
    let mut value = std::ffi::OsString::from(format!("{name}="));
    value.push(path);
    value
}

/// Returns the arguments of the linker that export symbols. They are many, so they are in files.
fn export_arguments(symbols: &[String], directory: &Path) -> Result<Vec<String>> {
    if symbols.is_empty() {
        return Ok(Vec::new());
    }
    let [script, required] = ["exports.map", "required.txt"].map(|name| directory.join(name));
    let lines = |before: &str, after: &str| {
        symbols
            .iter()
            .map(|it| format!("{before}{it}{after}\n"))
            .collect::<String>()
    };
    fs::write(&script, format!("{{ global:\n{}}};\n", lines("", ";")))?;
    // The linker takes a member from an archive only if something asks for one of its symbols.
    fs::write(&required, lines("-Wl,-u,", ""))?;
    Ok(vec![
        format!("-Wl,--version-script={}", script.display()),
        format!("@{}", required.display()),
    ])
}

/// Gives the session a library that another one has made, with the arguments of its linker.
fn take(kept: &Path, path: &Path) -> bool {
    let arguments = |path: &Path| -> PathBuf { path.with_extension(LINK_ARGUMENTS_EXTENSION) };
    (arguments(kept).is_file() && fs::copy(arguments(kept), arguments(path)).is_ok())
        && (path.is_file() || link_if_built(kept, path))
}

/// Keeps a library for other sessions. The arguments are written last, since they make it complete.
fn keep(path: &Path, kept: &Path) -> Result<()> {
    fs::create_dir_all(kept.parent().context("no directory")?)?;
    let _ = fs::remove_file(kept);
    if !link_if_built(path, kept) {
        replace(kept, &fs::read(path)?)?;
    }
    let arguments = fs::read(path.with_extension(LINK_ARGUMENTS_EXTENSION))?;
    Ok(replace(&kept.with_extension(LINK_ARGUMENTS_EXTENSION), &arguments)?)
}
