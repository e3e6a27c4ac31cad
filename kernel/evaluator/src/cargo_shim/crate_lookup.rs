//! Answers whether a crate exists, which evcxr asks cargo before it adds the crate.
//!
//! For the question evcxr replaces the session's manifest by that of a project with this one dependency. Cargo then
//! drops the versions of all other crates from the lock file, so the shim puts the lock file back. A crate that existed
//! once is not looked up again, as if it were in a lock file.

use crate::{
    cargo_shim::{
        cache_key,
        crate_pool::{Pool, Records},
    },
    evcxr_text::markers::LOOKUP_PACKAGE,
    session::{
        environment::real_program,
        exit_code::exit_code,
        files::{LOCK_FILE, MANIFEST},
        shared_files::replace,
        shim_state::ShimState,
    },
};
use anyhow::{Context, Result};
use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};

/// The arguments with which evcxr asks.
const ARGUMENTS: [&str; 2] = ["metadata", "--format-version=1"];
/// The argument that stands before the others if `:offline` is set.
const OFFLINE: &str = "--offline";
/// The part of cargo's message about a crate that exists and has no library.
const NO_LIBRARY: &str = "ignoring invalid dependency";

/// A question of evcxr whether a crate exists.
pub(super) struct CrateLookup<'a> {
    state: &'a ShimState,
    arguments: &'a [OsString],
    /// The record that exists if the crate was found before. `None` for a crate whose source may change.
    record: Option<PathBuf>,
}

impl<'a> CrateLookup<'a> {
    /// Recognises a call of cargo, in the directory `here`, that asks whether a crate exists.
    pub(super) fn new(state: &'a ShimState, here: &Path, arguments: &'a [OsString]) -> Option<CrateLookup<'a>> {
        let asked = match arguments.first()? {
            first if first == OFFLINE => &arguments[1..],
            _ => arguments,
        };
        if asked != ARGUMENTS || here != state.session || state.starting {
            return None;
        }
        let manifest = MANIFEST.read(here)?;
        manifest.contains(LOOKUP_PACKAGE).then(|| CrateLookup {
            state,
            arguments,
            record: record_of(state, arguments),
        })
    }

    /// Answers from the record, or else by asking cargo. evcxr looks only at the exit code.
    ///
    /// # Errors
    ///
    /// Cargo cannot be run, or the lock file cannot be put back.
    pub(super) fn answer(&self) -> Result<ExitCode> {
        if self.record.as_ref().is_some_and(|record| record.is_file()) {
            return Ok(ExitCode::SUCCESS);
        }
        let versions = LOCK_FILE.read(&self.state.session);
        let mut cargo = real_program(Some(&self.state.sysroot), "cargo");
        let output = cargo.args(self.arguments).stdin(Stdio::null()).output();
        let output = output.context("cannot run cargo")?;
        if let Some(versions) = versions {
            LOCK_FILE
                .replace(&self.state.session, &versions)
                .context("cannot put the versions of crates back")?;
        }
        let exists = output.status.success() && !String::from_utf8_lossy(&output.stderr).contains(NO_LIBRARY);
        if let Some(record) = self.record.as_ref().filter(|_| exists) {
            // If this fails, the next session asks cargo again.
            let _ = replace(record, b"");
        }
        io::stderr().write_all(&output.stderr)?;
        io::stdout().write_all(&output.stdout)?;
        Ok(exit_code(output.status.code()))
    }
}

/// Returns the path of the record that the crate exists.
fn record_of(state: &ShimState, arguments: &[OsString]) -> Option<PathBuf> {
    let parts = cache_key::of_request(state, arguments, "")?;
    Some(
        Pool::of_session(&state.session)
            .records(Records::Lookups)
            .join(parts.name(16)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_crate_is_asked_for_once_unless_its_source_may_change() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = ShimState::of_session(directory.path().join("session"));
        fs::create_dir(&state.session).unwrap();
        let words = ARGUMENTS.map(OsString::from);
        let asked = |state: &ShimState, words: &[OsString], specification: &str| {
            let manifest = format!("[package]\n{LOOKUP_PACKAGE}\n[dependencies]\nx = {specification}\n");
            MANIFEST.write(&state.session, &manifest).unwrap();
            CrateLookup::new(state, &state.session, words).map(|it| it.record)
        };
        let record = asked(&state, &words, "\"1\"").unwrap().unwrap();
        assert_ne!(asked(&state, &words, "\"2\"").unwrap().unwrap(), record);
        let offline = [OFFLINE, ARGUMENTS[0], ARGUMENTS[1]].map(OsString::from);
        assert_ne!(asked(&state, &offline, "\"1\"").unwrap().unwrap(), record);
        assert_eq!(asked(&state, &words, "{ path = \"/home/x\" }"), Some(None));
        assert_eq!(asked(&state, &words[..1], "\"1\""), None);
        fs::create_dir_all(record.parent().unwrap()).unwrap();
        fs::write(&record, "").unwrap();
        assert_eq!(asked(&state, &words, "\"1\""), Some(Some(record)));
        let answer = CrateLookup::new(&state, &state.session, &words).unwrap().answer();
        assert_eq!(answer.unwrap(), ExitCode::SUCCESS);
        state.starting = true;
        assert_eq!(asked(&state, &words, "\"1\""), None);
        state.starting = false;
        MANIFEST.write(&state.session, "[package]\nname = \"ctx\"\n").unwrap();
        assert!(CrateLookup::new(&state, &state.session, &words).is_none());
    }
}
