//! Running objects of a lost worker again. No I/O here.
//!
//! A tessera with restarts left is made again on another worker, by its constructor with the same arguments. Its calls
//! that were sent and had not ended run again if they have retries left, in their order and before the calls that were
//! not sent yet. So do functions with retries left. Nobody knows how far a lost operation had got, so each of them runs
//! at least once.

use super::{
    Action, HeadState,
    objects::{Kind, Object, Stage},
    submission::{Operation, Request, Rerun, Submission},
};
use crate::{failures::dependency_failed, wire::Wish};
use mosaic_abi::Handle;
use std::collections::{HashSet, VecDeque};

impl Object {
    /// Returns whether the object is run again when its worker is lost.
    fn is_restarted(&self) -> bool {
        let wanted = match self.kind {
            Kind::Function { .. } => !self.ended(),
            _ => self.failure().is_none(),
        };
        wanted && self.rare.rerun.as_ref().is_some_and(|rerun| rerun.left > 0)
    }
}

impl HeadState {
    /// Keeps what an object needs to be run again, if it may be. Call this before the object is submitted.
    pub(super) fn remember_for_restart(&mut self, handle: Handle, operation: &Operation, request: &Request) {
        let (left, create) = match operation {
            Operation::Create { .. } => {
                let request = Request {
                    near: None,
                    ..request.clone()
                };
                (request.options.restarts, Some((operation.clone(), request)))
            }
            Operation::Run(_) => (request.options.max_retries, None),
            Operation::Call(_) => return,
        };
        let Some(left) = left.filter(|left| *left > 0) else {
            return;
        };
        // Only tesserae own their producers here. A function owns its producers until it has ended anyway.
        for producer in create.iter().flat_map(|(_, request)| request.producers()) {
            self.retain_for_operation(producer);
        }
        if let Some(object) = self.objects.get_mut(&handle) {
            let sent = VecDeque::new();
            object.rare.rerun = Some(Rerun { left, create, sent });
        }
    }

    /// Keeps an operation of an object that was sent, if it may be sent again.
    pub(super) fn keep_sent(&mut self, handle: Handle, submission: Submission) {
        let may_run_again = match submission.operation {
            Operation::Create { .. } => false,
            Operation::Call(_) | Operation::Run(_) => {
                submission.request.options.max_retries.is_some_and(|left| left > 0)
            }
        };
        if let Some(rerun) = self
            .objects
            .get_mut(&handle)
            .and_then(|object| object.rare.some())
            .and_then(|extras| extras.rerun.as_mut())
            && may_run_again
        {
            rerun.sent.push_back(submission);
        }
    }

    /// Forgets an operation that was sent and has ended.
    pub(super) fn forget_sent(&mut self, handle: Handle, ended: Handle) {
        if let Some(rerun) = self
            .objects
            .get_mut(&handle)
            .and_then(|object| object.rare.some())
            .and_then(|extras| extras.rerun.as_mut())
        {
            // Operations end in their order, except for those that fail before their turn.
            match rerun.sent.front() {
                Some(first) if first.object == ended => drop(rerun.sent.pop_front()),
                _ => rerun.sent.retain(|submission| submission.object != ended),
            }
        }
    }

    /// Releases the tasks that an object owned so that it could be run again.
    pub(super) fn release_remembered(&mut self, rerun: &Rerun) {
        for producer in rerun.create.iter().flat_map(|(_, request)| request.producers()) {
            self.release_from_operation(producer);
        }
    }

