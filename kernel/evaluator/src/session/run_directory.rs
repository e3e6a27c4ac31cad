//! The names in the run directory, which holds the sockets and pipes of one kernel.
//!
//! The kernel creates the directory (`kernel/src/run_dir.rs`) and removes it at the end. It is private to the user, and
//! its path is short, as the paths of sockets must be.
//!
//! | name | who creates it | who uses it |
//! | --- | --- | --- |
//! | `cell.sock` | the kernel | the cell process connects; see [`link`](crate::session::link) |
//! | `cell-stdout`, `cell-stderr` | the kernel, as named pipes | the cell process writes what cells print |
//! | `build.sock` | the kernel | the cargo shim tells how far a build is; see [`build_progress`](crate::session::build_progress) |
//! | `session` | the kernel, as a link to the session directory | the [guardian](crate::guardian) removes that directory |
//! | `shim/` | the kernel, by [`take_over`](crate::session::environment::take_over) | the cargo shim; first in `PATH` |
//! | `shim/cargo`, `shim/rustc`, `shim/rustup` | the kernel | links to this executable, which runs as the cargo shim |
//! | `shim/state.json` | the kernel | the cargo shim reads its [`ShimState`](crate::session::shim_state::ShimState) |
//! | `shim/sysroot/` | the kernel | the toolchain's directory as rust-analyzer sees it |

use std::path::{Path, PathBuf};

/// The paths by which the cell process reaches its kernel.
#[derive(Clone, Debug)]
pub(crate) struct CellPaths {
    /// The socket of the [`link`](crate::session::link).
    pub(crate) socket: PathBuf,
    /// The named pipe for the standard output of cells.
    pub(crate) stdout: PathBuf,
    /// The named pipe for the standard error of cells.
    pub(crate) stderr: PathBuf,
}

impl CellPaths {
    /// Returns the paths in a run directory.
    pub(crate) fn in_directory(run_directory: &Path) -> CellPaths {
        CellPaths {
            socket: run_directory.join("cell.sock"),
            stdout: run_directory.join("cell-stdout"),
            stderr: run_directory.join("cell-stderr"),
        }
    }
}

/// Returns the socket to which the cargo shim tells how far a build is.
pub(crate) fn build_progress_socket(run_directory: &Path) -> PathBuf {
    run_directory.join("build.sock")
}

/// Returns the link to the session directory.
pub(crate) fn session_link(run_directory: &Path) -> PathBuf {
    run_directory.join("session")
}

/// Returns the directory whose `cargo`, `rustc` and `rustup` are the cargo shim.
pub(crate) fn shim_directory(run_directory: &Path) -> PathBuf {
    run_directory.join("shim")
}

/// Returns the file that tells the cargo shim what the kernel is doing.
pub(crate) fn shim_state_file(shim_directory: &Path) -> PathBuf {
    shim_directory.join("state.json")
}

/// Returns the toolchain's directory as rust-analyzer sees it.
pub(crate) fn shim_sysroot(shim_directory: &Path) -> PathBuf {
    shim_directory.join("sysroot")
}
