//! What the hub and the workers say, and that they say no more.

use super::{
    super::{ledger::Ledger, listing},
    Event, LAST_WORDS, Link, Stamped,
};
use crate::{
    failures::failure,
    shared,
    wire::{Frame, FromHub, FromWorker, Payload, Running},
};
use mosaic_abi::{Buffer, FailureKind, Progress};
use std::sync::Arc;

impl Link {
    pub(super) async fn hear_hub(&mut self, message: FromHub) {
        match message {
            FromHub::Welcome { running, shelves } => {
                shared::store_in(shelves.rooms(self.head.id));
                self.storing.shelves = Some(shelves);
                if let Some(running) = running {
                    self.runs(&running);
                }
                self.welcomed = None;
            }
            FromHub::Started { running } => self.started(running),
            FromHub::Stopped => {
                if self.head.change(|ledger| ledger.is_on()) {
                    self.forget_runtime("the mosaic runtime was stopped").await;
                }
                for wait in std::mem::take(&mut self.stopping) {
                    self.end(wait, Ok(Payload::default()));
                }
            }
            FromHub::Placed { tessera, place } => self.head.change(|ledger| ledger.placed(tessera, place)),
            FromHub::Synced { request } => {
                self.syncing.remove(&request);
                self.head.change(|ledger| ledger.synced(request));
            }
            FromHub::Reply { request, outcome } => {
                self.querying.remove(&request);
                self.end(request, outcome.map(|answer| Arc::new(Buffer::from(answer))));
            }
            FromHub::Found { tessera, lost } => self.head.change(|ledger| ledger.found(tessera, lost)),
            FromHub::WorkerLost { lost, expected } => {
                self.workers.remove(&lost.uid);
                self.closed.remove(&lost.uid);
                self.head.change(|ledger| {
                    ledger.expected = expected;
                    ledger.worker_lost(&lost.uid, &lost.status);
                });
            }
            FromHub::WorkerJoined { place, expected } => self.head.change(|ledger| ledger.joined(place, expected)),
            FromHub::Forget { ware } => {
                if let Some(local) = &self.local {
                    local.forget(ware);
                }
            }
            FromHub::Warehouse(message) => self.hear_warehouse(message),
            FromHub::Answer { .. }
            | FromHub::HeadEnded { .. }
            | FromHub::HeadSettled { .. }
            | FromHub::Retire
            | FromHub::Proceed
            | FromHub::Exit => {
                tracing::warn!(?message, "the hub told a head what is for workers");
            }
        }
    }

    /// Enters into the books what runs; says how many workers that is.
    fn runs(&self, running: &Running) -> usize {
        let workers = listing::workers(&running.runtimes);
        let count = workers.len();
        self.head.change(|ledger| {
            ledger.limit_flight(running.in_flight_limit);
            ledger.started(workers);
        });
        count
    }

    fn started(&mut self, running: Result<Running, String>) {
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
        let count = self.runs(&running);
        for (wait, wanted) in waits {
            let list = !std::mem::replace(&mut self.listed, true);
            let text = listing::text(list.then_some((&*self.address, &*running.runtimes)), count, wanted);
            // A text always encodes.
            let text = mosaic_abi::encode(&text).unwrap_or_default();
            self.end(wait, Ok(Arc::new(Buffer::from(text))));
        }
    }

    pub(super) async fn hub_closed(&mut self) {
        self.hub = None;
        self.welcomed = None;
        self.forget_runtime("the connection to the mosaic runtime closed").await;
        for object in std::mem::take(&mut self.syncing) {
            self.head.change(|ledger| ledger.synced(object));
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

    pub(super) fn hear_worker(&mut self, uid: &str, frames: Vec<Frame<FromWorker>>) {
        for frame in &frames {
            self.trimmer.note(frame.size());
        }
        self.head.change(|ledger| {
            for frame in frames {
                hear(ledger, uid, frame);
            }
        });
    }
    /// The node will say how the worker ended; if it does not, it ended all the same.
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

/// Enters what a worker says into the books.
fn hear(ledger: &mut Ledger, uid: &str, frame: Frame<FromWorker>) {
    match frame.message {
        FromWorker::Started { id, .. } | FromWorker::Finished { id, .. } if !ledger.is_with(id, uid) => {}
        FromWorker::Started { id, at } => {
            ledger.happened(at);
            ledger.began(id);
        }
        FromWorker::Progress { id, done, total } => ledger.progressed(id, Progress { done, total }),
        FromWorker::Finished {
            id,
            began,
            outcome,
            unread_output,
            at,
        } => {
            if let Some(at) = began {
                ledger.happened(at);
                ledger.began(id);
            }
            if let Some(value) = frame.payloads.into_iter().next() {
                ledger.arrived(id, value);
            }
            ledger.happened(at);
            ledger.finished(id, outcome.map_err(|failure| *failure), unread_output);
        }
        FromWorker::Fetched { request, outcome } => {
            let value = frame.payloads.into_iter().next().unwrap_or_default();
            ledger.fetched(request, outcome.map(|()| value).map_err(|failure| *failure));
        }
        FromWorker::Listed { request, tesserae } => ledger.answered(request, uid, tesserae),
        FromWorker::Counted { request, kept } => ledger.counted(request, uid, kept),
        FromWorker::Kept { request, outcome } => ledger.kept(request, uid, outcome.map_err(|failure| *failure)),
        FromWorker::Attached { tessera, outcome } => ledger.attached(tessera, outcome.map_err(|failure| *failure)),
        FromWorker::Fenced { .. } => {}
    }
}
