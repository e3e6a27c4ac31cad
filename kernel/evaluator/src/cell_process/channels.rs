//! The two channels out of the cell process: reports to the kernel, and lines to evcxr.

use crate::session::{frames::send, link::Report};
use anyhow::{Context, Result};
use std::{
    fs::File,
    io::Write,
    os::unix::net::UnixStream,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

/// The link to the kernel, for writing.
///
/// Set once, before the process has a second thread. Then any thread writes: the main thread and the threads of cells
/// report what a cell does, and the thread `link` answers the kernel. The lock keeps each report in one piece, and
/// reports arrive in the order in which the lock was taken.
static KERNEL: OnceLock<Mutex<UnixStream>> = OnceLock::new();

/// The pipe on which evcxr reads lines.
///
/// Set once, before the process has a second thread. Written only by [`run_state`](crate::cell_process::run_state), on
/// the main thread or on a thread of a cell, while it holds the lock of its own state.
static EVCXR: OnceLock<Mutex<File>> = OnceLock::new();

/// Connects to the kernel. Returns the link, for reading.
///
/// # Errors
///
/// The kernel does not listen.
pub(super) fn connect_to_kernel(socket: &Path) -> Result<UnixStream> {
    let link = UnixStream::connect(socket).context("cannot reach the kernel")?;
    let _ = KERNEL.set(Mutex::new(link.try_clone()?));
    Ok(link)
}

/// Sets the pipe on which evcxr reads.
pub(super) fn set_evcxr(pipe: File) {
    let _ = EVCXR.set(Mutex::new(pipe));
}

/// Sends a report to the kernel.
pub(super) fn report(report: &Report) {
    if let Some(link) = KERNEL.get() {
        // If the kernel is gone, the thread `link` finds that out and ends this process.
        let _ = send(&mut *link.lock().unwrap_or_else(PoisonError::into_inner), report);
    }
}

/// Writes a line for evcxr.
pub(super) fn tell_evcxr(line: &str) {
    if let Some(pipe) = EVCXR.get() {
        // evcxr is a part of the kernel, so the same holds as for a report.
        let _ = writeln!(pipe.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
    }
}
