//! Debuggers of the processes that a kernel starts.
//!
//! While a debugger is on, its socket lies in the run directory. A new process connects, says its name in a line, and
//! waits until the debugger ends the connection, which it does once it is attached. So the debugger misses nothing of
//! the process.

#[cfg(target_os = "linux")]
use rustix::process::{PTracer, getppid, set_ptracer};
use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a process waits for a debugger that does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the socket at which new processes wait for a debugger. It exists while the debugger is on.
#[must_use]
pub fn debugger_socket(run_dir: &Path) -> PathBuf {
    run_dir.join("debugger.sock")
}

/// Lets a debugger that the parent of this process starts attach to this process, and waits for it if it is on.
/// `name` says which process this is.
///
/// ```no_run
/// mosaic_engine::wait_for_debugger("/run/user/1000/mosaic-x".as_ref(), "cells");
/// ```
pub fn wait_for_debugger(run_dir: &Path, name: &str) {
    // Some systems let a process trace its own descendants only, and the debugger is a sibling. Where nothing forbids
    // tracing, the call is unknown.
    #[cfg(target_os = "linux")]
    if let Some(parent) = getppid() {
        let _ = set_ptracer(PTracer::ProcessID(parent));
    }
    let waited = UnixStream::connect(debugger_socket(run_dir)).and_then(|socket| wait(socket, name));
    if let Err(error) = waited
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("{name} does not wait for the debugger: {error}");
    }
}

/// Says the name of the process, and waits for the end of the connection.
fn wait(mut socket: UnixStream, name: &str) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    writeln!(socket, "{name}")?;
    loop {
        match socket.read(&mut [0]) {
            // Attaching interrupts this process.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        os::unix::net::UnixListener,
        thread,
    };

    #[test]
    fn a_process_waits_for_a_debugger_that_is_on() {
        let directory = tempfile::tempdir().unwrap();
        // It is off.
        wait_for_debugger(directory.path(), "worker:0:1");
        let listener = UnixListener::bind(debugger_socket(directory.path())).unwrap();
        let waiting = thread::spawn({
            let directory = directory.path().to_owned();
            move || wait_for_debugger(&directory, "worker:0:1")
        });
        let mut socket = BufReader::new(listener.accept().unwrap().0);
        let mut name = String::new();
        socket.read_line(&mut name).unwrap();
        assert_eq!(name, "worker:0:1\n");
        assert!(!waiting.is_finished());
        drop(socket);
        waiting.join().unwrap();
    }
}
