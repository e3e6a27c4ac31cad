//! Node 0: worker processes of this machine.

use super::{HubEvent, HubOptions, event::Event};
use crate::worker::Settings;
use std::{collections::BTreeMap, io, path::PathBuf, process::Stdio};
use tokio::{
    process::{Child, Command},
    sync::{mpsc::UnboundedSender, oneshot},
};

/// The processes that were spawned and not yet reaped.
#[derive(Debug, Default)]
pub(super) struct Node {
    processes: BTreeMap<String, Process>,
}

#[derive(Debug)]
struct Process {
    pid: u32,
    /// Dropped or used: the process is killed. Killing goes through whoever reaps, so that it never hits another
    /// process that was given the same pid.
    kill: Option<oneshot::Sender<()>>,
    /// Whether it was asked to end.
    asked: bool,
}

/// The socket of a worker.
pub(super) fn worker_address(options: &HubOptions, uid: &str) -> PathBuf {
    options.run_dir.join(format!("{}.sock", uid.replace(':', "-")))
}

impl Node {
    /// Spawns a worker and tells the embedder.
    pub(super) fn spawn(
        &mut self,
        options: &HubOptions,
        settings: &Settings,
        library_threads: usize,
        events: &UnboundedSender<Event>,
        on_event: &dyn Fn(HubEvent),
    ) -> io::Result<()> {
        let (stdout, child_stdout) = io::pipe()?;
        let (stderr, child_stderr) = io::pipe()?;
        let (worker, uid) = (&options.worker, &settings.uid);
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
            .stdin(Stdio::null())
            .stdout(child_stdout)
            .stderr(child_stderr)
            // An interrupt is meant for whoever runs the user's code, not for the workers.
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
        tokio::spawn(reap(child, killed, uid.clone(), events.clone()));
        on_event(HubEvent::WorkerStarted {
            uid: uid.clone(),
            pid,
            stdout: stdout.into(),
            stderr: stderr.into(),
        });
        Ok(())
    }

    /// Notes that a process was asked to end.
    pub(super) fn asked(&mut self, uid: &str) {
        if let Some(process) = self.processes.get_mut(uid) {
            process.asked = true;
        }
    }

    /// Kills a process, if it still runs.
    pub(super) fn kill(&mut self, uid: &str) {
        if let Some(kill) = self.processes.get_mut(uid).and_then(|process| process.kill.take()) {
            // If nobody listens, the process has just ended.
            let _ = kill.send(());
        }
    }

    pub(super) fn uids(&self) -> Vec<String> {
        self.processes.keys().cloned().collect()
    }

    pub(super) fn pid(&self, uid: &str) -> Option<u32> {
        self.processes.get(uid).map(|process| process.pid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Forgets a process that was reaped; returns whether it had been asked to end.
    pub(super) fn ended(&mut self, uid: &str) -> bool {
        self.processes.remove(uid).is_some_and(|process| process.asked)
    }
}

async fn reap(mut child: Child, killed: oneshot::Receiver<()>, uid: String, events: UnboundedSender<Event>) {
    let status = tokio::select! {
        status = child.wait() => status,
        _ = killed => {
            // It fails only if the process has just ended.
            let _ = child.start_kill();
            child.wait().await
        }
    };
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    let _ = events.send(Event::Exited { uid, status });
}
