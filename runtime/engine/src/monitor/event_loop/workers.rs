//! Starting the workers, ending them, and noticing that they ended.

use super::{
    super::{
        events::MonitorEvent,
        options::monitor_address,
        state::{Directory, Lifecycle, Replacements},
    },
    EventLoop, START,
    event::Event,
};
use crate::{
    node::{WorkerPlan, worker_address},
    process_mark::ProcessMark,
    wire::{FromMonitor, Host, LostWorker, RunningRuntime, RuntimePart, WorkerAddress, credentials_in},
    worker::MOST_THREADS,
    worker_uid,
};
use mosaic_abi::StartOptions;
use std::{fs, time::Duration};
use tokio::task::spawn_blocking;

/// The largest number of workers that may be asked for. Each is a process with threads of its own.
const MOST_WORKERS: usize = 1024;

/// How long a worker that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);

impl EventLoop {
    /// Turns the runtime on for a head, or answers that it is on.
    pub(super) fn start(&mut self, head: u64, options: StartOptions) {
        let has_workers = !self.has_no_workers();
        match &mut self.state.lifecycle {
            Lifecycle::On if !self.state.directory.is_empty() => self.reply_started(head),
            // Workers are starting, or have not quite ended.
            Lifecycle::On if has_workers || self.hosts.awaited() > 0 => self.state.postponed.push((head, options)),
            Lifecycle::Starting { waiting, .. } => waiting.push(head),
            Lifecycle::Stopping { .. } => self.state.postponed.push((head, options)),
            Lifecycle::Off | Lifecycle::On => self.spawn_workers(head, &options),
        }
    }

    /// Begins to start all workers.
    fn spawn_workers(&mut self, head: u64, options: &StartOptions) {
        if let Err(reason) = check(options) {
            let running = Err(reason);
            return self.connections.to_head(head, FromMonitor::Started { running });
        }
        self.state.run += 1;
        self.open_warehouse(options.spill_above);
        let worker_plan = WorkerPlan::new(options);
        self.state.directory = Directory::new(options.placement.unwrap_or_default());
        if let Some(on) = &options.on {
            self.worker_plan = worker_plan;
            if let Err(reason) = self.launch(head, on, options) {
                self.close_warehouse();
                self.hosts.close();
                let running = Err(reason);
                self.connections.to_head(head, FromMonitor::Started { running });
            }
            return;
        }
        self.state.replacements = Replacements::new(options.replace_lost_workers);
        let workers = self.state.replacements.add_host(0, worker_plan.count());
        self.state.lifecycle = Lifecycle::Starting {
            waiting: vec![head],
            missing: workers.iter().map(|(uid, _)| uid.clone()).collect(),
        };
        self.worker_plan = worker_plan;
        for (uid, slot) in &workers {
            if let Err(reason) = self.spawn(uid, *slot) {
                return self.stop(None, &reason);
            }
        }
        self.after(START, Event::StartTimedOut { run: self.state.run });
    }

    /// Starts worker number `slot`, or a worker that replaces it.
    ///
    /// # Errors
    ///
    /// The program cannot be started; the text says so.
    pub(super) fn spawn(&mut self, uid: &str, slot: usize) -> Result<(), String> {
        if self.hosts.are_launched() {
            self.spawn_on(worker_uid::host_of(uid).unwrap_or_default(), uid, slot);
            return Ok(());
        }
        let worker_plan = &self.worker_plan;
        let settings = worker_plan.settings(uid, slot, &self.options, &self.store_dirs);
        let library_threads = worker_plan.library_threads(&settings);
        let (events, worker) = (self.events.clone(), uid.to_owned());
        let exited = move |status| {
            let _ = events.send(Event::Exited { uid: worker, status });
        };
        let mark = self.workers_mark().part(uid);
        let spawned = (self.node).spawn(&self.options, &settings, &mark, library_threads, &self.on_event, exited);
        spawned.map_err(|error| {
            let program = self.options.worker.program.display();
            format!("{uid} could not be started as {program}: {error}")
        })
    }

    /// Returns the mark of the workers of this run, and of everything that they have started.
    fn workers_mark(&self) -> ProcessMark {
        let all = ProcessMark::of_run(&self.options.run_dir).part("workers");
        all.part(&self.state.run.to_string())
    }

    /// Ends what the workers have started that were stopped, and the node processes, and then completes the stop.
    fn end_left_processes(&mut self) {
        let (mark, events, launch) = (self.workers_mark(), self.events.clone(), self.hosts.take_launch());
        spawn_blocking(move || {
            mark.end();
            if let Some(launch) = launch {
                launch.stop();
            }
            let _ = events.send(Event::LeftEnded);
        });
    }

    /// Tells a head that the runtime is on.
    pub(super) fn reply_started(&self, head: u64) {
        let running = Ok(self.running());
        self.connections.to_head(head, FromMonitor::Started { running });
    }

    /// Describes the present runtime for heads.
    pub(super) fn running(&self) -> RunningRuntime {
        RunningRuntime {
            runtimes: self.runtimes(),
            in_flight_limit: self.worker_plan.in_flight_limit(),
        }
    }

    /// Lists the monitor, the node and the workers.
    fn runtimes(&self) -> Vec<RuntimePart> {
        let address = monitor_address(&self.options.run_dir);
        let here = |uid: &str| RuntimePart {
            place: WorkerAddress {
                uid: uid.to_owned(),
                socket: address.clone(),
                host: Host::Monitor,
            },
            pid: std::process::id(),
        };
        let workers = self.state.directory.workers().map(|place| RuntimePart {
            place: place.clone(),
            pid: self.pid(&place.uid).unwrap_or_default(),
        });
        [here("monitor")]
            .into_iter()
            .chain(self.nodes(here))
            .chain(workers)
            .collect()
    }

