//! What cargo made of the same crates in another session, so that a session has them without cargo.
//!
//! Which versions they have, how a cell is compiled with them, and which files that takes: it is kept under all that
//! cargo looks at before it builds, and holds as long as the files are those that were built, and the variables and
//! files that the crates' build scripts look at are as they were. As with a lock file, newer versions are not looked
//! for: those that were built stay until the cache is cleared, or `MOSAIC_FAST_PATH` is `0`.

use crate::{
    cargo_shim::{
        built_units::{self, Units},
        cache_key::{self, with_session, without_session},
        crate_pool::Pool,
        rustc_invocation::RustcInvocation,
    },
    prebuilt::crates::{copy_with_time, link_if_built},
    session::{
        environment::{users_variable, users_variables},
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

/// Variables that cargo sets for rustc begin so, or are where a proc-macro finds its libraries.
const CARGO: &str = "CARGO";
const LIBRARIES: &str = "LD_LIBRARY_PATH";
/// One that is about open files of cargo's.
const JOBS: &str = "CARGO_MAKEFLAGS";

/// Crates that a session asks for.
pub(super) struct Build<'a> {
    state: &'a ShimState,
    pool: Pool,
    template: PathBuf,
    /// What is known of them.
    file: PathBuf,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    lock: String,
    /// How the cell was compiled.
    recipe: RustcInvocation,
    /// Below the session's directory.
    files: BTreeMap<PathBuf, Stamp>,
    /// What build scripts and macros looked at.
    variables: BTreeMap<String, Option<String>>,
    watched: BTreeMap<PathBuf, Option<Stamp>>,
}

/// What tells a file that was written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    bytes: u64,
    nanoseconds: u64,
}

impl Stamp {
    pub(super) fn of(file: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(file).ok()?;
        let written = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Stamp {
            bytes: metadata.len(),
            nanoseconds: u64::try_from(written.as_nanos()).ok()?,
        })
    }

    /// Whether it is the expected one. Files that are not whole are removed: cargo would take them for what they were.
    fn is(self, expected: Stamp, files: &[&Path]) -> bool {
        if self.bytes != expected.bytes {
            for file in files {
                let _ = fs::remove_file(file);
            }
        }
        self == expected
    }
}

impl<'a> Build<'a> {
    /// What cargo is asked to build, unless something of it may change that cargo alone looks after. `told` is the
    /// variable that says where the result goes.
    pub(super) fn new(state: &'a ShimState, arguments: &[OsString], told: &str) -> Option<Build<'a>> {
        let mut parts = cache_key::of_request(state, arguments, told)?;
        parts.add(&fs::read(state.session.join("Cargo.lock")).unwrap_or_default());
        let pool = Pool::of_session(&state.session);
        let file = pool.kept("builds").join(parts.name(16)).with_extension("json");
        Some(Build {
            state,
            pool,
            template: state.session.with_file_name("template"),
            file,
        })
    }

    /// Gives the session what another one has built, and says how a cell is compiled with it.
    pub(super) fn recall(&self) -> Option<RustcInvocation> {
        let kept: Kept = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        let variable = |name: &str| users_variable(name).map(|it| it.to_string_lossy().into_owned());
        let is_as_it_was = kept.variables.iter().all(|(name, value)| variable(name) == *value)
            && kept.watched.iter().all(|(file, stamp)| Stamp::of(file) == *stamp);
        if !is_as_it_was || !kept.files.iter().all(|(file, stamp)| self.provide(file, *stamp)) {
            return None;
        }
        cache_key::replace(&self.state.session.join("Cargo.lock"), kept.lock.as_bytes()).ok()?;
        Some(kept.recipe.in_session(&self.state.session))
    }

    /// Has a file in the session, as it was built.
    fn provide(&self, file: &Path, stamp: Stamp) -> bool {
        let (there, here) = (self.pool.file(file), self.state.session.join(file));
        if let Some(found) = Stamp::of(&here) {
            return found.is(stamp, &[&here, &there]);
        }
        if !Stamp::of(&there).is_some_and(|found| found.is(stamp, &[&there])) {
            return false;
        }
        let directory = here.parent().map_or(Ok(()), fs::create_dir_all);
        directory.is_ok() && (link_if_built(&there, &here) || copy_with_time(&there, &here).is_ok())
    }

    /// Keeps what cargo has just built, and told in its messages, if all of it can be given to others.
    pub(super) fn keep(&self, recipe: &RustcInvocation, messages: &[u8]) -> Result<()> {
        let session = &self.state.session;
        let Some(units) = Units::of(&String::from_utf8_lossy(messages), session) else {
            return Ok(());
        };
        let mut files = BTreeMap::new();
        let mut new = Vec::new();
        for file in &units.files {
            let stamp = Stamp::of(&session.join(file)).context("what cargo built is gone")?;
            let of_template = Stamp::of(&self.template.join(file)) == Some(stamp);
            let of_session = Pool::is_of_session(file);
            if of_session && !of_template {
                // Built anew for this session alone.
                return Ok(());
            }
            if !of_template {
                new.push(file.as_path());
            }
            if !of_template || of_session {
                files.insert(file.clone(), stamp);
            }
        }
        let Some(seen) = built_units::Seen::of(session, &new, &units.outputs) else {
            return Ok(());
        };
        let kept = Kept {
            lock: fs::read_to_string(session.join("Cargo.lock"))?,
            recipe: recipe.in_any_session(session),
            files,
            variables: seen.variables,
            watched: seen.files.into_iter().map(|it| (it.clone(), Stamp::of(&it))).collect(),
        };
        cache_key::replace(&self.file, &serde_json::to_vec(&kept)?).context("cannot keep what cargo built")
    }
}

impl RustcInvocation {
    /// With what cargo said, and nothing that is only of one session.
    fn in_any_session(&self, session: &Path) -> RustcInvocation {
        let arguments = self.arguments.iter().map(|it| without_session(it, session));
        let is_cargos = |name: &str| name != JOBS && (name.starts_with(CARGO) || name == LIBRARIES);
        let environment = self.environment.iter().filter(|(name, _)| is_cargos(name));
        RustcInvocation {
            arguments: arguments.collect(),
            environment: environment
                .map(|(name, value)| (name.clone(), without_session(value, session)))
                .collect(),
        }
    }

    fn in_session(&self, session: &Path) -> RustcInvocation {
        let arguments = self.arguments.iter().map(|it| with_session(it, session));
        let of_the_user = users_variables().into_iter();
        let of_the_user =
            of_the_user.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let of_cargo = self.environment.iter();
        let of_cargo = of_cargo.map(|(name, value)| (name.clone(), with_session(value, session)));
        RustcInvocation {
            arguments: arguments.collect(),
            environment: of_the_user.chain(of_cargo).collect(),
        }
    }
}
