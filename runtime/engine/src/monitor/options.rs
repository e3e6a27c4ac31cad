//! How a monitor is started: where its sockets are, and how it starts workers.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The name of the monitor's socket in the run directory.
const SOCKET: &str = "hub.sock";

/// Returns the monitor's socket in a run directory.
pub(super) fn monitor_address(run_dir: &Path) -> PathBuf {
    run_dir.join(SOCKET)
}

/// How to start a worker: a program that calls [`crate::worker_main`].
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The executable of the program.
    pub program: PathBuf,
    /// The arguments of the program.
    pub args: Vec<OsString>,
    /// Environment variables to set (`Some`) or to remove (`None`); all others are those of this process.
    pub env: Vec<(OsString, Option<OsString>)>,
}

/// Options of [`Monitor::start`](crate::Monitor::start).
#[derive(Clone, Debug)]
pub struct MonitorOptions {
    /// The directory for sockets, as [`run_dir`] makes it. It must exist and be closed to other users.
    pub run_dir: PathBuf,
    /// How to start a worker.
    pub worker: WorkerCommand,
}

/// Makes a new directory for sockets that only this user may enter.
///
/// The directory lies under `$XDG_RUNTIME_DIR`, or under the directory for temporary files if that is not set. It is
/// removed when the returned value is dropped, or by the last worker if this process is killed.
///
/// # Errors
///
/// The directory cannot be made.
///
/// # Examples
///
/// ```
/// let run_dir = mosaic_engine::run_dir()?;
/// assert!(run_dir.path().is_dir());
/// # std::io::Result::Ok(())
/// ```
pub fn run_dir() -> io::Result<TempDir> {
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let parent = runtime_dir
        .filter(|path| path.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    tempfile::Builder::new()
        .prefix("mosaic-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(&parent)
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("no directory for sockets can be made in {}: {error}", parent.display()),
            )
        })
}
