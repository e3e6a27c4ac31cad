//! The books: what is cancelled, and what takes too long. No I/O here.

use super::{
    ledger::{Action, Ledger},
    objects::Stage,
};
use crate::{failures::failure, waits::Subject, wire::ToWorker};
use mosaic_abi::{FailureKind, Handle};
use std::time::Duration;

impl Ledger {
    /// Cancels a task: here where it was not sent, and else on its worker.
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

    /// Ends a wait, or fails a task or tessera, that is not over after so long.
    pub(crate) fn limit(&mut self, subject: Handle, after: Duration) {
        self.actions.push_back(Action::Timer { subject, after });
    }

    /// The time of a wait, a task or a tessera is over.
    pub(crate) fn time_is_over(&mut self, subject: Handle, after: Duration) {
        if let Some(waits_for) = self.waits.subject(subject) {
            let message = format!("it had not ended after {after:?}, and goes on");
            let late = failure(FailureKind::TimedOut, message);
            let late = match waits_for {
                Subject::Object(object) | Subject::Result(object) | Subject::Fetching(object) => self
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
}
