//! Compiles a cell without cargo, where nothing but the cell's source has changed.
//!
//! Between two cells cargo nearly always finds that no crate has changed, and calls rustc as before. So the rustc
//! wrapper
//! [records](crate::cargo_shim::rustc_invocation) its call under a key of everything that cargo looks at, and the shim
//! replays the call as long as the key is the same. Crates that the user may be editing are left to cargo: a session
//! that uses one records nothing.

use crate::{
    cargo_shim::{
        Answer,
        cache_key::{self, sorted_manifest},
        crate_pool::Pool,
        dependency_cache::DependencyBuild,
        observed_cargo,
        rustc_invocation::record_path,
    },
    evcxr_text::markers::{CELL_CRATE, LIBRARY_PATH_VARIABLE},
    prebuilt::{
        builtin::{self, BuiltInCrate},
        cache_directory::CacheDirectory,
    },
    session::{
        digest::Parts,
        environment::{digest_of_assignment, real_program, users_variables},
        environment_variables::{RUSTC_INVOCATION_VARIABLE, USERS_VARIABLES_VARIABLE},
        exit_code::exit_code,
        files::{CARGO_CONFIGURATION, LOCK_FILE, MANIFEST, RustcInvocation},
        session_file::{SessionFile, Text},
        shim_state::ShimState,
    },
};
use anyhow::Result;
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};
use toml::{Table, Value};

/// A request of evcxr to compile a cell.
pub(super) struct CellCompilation<'a> {
    state: &'a ShimState,
    /// The arguments for cargo.
    arguments: Vec<OsString>,
    /// A digest of everything that decides what cargo does, except the cell's source and the versions of crates.
    key: String,
}

