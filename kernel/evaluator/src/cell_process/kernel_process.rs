//! The kernel that started this process, and the cleaning up that a killed kernel leaves to this process.

use crate::session::{
    directory,
    environment_variables::{MONITOR_VARIABLE, RUN_DIRECTORY_VARIABLE, SESSION_VARIABLE},
    processes,
    run_directory::CellPaths,
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
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How long a killed kernel may take from closing its pipes to its end.
const TIME_TO_DIE: Duration = Duration::from_secs(3);

/// Whether the kernel has said that it ends this process.
///
/// The thread `link` sets it, once. The main thread reads it when evcxr's pipe is closed, and both threads read it when
/// they clean up. If it is not set, the end of the pipes means that the kernel was killed or has given up this process.
static ENDS_IN_ORDER: AtomicBool = AtomicBool::new(false);

/// Notes that the kernel ends this process in order.
pub(super) fn expect_orderly_end() {
    ENDS_IN_ORDER.store(true, Ordering::Release);
}

/// Returns whether the kernel has said that it ends this process.
pub(super) fn ends_in_order() -> bool {
    ENDS_IN_ORDER.load(Ordering::Acquire)
}

/// The kernel that started this process, with its directories.
#[derive(Debug)]
pub(super) struct KernelProcess {
    process: Option<(Pid, OwnedFd)>,
    /// The socket and the pipes to the kernel.
    pub(super) paths: CellPaths,
    /// The socket of the runtime's monitor.
    pub(super) monitor: PathBuf,
    run_directory: PathBuf,
    session: PathBuf,
    cleaned: Once,
}

impl KernelProcess {
    /// Finds the kernel by the variables that it has set for this process.
    ///
    /// # Errors
    ///
    /// A variable is not set: the process was not started by a kernel.
    pub(super) fn find() -> Result<KernelProcess> {
        let parent = getppid().and_then(|pid| Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?)));
        let variable = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .with_context(|| format!("{name} is not set"))
        };
        let run_directory = variable(RUN_DIRECTORY_VARIABLE)?;
        Ok(KernelProcess {
            process: parent,
            paths: CellPaths::in_directory(&run_directory),
            monitor: variable(MONITOR_VARIABLE)?,
            run_directory,
            session: variable(SESSION_VARIABLE)?,
            cleaned: Once::new(),
        })
    }

    /// Removes the kernel's directories if the kernel was killed or ends in order, and ends the compilations of a
    /// killed kernel. Does nothing for a kernel that lives and has given up this process.
    ///
    /// The first thread that calls it cleans up. Others wait until that is done.
    pub(super) fn clean_up(&self) {
        self.cleaned.call_once(|| {
            let ends_in_order = ends_in_order();
            if !ends_in_order && !self.has_died() {
                return;
            }
            if let Err(error) = fs::remove_dir_all(&self.run_directory) {
                tracing::debug!("{} stays: {error}", self.run_directory.display());
            }
            if let Some((pid, _)) = self.process.as_ref().filter(|_| !ends_in_order) {
                // A compilation or a shell command may be running.
                processes::end_all_of(*pid);
                directory::remove_rust_analyzers_of(pid.as_raw_nonzero().get().cast_unsigned());
            }
            // A process that was just ended may still write there for a moment.
            directory::remove_until_gone(&self.session);
        });
    }

    /// Waits until the kernel has ended, for a few seconds. Returns whether it has.
    fn has_died(&self) -> bool {
        let Some((_, process)) = &self.process else {
            return true;
        };
        let patience = Timespec::try_from(TIME_TO_DIE).ok();
        poll(&mut [PollFd::new(process, PollFlags::IN)], patience.as_ref()).is_ok_and(|ended| ended > 0)
    }
}
