//! The standard output and error of cells, which are named pipes that the kernel reads.

use crate::session::run_directory::CellPaths;
use rustix::fs::{Mode, OFlags};
use std::{
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long a cell waits at most for the kernel to read what the cell has printed.
const MAXIMUM_WAIT: Duration = Duration::from_millis(100);

/// Whether standard output and error are connected to the kernel.
///
/// Set and read only by [`connect`], which the main thread calls before there is a second thread, and the thread `link`
/// calls afterwards.
static IS_CONNECTED: AtomicBool = AtomicBool::new(false);

/// Connects standard output and error to the kernel, unless they are connected. Called for the first cell and not
/// before, since evcxr runs trial cells at its start.
///
/// # Errors
///
/// A pipe cannot be opened. The next cell tries again.
pub(super) fn connect(paths: &CellPaths) -> rustix::io::Result<()> {
    if IS_CONNECTED.load(Ordering::Acquire) {
        return Ok(());
    }
    let open = |path: &Path| -> rustix::io::Result<OwnedFd> {
        rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
    };
    rustix::stdio::dup2_stdout(open(&paths.stdout)?)?;
    rustix::stdio::dup2_stderr(open(&paths.stderr)?)?;
    IS_CONNECTED.store(true, Ordering::Release);
    Ok(())
}

/// Waits until the kernel has read everything in a pipe, so that output in the two pipes keeps its order. That takes
/// microseconds unless the kernel is very busy.
pub(super) fn wait_until_read(pipe: BorrowedFd<'_>) {
    let begun = Instant::now();
    // There is nothing to be woken by: a pipe tells its writer that it has room, and not that it is empty.
    while rustix::io::ioctl_fionread(pipe).is_ok_and(|unread| unread > 0) && begun.elapsed() < MAXIMUM_WAIT {
        thread::yield_now();
    }
}
