//! Replacing lost workers, retiring workers, and placing tesserae.

use super::{super::events::MonitorEvent, EventLoop, START, event::Event};
use crate::{
    failures::no_such_worker,
    id::Id,
    wire::{FromMonitor, LostWorker, Wish, WorkerAddress},
    worker_uid,
};
use mosaic_abi::{Failure, LogLevel};

impl EventLoop {
    /// Deals with a worker that ended while the runtime is on: replaces it if that is allowed, and tells the heads.
    pub(super) fn worker_lost(&mut self, lost: LostWorker, asked: bool) {
        self.state.replacements.settle(&lost.uid);
        if !asked {
            self.replace(&lost.uid);
        }
        let expected = self.expected();
        self.connections.to_heads(&FromMonitor::WorkerLost { lost, expected });
        self.place_waiting_if_hopeless();
        self.start_postponed_if_hopeless();
    }

    /// Returns the number of replacements, and of hosts in the place of lost ones, that are to come.
    pub(super) fn expected(&self) -> usize {
        self.state.replacements.expected() + self.hosts.awaited()
    }

    /// If no worker is there and none will come, lets the placing fail of what waits for one.
    pub(super) fn place_waiting_if_hopeless(&mut self) {
        if self.state.directory.is_empty() && self.expected() == 0 {
            for (session, tessera, wish) in std::mem::take(&mut self.state.unplaced) {
                self.place(session, tessera, wish);
            }
        }
    }

    /// If no worker is there and none will come, deals with the requests to start that waited for that.
    pub(super) fn start_postponed_if_hopeless(&mut self) {
        if self.has_no_workers() && self.hosts.awaited() == 0 {
            self.start_postponed();
        }
    }

    /// Starts a replacement for a lost worker, or says why there is none.
    pub(super) fn replace(&mut self, lost: &str) {
        // If its host is replaced, the workers there take its place.
        if self.hosts.await_host(lost) {
            return;
        }
        let host = self.host_for_replacement(lost);
        match host.and_then(|host| self.state.replacements.replace(lost, host)) {
            Some((uid, slot)) => match self.spawn(&uid, slot) {
                Ok(()) => self.after(START, Event::JoinTimedOut { uid }),
                Err(reason) => {
                    self.state.replacements.settle(&uid);
                    self.notice(reason);
                }
            },
            None if self.state.replacements.limit() > 0 && host.is_some() => {
                let limit = self.state.replacements.limit();
                self.notice(format!(
                    "{lost} is not replaced: {limit} workers were, as many as `interactive(On).replace_lost_workers({limit})` allows"
                ));
            }
            None => {}
        }
    }

    /// Tells the user what happens, if the log level is high enough.
    pub(super) fn log(&self, level: LogLevel, text: impl FnOnce() -> String) {
        if self.worker_plan.logs(level) {
            self.notice(format!("{:<5} {}", level.name().to_uppercase(), text()));
        }
    }

    /// Tells the user something, in the name of the monitor.
    pub(super) fn notice(&self, text: String) {
        let uid = "monitor".to_owned();
        (self.on_event)(MonitorEvent::Notice { uid, text });
    }

    /// Deals with a replacement that has connected: tells the heads, and places what waited for it.
    pub(super) fn replacement_joined(&mut self, place: &WorkerAddress) {
        self.state.replacements.settle(&place.uid);
        let expected = self.expected();
        let place = place.clone();
        self.connections
            .to_heads(&FromMonitor::WorkerJoined { place, expected });
        for (session, tessera, wish) in std::mem::take(&mut self.state.unplaced) {
            self.place(session, tessera, wish);
        }
        self.start_postponed();
    }

    /// Kills a replacement that did not connect in time.
    pub(super) fn join_timed_out(&mut self, uid: &str) {
        if self.state.replacements.is_expected(uid) {
            self.notice(format!("{uid} was not ready after {START:?}"));
            self.kill(uid);
        }
    }

    /// Chooses a worker for a tessera. If no worker runs and a replacement is starting, the tessera waits for it.
    pub(super) fn place(&mut self, session: u64, tessera: Id, mut wish: Wish) {
        if self.state.directory.is_empty() && self.expected() > 0 {
            return self.state.unplaced.push((session, tessera, wish));
        }
        if let Some(host) = wish.near_to.as_deref().and_then(|uid| self.host_of_value(uid)) {
            wish.near_to = Some(worker_uid::node(host));
        }
        let place = self.state.directory.place(tessera, &wish, &self.state.loads);
        self.log(LogLevel::Debug, || match &place {
            Ok(place) => format!("{tessera} goes to {}", place.uid),
            Err(failure) => format!("{tessera} cannot be placed: {}", failure.message),
        });
        self.connections
            .to_head(session, FromMonitor::Placed { tessera, place });
    }

    /// Asks a worker to end once it has nothing to do.
    ///
    /// # Errors
    ///
    /// There is no such worker.
    pub(super) fn retire(&mut self, worker: &str) -> Result<(), Failure> {
        if !self.state.directory.retire(worker) {
            let workers: Vec<&str> = self.state.directory.workers().map(|place| place.uid.as_str()).collect();
            return Err(no_such_worker(worker, &workers));
        }
        if !self.state.retiring.contains_key(worker) {
            self.asked(worker);
            self.connections.to_worker(worker, FromMonitor::Retire);
        }
        Ok(())
    }
}
