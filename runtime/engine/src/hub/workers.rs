//! The hub's loop, second half: starting the workers, ending them, and noticing that they ended.

use super::{
    HubEvent,
    directory::Directory,
    event::Event,
    lifecycle::Lifecycle,
    node::worker_address,
    replacing::{Launch, Replacing},
    server::Server,
};
use crate::wire::{FromHub, LostWorker, Running, RuntimeInfo};
use mosaic_abi::StartOptions;
use std::{fs, time::Duration};

/// How long a worker that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);
/// How long a worker may take to connect.
pub(super) const START: Duration = Duration::from_secs(30);

impl Server {
    pub(super) fn start(&mut self, head: u64, options: StartOptions) {
        match &mut self.lifecycle {
            Lifecycle::On if !self.directory.is_empty() => self.reply_started(head),
            // Some are on their way, or have not quite ended.
            Lifecycle::On if !self.node.is_empty() => self.postponed.push((head, options)),
            Lifecycle::Starting { waiting, .. } => waiting.push(head),
            Lifecycle::Stopping { .. } => self.postponed.push((head, options)),
            Lifecycle::Off | Lifecycle::On => self.spawn_workers(head, &options),
        }
    }

    fn spawn_workers(&mut self, head: u64, options: &StartOptions) {
        if let Err(reason) = check(options) {
            let running = Err(reason);
            return self.connections.to_head(head, FromHub::Started { running });
        }
        self.run += 1;
        self.open_warehouse(options.spill_above);
        let launch = Launch::new(options);
        self.directory = Directory::new(options.placement.unwrap_or_default());
        let uids: Vec<String> = (0..launch.count()).map(|number| format!("worker:0:{number}")).collect();
        self.lifecycle = Lifecycle::Starting {
            waiting: vec![head],
            missing: uids.iter().cloned().collect(),
        };
        self.replacing = Replacing::new(launch, options.replace_lost_workers);
        for (slot, uid) in uids.iter().enumerate() {
            if let Err(reason) = self.spawn(uid, slot) {
                return self.stop(None, &reason);
            }
        }
        self.after(START, Event::StartOver { run: self.run });
    }

    /// Starts a worker in the place of the one that was started as number `slot`.
    pub(super) fn spawn(&mut self, uid: &str, slot: usize) -> Result<(), String> {
        let launch = &self.replacing.launch;
        let settings = launch.settings(uid, slot, &self.options, &self.shelves);
        let library_threads = launch.library_threads(&settings);
        let spawned = (self.node).spawn(&self.options, &settings, library_threads, &self.events, &self.on_event);
        spawned.map_err(|error| {
            let program = self.options.worker.program.display();
            format!("{uid} could not be started as {program}: {error}")
        })
    }

    pub(super) fn reply_started(&self, head: u64) {
        let running = Ok(self.running());
        self.connections.to_head(head, FromHub::Started { running });
    }

    /// What heads are told of what runs.
    pub(super) fn running(&self) -> Running {
        Running {
            runtimes: self.runtimes(),
            in_flight_limit: self.replacing.launch.in_flight_limit(),
        }
    }

    /// The monitor, the node and the workers.
    fn runtimes(&self) -> Vec<RuntimeInfo> {
        let address = self.options.run_dir.join(super::SOCKET);
        let here = |uid: &str| RuntimeInfo {
            uid: uid.to_owned(),
            address: address.clone(),
            pid: std::process::id(),
        };
        let workers = self.directory.workers().map(|place| RuntimeInfo {
            uid: place.uid.clone(),
            address: place.address.clone(),
            pid: self.node.pid(&place.uid).unwrap_or_default(),
        });
        [here("monitor"), here("node:0")].into_iter().chain(workers).collect()
    }