impl<'a> CellCompilation<'a> {
    /// Recognises a call of cargo, in the directory `here`, that compiles a cell.
    pub(super) fn new(state: &'a ShimState, here: &Path, arguments: &[OsString]) -> Option<CellCompilation<'a>> {
        let compiles = ["build", "check"]
            .iter()
            .any(|it| arguments.first().is_some_and(|first| first == it));
        if !compiles || here != state.session || state.starting {
            return None;
        }
        let mut arguments = arguments.to_vec();
        // `check` would build the crates once more, as metadata only. So a cell that is only checked is built, too,
        // with the crates of the cells that run.
        arguments[0] = "build".into();
        let key = key(state, &arguments);
        Some(CellCompilation { state, arguments, key })
    }

    /// Finds the recorded call that compiles the cell, of this session or of another one. Otherwise has cargo compile
    /// the cell.
    ///
    /// # Errors
    ///
    /// Cargo cannot be run, or the session cannot be written to.
    pub(super) fn run(&self) -> Result<Answer> {
        if let Some(invocation) = RustcInvocation::read(&self.record()).filter(RustcInvocation::has_its_crates) {
            return Ok(Answer::Compile(invocation));
        }
        let build = DependencyBuild::new(self.state, &self.arguments, LIBRARY_PATH_VARIABLE);
        if let Some(invocation) = build.as_ref().and_then(DependencyBuild::reuse) {
            invocation.write(&self.record())?;
            return Ok(Answer::Compile(invocation));
        }
        self.run_cargo(build).map(Answer::Given)
    }

    /// Has cargo compile the cell, and keeps the crates that it builds for other sessions.
    fn run_cargo(&self, build: Option<DependencyBuild>) -> Result<ExitCode> {
        let session = &self.state.session;
        let pool = Pool::of_session(session);
        let are_crates_new = pool.provide_all(&sorted_manifest(session), session)?;
        let output = observed_cargo::run(self.cargo())?;
        // Cargo comes to the cell when it has built all crates, whatever becomes of the cell.
        let invocation = RustcInvocation::read(&self.record()).filter(RustcInvocation::has_its_crates);
        if let Some(invocation) = invocation
            && has_only_fixed_sources(self.state).unwrap_or(false)
        {
            // Errors are ignored: the cell is compiled, even if nothing can be kept for other sessions.
            let _ = are_crates_new.then(|| pool.collect(session));
            let _ = build.map(|build| build.keep(&invocation, &output.stdout));
        }
        io::stderr().write_all(&output.stderr)?;
        io::stdout().write_all(&output.stdout)?;
        Ok(exit_code(output.status.code()))
    }

    fn cargo(&self) -> Command {
        let mut cargo = real_program(Some(&self.state.sysroot), "cargo");
        cargo.args(&self.arguments);
        if has_only_fixed_sources(self.state).unwrap_or(false) {
            let variables = users_variables();
            let digests: Vec<String> = variables.iter().map(|(n, v)| digest_of_assignment(n, v)).collect();
            cargo.env(RUSTC_INVOCATION_VARIABLE, &self.key);
            cargo.env(USERS_VARIABLES_VARIABLE, digests.join(" "));
        }
        cargo
    }

    /// Returns the path of the recorded call, given the versions of crates that the session has now.
    fn record(&self) -> PathBuf {
        record_path(&self.state.session, &self.key)
    }
}

/// Returns a digest of everything that decides what cargo does for a cell, except the cell's source, and the sources
/// and the versions of crates.
fn key(state: &ShimState, arguments: &[OsString]) -> String {
    let mut parts = Parts::default();
    arguments
        .iter()
        .for_each(|argument| parts.add(argument.as_encoded_bytes()));
    let environment: BTreeMap<OsString, OsString> = env::vars_os().collect();
    // The file for the library's path is the same for all cells that run, and is not named for cells that are checked.
    for (name, value) in environment.iter().filter(|(name, _)| *name != LIBRARY_PATH_VARIABLE) {
        parts.add(name.as_encoded_bytes());
        parts.add(value.as_encoded_bytes());
    }
    parts.add(sorted_manifest(&state.session).as_bytes());
    parts.add(CARGO_CONFIGURATION.read(&state.session).unwrap_or_default().as_bytes());
    parts.add(&cache_key::installed(state).as_nanos().to_le_bytes());
    parts.name(8)
}

/// Returns whether every crate is from a registry, from a repository, or built in, so that nobody edits its sources.
/// Returns `None` if the manifest or the lock file cannot be read.
fn has_only_fixed_sources(state: &ShimState) -> Option<bool> {
    let read = |file: &SessionFile<Text>| file.read(&state.session)?.parse::<Table>().ok();
    let built_in = CacheDirectory::of_session(&state.session).crates();
    let manifest = read(&MANIFEST)?;
    let mut dependencies = manifest.get("dependencies")?.as_table()?.values();
    let paths_are_built_in = dependencies.all(|dependency| {
        let path = dependency.get("path").and_then(Value::as_str);
        path.is_none_or(|path| Path::new(path).starts_with(&built_in))
    });
    let lock = read(&LOCK_FILE)?;
    let mut packages = lock.get("package")?.as_array()?.iter();
    let packages_are_fixed = packages.all(|package| {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
        package.get("source").is_some()
            || name == CELL_CRATE
            || builtin::find(name).is_some_and(BuiltInCrate::is_embedded)
    });
    Some(paths_are_built_in && packages_are_fixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The state of a kernel whose session has the directory of its cargo configuration.
    fn state_of_session(directory: &Path) -> ShimState {
        let session = directory.join("session");
        fs::create_dir_all(CARGO_CONFIGURATION.path(&session).parent().unwrap()).unwrap();
        ShimState::of_session(session)
    }

    fn record(state: &ShimState, words: &[&str]) -> Option<PathBuf> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        CellCompilation::new(state, &state.session, &words).map(|compilation| compilation.record())
    }

    #[test]
    fn a_recorded_call_is_found_by_all_that_cargo_looks_at() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = state_of_session(directory.path());
        let mut seen = vec![
            record(&state, &["build"]).unwrap(),
            record(&state, &["build", "--offline"]).unwrap(),
        ];
        for it in [MANIFEST, LOCK_FILE, CARGO_CONFIGURATION] {
            it.write(&state.session, it.name()).unwrap();
            seen.push(record(&state, &["build"]).unwrap());
        }
        assert_eq!(record(&state, &["build"]).unwrap(), seen[4]);
        assert_eq!(record(&state, &["check"]).unwrap(), seen[4]);
        let different: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(different.len(), seen.len());
        assert_eq!(record(&state, &["metadata"]), None);
        state.starting = true;
        assert_eq!(record(&state, &["build"]), None);
    }

    #[test]
    fn crates_that_the_user_may_edit_are_left_to_cargo() {
        let directory = tempfile::tempdir().unwrap();
        let state = state_of_session(directory.path());
        let crates = directory.path().join("crates");
        let ours = format!(
            "[dependencies]\nserde = \"1\"\nmosaic = {{ path = \"{}/mosaic\" }}\n",
            crates.display()
        );
        let package = |name: &str, more: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{more}\n");
        let lock = [package("ctx", ""), package("mosaic", ""), package("mosaic-cell", "")].concat()
            + &package("serde", "source = \"registry+https://example.org\"");
        for (manifest, lock, expected) in [
            (ours.clone(), lock.clone(), Some(true)),
            (
                format!("{ours}mine = {{ path = \"/home/mine\" }}\n"),
                lock.clone(),
                Some(false),
            ),
            // A crate that the user's own configuration of cargo patches.
            (ours.clone(), lock + &package("patched", ""), Some(false)),
            (ours, "[[".to_owned(), None),
        ] {
            MANIFEST.write(&state.session, &manifest).unwrap();
            LOCK_FILE.write(&state.session, &lock).unwrap();
            assert_eq!(has_only_fixed_sources(&state), expected, "{manifest}{lock}");
        }
    }
}
