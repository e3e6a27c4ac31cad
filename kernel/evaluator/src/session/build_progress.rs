//! How far cargo is with the crates of a cell: told by the cargo shim, shown by the kernel.
//!
//! The shim sends datagrams to a socket of the kernel. Nobody waits for anybody: what cannot be sent is not shown.

use crate::session::run_directory::build_progress_socket;
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How far cargo is with a build.
///
/// ```
/// use mosaic_evaluator::BuildProgress;
///
/// fn line(progress: &BuildProgress) -> String {
///     format!("{} of {}: {}", progress.done, progress.total, progress.current)
/// }
/// # let progress = BuildProgress { build: 7, done: 3, total: 5, compiled: 1, current: "serde".to_owned(), elapsed: Default::default(), ended: false };
/// # assert_eq!(line(&progress), "3 of 5: serde");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildProgress {
    /// Tells this build from others of the kernel.
    pub build: u32,
    /// How many of `total` are done. Those count that were compiled before, and so do build scripts, as for cargo.
    pub done: u64,
    /// How many crates and build scripts the cell needs.
    pub total: u64,
    /// How many crates this build has begun to compile.
    pub compiled: u64,
    /// The crates that are being compiled, as cargo names them.
    pub current: String,
    /// The time since the build began.
    pub elapsed: Duration,
    /// cargo has ended. All crates are there if `done` is `total`.
    pub ended: bool,
}

/// The largest datagram that is read.
const LONGEST: usize = 1 << 16;

/// Calls a function with each progress, on a thread of its own, for as long as this process lives.
///
/// # Errors
///
/// The socket cannot be made in the run directory, or the thread cannot be started.
pub(crate) fn listen(run_directory: &Path, on_progress: impl Fn(BuildProgress) + Send + 'static) -> io::Result<()> {
    let socket = UnixDatagram::bind(build_progress_socket(run_directory))?;
    let receive = move || {
        let mut buffer = vec![0; LONGEST];
        while let Ok(length) = socket.recv(&mut buffer) {
            if let Ok(progress) = serde_json::from_slice(&buffer[..length]) {
                on_progress(progress);
            }
        }
    };
    thread::Builder::new().name("build-progress".into()).spawn(receive)?;
    Ok(())
}

/// Tells the kernel how far a build is.
pub(crate) struct Reporter {
    socket: UnixDatagram,
    to: PathBuf,
}

impl Reporter {
    /// Returns a reporter to the kernel with this run directory, if the system has a socket left.
    pub(crate) fn new(run_directory: &Path) -> Option<Reporter> {
        let socket = UnixDatagram::unbound().ok()?;
        // A kernel that does not read must not hold cargo up.
        socket.set_nonblocking(true).ok()?;
        Some(Reporter {
            socket,
            to: build_progress_socket(run_directory),
        })
    }

    /// Tells the kernel, if it listens.
    pub(crate) fn tell(&self, progress: &BuildProgress) {
        if let Ok(message) = serde_json::to_vec(progress) {
            let _ = self.socket.send_to(&message, &self.to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn the_kernel_hears_of_a_build() {
        let run_directory = tempfile::tempdir().unwrap();
        let (sender, received) = mpsc::channel();
        listen(run_directory.path(), move |it| sender.send(it).unwrap()).unwrap();
        let progress = BuildProgress {
            build: 1,
            done: 2,
            total: 3,
            compiled: 1,
            current: "ä".to_owned(),
            elapsed: Duration::from_millis(1500),
            ended: false,
        };
        let reporter = Reporter::new(run_directory.path()).unwrap();
        reporter.socket.send_to(b"no progress", &reporter.to).unwrap();
        reporter.tell(&progress);
        assert_eq!(received.recv_timeout(Duration::from_secs(60)).unwrap(), progress);
    }

    #[test]
    fn without_a_kernel_nothing_is_told() {
        let run_directory = tempfile::tempdir().unwrap();
        let reporter = Reporter::new(run_directory.path()).unwrap();
        let nothing = BuildProgress {
            build: 1,
            done: 0,
            total: 0,
            compiled: 0,
            current: String::new(),
            elapsed: Duration::ZERO,
            ended: true,
        };
        reporter.tell(&nothing);
    }
}
