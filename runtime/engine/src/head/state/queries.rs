//! Answers to the guest's queries. No I/O here.

use super::{
    Action, Awaited, Ending, HeadState, OFF, Runtime,
    inquiries::InquiryPurpose,
    objects::{Kind, Stage},
    waits::encoded,
};
use crate::{
    failures::failure,
    wire::{Payload, ToWorker},
    worker_uid::WorkerUid,
};
use mosaic_abi::{FailureKind, Handle, Query, Tasks, Timeline};
use std::collections::HashSet;

impl HeadState {
    /// Begins a wait for the answer to a query: from this state if it knows the answer, otherwise from the monitor.
    pub(crate) fn query(&mut self, query: Result<Query, String>) -> Handle {
        match query {
            Ok(Query::Barrier) => self.barrier(),
            Ok(Query::Census) => {
                let wait = self.wait(Awaited::Monitor);
                self.ask_workers(InquiryPurpose::Count(wait), |request| ToWorker::Count { request });
                wait
            }
            // The process of the head is profiled too, which is no matter of this state.
            Ok(Query::BeginProfile(_) | Query::EndProfile) => {
                let wait = self.wait(Awaited::Monitor);
                let failure = failure(FailureKind::Runtime, "this process cannot be profiled");
                self.end_wait(wait, Err(failure));
                wait
            }
            Ok(Query::WorkerUids) => {
                let wait = self.wait(Awaited::Monitor);
                let uids = self.worker_uids();
                self.end_wait(wait, uids);
                wait
            }
            Ok(Query::Timeline) => {
                let wait = self.wait(Awaited::Monitor);
                let timeline = self.timeline();
                self.end_wait(wait, encoded(&timeline));
                wait
            }
            Ok(Query::Tasks) => {
                let wait = self.wait(Awaited::Monitor);
                let tasks = self.tasks();
                self.end_wait(wait, encoded(&tasks));
                wait
            }
            Ok(Query::Monitor(query)) => {
                let wait = self.wait(Awaited::Monitor);
                self.actions.push_back(Action::Query { wait, query });
                wait
            }
            Err(error) => {
                let wait = self.wait(Awaited::Monitor);
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
        uids.sort_by_key(|uid| WorkerUid(uid));
        encoded(&uids)
    }

    /// Begins a wait for the end of everything that was submitted before.
    fn barrier(&mut self) -> Handle {
        let wait = self.wait(Awaited::Barrier);
        let open = self.objects.iter().filter(|(_, object)| !object.ended());
        let open: HashSet<Handle> = open.map(|(handle, _)| *handle).collect();
        self.barriers.insert(wait, open);
        self.update_barriers(|_| {});
        wait
    }

    /// Notes that an object has ended, for which barriers may wait.
    pub(super) fn pass_barriers(&mut self, object: Handle) {
        if !self.barriers.is_empty() {
            self.update_barriers(|open| {
                open.remove(&object);
            });
        }
    }

    /// Changes what each barrier waits for. A barrier that waits for nothing any more ends once all output is shown.
    fn update_barriers(&mut self, mut change: impl FnMut(&mut HashSet<Handle>)) {
        let actions = &mut self.actions;
        self.barriers.retain(|wait, open| {
            change(open);
            if open.is_empty() {
                actions.push_back(Action::Sync { object: *wait });
            }
            !open.is_empty()
        });
    }

    /// Ends a barrier before which all output has been shown; `false` if the handle is no barrier.
    pub(super) fn end_barrier(&mut self, wait: Handle) -> bool {
        let is_barrier = self.waits.subject(wait) == Some(Awaited::Barrier);
        if is_barrier {
            self.end_wait(wait, Ok(Payload::default()));
        }
        is_barrier
    }

    /// Counts the tasks in each stage.
    fn tasks(&self) -> Tasks {
        let mut tasks = self.history.ended_tasks();
        for object in self.objects.values() {
            match (&object.kind, &object.stage) {
                (Kind::Task { .. } | Kind::Function { .. }, Stage::Waiting) => tasks.pending += 1,
                (Kind::Task { .. } | Kind::Function { .. }, Stage::Sent) => tasks.queued += 1,
                (Kind::Task { .. } | Kind::Function { .. }, Stage::Started) => tasks.running += 1,
                _ => {}
            }
        }
        tasks
    }

    /// Returns what happened until now.
    pub(crate) fn timeline(&self) -> Timeline {
        let open = self.objects.values().filter(|object| !object.ended());
        self.history.timeline(open.map(|object| &**object))
    }
}
