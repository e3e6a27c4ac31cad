//! The process of a command, which is ended as a process group.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::{
    env, io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{self, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::Mutex,
    time::Duration,
};

/// How long a process may take to end after a signal.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The environment variable with the *marks* of a process, by which the runtime finds and ends what it has started. The
/// engine's `process_mark` describes them.
const MARK_VARIABLE: &str = "MOSAIC_STARTED_BY";
/// What the mark of a launcher's process ends with. Such a process gets time to end by itself when the process that has
/// started it is killed: `srun`, for one, answers SIGTERM by killing its node process.
const LAUNCHERS: &str = "launchers/";

/// A process that leads a process group of its own, with pipes. An interrupt of this process's group does not reach it.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    /// Locked to signal and to reap the process, so that no signal reaches another process with the same pid.
    process: Mutex<process::Child>,
}

/// The ends of a child's pipes.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

impl Child {
    /// Starts a command.
    ///
    /// # Errors
    ///
    /// The operating system cannot start it.
    pub(crate) fn start(mut command: Command) -> io::Result<(Child, Pipes)> {
        if let Some(mut marks) = env::var_os(MARK_VARIABLE).filter(|marks| !marks.is_empty()) {
            marks.push(LAUNCHERS);
            command.env(MARK_VARIABLE, marks);
        }
        Child::spawn(command)
    }

    /// Starts a command that outlives this process, and that nobody else ends either.
    ///
    /// # Errors
    ///
    /// The operating system cannot start it.
    pub(crate) fn start_unmarked(mut command: Command) -> io::Result<(Child, Pipes)> {
        command.env_remove(MARK_VARIABLE);
        Child::spawn(command)
    }

    fn spawn(mut command: Command) -> io::Result<(Child, Pipes)> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.process_group(0).spawn()?;
        let pipes = Pipes {
            stdin: process.stdin.take().expect("the standard input is a pipe"),
            stdout: process.stdout.take().expect("the standard output is a pipe"),
            stderr: process.stderr.take().expect("the standard error is a pipe"),
        };
        let child = Child {
            pid: Pid::from_child(&process),
            process: Mutex::new(process),
        };
        Ok((child, pipes))
    }

    /// Waits for the end of the process. One thread alone may call this, once.
    ///
    /// # Errors
    ///
    /// Somebody else has reaped the process.
    pub(crate) fn wait(&self) -> io::Result<ExitStatus> {
        // Waits without the lock, and reaps with it.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(error) = waitid(WaitId::Pid(self.pid), options) {
            if error != rustix::io::Errno::INTR {
                return Err(error.into());
            }
        }
        self.process
            .lock()
            .expect("no thread panics while it holds a process")
            .wait()
    }

    /// Sends a signal to the process and to all in its group, unless the process has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let mut process = self.process.lock().expect("no thread panics while it holds a process");
        if matches!(process.try_wait(), Ok(None)) {
            // It may end at any moment.
            let _ = kill_process_group(self.pid, signal);
        }
    }
}

/// Says how a process has ended.
pub(crate) fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "ended".to_owned(),
        (Some(code), _) => format!("ended with code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}
