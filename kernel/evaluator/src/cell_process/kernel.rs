//! The kernel as its cell process knows it, and what is left to do when it was killed.

use crate::{
    cell_process::ENDING,
    session::{
        directory, processes,
        run_directory::CellPaths,
        variables::{MONITOR_VARIABLE, RUN_DIRECTORY_VARIABLE, SESSION_VARIABLE},
    },
};
use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, getppid, pidfd_open},
};
use std::{
    env, fs,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{Once, atomic::Ordering},
    time::Duration,
};

/// How long a killed process may take from closing its pipes to its end.
const DYING: Duration = Duration::from_secs(3);

/// The kernel that started this process, and its directories.
#[derive(Debug)]
pub(super) struct Kernel {
    process: Option<(Pid, OwnedFd)>,
    pub(super) paths: CellPaths,
    pub(super) monitor: PathBuf,
    directory: PathBuf,
    session: PathBuf,
    cleaned: Once,
}

impl Kernel {
    /// What the environment says of it.
    pub(super) fn find() -> Result<Kernel> {
        let parent = getppid().and_then(|pid| Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?)));
        let variable = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .with_context(|| format!("{name} is not set"))
        };
        let directory = variable(RUN_DIRECTORY_VARIABLE)?;
        Ok(Kernel {
            process: parent,
            paths: CellPaths::in_directory(&directory),
            monitor: variable(MONITOR_VARIABLE)?,
            directory,
            session: variable(SESSION_VARIABLE)?,
            cleaned: Once::new(),
        })
    }

    /// Does what the kernel cannot do any more, if it was killed, and what it has asked for, if it ends in order. Returns
    /// when that is done, whichever thread does it. A kernel that lives has only given this process up.
    pub(super) fn clean_up(&self) {
        self.cleaned.call_once(|| {
            let ends_in_order = ENDING.load(Ordering::Acquire);
            if !ends_in_order && !self.dies() {
                return;
            }
            if let Err(error) = fs::remove_dir_all(&self.directory) {
                tracing::debug!("{} stays: {error}", self.directory.display());
            }
            if let Some((pid, _)) = self.process.as_ref().filter(|_| !ends_in_order) {
                // A compilation, or a shell command.
                processes::end_all_of(*pid);
                directory::remove_rust_analyzers_of(pid.as_raw_nonzero().get().cast_unsigned());
            }
            // What was just ended may still write there for a moment.
            directory::remove_until_gone(&self.session, &self.session.with_extension("lock"));
        });
    }

    /// Whether it ends now: its pipes close a moment before it does.
    fn dies(&self) -> bool {
        let Some((_, process)) = &self.process else {
            return true;
        };
        let patience = Timespec::try_from(DYING).ok();
        poll(&mut [PollFd::new(process, PollFlags::IN)], patience.as_ref()).is_ok_and(|ended| ended > 0)
    }
}
