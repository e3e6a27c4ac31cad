//! The worker processes of this machine: started, killed and reaped.

use crate::monitor::{MonitorEvent, MonitorOptions};
use crate::{exit_status::describe_exit_status, process_mark::ProcessMark, worker::Settings};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{
    process::{Child, Command},
    sync::oneshot,
};

/// The worker processes that were started and not reaped yet.
#[derive(Debug, Default)]
pub(crate) struct Node {
    processes: BTreeMap<String, Process>,
}

#[derive(Debug)]
struct Process {
    pid: u32,
    /// Kills the process when it is used or dropped. The task that reaps the process kills it, so that the signal never
    /// hits another process that was given the same pid.
    kill: Option<oneshot::Sender<()>>,
    /// Whether the process was asked to end.
    asked: bool,
}

/// Returns the socket of a worker.
pub(crate) fn worker_address(options: &MonitorOptions, uid: &str) -> PathBuf {
    options.run_dir.join(format!("{}.sock", uid.replace(':', "-")))
}

/// Reports whether another file lies at the path of this program. `running` is the path of the running program, as the
/// system shows it.
fn is_replaced(program: &Path, running: &Path) -> bool {
    let deleted = [program.as_os_str(), OsStr::new(" (deleted)")]
        .into_iter()
        .collect::<OsString>();
    running.as_os_str() == deleted
}

impl Node {
    /// Starts a worker with a mark, and tells the embedder. When the process has ended and was reaped, `exited` is called with how
    /// it ended.
    ///
    /// # Errors
    ///
    /// The pipes cannot be made, or the program cannot be started, or its file was replaced since this process started.
    pub(crate) fn spawn(
        &mut self,
        options: &MonitorOptions,
        settings: &Settings,
        mark: &ProcessMark,
        library_threads: usize,
        on_event: &dyn Fn(MonitorEvent),
        exited: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<()> {
        let (stdout, child_stdout) = io::pipe()?;
        let (stderr, child_stderr) = io::pipe()?;
        let (worker, uid) = (&options.worker, &settings.uid);
        if is_replaced(&worker.program, &fs::read_link("/proc/self/exe")?) {
            return Err(io::Error::other(format!(
                "{} was replaced by another build since it was started, and a worker of that build would misread this \
                 one's values: start the program again",
                worker.program.display()
            )));
        }
        let mut command = Command::new(&worker.program);
        for (name, value) in &worker.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command
            .args(&worker.args)
            .envs(settings.variables(library_threads))
            .envs([mark.variable()])
            .stdin(Stdio::null())
            .stdout(child_stdout)
            .stderr(child_stderr)
            // An interrupt is meant for the process that runs the user's code, and not for the workers.
            .process_group(0)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let (kill, killed) = oneshot::channel();
        let process = Process {
            pid,
            kill: Some(kill),
            asked: false,
        };
        self.processes.insert(uid.clone(), process);
        tokio::spawn(async move { exited(reap(child, killed).await) });
        on_event(MonitorEvent::WorkerStarted {
            uid: uid.clone(),
            pid,
            stdout: stdout.into(),
            stderr: stderr.into(),
        });
        Ok(())
    }

    /// Notes that a process was asked to end.
    pub(crate) fn asked(&mut self, uid: &str) {
        if let Some(process) = self.processes.get_mut(uid) {
            process.asked = true;
        }
    }

    /// Kills a process, if it still runs.
    pub(crate) fn kill(&mut self, uid: &str) {
        if let Some(kill) = self.processes.get_mut(uid).and_then(|process| process.kill.take()) {
            // If nobody receives this, the process has just ended.
            let _ = kill.send(());
        }
    }

    /// Returns the uids of the processes.
    pub(crate) fn uids(&self) -> Vec<String> {
        self.processes.keys().cloned().collect()
    }

    /// Returns the pid of a worker.
    pub(crate) fn pid(&self, uid: &str) -> Option<u32> {
        self.processes.get(uid).map(|process| process.pid)
    }

    /// Returns whether there is no process.
    pub(crate) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Forgets a process that was reaped, and returns whether it had been asked to end.
    pub(crate) fn ended(&mut self, uid: &str) -> bool {
        self.processes.remove(uid).is_some_and(|process| process.asked)
    }
}

/// Waits for a process to end, kills it if asked to, and returns how it ended.
async fn reap(mut child: Child, killed: oneshot::Receiver<()>) -> String {
    let status = tokio::select! {
        status = child.wait() => status,
        _ = killed => {
            // This fails only if the process has just ended.
            let _ = child.start_kill();
            child.wait().await
        }
    };
    status.map_or_else(|error| error.to_string(), describe_exit_status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_built_again_starts_no_worker() {
        for (program, running, replaced) in [
            ("/bin/program", "/bin/program", false),
            ("/bin/program", "/bin/program (deleted)", true),
            // The worker is another program on purpose.
            ("/bin/worker", "/bin/program (deleted)", false),
        ] {
            assert_eq!(is_replaced(Path::new(program), Path::new(running)), replaced);
        }
    }
}
