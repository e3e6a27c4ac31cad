//! The guardian: a process that outlives a killed kernel, and ends and removes what the kernel has left.
//!
//! The kernel holds the only writing end of a pipe to the guardian. However the kernel ends, the system closes the
//! pipe. Then the guardian ends all processes that have the kernel's [mark](crate::session::processes), also those that
//! are stopped, and removes the kernel's files. A kernel that ends in order has done that itself, and nothing is left.
//!
//! The guardian does not depend on the cell process or the workers, which run code of the user, may be stopped, or may
//! have been killed as well. It has no mark itself, and a process group of its own, so that what ends the kernel spares
//! it.

use crate::session::{
    directory::{remove_rust_analyzers_of, remove_until_gone},
    processes::KernelProcesses,
    run_directory::session_link,
};
use rustix::process::getppid;
use std::{
    fs,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a kernel that ends in order waits for its guardian.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a launcher's processes have to end by themselves. They end when their node processes have tidied up. Slurm
/// asks those to end when the allocation is given back, which happens 3 s after the kernel's end.
const LAUNCHERS_TIME: Duration = Duration::from_secs(6);
/// The pause between two looks whether the guardian has ended.
const STEP: Duration = Duration::from_millis(5);

/// The guardian of this kernel.
#[derive(Debug)]
pub struct Guardian(Child);

impl Guardian {
    /// Starts the guardian of the kernel with this run directory: this executable, with the given arguments, which has
    /// to call [`guard`].
    ///
    /// # Errors
    ///
    /// The process cannot be started.
    pub fn start(arguments: &[&str], run_dir: &Path) -> io::Result<Guardian> {
        let (mark, _) = KernelProcesses::of_run(run_dir).all().variable();
        let mut command = Command::new(crate::this_executable()?);
        command
            .args(arguments)
            .arg(run_dir)
            .env_remove(mark)
            .process_group(0)
            // The directory of a notebook can be unmounted as soon as its kernel has ended.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().map(Guardian)
    }

    /// Lets the guardian end, as the kernel has left nothing. Waits for its end, for some seconds at most.
    pub fn dismiss(mut self) {
        drop(self.0.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(STEP);
        }
    }
}

/// Runs this process as the guardian of the kernel with this run directory: waits for the kernel's end, and then ends
/// and removes what the kernel has left.
pub fn guard(run_dir: &Path) {
    let kernel = getppid();
    ignore_signals();
    // The kernel writes nothing. An error is an end, too.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    let processes = KernelProcesses::of_run(run_dir);
    // At once: a cell may be computing.
    processes.of_cells().end();
    processes.launchers().find().wait(LAUNCHERS_TIME);
    processes.all().end();
    let link = session_link(run_dir);
    if let Ok(session) = fs::read_link(&link) {
        remove_until_gone(&session);
    }
    if let Err(error) = fs::remove_dir_all(run_dir)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!("{} stays: {error}", run_dir.display());
    }
    mosaic_engine::remove_abandoned_values();
    if let Some(kernel) = kernel {
        remove_rust_analyzers_of(kernel.as_raw_nonzero().get().cast_unsigned());
    }
}

/// Makes this process ignore the signals that are sent to all processes of a service or a terminal before SIGKILL. The
/// guardian ends by itself as soon as it has done its work.
fn ignore_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: ignoring a signal installs no handler, so no code runs at an unexpected moment.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
