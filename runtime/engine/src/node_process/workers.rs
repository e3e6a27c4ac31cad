//! The workers of this host: starting them, noticing that they ended, and measuring them.

use super::{
    event_loop::{Event, EventLoop},
    output::WorkerOutput,
};
use crate::{
    monitor::{MonitorEvent, WorkerCommand},
    node::{OutputMark, mark_path, measure, worker_address},
    process_mark::ProcessMark,
    wire::FromNode,
};
use std::{cell::RefCell, env, fs, io};
use tokio::task::{spawn_blocking, spawn_local};

impl EventLoop {
    pub(super) fn spawn(&mut self, uid: &str, slot: usize) -> io::Result<()> {
        let settings = self.worker_plan.settings(uid, slot, &self.options, &self.store_dirs);
        let library_threads = self.worker_plan.library_threads(&settings);
        let mark = OutputMark::create(&mark_path(&worker_address(&self.options, uid)))?;
        let (events, worker) = (self.events.clone(), uid.to_owned());
        let exited = move |status| {
            let _ = events.send(Event::Exited { uid: worker, status });
        };
        let process_mark = self.workers_mark(uid);
        let started = RefCell::new(None);
        let on_event = |event| {
            if let MonitorEvent::WorkerStarted {
                pid, stdout, stderr, ..
            } = event
            {
                started.replace(Some((pid, [stdout, stderr])));
            }
        };
        (self.node).spawn(
            &self.options,
            &settings,
            &process_mark,
            library_threads,
            &on_event,
            exited,
        )?;
        if let Some((pid, pipes)) = started.take() {
            let output = WorkerOutput::new(uid, mark, pipes, &self.events)?;
            self.output.insert(uid.to_owned(), output);
            let uid = uid.to_owned();
            self.monitor.send(FromNode::Spawned { uid, pid });
        }
        Ok(())
    }

    fn workers_mark(&self, uid: &str) -> ProcessMark {
        ProcessMark::of_run(&self.options.run_dir).part("workers").part(uid)
    }

    pub(super) fn worker_exited(&mut self, uid: &str, status: String) {
        self.node.ended(uid);
        let address = worker_address(&self.options, uid);
        let _ = fs::remove_file(&address);
        let _ = fs::remove_file(mark_path(&address));
        if let Some(mut output) = self.output.remove(uid) {
            output.send_readable(&self.monitor);
        }
        let uid = uid.to_owned();
        let mark = self.workers_mark(&uid);
        spawn_blocking(move || mark.end());
        self.monitor.send(FromNode::Exited { uid, status });
    }

    pub(super) fn measure(&self, request: u64) {
        let pids = self.node.uids().iter().filter_map(|uid| self.node.pid(uid)).collect();
        let (samples, events) = (self.samples.clone(), self.events.clone());
        spawn_local(async move {
            let (usage, samples) = measure(pids, samples).await;
            let _ = events.send(Event::Measured {
                request,
                usage,
                samples,
            });
        });
    }
}

/// Returns how to start a worker: as this process was started.
pub(super) fn own_command() -> io::Result<WorkerCommand> {
    Ok(WorkerCommand {
        program: env::current_exe()?,
        args: env::args_os().skip(1).collect(),
        env: Vec::new(),
    })
}
