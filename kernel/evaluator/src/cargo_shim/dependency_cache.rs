//! Crates that cargo has built for `:dep`, reused by the next session that asks for the same ones, without cargo.
//!
//! A record in the [pool](crate::cargo_shim::crate_pool) says which versions the crates have, how a cell is compiled
//! with them, and which files that takes. The record lies under a [key](crate::cargo_shim::cache_key) of all that cargo
//! looks at before it builds. It holds as long as the files are those that were built, and the variables and files that
//! build scripts look at are as they were.
//!
//! As with a lock file, nobody looks for newer versions: a session gets the recorded ones until the cache is cleared,
//! or `MOSAIC_FAST_PATH` is `0`.

use crate::{
    cargo_shim::{
        built_units::{BuildInputs, BuiltUnits},
        cache_key,
        crate_pool::{Pool, Records},
    },
    prebuilt::cache_directory::CacheDirectory,
    rustc_wrapper::shared_crates::units::{LINK_ARGUMENTS_EXTENSION, NEEDS_EXTENSION},
    session::{
        environment::digest_of_variable,
        files::{LOCK_FILE, RustcInvocation},
        shared_files::{copy_with_time, link_if_built, replace},
        shim_state::ShimState,
    },
};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// The extensions of the files that the rustc wrapper writes beside a library.
const EXTENSIONS_OF_NOTES: [&str; 2] = [NEEDS_EXTENSION, LINK_ARGUMENTS_EXTENSION];

/// The dependencies that a session asks for.
pub(super) struct DependencyBuild<'a> {
    state: &'a ShimState,
    pool: Pool,
    template: PathBuf,
    /// The record of an earlier build of the same dependencies.
    record: PathBuf,
}

/// A successful build of dependencies.
#[derive(Debug, Serialize, Deserialize)]
struct BuildRecord {
    /// The content of the lock file.
    lock: String,
    /// How the cell was compiled.
    invocation: RustcInvocation,
    /// The built files, relative to the session directory.
    files: BTreeMap<PathBuf, Stamp>,
    /// The variables that build scripts and macros looked at, with digests of their values, which may be secret.
    variables: BTreeMap<String, Option<String>>,
    /// The files outside of the session that build scripts looked at.
    watched: BTreeMap<PathBuf, Option<Stamp>>,
}

/// The length and the time of modification of a file, which differ after it was written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    nanoseconds: u64,
}

impl Stamp {
    fn of(file: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(file).ok()?;
        let written = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Stamp {
            bytes: metadata.len(),
            nanoseconds: u64::try_from(written.as_nanos()).ok()?,
        })
    }

    /// Returns whether this stamp of some `files` is the expected one. Removes files of another length, which are not
    /// whole and which cargo would take for fresh.
    fn is(self, expected: Stamp, files: &[&Path]) -> bool {
        if self.bytes != expected.bytes {
            for file in files {
                let _ = fs::remove_file(file);
            }
        }
        self == expected
    }
}

impl<'a> DependencyBuild<'a> {
    /// Returns the dependencies that cargo is asked to build by these arguments, unless their sources may change.
    ///
    /// `result_variable` names the file for the result of the call, which differs between calls and means nothing here.
    pub(super) fn new(
        state: &'a ShimState,
        arguments: &[OsString],
        result_variable: &str,
    ) -> Option<DependencyBuild<'a>> {
        let mut parts = cache_key::of_request(state, arguments, result_variable)?;
        parts.add(LOCK_FILE.read(&state.session).unwrap_or_default().as_bytes());
        let pool = Pool::of_session(&state.session);
        let record = pool
            .records(Records::Builds)
            .join(parts.name(16))
            .with_extension("json");
        Some(DependencyBuild {
            state,
            pool,
            template: CacheDirectory::of_session(&state.session).template(),
            record,
        })
    }

    /// Provides the session with the files of an earlier build, and returns how a cell is compiled with them. Returns
    /// `None` if there is no record or it no longer holds.
    pub(super) fn reuse(&self) -> Option<RustcInvocation> {
        let record: BuildRecord = serde_json::from_slice(&fs::read(&self.record).ok()?).ok()?;
        let inputs_are_unchanged = record
            .variables
            .iter()
            .all(|(name, value)| digest_of_variable(name) == *value)
            && record.watched.iter().all(|(file, stamp)| Stamp::of(file) == *stamp);
        if !inputs_are_unchanged || !record.files.iter().all(|(file, stamp)| self.provide(file, *stamp)) {
            return None;
        }
        LOCK_FILE.replace(&self.state.session, &record.lock).ok()?;
        Some(record.invocation.in_session(&self.state.session))
    }

    /// Provides the session with a file from the pool, unless the session has it. Returns whether the session
    /// now has the file with this stamp.
    fn provide(&self, file: &Path, stamp: Stamp) -> bool {
        let (in_pool, in_session) = (self.pool.file(file), self.state.session.join(file));
        if let Some(found) = Stamp::of(&in_session) {
            return found.is(stamp, &[&in_session, &in_pool]);
        }
        if !Stamp::of(&in_pool).is_some_and(|found| found.is(stamp, &[&in_pool])) {
            return false;
        }
        let directory = in_session.parent().map_or(Ok(()), fs::create_dir_all);
        directory.is_ok() && (link_if_built(&in_pool, &in_session) || copy_with_time(&in_pool, &in_session).is_ok())
    }

    /// Records what cargo has just built, given cargo's messages, if other sessions can use all of it.
    ///
    /// # Errors
    ///
    /// A built file is gone, or the record cannot be written.
    pub(super) fn keep(&self, invocation: &RustcInvocation, messages: &[u8]) -> Result<()> {
        let session = &self.state.session;
        let Some(units) = BuiltUnits::of(&String::from_utf8_lossy(messages), session) else {
            return Ok(());
        };
        let mut files = BTreeMap::new();
        let mut new = Vec::new();
        let beside = units
            .files
            .iter()
            .flat_map(|file| EXTENSIONS_OF_NOTES.map(|it| file.with_extension(it)));
        let beside: Vec<PathBuf> = beside.filter(|file| session.join(file).is_file()).collect();
        for file in units.files.iter().chain(&beside) {
            let stamp = Stamp::of(&session.join(file)).context("a file that cargo built is gone")?;
            // Every session has the template's files from the beginning.
            if Stamp::of(&self.template.join(file)) != Some(stamp) {
                new.push(file.as_path());
                files.insert(file.clone(), stamp);
            }
        }
        let Some(inputs) = BuildInputs::of(session, &new, &units.outputs) else {
            return Ok(());
        };
        let record = BuildRecord {
            lock: LOCK_FILE.read(session).context("the session has no lock file")?,
            invocation: invocation.in_any_session(session),
            files,
            variables: inputs.variables,
            watched: inputs
                .files
                .into_iter()
                .map(|it| (it.clone(), Stamp::of(&it)))
                .collect(),
        };
        replace(&self.record, &serde_json::to_vec(&record)?).context("cannot record what cargo built")
    }
}
