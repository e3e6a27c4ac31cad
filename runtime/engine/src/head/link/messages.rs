//! Messages of the monitor and of the workers, and the ends of their connections.

use super::{super::state::HeadState, Event, LAST_WORDS, Link, Stamped, listing};
use crate::{
    failures::failure,
    shared_memory,
    wire::{FromMonitor, FromWorker, Payload, Received, RunningRuntime, only},
    worker_uid,
};
use mosaic_abi::{Buffer, FailureKind, Progress};
use std::sync::Arc;

impl Link {
    /// Does what a message of the monitor asks for.
    pub(super) async fn handle_monitor_message(&mut self, message: FromMonitor) {
        match message {
            FromMonitor::Welcome { running, store_dirs } => {
                shared_memory::store_in(store_dirs.unstored_prefix(self.head.id));
                self.store_dirs = Some(store_dirs);
                if let Some(running) = running {
                    self.enter_runtime(&running);
                }
                self.welcomed = None;
            }
            FromMonitor::Started { running } => self.started(running),
            FromMonitor::Stopped => {
                if self.head.change(|state| state.is_on()) {
                    self.forget_runtime("the mosaic runtime was stopped").await;
                }
                for wait in std::mem::take(&mut self.stopping) {
                    self.end(wait, Ok(Payload::default()));
                }
            }
            FromMonitor::Placed { tessera, place } => self.head.change(|state| state.placed(tessera, place)),
            FromMonitor::Synced { request } => {
                self.syncing.remove(&request);
                self.head.change(|state| state.synced(request));
            }
            FromMonitor::Reply { request, outcome } => {
                self.querying.remove(&request);
                self.end(request, outcome.map(|answer| Arc::new(Buffer::from(answer))));
            }
            FromMonitor::Found { tessera, lost } => self.head.change(|state| state.tessera_is_missing(tessera, lost)),
            FromMonitor::WorkerLost { lost, expected } => {
                self.workers.remove(&lost.uid);
                self.closed.remove(&lost.uid);
                self.head.change(|state| {
                    state.expected_workers = expected;
                    state.worker_lost(&lost.uid, &lost.status);
                });
            }
            FromMonitor::WorkerJoined { place, expected } => {
                self.head.change(|state| state.worker_joined(place, expected))
            }
            FromMonitor::Expected { expected } => self.head.change(|state| state.expected_workers = expected),
            FromMonitor::Forget { ware } => {
                if let Some(local) = &self.local {
                    local.forget(ware);
                }
            }
            FromMonitor::Obtained { request, outcome } => self.host_files.obtained(request, outcome),
            FromMonitor::Warehouse(message) => self.handle_warehouse_message(message),
            FromMonitor::Answer { .. }
            | FromMonitor::HeadEnded { .. }
            | FromMonitor::HeadSettled { .. }
            | FromMonitor::Retire
            | FromMonitor::Proceed
            | FromMonitor::Lease { .. }
            | FromMonitor::Exit => {
                tracing::warn!(?message, "the monitor sent a head a message for workers");
            }
        }
    }

    /// Enters what runs into the state, and returns the number of workers.
    fn enter_runtime(&self, running: &RunningRuntime) -> usize {
        let workers = listing::workers(&running.runtimes);
        let count = workers.len();
        self.head.change(|state| {
            state.set_in_flight_limit(running.in_flight_limit);
            state.runtime_started(workers);
        });
        count
    }

    fn started(&mut self, running: Result<RunningRuntime, String>) {
        let waits = std::mem::take(&mut self.starting);
        let running = match running {
            Ok(running) => running,
            Err(message) => {
                for (wait, _) in waits {
                    self.end(wait, Err(failure(FailureKind::Runtime, message.clone())));
                }
                return;
            }
        };
        let count = self.enter_runtime(&running);
        let hosts = running
            .runtimes
            .iter()
            .filter(|part| worker_uid::is_node(&part.place.uid))
            .count();
        for (wait, wanted_on_each) in waits {
            let wanted = wanted_on_each * hosts;
            let list = !std::mem::replace(&mut self.listed, true);
            let text = listing::text(list.then_some((&*self.address, &*running.runtimes)), count, wanted);
            // A text can always be encoded.
            let text = mosaic_abi::encode(&text).unwrap_or_default();
            self.end(wait, Ok(Arc::new(Buffer::from(text))));
        }
    }

    /// Ends everything that waits for the monitor, whose connection closed.
    pub(super) async fn monitor_closed(&mut self) {
        self.monitor = None;
        self.host_files.closed();
        self.welcomed = None;
        self.forget_runtime("the connection to the mosaic runtime closed").await;
        for object in std::mem::take(&mut self.syncing) {
            self.head.change(|state| state.synced(object));
        }
        for wait in std::mem::take(&mut self.querying) {
            let failure = failure(FailureKind::Runtime, "the connection to the mosaic runtime closed");
            self.end(wait, Err(failure));
        }
        for (wait, _) in std::mem::take(&mut self.starting) {
            let failure = failure(FailureKind::Runtime, "the mosaic runtime ended while it was starting");
            self.end(wait, Err(failure));
        }
        for wait in std::mem::take(&mut self.stopping) {
            self.end(wait, Ok(Payload::default()));
        }
    }

    /// Enters messages of a worker into the state, under one lock.
    pub(super) fn handle_worker_messages(&mut self, uid: &str, frames: Vec<Received<FromWorker>>) {
        for frame in &frames {
            self.trimmer.note(frame.size());
        }
        self.head.change(|state| {
            for frame in frames {
                enter_message(state, uid, frame);
            }
        });
    }

    /// Notes that a worker's connection closed. The monitor will say how the worker ended; if it does not in time, the
    /// worker counts as lost all the same.
    pub(super) fn worker_closed(&mut self, uid: String) {
        self.closed.insert(uid.clone());
        let (events, run) = (self.events.clone(), self.run);
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            let event = Event::WorkerGone(uid);
            let _ = events.send(Stamped { run, event });
        });
    }
}

/// Enters what a worker says into the state.
fn enter_message(state: &mut HeadState, uid: &str, frame: Received<FromWorker>) {
    match frame.message {
        FromWorker::Started { id, .. } | FromWorker::Finished { id, .. } if !state.is_placed_on(id, uid) => {}
        FromWorker::Started { id, at } => {
            state.set_now(at);
            state.execution_began(id);
        }
        FromWorker::Progress { id, done, total } => state.progress_reported(id, Progress { done, total }),
        FromWorker::Finished {
            id,
            began,
            outcome,
            unread_output,
            at,
        } => {
            if let Some(at) = began {
                state.set_now(at);
                state.execution_began(id);
            }
            if let Some(value) = frame.payloads.ok().and_then(|payloads| payloads.into_iter().next()) {
                state.value_arrived(id, value);
            }
            state.set_now(at);
            state.finished(id, outcome.map_err(|failure| *failure), unread_output);
        }
        FromWorker::Fetched { request, outcome } => {
            let value = frame.payloads.map(only);
            state.fetched(request, outcome.map_err(|failure| *failure).and(value));
        }
        FromWorker::Listed { request, tesserae } => state.worker_answered(request, uid, tesserae),
        FromWorker::Counted { request, kept } => state.worker_counted(request, uid, kept),
        FromWorker::Profiled { request, outcome } => state.worker_profiled(request, uid, outcome),
        FromWorker::Kept { request, outcome } => state.kept(request, uid, outcome.map_err(|failure| *failure)),
        FromWorker::Attached { tessera, outcome } => state.attached(tessera, outcome.map_err(|failure| *failure)),
        FromWorker::Fenced { .. } => {}
    }
}
