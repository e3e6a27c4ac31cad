//! The books: what is asked of the runtime. No I/O here.

use super::{
    find::Purpose,
    ledger::{Action, Ledger, OFF, Runtime},
};
use crate::{
    failures::failure,
    waits::{Ending, Subject},
    wire::{Payload, ToWorker},
};
use mosaic_abi::{Buffer, FailureKind, Handle, Query};
use serde::Serialize;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Waits for what had been submitted before them, and what of that has not ended.
pub(super) type Barriers = HashMap<Handle, HashSet<Handle>>;

impl Ledger {
    /// Begins a wait for the answer to a query: of these books where they know it, else of the hub.
    pub(crate) fn query(&mut self, query: Result<Query, String>) -> Handle {
        match query {
            Ok(Query::Barrier) => self.barrier(),
            Ok(Query::Census) => {
                let wait = self.wait(Subject::Hub);
                self.inquire(Purpose::Count(wait), |request| ToWorker::Count { request });
                wait
            }
            Ok(Query::WorkerUids) => {
                let wait = self.wait(Subject::Hub);
                let uids = self.worker_uids();
                self.end_wait(wait, uids);
                wait
            }
            Ok(Query::Timeline) => {
                let wait = self.wait(Subject::Hub);
                let timeline = self.timeline();
                self.end_wait(wait, encoded(&timeline));
                wait
            }
            Ok(Query::Tasks) => {
                let wait = self.wait(Subject::Hub);
                let tasks = self.tasks();
                self.end_wait(wait, encoded(&tasks));
                wait
            }
            Ok(Query::Monitor(query)) => {
                let wait = self.wait(Subject::Hub);
                self.actions.push_back(Action::Query { wait, query });
                wait
            }
            Err(error) => {
                let wait = self.wait(Subject::Hub);
                let failure = failure(FailureKind::Runtime, format!("the query cannot be read: {error}"));
                self.end_wait(wait, Err(failure));
                wait
            }
        }
    }

    fn worker_uids(&self) -> Ending {
        let Runtime::On(workers) = &self.runtime else {
            return Err(failure(FailureKind::NotRunning, OFF));
        };
        let mut uids: Vec<&String> = workers.keys().collect();
        // `worker:0:10` comes after `worker:0:9`.
        uids.sort_by_key(|uid| (uid.len(), *uid));
        encoded(&uids)
    }

    /// Begins a wait for the end of all that was submitted and has not ended.
    fn barrier(&mut self) -> Handle {
        let wait = self.wait(Subject::Barrier);
        let open = self.objects.iter().filter(|(_, object)| !object.ended());
        let open: HashSet<Handle> = open.map(|(handle, _)| *handle).collect();
        self.barriers.insert(wait, open);
        self.lift(|_| {});
        wait
    }

    /// An object has ended, for which barriers may wait.
    pub(super) fn passed(&mut self, object: Handle) {
        if !self.barriers.is_empty() {
            self.lift(|open| {
                open.remove(&object);
            });
        }
    }

    /// Changes what each barrier waits for, and ends those that wait for nothing any more once all output is shown.
    fn lift(&mut self, mut change: impl FnMut(&mut HashSet<Handle>)) {
        let actions = &mut self.actions;
        self.barriers.retain(|wait, open| {
            change(open);
            if open.is_empty() {
                actions.push_back(Action::Sync { object: *wait });
            }
            !open.is_empty()
        });
    }

    /// All output that was written before a barrier was lifted has been shown; `false` if the handle is no barrier.
    pub(super) fn lifted(&mut self, wait: Handle) -> bool {
        let is_barrier = self.waits.subject(wait) == Some(Subject::Barrier);
        if is_barrier {
            self.end_wait(wait, Ok(Payload::default()));
        }
        is_barrier
    }
}

/// A value as the ending of a wait.
pub(super) fn encoded<T: Serialize + ?Sized>(value: &T) -> Ending {
    let bytes = mosaic_abi::encode(value).map_err(|error| failure(FailureKind::Runtime, error))?;
    Ok(Arc::new(Buffer::from(bytes)))
}
