//! Whether a crate is there, which evcxr asks cargo before it adds the crate: about that crate alone, in a project of
//! its own that it puts in the session's place.
//!
//! A crate that was there is there, as for a lock file: the same specification is not looked up again. What cargo makes
//! of the session's versions meanwhile is put back.

use super::{conditions, path::real, stage::Stage};
use crate::pool::Pool;
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
/// The package that it asks about.
const PACKAGE: &str = "name = \"evcxr_dummy_validate_dep\"";
/// What cargo says of a crate that is there and of no use.
const NO_LIBRARY: &str = "ignoring invalid dependency";

/// A question about a crate alone.
pub(super) struct Question<'a> {
    stage: &'a Stage,
    arguments: &'a [OsString],
    /// What is there if the crate is, unless that may change.
    file: Option<PathBuf>,
}

impl<'a> Question<'a> {
    pub(super) fn new(stage: &'a Stage, here: &Path, arguments: &'a [OsString]) -> Option<Question<'a>> {
        let asked = match arguments.first()? {
            first if first == OFFLINE => &arguments[1..],
            _ => arguments,
        };
        if asked != ARGUMENTS || here != stage.session || stage.starting {
            return None;
        }
        let manifest = fs::read_to_string(here.join("Cargo.toml")).ok()?;
        manifest.contains(PACKAGE).then(|| Question {
            stage,
            arguments,
            file: file(stage, arguments),
        })
    }

    /// Asks cargo, unless it has said before that the crate is there. evcxr wants to know no more.
    pub(super) fn answer(&self) -> Result<ExitCode> {
        if self.file.as_ref().is_some_and(|file| file.is_file()) {
            return Ok(ExitCode::SUCCESS);
        }
        let lock = self.stage.session.join("Cargo.lock");
        let versions = fs::read(&lock).ok();
        let mut cargo = real(Some(&self.stage.sysroot), "cargo");
        let output = cargo.args(self.arguments).stdin(Stdio::null()).output();
        let output = output.context("cannot run cargo")?;
        if let Some(versions) = versions {
            conditions::replace(&lock, &versions).context("cannot put the crates' versions back")?;
        }
        let is_there = output.status.success() && !String::from_utf8_lossy(&output.stderr).contains(NO_LIBRARY);
        if let Some(file) = self.file.as_ref().filter(|_| is_there) {
            // Without it, the next one asks again.
            let _ = conditions::replace(file, b"");
        }
        io::stderr().write_all(&output.stderr)?;
        io::stdout().write_all(&output.stdout)?;
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// Where it is kept that a crate is there.
fn file(stage: &Stage, arguments: &[OsString]) -> Option<PathBuf> {
    let parts = conditions::of_request(stage, arguments, "")?;
    Some(Pool::of_session(&stage.session).kept("alone").join(parts.name(16)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_asked_for_once_unless_its_source_may_change() {
        let directory = tempfile::tempdir().unwrap();
        let mut stage = Stage::of_session(directory.path().join("session"));
        fs::create_dir(&stage.session).unwrap();
        let words = ARGUMENTS.map(OsString::from);
        let asked = |stage: &Stage, words: &[OsString], specification: &str| {
            let manifest = format!("[package]\n{PACKAGE}\n[dependencies]\nx = {specification}\n");
            fs::write(stage.session.join("Cargo.toml"), manifest).unwrap();
            Question::new(stage, &stage.session, words).map(|it| it.file)
        };
        let file = asked(&stage, &words, "\"1\"").unwrap().unwrap();
        assert_ne!(asked(&stage, &words, "\"2\"").unwrap().unwrap(), file);
        let offline = [OFFLINE, ARGUMENTS[0], ARGUMENTS[1]].map(OsString::from);
        assert_ne!(asked(&stage, &offline, "\"1\"").unwrap().unwrap(), file);
        assert_eq!(asked(&stage, &words, "{ path = \"/home/x\" }"), Some(None));
        assert_eq!(asked(&stage, &words[..1], "\"1\""), None);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        assert_eq!(asked(&stage, &words, "\"1\""), Some(Some(file)));
        let answer = Question::new(&stage, &stage.session, &words).unwrap().answer();
        assert_eq!(answer.unwrap(), ExitCode::SUCCESS);
        stage.starting = true;
        assert_eq!(asked(&stage, &words, "\"1\""), None);
        stage.starting = false;
        fs::write(stage.session.join("Cargo.toml"), "[package]\nname = \"ctx\"\n").unwrap();
        assert!(Question::new(&stage, &stage.session, &words).is_none());
    }
}
