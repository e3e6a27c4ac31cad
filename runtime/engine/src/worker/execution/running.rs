//! Calls and functions that have begun and not ended. No I/O here.

use super::super::head::HeadConnection;
use crate::{cancellation::Cancellation, id::Id, shrinking_map::Map, wire::FromWorker};
use std::{cell::RefCell, sync::Arc, time::Duration};

/// The head of a call that ends sooner is told of its beginning and its end at once.
pub(super) const ANNOUNCE_AFTER: Duration = Duration::from_millis(1);

/// The calls and functions that have begun and not ended. Only the I/O thread uses this.
#[derive(Default)]
pub(in super::super) struct Running(RefCell<Map<Id, Execution>>);

#[derive(Default)]
struct Execution {
    /// The tessera that the execution occupies, if it is no function.
    tessera: Option<Id>,
    cancellation: Arc<Cancellation>,
    times: Times,
    /// Whether the head was told that the call began.
    announced: bool,
}

/// The times of a call that its head was not told yet.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Times {
    pub(in super::super) began: Option<u64>,
    /// Set if the call ended some time before its end is reported.
    pub(in super::super) ended: Option<u64>,
}

impl Running {
    /// Notes a call of a tessera, or a function, that begins. Until it has ended, it may be cancelled.
    pub(super) fn begins(&self, task: Id, tessera: Option<Id>) -> Arc<Cancellation> {
        let mut jobs = self.0.borrow_mut();
        let job = jobs.entry(task).or_default();
        job.tessera = tessera;
        job.cancellation.clone()
    }

    /// Returns what has to end before a task does: its own execution, or that of the call that occupies its tessera.
    pub(in super::super) fn holding_up(&self, task: Id, tessera: Option<Id>) -> Option<Id> {
        let jobs = self.0.borrow();
        let occupies = |(id, job): (&Id, &Execution)| {
            // Calls of a batch that only follow one that is executed are not announced.
            let is_executed = job.announced || job.tessera.is_none_or(|of| of == *id);
            is_executed && (*id == task || (tessera.is_some() && job.tessera == tessera))
        };
        jobs.iter().find(|found| occupies(*found)).map(|(id, _)| *id)
    }

    /// Notes when a call began to be executed. [`Running::announce`] or the report of its end tells the head.
    pub(super) fn started(&self, task: Id, at: u64) {
        let mut jobs = self.0.borrow_mut();
        let job = jobs.entry(task).or_default();
        if !job.announced {
            job.times.began = Some(at);
        }
    }

    /// Tells the head that a call began, unless it was told.
    pub(super) fn announce(&self, head: &HeadConnection, task: Id) {
        let mut jobs = self.0.borrow_mut();
        if let Some(job) = jobs.get_mut(&task)
            && let Some(at) = job.times.began.take()
        {
            job.announced = true;
            head.send(FromWorker::Started { id: task, at });
        }
    }

    /// Notes when a call ended, which is reported later.
    pub(super) fn ended(&self, task: Id, at: u64) {
        if let Some(job) = self.0.borrow_mut().get_mut(&task) {
            job.times.ended = Some(at);
        }
    }

    /// Cancels a call; `false` if it has not begun, or has ended.
    pub(in super::super) fn cancel(&self, task: Id) -> bool {
        let jobs = self.0.borrow();
        let job = jobs.get(&task);
        job.iter().for_each(|job| job.cancellation.ask());
        job.is_some()
    }

    /// Forgets a call that was about to begin and does not yet; `false` if it was cancelled meanwhile.
    pub(super) fn withdraw(&self, task: Id) -> bool {
        let job = self.0.borrow_mut().remove(&task);
        !job.is_some_and(|job| job.cancellation.is_asked())
    }

    /// Forgets a call whose end is reported, and returns what its head was not told yet.
    pub(in super::super) fn remove(&self, task: Id) -> Times {
        let job = self.0.borrow_mut().remove(&task);
        job.map(|job| job.times).unwrap_or_default()
    }
}
