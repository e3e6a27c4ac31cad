//! Calls and functions that have begun and not ended. No I/O here.

use super::site::Head;
use crate::{cancellation::Cancellation, id::Id, map::Map, wire::FromWorker};
use std::{cell::RefCell, sync::Arc};

/// All of them.
#[derive(Default)]
pub(super) struct Running(RefCell<Map<Id, Job>>);

#[derive(Default)]
struct Job {
    cancellation: Arc<Cancellation>,
    times: Times,
    /// Whether its head was told that it began.
    announced: bool,
}

/// When one began, until its head is told, and when it ended, where that is known better than by the time of the report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) began: Option<u64>,
    pub(super) ended: Option<u64>,
}

impl Running {
    /// One begins, which may be cancelled until it has ended.
    pub(super) fn begins(&self, task: Id) -> Arc<Cancellation> {
        self.0.borrow_mut().entry(task).or_default().cancellation.clone()
    }

    /// It began to be executed, of which its head is told by [`Running::announce`], or when it has ended.
    pub(super) fn started(&self, task: Id, at: u64) {
        let mut jobs = self.0.borrow_mut();
        let job = jobs.entry(task).or_default();
        if !job.announced {
            job.times.began = Some(at);
        }
    }

    /// Tells the head of one that it began, unless it was told.
    pub(super) fn announce(&self, head: &Head, task: Id) {
        let mut jobs = self.0.borrow_mut();
        if let Some(job) = jobs.get_mut(&task)
            && let Some(at) = job.times.began.take()
        {
            job.announced = true;
            head.send(FromWorker::Started { id: task, at });
        }
    }

    /// It is over, which is reported later.
    pub(super) fn ended(&self, task: Id, at: u64) {
        if let Some(job) = self.0.borrow_mut().get_mut(&task) {
            job.times.ended = Some(at);
        }
    }

    /// Cancels one; `false` if it has not begun, or has ended.
    pub(super) fn cancel(&self, task: Id) -> bool {
        let jobs = self.0.borrow();
        let job = jobs.get(&task);
        job.iter().for_each(|job| job.cancellation.ask());
        job.is_some()
    }

    /// One that was about to begin does not yet; `false` if it was cancelled meanwhile.
    pub(super) fn withdraw(&self, task: Id) -> bool {
        let job = self.0.borrow_mut().remove(&task);
        !job.is_some_and(|job| job.cancellation.is_asked())
    }

    /// Its end is reported: what its head has yet to be told.
    pub(super) fn remove(&self, task: Id) -> Times {
        let job = self.0.borrow_mut().remove(&task);
        job.map(|job| job.times).unwrap_or_default()
    }
}