    /// Takes the objects that are run again off a lost worker, puts their sent operations back into their queues, and
    /// returns the objects.
    pub(super) fn requeue_lost(&mut self, worker: &str) -> Vec<Handle> {
        let restarted = |object: &Object| object.is_on(worker) && object.is_restarted();
        let restarted = self.objects.iter().filter(|(_, object)| restarted(object));
        let mut restarted: Vec<Handle> = restarted.map(|(handle, _)| *handle).collect();
        restarted.sort_unstable();
        let mut waiting: HashSet<Handle> = restarted.iter().copied().collect();
        for handle in &restarted {
            waiting.extend(self.requeue(*handle));
        }
        // Objects that need these have to wait for them again.
        let mut dependents = Vec::new();
        for (handle, object) in &self.objects {
            if matches!(object.stage, Stage::Waiting) {
                let needed = object
                    .rare
                    .producers
                    .iter()
                    .filter(|producer| waiting.contains(producer));
                dependents.extend(needed.map(|producer| (*producer, *handle)));
            }
        }
        for (producer, dependent) in dependents {
            if let Some(object) = self.objects.get_mut(&producer) {
                object.rare.dependents.push(dependent);
            }
        }
        restarted
    }

    /// Puts the sent operations of an object back into its queue, and returns all objects in the queue.
    fn requeue(&mut self, handle: Handle) -> Vec<Handle> {
        let Some(object) = self.objects.get_mut(&handle) else {
            return Vec::new();
        };
        object.place = None;
        object.stage = Stage::Waiting;
        if let Kind::Tessera(tessera) = &mut object.kind {
            tessera.running = 0;
        }
        let Some(rerun) = &mut object.rare.rerun else {
            return Vec::new();
        };
        rerun.left -= 1;
        let mut sent = std::mem::take(&mut rerun.sent);
        for submission in &mut sent {
            let retries = &mut submission.request.options.max_retries;
            *retries = retries.map(|retries| retries.saturating_sub(1));
        }
        if let Some(queue) = object.queue_mut() {
            sent.append(queue);
            *queue = sent;
        }
        let waiting: Vec<Handle> = object
            .queue()
            .into_iter()
            .flatten()
            .map(|waiting| waiting.object)
            .collect();
        for waiting in &waiting {
            if let Some(object) = self.objects.get_mut(waiting).filter(|object| !object.ended()) {
                object.place = None;
                object.stage = Stage::Waiting;
            }
        }
        waiting
    }

    /// Asks for another worker for an object that was taken off a lost one, unless something that it needs is lost.
    pub(super) fn restart(&mut self, handle: Handle) {
        let Some(object) = self.objects.get(&handle).filter(|object| !object.ended()) else {
            return;
        };
        let (id, name) = (object.id, object.name.clone());
        let is_queued = object
            .queue()
            .is_some_and(|queue| queue.iter().any(|first| first.object == handle));
        let create = object.rare.rerun.as_ref().and_then(|rerun| rerun.create.clone());
        if let Some((operation, request)) = create.filter(|_| !is_queued) {
            let submission = Submission {
                object: handle,
                operation,
                request,
            };
            if let Some(lost) = self.own_producers_again(handle, &submission) {
                return self.fail(handle, lost);
            }
            if let Some(queue) = self.objects.get_mut(&handle).and_then(|object| object.queue_mut()) {
                queue.push_front(submission);
            }
        }
        let wish = Wish::default();
        self.actions.push_back(Action::Place {
            tessera: id,
            type_name: name.type_name.to_string(),
            wish,
        });
    }

    /// Makes an object own the producers that its constructor needs. Returns why one of them cannot be had, if that is
    /// so.
    fn own_producers_again(&mut self, handle: Handle, create: &Submission) -> Option<mosaic_abi::Failure> {
        let producers: Vec<Handle> = create.producers().collect();
        let held = self.objects.get_mut(&handle)?;
        // An object whose constructor had not ended owns its producers still.
        if held.rare.producers.is_empty() {
            held.rare.producers.clone_from(&producers);
            for producer in &producers {
                self.retain_for_operation(*producer);
            }
        }
        for producer in producers {
            let object = self.objects.get_mut(&producer)?;
            if matches!(object.stage, Stage::Waiting) && !object.rare.dependents.contains(&handle) {
                object.rare.dependents.push(handle);
            }
            if let Some(cause) = object.failure() {
                return Some(dependency_failed(&object.uid(), cause));
            }
        }
        None
    }
}
