//! How a monitor is started: where its sockets are, and how it starts workers.

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The name of the monitor's socket in the run directory.
const SOCKET: &str = "monitor.sock";

/// Returns the monitor's socket in a run directory.
pub(crate) fn monitor_address(run_dir: &Path) -> PathBuf {
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
    /// Whether somebody else ends and removes what this process leaves if it is killed. Otherwise its workers do it, or a
    /// shell if the workers are on other hosts.
    pub is_guarded: bool,
}

/// The number of bytes of the longest path of a socket.
const LONGEST_SOCKET: usize = 107;
/// A name as long as that of the longest socket in a run directory, which is a head's, behind the directory's own name.
const LONGEST_NAME: &str = "/mosaic-x7Rk2a/head-0123456789abcdef0123456789abcdef.sock";

/// Returns a directory of this machine in which a [run directory](run_dir) can be made: `$XDG_RUNTIME_DIR`, the
/// directory for temporary files, or else `/tmp`. Skips directories whose path is too long for a socket's.
///
/// # Errors
///
/// There is no such directory.
pub fn run_dir_parent() -> io::Result<PathBuf> {
    let runtime_dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let usual = ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from);
    let candidates = runtime_dir.into_iter().chain([env::temp_dir()]).chain(usual);
    first_usable(candidates).ok_or_else(|| {
        io::Error::other(format!(
            "there is no directory for sockets: have XDG_RUNTIME_DIR name one whose path has at most {} bytes",
            LONGEST_SOCKET - LONGEST_NAME.len()
        ))
    })
}

fn first_usable(mut candidates: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    candidates.find(|path| {
        path.is_absolute() && path.is_dir() && path.as_os_str().len() + LONGEST_NAME.len() <= LONGEST_SOCKET
    })
}

/// Makes a new directory for sockets that only this user may enter.
///
/// The directory lies in the [`run_dir_parent`]. It is removed when the returned value is dropped, or by the last worker
/// if this process is killed.
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
    let parent = run_dir_parent()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::Id, worker::local_address};
    use std::iter::repeat_n;

    #[test]
    fn a_directory_whose_path_is_too_long_for_sockets_is_skipped() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join(repeat_n('x', 85).collect::<String>());
        fs::create_dir(&long).unwrap();
        let missing = parent.path().join("missing");
        let candidates = || [missing.clone(), PathBuf::from("."), long.clone()].into_iter();
        assert_eq!(first_usable(candidates()), None);
        let short = PathBuf::from("/");
        assert_eq!(first_usable(candidates().chain([short.clone()])), Some(short));
    }

    #[test]
    fn no_socket_has_a_longer_name() {
        let run_dir = Path::new("/mosaic-x7Rk2a");
        let head = local_address(&monitor_address(run_dir), Id::unique());
        for address in [
            head,
            run_dir.join("worker-1000000-1000000.sock"),
            monitor_address(run_dir),
        ] {
            assert!(address.as_os_str().len() <= LONGEST_NAME.len(), "{}", address.display());
        }
    }
}
