//! Whether a crate is there, which evcxr asks cargo before it adds the crate: about that crate alone, in a project of
//! its own that it puts in the session's place.
//!
//! A crate that was there is there, as for a lock file: the same specification is not looked up again. What cargo makes
//! of the session's versions meanwhile is put back.

use crate::{
    cargo_shim::{cache_key, crate_pool::Pool},
    evcxr_text::markers::LOOKUP_PACKAGE,
    session::{environment::real, shim_state::ShimState},
};
use anyhow::{Context, Result};
use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};

/// What evcxr asks.
const ARGUMENTS: [&str; 2] = ["metadata", "--format-version=1"];
const OFFLINE: &str = "--offline";
/// What cargo says of a crate that is there and of no use.
const NO_LIBRARY: &str = "ignoring invalid dependency";

/// A question about a crate alone.
pub(super) struct CrateLookup<'a> {
    state: &'a ShimState,
    arguments: &'a [OsString],
    /// What is there if the crate is, unless that may change.
    file: Option<PathBuf>,
}

impl<'a> CrateLookup<'a> {
    pub(super) fn new(state: &'a ShimState, here: &Path, arguments: &'a [OsString]) -> Option<CrateLookup<'a>> {
        let asked = match arguments.first()? {
            first if first == OFFLINE => &arguments[1..],
            _ => arguments,
        };
        if asked != ARGUMENTS || here != state.session || state.starting {
            return None;
        }
        let manifest = fs::read_to_string(here.join("Cargo.toml")).ok()?;
        manifest.contains(LOOKUP_PACKAGE).then(|| CrateLookup {
            state,
            arguments,
            file: file(state, arguments),
        })
    }

    /// Asks cargo, unless it has said before that the crate is there. evcxr wants to know no more.
    pub(super) fn answer(&self) -> Result<ExitCode> {
        if self.file.as_ref().is_some_and(|file| file.is_file()) {
            return Ok(ExitCode::SUCCESS);
        }
        let lock = self.state.session.join("Cargo.lock");
        let versions = fs::read(&lock).ok();
        let mut cargo = real(Some(&self.state.sysroot), "cargo");
        let output = cargo.args(self.arguments).stdin(Stdio::null()).output();
        let output = output.context("cannot run cargo")?;
        if let Some(versions) = versions {
            cache_key::replace(&lock, &versions).context("cannot put the crates' versions back")?;
        }
        let is_there = output.status.success() && !String::from_utf8_lossy(&output.stderr).contains(NO_LIBRARY);
        if let Some(file) = self.file.as_ref().filter(|_| is_there) {
            // Without it, the next one asks again.
            let _ = cache_key::replace(file, b"");
        }
        io::stderr().write_all(&output.stderr)?;
        io::stdout().write_all(&output.stdout)?;
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// Where it is kept that a crate is there.
fn file(state: &ShimState, arguments: &[OsString]) -> Option<PathBuf> {
    let parts = cache_key::of_request(state, arguments, "")?;
    Some(Pool::of_session(&state.session).kept("alone").join(parts.name(16)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_asked_for_once_unless_its_source_may_change() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = ShimState::of_session(directory.path().join("session"));
        fs::create_dir(&state.session).unwrap();
        let words = ARGUMENTS.map(OsString::from);
        let asked = |state: &ShimState, words: &[OsString], specification: &str| {
            let manifest = format!("[package]\n{LOOKUP_PACKAGE}\n[dependencies]\nx = {specification}\n");
            fs::write(state.session.join("Cargo.toml"), manifest).unwrap();
            CrateLookup::new(state, &state.session, words).map(|it| it.file)
        };
        let file = asked(&state, &words, "\"1\"").unwrap().unwrap();
        assert_ne!(asked(&state, &words, "\"2\"").unwrap().unwrap(), file);
        let offline = [OFFLINE, ARGUMENTS[0], ARGUMENTS[1]].map(OsString::from);
        assert_ne!(asked(&state, &offline, "\"1\"").unwrap().unwrap(), file);
        assert_eq!(asked(&state, &words, "{ path = \"/home/x\" }"), Some(None));
        assert_eq!(asked(&state, &words[..1], "\"1\""), None);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        assert_eq!(asked(&state, &words, "\"1\""), Some(Some(file)));
        let answer = CrateLookup::new(&state, &state.session, &words).unwrap().answer();
        assert_eq!(answer.unwrap(), ExitCode::SUCCESS);
        state.starting = true;
        assert_eq!(asked(&state, &words, "\"1\""), None);
        state.starting = false;
        fs::write(state.session.join("Cargo.toml"), "[package]\nname = \"ctx\"\n").unwrap();
        assert!(CrateLookup::new(&state, &state.session, &words).is_none());
    }
}