    /// Deals with a worker process that has ended.
    pub(super) fn worker_exited(&mut self, uid: &str, status: String) {
        let is_here = self.node.pid(uid).is_some();
        let asked = self.ended(uid);
        let retiring = self.state.retiring.remove(uid);
        let status = match retiring {
            Some(_) => "it was retired".to_owned(),
            None => status,
        };
        let lost = LostWorker {
            uid: uid.to_owned(),
            status: status.clone(),
        };
        self.state.directory.remove(&lost);
        self.state.loads.remove(uid);
        self.connections.remove_worker(uid);
        for head in self.state.departed_heads.lose(uid) {
            self.head_settled(head);
        }
        let _ = fs::remove_file(worker_address(&self.options, uid));
        (self.on_event)(MonitorEvent::WorkerEnded {
            uid: uid.to_owned(),
            status: status.clone(),
            asked,
        });
        match self.state.lifecycle {
            Lifecycle::Starting { .. } => self.stop(None, &format!("{uid} ended before it was ready: {status}")),
            Lifecycle::Stopping { .. } if self.has_no_workers() => self.end_left_processes(),
            Lifecycle::On => {
                if is_here {
                    let mark = self.workers_mark().part(uid);
                    spawn_blocking(move || mark.end());
                }
                self.worker_lost(lost, asked);
            }
            Lifecycle::Off | Lifecycle::Stopping { .. } => {}
        }
        for (session, request) in retiring.unwrap_or_default() {
            self.reply(session, request, Ok(()));
        }
    }

    /// Begins to end all workers, for a head if it asked. `reason` is told to heads that wait for a start.
    pub(super) fn stop(&mut self, head: Option<u64>, reason: &str) {
        let already = matches!(self.state.lifecycle, Lifecycle::Stopping { .. });
        self.state.lifecycle.stop(head, reason);
        if already {
            return;
        }
        self.state.directory.clear();
        self.state.departed_heads.clear();
        self.state.loads.clear();
        self.samples.clear();
        self.state.unplaced.clear();
        self.hosts.stop_awaiting();
        for uid in self.worker_uids() {
            self.ask_to_exit(&uid);
        }
        if self.has_no_workers() && self.hosts.are_launched() {
            return self.end_left_processes();
        }
        if self.has_no_workers() {
            return self.drain(Event::Emptied);
        }
        self.after(GRACE, Event::StopTimedOut { run: self.state.run });
    }

    /// Asks a worker to end.
    pub(super) fn ask_to_exit(&mut self, uid: &str) {
        self.asked(uid);
        // A worker that has not connected has nothing to tidy up.
        if !self.connections.to_worker(uid, FromMonitor::Exit) {
            self.kill(uid);
        }
    }

    /// Kills the workers that have not ended in time.
    pub(super) fn kill_all(&mut self) {
        if matches!(self.state.lifecycle, Lifecycle::Stopping { .. }) {
            for uid in self.worker_uids() {
                self.kill(&uid);
            }
        }
    }

    /// Gives up a start whose time is over.
    pub(super) fn start_timed_out(&mut self) {
        if let Lifecycle::Starting { missing, .. } = &self.state.lifecycle {
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            let reason = format!("not ready after {START:?}: {}", missing.join(", "));
            self.stop(None, &reason);
        }
    }

    /// Completes a stop: all workers are reaped, and their output is shown.
    pub(super) fn turned_off(&mut self) {
        let Lifecycle::Stopping { waiting, failed } = std::mem::take(&mut self.state.lifecycle) else {
            return;
        };
        self.close_warehouse();
        self.hosts.close();
        let _ = fs::remove_dir_all(credentials_in(&self.options.run_dir));
        if let Some((heads, reason)) = failed {
            for head in heads {
                let running = Err(reason.clone());
                self.connections.to_head(head, FromMonitor::Started { running });
            }
        }
        for head in waiting {
            self.connections.to_head(head, FromMonitor::Stopped);
        }
        self.start_postponed();
    }

    /// Deals with requests to start that could not be met before.
    pub(super) fn start_postponed(&mut self) {
        for (head, options) in std::mem::take(&mut self.state.postponed) {
            match self.state.shutting_down {
                true => {
                    let running = Err("the monitor was shut down".to_owned());
                    self.connections.to_head(head, FromMonitor::Started { running });
                }
                false => self.start(head, options),
            }
        }
    }
}

/// Checks options for values that make no sense.
///
/// # Errors
///
/// The text names the option.
fn check(options: &StartOptions) -> Result<(), String> {
    if options.num_workers > MOST_WORKERS {
        let number = options.num_workers;
        return Err(format!(
            "num_workers({number}): one machine runs at most {MOST_WORKERS} workers"
        ));
    }
    if let Some(number) = options
        .num_threads
        .filter(|number| !(1..=MOST_THREADS).contains(number))
    {
        return Err(format!(
            "num_threads({number}): a worker has at least one thread and at most {MOST_THREADS}"
        ));
    }
    if let Some(part) = options.spill_above.filter(|part| !(0.0..=1.0).contains(part)) {
        return Err(format!(
            "spill_above({part}): it is a part of the memory, between 0 and 1, such as 0.6"
        ));
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