    pub(super) fn exited(&mut self, uid: &str, status: String) {
        let asked = self.node.ended(uid);
        let retiring = self.retiring.remove(uid);
        let status = match retiring {
            Some(_) => "it was retired".to_owned(),
            None => status,
        };
        let lost = LostWorker {
            uid: uid.to_owned(),
            status: status.clone(),
        };
        self.directory.remove(&lost);
        self.loads.remove(uid);
        self.connections.remove_worker(uid);
        for head in self.departures.lose(uid) {
            self.head_settled(head);
        }
        let _ = fs::remove_file(worker_address(&self.options, uid));
        (self.on_event)(HubEvent::WorkerEnded {
            uid: uid.to_owned(),
            status: status.clone(),
            asked,
        });
        match self.lifecycle {
            Lifecycle::Starting { .. } => self.stop(None, &format!("{uid} ended before it was ready: {status}")),
            Lifecycle::Stopping { .. } if self.node.is_empty() => self.drain(Event::Emptied),
            Lifecycle::On => self.lost(lost, asked),
            Lifecycle::Off | Lifecycle::Stopping { .. } => {}
        }
        for (session, request) in retiring.unwrap_or_default() {
            self.reply(session, request, Ok(()));
        }
    }

    /// Begins to end all workers.
    pub(super) fn stop(&mut self, head: Option<u64>, reason: &str) {
        let already = matches!(self.lifecycle, Lifecycle::Stopping { .. });
        self.lifecycle.stop(head, reason);
        if already {
            return;
        }
        self.directory.clear();
        self.departures.clear();
        self.loads.clear();
        self.samples.clear();
        self.unplaced.clear();
        for uid in self.node.uids() {
            self.ask_to_exit(&uid);
        }
        if self.node.is_empty() {
            return self.drain(Event::Emptied);
        }
        self.after(GRACE, Event::GraceOver { run: self.run });
    }

    pub(super) fn ask_to_exit(&mut self, uid: &str) {
        self.node.asked(uid);
        // Before it has connected it has nothing to tidy up.
        if !self.connections.to_worker(uid, FromHub::Exit) {
            self.node.kill(uid);
        }
    }

    pub(super) fn kill_all(&mut self) {
        if matches!(self.lifecycle, Lifecycle::Stopping { .. }) {
            for uid in self.node.uids() {
                self.node.kill(&uid);
            }
        }
    }

    pub(super) fn start_over(&mut self) {
        if let Lifecycle::Starting { missing, .. } = &self.lifecycle {
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            let reason = format!("not ready after {START:?}: {}", missing.join(", "));
            self.stop(None, &reason);
        }
    }

    /// All workers are reaped and their output shown.
    pub(super) fn turned_off(&mut self) {
        let Lifecycle::Stopping { waiting, failed } = std::mem::take(&mut self.lifecycle) else {
            return;
        };
        self.close_warehouse();
        if let Some((heads, reason)) = failed {
            for head in heads {
                let running = Err(reason.clone());
                self.connections.to_head(head, FromHub::Started { running });
            }
        }
        for head in waiting {
            self.connections.to_head(head, FromHub::Stopped);
        }
        self.start_postponed();
    }

    /// Starts what could not be started before.
    pub(super) fn start_postponed(&mut self) {
        for (head, options) in std::mem::take(&mut self.postponed) {
            match self.shutting_down {
                true => {
                    let running = Err("the hub was shut down".to_owned());
                    self.connections.to_head(head, FromHub::Started { running });
                }
                false => self.start(head, options),
            }
        }
    }
}

/// Refuses what makes no sense.
fn check(options: &StartOptions) -> Result<(), String> {
    if options.num_threads == Some(0) {
        return Err("num_threads(0): a worker needs at least one thread".to_owned());
    }
    let is_none = |part: &f64| part.is_nan() || *part <= 0.0;
    if let Some(part) = options.memory_limit.filter(is_none) {
        return Err(format!(
            "memory_limit({part}): it is a part of the memory, such as 0.95, and 1.0 sets no limit"
        ));
    }
    if let Some(part) = options.in_flight_limit.filter(is_none) {
        return Err(format!(
            "in_flight_limit({part}): it is a part of the memory, such as 0.25"
        ));
    }
    Ok(())
}
