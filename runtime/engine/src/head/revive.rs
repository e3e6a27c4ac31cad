//! The books: what is run again since its worker was lost. No I/O here.
//!
//! A tessera with restarts left is made again, by its constructor with the same arguments, on another worker. Of its calls
//! that had been sent and had not ended, those with retries left are run again, in their order, before those that had not
//! been sent; so are functions with retries left. Whether what was lost had run, in part or to its end, nobody knows: all
//! of this runs at least once.

use super::{
    ledger::{Action, Ledger},
    objects::{Kind, Object, Operation, Request, Stage, Submission},
};
use crate::{failures::dependency_failed, wire::Wish};
use mosaic_abi::Handle;
use std::collections::{HashSet, VecDeque};

/// What is needed to run an object again.
#[derive(Debug)]
pub(crate) struct Again {
    /// How often it may be.
    left: u32,
    /// How a tessera was made. The tasks among the arguments are owned.
    create: Option<(Operation, Request)>,
    /// What was sent, has not ended, and may be sent again.
    sent: VecDeque<Submission>,
}

impl Object {
    fn is_at(&self, worker: &str) -> bool {
        self.place.as_ref().is_some_and(|place| place.uid == worker)
    }

    /// Whether it is run again when its worker is lost.
    fn is_revived(&self) -> bool {
        let wanted = match self.kind {
            Kind::Function { .. } => !self.ended(),
            _ => self.failure().is_none(),
        };
        wanted && self.rare.again.as_ref().is_some_and(|again| again.left > 0)
    }
}

impl Ledger {
    /// Notes what an object needs to be run again, if it may be. To be called before it is submitted.
    pub(super) fn remember(&mut self, handle: Handle, operation: &Operation, request: &Request) {
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
        // A function owns what it needs until it has ended, and is not run again after that.
        for producer in create.iter().flat_map(|(_, request)| request.producers()) {
            self.use_object(producer);
        }
        if let Some(object) = self.objects.get_mut(&handle) {
            let sent = VecDeque::new();
            object.rare.again = Some(Again { left, create, sent });
        }
    }

    /// Keeps what was sent of an object, if it may be sent again.
    pub(super) fn keep_sent(&mut self, handle: Handle, submission: Submission) {
        let may_run_again = match submission.operation {
            Operation::Create { .. } => false,
            Operation::Call(_) | Operation::Run(_) => {
                submission.request.options.max_retries.is_some_and(|left| left > 0)
            }
        };
        if let Some(again) = self
            .objects
            .get_mut(&handle)
            .and_then(|object| object.rare.some())
            .and_then(|extras| extras.again.as_mut())
            && may_run_again
        {
            again.sent.push_back(submission);
        }
    }

    /// What was sent has ended.
    pub(super) fn forget_sent(&mut self, handle: Handle, ended: Handle) {
        if let Some(again) = self
            .objects
            .get_mut(&handle)
            .and_then(|object| object.rare.some())
            .and_then(|extras| extras.again.as_mut())
        {
            // They end in their order, but for those that fail before their turn.
            match again.sent.front() {
                Some(first) if first.object == ended => drop(again.sent.pop_front()),
                _ => again.sent.retain(|submission| submission.object != ended),
            }
        }
    }

    /// The tasks that an object owned to be run again.
    pub(super) fn release_remembered(&mut self, again: &Again) {
        for producer in again.create.iter().flat_map(|(_, request)| request.producers()) {
            self.leave_object(producer);
        }
    }

    /// Takes what is to be run again off a worker that is lost, and returns it.
    pub(super) fn take_off(&mut self, worker: &str) -> Vec<Handle> {
        let revived = |object: &Object| object.is_at(worker) && object.is_revived();
        let revived = self.objects.iter().filter(|(_, object)| revived(object));
        let mut revived: Vec<Handle> = revived.map(|(handle, _)| *handle).collect();
        revived.sort_unstable();
        let mut waiting: HashSet<Handle> = revived.iter().copied().collect();
        for handle in &revived {
            waiting.extend(self.queue_again(*handle));
        }
        // What is sent after these has to wait for them again.
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
        revived
    }

    /// Has an object and what was sent of it wait once more; returns what waits.
    fn queue_again(&mut self, handle: Handle) -> Vec<Handle> {
        let Some(object) = self.objects.get_mut(&handle) else {
            return Vec::new();
        };
        object.place = None;
        object.stage = Stage::Waiting;
        if let Kind::Tessera(tessera) = &mut object.kind {
            tessera.running = 0;
        }
        let Some(again) = &mut object.rare.again else {
            return Vec::new();
        };
        again.left -= 1;
        let mut sent = std::mem::take(&mut again.sent);
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

    /// Asks for another worker for what was taken off one, unless what it needs is lost.
    pub(super) fn revive(&mut self, handle: Handle) {
        let Some(object) = self.objects.get(&handle).filter(|object| !object.ended()) else {
            return;
        };
        let (id, name) = (object.id, object.name.clone());
        let is_queued = object
            .queue()
            .is_some_and(|queue| queue.iter().any(|first| first.object == handle));
        let create = object.rare.again.as_ref().and_then(|again| again.create.clone());
        if let Some((operation, request)) = create.filter(|_| !is_queued) {
            let submission = Submission {
                object: handle,
                operation,
                request,
            };
            if let Some(lost) = self.need_again(handle, &submission) {
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

    /// Has an object own what its constructor needs; returns why it cannot be had any more, if that is so.
    fn need_again(&mut self, handle: Handle, create: &Submission) -> Option<mosaic_abi::Failure> {
        let producers: Vec<Handle> = create.producers().collect();
        let held = self.objects.get_mut(&handle)?;
        // One whose constructor had not ended owns them still.
        if held.rare.producers.is_empty() {
            held.rare.producers.clone_from(&producers);
            for producer in &producers {
                self.use_object(*producer);
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

    /// Whether an object is with this worker, as far as is known: what another one says of it is out of date.
    pub(crate) fn is_with(&self, id: crate::id::Id, worker: &str) -> bool {
        let object = self.handle_of(id).and_then(|handle| self.objects.get(&handle));
        object.is_some_and(|object| object.place.as_ref().is_some_and(|place| place.uid == worker))
    }
}
