//! Sending operations to the workers, in order. No I/O here.
//!
//! A tessera's queue is sent in order, once the tessera's worker is known. A call that needs a task is sent after that
//! task, so that a worker is never asked for a task that it will not get.

use super::{
    Action, HeadState, MANY_UNAWAITED,
    objects::{Kind, Stage},
    submission::{Operation, Submission, Value},
};
use crate::{
    failures::{dependency_failed, lives_elsewhere, worker_lost},
    wire::{Argument, Frame, Needs, Payload, Source, ToWorker},
};
use mosaic_abi::Handle;
use std::{collections::VecDeque, num::NonZeroU64, time::Duration};

/// The longest time for which calls that nobody waits for are delayed, to travel together.
const CALL_DELAY: Duration = Duration::from_millis(4);

impl HeadState {
    /// Sends what can be sent of a tessera's queue, and of the queues that waited for it.
    pub(super) fn send_queue(&mut self, tessera: Handle) {
        let mut tesserae = VecDeque::from([tessera]);
        while let Some(tessera) = tesserae.pop_front() {
            while let Some(sent) = self.send_first(tessera) {
                tesserae.extend(sent);
            }
        }
    }

    /// Sends or discards the first operation of a tessera's queue. Returns the tesserae whose queues may go on, or
    /// `None` if this queue is empty or must wait.
    fn send_first(&mut self, tessera: Handle) -> Option<Vec<Handle>> {
        let object = self.objects.get(&tessera)?;
        let first = object.queue()?.front()?;
        let discarded = !matches!(self.objects.get(&first.object)?.stage, Stage::Waiting);
        let ready = |task| !matches!(self.objects.get(&task).map(|task| &task.stage), Some(Stage::Waiting));
        if !discarded && !first.producers().all(ready) {
            return None;
        }
        let near = first.request.near.and_then(|near| self.objects.get(&near));
        let place = object.place.as_ref().or_else(|| near?.place.as_ref()).cloned()?;
        if !self.lives(&place.uid) {
            if let Some(near) = near.filter(|_| object.place.is_none()) {
                let lost = dependency_failed(&near.uid(), &worker_lost(&place.uid, "before it got there"));
                self.fail(tessera, lost);
            }
            return None;
        }
        let submission = self.objects.get_mut(&tessera)?.queue_mut()?.pop_front()?;
        if discarded {
            return Some(Vec::new());
        }
        if let (Operation::Call(_), Some(wanted)) = (&submission.operation, &submission.request.options.worker)
            && *wanted != place.uid
        {
            let failure = lives_elsewhere(&self.objects.get(&tessera)?.uid(), &place.uid, wanted);
            self.fail(submission.object, failure);
            return Some(Vec::new());
        }
        let frame = self.build_frame(tessera, &submission)?;
        self.actions.push_back(match self.may_leave_later(&submission) {
            true => Action::SendWithin {
                place: place.clone(),
                frame,
                longest: CALL_DELAY,
            },
            false => Action::Send {
                place: place.clone(),
                frame,
            },
        });
        if submission.request.near.is_some() {
            // The calls in its queue follow the tessera to this worker.
            self.set_place(tessera, &place);
        }
        let object = self.objects.get_mut(&submission.object)?;
        tracing::debug!("sends {} to {}", object.uid(), place.uid);
        object.stage = Stage::Sent;
        object.times.queued = NonZeroU64::new(self.history.now());
        object.place = Some(place);
        let dependents = object.rare.take_dependents();
        self.keep_sent(tessera, submission);
        Some(
            dependents
                .iter()
                .filter_map(|dependent| self.tessera_of(*dependent))
                .collect(),
        )
    }

    /// Returns whether an operation may be delayed: many calls are submitted in a row and nobody waits, so it pays to
    /// send them together.
    fn may_leave_later(&self, submission: &Submission) -> bool {
        self.unawaited > MANY_UNAWAITED
            && matches!(submission.operation, Operation::Call(_))
            && !self.waits.any_of(submission.object)
    }

    /// Returns the tessera in whose queue an object is sent; a function is its own.
    pub(super) fn tessera_of(&self, handle: Handle) -> Option<Handle> {
        match self.objects.get(&handle)?.kind {
            Kind::Tessera(_) | Kind::Function { .. } => Some(handle),
            Kind::Task { tessera } => Some(tessera),
            Kind::Stored { .. } => None,
        }
    }

    /// Makes the message that asks a worker for an operation.
    fn build_frame(&self, tessera: Handle, submission: &Submission) -> Option<Frame<ToWorker>> {
        let object = self.objects.get(&submission.object)?;
        let tessera = self.objects.get(&tessera)?.id;
        let mut payloads: Vec<Payload> = Vec::new();
        let mut arguments = Vec::with_capacity(submission.request.arguments.len());
        for value in &submission.request.arguments {
            arguments.push(match value {
                Value::Encoded(payload) => {
                    payloads.push(payload.clone());
                    Argument::Value
                }
                Value::Produced(stored) if self.is_stored(*stored) => {
                    let stored = self.objects.get(stored)?;
                    Argument::Stored {
                        ware: stored.id,
                        uid: stored.uid(),
                    }
                }
                Value::Produced(task) => Argument::Task(self.task_source(*task)?),
            });
        }
        let after = (submission.request.after.iter())
            .map(|task| self.task_source(*task))
            .collect::<Option<Vec<Source>>>()?;
        let needs = Needs { arguments, after };
        let max_retries = submission.request.options.max_retries.unwrap_or_default();
        let message = match &submission.operation {
            Operation::Create { code, maker } => ToWorker::Create {
                tessera,
                code: code.clone(),
                maker: maker.clone(),
                needs,
                max_retries,
            },
            Operation::Call(callee) => ToWorker::Call {
                task: object.id,
                tessera,
                callee: callee.clone(),
                needs,
                max_retries,
            },
            Operation::Run(code) => ToWorker::Run {
                task: object.id,
                code: code.clone(),
                needs,
                max_retries,
            },
        };
        Some(Frame { message, payloads })
    }

    /// Returns a task and the worker that has it.
    fn task_source(&self, task: Handle) -> Option<Source> {
        let task = self.objects.get(&task)?;
        Some(Source {
            task: task.id,
            uid: task.uid(),
            place: task.place.as_deref()?.clone(),
        })
    }
}
