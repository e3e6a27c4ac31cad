//! One call of the rustc wrapper by cargo: recorded when cargo compiles a cell, replayed for the next cell.

use crate::{
    cargo_shim::cache_key::{with_session, without_session},
    session::{
        digest::Parts,
        environment::{self, digest_of_assignment, users_variables},
        environment_variables::{RUSTC_INVOCATION_VARIABLE, USERS_VARIABLES_VARIABLE},
        files::{LOCK_FILE, RUSTC_INVOCATIONS, RustcInvocation},
    },
};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The prefix of the variables that cargo sets for rustc.
const CARGO_PREFIX: &str = "CARGO";
/// The variable by which a procedural macro finds its dynamic libraries. Cargo sets it for rustc as well.
const LIBRARY_SEARCH_PATH: &str = "LD_LIBRARY_PATH";
/// The variable that names open files of one cargo process, so it means nothing to another one.
const JOB_SERVER: &str = "CARGO_MAKEFLAGS";

/// Records how cargo called this process, the rustc wrapper, for a cell. Does nothing unless the cargo shim wants it.
///
/// # Errors
///
/// The record cannot be written.
pub(crate) fn record(session: &Path) -> Result<()> {
    let Some(key) = env::var(RUSTC_INVOCATION_VARIABLE).ok() else {
        return Ok(());
    };
    let arguments = env::args_os()
        .skip(1)
        .map(OsString::into_string)
        .collect::<Result<_, _>>();
    let of_user = env::var(USERS_VARIABLES_VARIABLE).unwrap_or_default();
    let of_user: BTreeSet<&str> = of_user.split(' ').collect();
    let of_cargo = env::vars_os().filter(|(name, value)| {
        let is_ours = name == RUSTC_INVOCATION_VARIABLE || name == USERS_VARIABLES_VARIABLE;
        !is_ours && !of_user.contains(&*digest_of_assignment(name, value))
    });
    let environment = of_cargo.map(|(name, value)| Ok((name.into_string()?, value.into_string()?)));
    let (Ok(arguments), Ok(environment)) = (
        arguments,
        environment.collect::<Result<BTreeMap<String, String>, OsString>>(),
    ) else {
        return Ok(());
    };
    // By now cargo has chosen the versions, on which the path depends.
    RustcInvocation { arguments, environment }.write(&record_path(session, &key))
}

/// Returns the path of the record for a request, given the versions of crates that the session has now.
pub(super) fn record_path(session: &Path, request_key: &str) -> PathBuf {
    let mut versions = Parts::default();
    versions.add(LOCK_FILE.read(session).unwrap_or_default().as_bytes());
    RUSTC_INVOCATIONS.path(session, &format!("{request_key}.{}", versions.name(8)))
}

impl RustcInvocation {
    /// Reads a record, if there is one.
    pub(super) fn read(record: &Path) -> Option<RustcInvocation> {
        RUSTC_INVOCATIONS.read(record)
    }

    /// Writes a record.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn write(&self, record: &Path) -> Result<()> {
        RUSTC_INVOCATIONS
            .replace(record, self)
            .context("cannot record how the cell was compiled")
    }

    /// Gives this process the environment with which cargo called the wrapper, and returns the arguments.
    ///
    /// # Safety
    ///
    /// This process must have no other thread, since the function changes environment variables.
    pub(crate) unsafe fn prepare(self) -> Vec<OsString> {
        let mut variables = users_variables();
        let recorded = self.environment.into_iter();
        variables.extend(recorded.map(|(name, value)| (name.into(), value.into())));
        // SAFETY: by this function's contract.
        unsafe { environment::replace(variables) }
        self.arguments.into_iter().map(OsString::from).collect()
    }

    /// Returns whether the crates that the call links still exist.
    pub(super) fn has_its_crates(&self) -> bool {
        let externs = self.arguments.windows(2).filter(|pair| pair[0] == "--extern");
        let mut paths = externs.filter_map(|pair| pair[1].split_once('='));
        paths.all(|(_, path)| Path::new(path).exists())
    }

    /// Returns the call without anything of one session: with a placeholder for its directory, and only with the
    /// variables of cargo's own.
    pub(super) fn in_any_session(&self, session: &Path) -> RustcInvocation {
        let arguments = self.arguments.iter().map(|it| without_session(it, session));
        let is_of_cargo =
            |name: &str| name != JOB_SERVER && (name.starts_with(CARGO_PREFIX) || name == LIBRARY_SEARCH_PATH);
        let environment = self.environment.iter().filter(|(name, _)| is_of_cargo(name));
        RustcInvocation {
            arguments: arguments.collect(),
            environment: environment
                .map(|(name, value)| (name.clone(), without_session(value, session)))
                .collect(),
        }
    }

    /// Returns the call as it is for one session.
    pub(super) fn in_session(&self, session: &Path) -> RustcInvocation {
        let arguments = self.arguments.iter().map(|it| with_session(it, session));
        let environment = self.environment.iter();
        RustcInvocation {
            arguments: arguments.collect(),
            environment: environment
                .map(|(name, value)| (name.clone(), with_session(value, session)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_needs_its_crates() {
        let directory = tempfile::tempdir().unwrap();
        let library = directory.path().join("libmosaic.so");
        let invocation = RustcInvocation {
            arguments: ["rustc", "--extern", &format!("mosaic={}", library.display())]
                .map(str::to_owned)
                .into(),
            environment: BTreeMap::new(),
        };
        assert!(!invocation.has_its_crates());
        std::fs::write(library, "").unwrap();
        assert!(invocation.has_its_crates());
    }

    #[test]
    fn an_invocation_moves_from_one_session_to_another() {
        let [first, second] = ["/c/session-1", "/c/session-2"].map(Path::new);
        let variables = [
            ("CARGO_MANIFEST_DIR", "/c/session-1"),
            (JOB_SERVER, "--jobserver-auth=3,4"),
            ("OF_ONE_USER", "/c/session-1"),
        ];
        let invocation = RustcInvocation {
            arguments: vec!["-L/c/session-1/target".to_owned()],
            environment: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        let moved = invocation.in_any_session(first).in_session(second);
        assert_eq!(moved.arguments, ["-L/c/session-2/target"]);
        assert_eq!(moved.environment["CARGO_MANIFEST_DIR"], "/c/session-2");
        assert!(!moved.environment.contains_key("OF_ONE_USER"));
    }
}
