//! Limits: cancellation, time limits, and the limit of the memory in flight. No I/O here.

use super::{Action, Awaited, HeadState, in_flight::Charge, objects::Stage};
use crate::{
    failures::failure,
    wire::{Payload, ToWorker},
};
use mosaic_abi::{Failure, FailureKind, Handle};
use std::time::Duration;

impl HeadState {
    /// Cancels a task: in this process if it was not sent yet, otherwise on its worker.
    pub(crate) fn cancel(&mut self, task: Handle) {
        match self.objects.get(&task).map(|task| &task.stage) {
            Some(Stage::Waiting) => {
                let cancelled = failure(FailureKind::Cancelled, "`cancel` was called on its task");
                self.fail(task, cancelled);
            }
            Some(Stage::Sent | Stage::Started) => self.cancel_sent(task),
            Some(Stage::Ended(_)) | None => {}
        }
    }

    fn cancel_sent(&mut self, task: Handle) {
        if let Some(object) = self.objects.get(&task)
            && let Some(place) = object.place.clone()
        {
            let frame = ToWorker::Cancel { task: object.id }.into();
            self.actions.push_back(Action::Send { place, frame });
        }
    }

    /// Limits the time of a wait, a task or a tessera: one that is not over `after` this time ends, or fails.
    pub(crate) fn limit(&mut self, subject: Handle, after: Duration) {
        self.actions.push_back(Action::Timer { subject, after });
    }

    /// Ends a wait, or fails a task or a tessera, whose time is over.
    pub(crate) fn time_expired(&mut self, subject: Handle, after: Duration) {
        if let Some(waits_for) = self.waits.subject(subject) {
            let message = format!("it had not ended after {after:?}, and goes on");
            let late = failure(FailureKind::TimedOut, message);
            let late = match waits_for {
                Awaited::Object(object) | Awaited::Result(object) | Awaited::Fetching(object) => self
                    .objects
                    .get(&object)
                    .map_or(late.clone(), |object| object.named(late)),
                _ => late,
            };
            return self.end_wait(subject, Err(late));
        }
        let Some(object) = self.objects.get(&subject).filter(|object| !object.ended()) else {
            return;
        };
        let was_sent = matches!(object.stage, Stage::Sent | Stage::Started);
        if was_sent {
            self.cancel_sent(subject);
        }
        let message = format!("it had not ended {after:?} after it was submitted");
        self.fail(subject, failure(FailureKind::TimedOut, message));
    }

    /// Sets how many bytes the operations of callers, and those of methods, may take up.
    pub(crate) fn set_in_flight_limit(&mut self, limit: u64) {
        self.in_flight.set_limit(limit);
    }

    /// Submits something, for a method or for any other caller.
    pub(crate) fn submit_as<T>(&mut self, is_method: bool, submit: impl FnOnce(&mut HeadState) -> T) -> T {
        self.in_flight.set_method(is_method);
        submit(self)
    }

    /// Adds an object's memory to what is in flight.
    pub(super) fn charge(&mut self, object: Handle, argument_bytes: u64) {
        let charge = self.in_flight.add(argument_bytes);
        if let Some(object) = self.objects.get_mut(&object) {
            object.charge = Some(charge);
        }
    }

    /// Removes an object's memory from what is in flight.
    pub(super) fn discharge(&mut self, object: Handle, charge: Charge) {
        for wait in self.in_flight.remove(object, charge) {
            self.end_wait(wait, Ok(Payload::default()));
        }
    }

    /// Checks that methods may submit more.
    ///
    /// # Errors
    ///
    /// The operations that methods of this process submitted exceed the limit.
    pub(crate) fn check_method_limit(&self) -> Result<(), Failure> {
        let Some(sum) = self.in_flight.methods_beyond_limit() else {
            return Ok(());
        };
        let message = format!(
            "{sum} by methods of this process, which is as much as they may: await some before more are submitted \
             (`in_flight_limit` of `mosaic::interactive(On)` says how much)"
        );
        Err(failure(FailureKind::Busy, message))
    }

    /// Begins a wait for the caller that submitted `object`, if the operations before it exceed the limit.
    pub(crate) fn wait_below_limit(&mut self, object: Handle) -> Option<Handle> {
        if !self.in_flight.is_beyond_limit() {
            return None;
        }
        let charge = self.objects.get(&object)?.charge?;
        if !self.in_flight.must_wait(charge) {
            return None;
        }
        let wait = self.wait(Awaited::InFlightLimit);
        if let Some(sum) = self.in_flight.block(wait, object, charge) {
            tracing::warn!(
                "{sum}, which is as much as they may: calls wait until some have ended (`in_flight_limit` of \
                 `mosaic::interactive(On)` says how much)"
            );
        }
        Some(wait)
    }

    /// Forgets a wait that [`wait_below_limit`](HeadState::wait_below_limit) began and that was released.
    pub(super) fn stop_waiting_below_limit(&mut self, wait: Handle) {
        self.in_flight.unblock(wait);
    }
}
