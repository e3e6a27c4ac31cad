//! The consequences when objects are placed, begin, end or fail, and when workers are lost. No I/O here.

use super::{
    Action, Awaited, HeadState, Runtime,
    objects::{Kind, Object, Output, Stage},
    unawaited::Cause,
};
use crate::{
    failures::{dependency_failed, failure, tessera_failed, worker_lost},
    id::Id,
    wire::{Payload, TaskProgress, ToWorker, WorkerAddress},
};
use mosaic_abi::{Failure, FailureKind, Handle, Progress};
use std::{collections::HashMap, num::NonZeroU64, sync::Arc};

impl HeadState {
    /// Notes that this process keeps a tessera itself, at `local`, or cannot.
    pub(crate) fn placed_here(&mut self, tessera: Id, local: Result<WorkerAddress, Failure>) {
        if self.is_on() {
            self.local = local.as_ref().ok().cloned().map(Arc::new);
        }
        self.placed(tessera, local);
    }

    /// Notes that the monitor chose a worker for a tessera, or could not.
    pub(crate) fn placed(&mut self, tessera: Id, place: Result<WorkerAddress, Failure>) {
        let Some(handle) = self.handle_of(tessera) else {
            return;
        };
        let place = match place {
            Ok(place) if self.lives(&place.uid) => self.known_place(place),
            Ok(place) => return self.fail(handle, worker_lost(&place.uid, "before it got there")),
            Err(failure) => return self.fail(handle, failure),
        };
        self.set_place(handle, &place);
        self.send_queue(handle);
    }

    /// Returns the address that this state already shares, if it is the same.
    fn known_place(&self, place: WorkerAddress) -> Arc<WorkerAddress> {
        let known = match &self.runtime {
            Runtime::On(workers) => workers.get(&place.uid).or(self.local.as_ref()),
            Runtime::Off => None,
        };
        known
            .filter(|known| ***known == place)
            .cloned()
            .unwrap_or_else(|| Arc::new(place))
    }

    /// Sets the worker of a tessera and of the calls in its queue, or of a function.
    pub(super) fn set_place(&mut self, handle: Handle, place: &Arc<WorkerAddress>) {
        let Some(object) = self.objects.get_mut(&handle).filter(|object| !object.ended()) else {
            return;
        };
        object.place = Some(place.clone());
        let waiting: Vec<Handle> = object
            .queue()
            .into_iter()
            .flatten()
            .map(|waiting| waiting.object)
            .collect();
        for waiting in waiting {
            if let Some(object) = self.objects.get_mut(&waiting).filter(|object| !object.ended()) {
                object.place = Some(place.clone());
            }
        }
    }

    /// Notes that a worker began to execute a constructor or call.
    pub(crate) fn execution_began(&mut self, id: Id) {
        let now = NonZeroU64::new(self.history.now());
        let Some(object) = self.object_of(id) else {
            return;
        };
        if object.ended() {
            return;
        }
        object.stage = Stage::Started;
        object.times.started = now;
        if let Kind::Task { tessera } = object.kind {
            self.count_running(tessera, |running| running + 1);
        }
    }

    /// Notes how far a method says it has got.
    pub(crate) fn progress_reported(&mut self, id: Id, progress: Progress) {
        let object = self.object_of(id);
        // A thread that the method started may report after the method has ended.
        let Some(object) = object.filter(|object| !object.ended()) else {
            return;
        };
        object.rare.progress = Some(progress);
        let progress = TaskProgress {
            uid: object.uid(),
            name: object.full_name(),
            worker: object.place.as_ref().map(|place| place.uid.clone()).unwrap_or_default(),
            progress,
        };
        self.actions.push_back(Action::Progress(progress));
    }

    fn count_running(&mut self, tessera: Handle, count: impl FnOnce(usize) -> usize) {
        if let Some(Kind::Tessera(tessera)) = self.objects.get_mut(&tessera).map(|object| &mut object.kind) {
            tessera.running = count(tessera.running);
        }
    }

    /// Keeps the small value of a call that has ended.
    pub(crate) fn value_arrived(&mut self, id: Id, value: Payload) {
        if let Some(object) = self.object_of(id) {
            object.value = Some(value);
        }
    }

    /// Notes that a constructor or call ended on its worker.
    pub(crate) fn finished(&mut self, id: Id, outcome: Result<u64, Failure>, unread_output: bool) {
        let Some(handle) = self.handle_of(id) else { return };
        match outcome {
            Err(failure) => self.fail(handle, failure),
            Ok(bytes) => {
                if let Some(object) = self.objects.get_mut(&handle) {
                    object.bytes = bytes;
                }
                self.end_object(handle, Ok(()), unread_output);
            }
        }
    }

    /// Fails an object and, at once, everything that cannot be sent without it.
    pub(super) fn fail(&mut self, handle: Handle, failure: Failure) {
        self.fail_objects(vec![(handle, failure)]);
    }

    /// Fails these objects, the last one first. Nothing is sent before everything that depends on them has failed too.
    fn fail_objects(&mut self, mut failing: Vec<(Handle, Failure)>) {
        let mut tesserae = Vec::new();
        while let Some((handle, failure)) = failing.pop() {
            let Some(object) = self.objects.get(&handle).filter(|object| !object.ended()) else {
                continue;
            };
            let (failure, uid) = (object.named(failure), object.uid());
            self.set_cause(handle, &failure);
            let Some(object) = self.objects.get_mut(&handle) else {
                continue;
            };
            for dependent in object.rare.take_dependents() {
                failing.push((dependent, dependency_failed(&uid, &failure)));
            }
            if let Some(queue) = object.queue_mut() {
                let calls = queue.drain(..).map(|call| call.object).filter(|call| *call != handle);
                failing.extend(calls.map(|call| (call, tessera_failed(&uid, &failure))));
            }
            // The rest of its tessera's queue may have waited behind it.
            tesserae.extend(self.tessera_of(handle));
            // The output of workers before the failure is shown before the error.
            self.end_object(handle, Err(failure), true);
        }
        for tessera in tesserae {
            self.send_queue(tessera);
        }
    }

    /// Ends an object. The caller deals with its queue and its dependents.
    pub(super) fn end_object(&mut self, handle: Handle, outcome: Result<(), Failure>, unread_output: bool) {
        let Some(object) = self.objects.get_mut(&handle).filter(|object| !object.ended()) else {
            return;
        };
        let started = matches!(object.stage, Stage::Started);
        object.stage = Stage::Ended(outcome.map_err(Box::new));
        self.history.object_ended(object);
        let charge = object.charge.take();
        let producers = object.rare.take_producers();
        // The producers' output comes first, and they may have run on other workers.
        if unread_output || !producers.is_empty() || object.rare.progress.is_some() {
            object.output = Output::Unshown;
        }
        let tessera = match object.kind {
            Kind::Task { tessera } => Some(tessera),
            Kind::Tessera(_) | Kind::Function { .. } | Kind::Stored { .. } => None,
        };
        if let Some(charge) = charge {
            self.discharge(handle, charge);
        }
        self.advance_waits(handle);
        self.pass_barriers(handle);
        for producer in producers {
            self.release_from_operation(producer);
        }
        self.forget_sent(tessera.unwrap_or(handle), handle);
        if let Some(tessera) = tessera {
            if started {
                self.count_running(tessera, |running| running.saturating_sub(1));
            }
            self.release_object(tessera);
        }
        self.free_if_unused(handle);
    }

    /// Moves the waits for an object on, if the object has ended: its output is shown first.
    pub(super) fn advance_waits(&mut self, handle: Handle) {
        let Some(object) = self.objects.get_mut(&handle) else {
            return;
        };
        if !object.ended() {
            return;
        }
        match object.output {
            _ if !self.waits.any_of(handle) => return,
            Output::Syncing => return,
            Output::Unshown => {
                object.output = Output::Syncing;
                self.actions.push_back(Action::Sync { object: handle });
                return;
            }
            Output::Shown => {}
        }
        for wait in self.waits.take_of(handle) {
            self.answer_wait(wait, handle);
        }
    }

    /// Moves on a wait for an object that has ended and whose output has been shown: the wait ends, or fetches the
    /// value.
    pub(super) fn answer_wait(&mut self, wait: Handle, handle: Handle) {
        let Some(object) = self.objects.get(&handle) else {
            return;
        };
        let Stage::Ended(outcome) = &object.stage else { return };
        let is_value = matches!(self.waits.subject(wait), Some(Awaited::Result(_)));
        object.failure_seen();
        let ending = match (outcome, &object.rare.lost) {
            (Err(failure), _) => Err((**failure).clone()),
            (Ok(()), _) if !is_value => Ok(Payload::default()),
            (Ok(()), Some(lost)) => Err(lost.clone()),
            // An empty value need not be fetched.
            (Ok(()), None) if object.bytes == 0 && matches!(object.kind, Kind::Task { .. } | Kind::Function { .. }) => {
                Ok(Payload::default())
            }
            (Ok(()), None) => match (&object.value, &object.place, &object.kind) {
                (Some(value), ..) => Ok(value.clone()),
                (None, Some(place), _) => {
                    let frame = ToWorker::Fetch {
                        request: wait,
                        task: object.id,
                        head: self.id,
                        value: true,
                    };
                    let (place, frame) = (place.clone(), frame.into());
                    self.waits.fetch(wait, handle);
                    return self.actions.push_back(Action::Send { place, frame });
                }
                (None, None, Kind::Stored { .. }) => {
                    let (ware, uid) = (object.id, object.uid());
                    self.waits.fetch(wait, handle);
                    return self.actions.push_back(Action::Load { wait, ware, uid });
                }
                (None, None, _) => Err(failure(FailureKind::Runtime, "the task has no worker")),
            },
        };
        self.end_wait(wait, ending);
    }

    /// Notes that all output that was written before [`Action::Sync`] has been shown.
    pub(crate) fn synced(&mut self, object: Handle) {
        if self.end_barrier(object) {
            return;
        }
        if let Some(synced) = self.objects.get_mut(&object) {
            synced.output = Output::Shown;
        }
        self.advance_waits(object);
    }

    /// Ends a wait with the value that it fetched, or with the reason why there is none.
    pub(crate) fn fetched(&mut self, wait: Handle, value: Result<Payload, Failure>) {
        if let Some(Awaited::Fetching(task)) = self.waits.subject(wait) {
            let named = |failure| match self.objects.get(&task) {
                Some(task) => task.named(failure),
                None => failure,
            };
            let value = value.map_err(named);
            self.end_wait(wait, value);
        }
    }

    /// Notes that the connection to a worker closed and that the monitor did not say why. The worker may be replaced.
    pub(crate) fn worker_gone(&mut self, worker: &str) {
        if self.lives(worker) {
            self.expected_workers = self.expected_workers.max(1);
            self.worker_lost(worker, "its connection closed");
        }
    }

    /// Notes that a worker is gone. Its values are lost, and the operations that it had not ended fail or are run
    /// again. Objects without a worker stay: the monitor will name another one, or none.
    pub(crate) fn worker_lost(&mut self, worker: &str, status: &str) {
        let Runtime::On(workers) = &mut self.runtime else {
            return;
        };
        if workers.remove(worker).is_none() {
            return;
        }
        self.forget_asked_workers(|gone| gone == worker);
        self.history.worker_ended(worker, Some(status));
        let lost = worker_lost(worker, status);
        let restarted = self.requeue_lost(worker);
        self.lose_objects(&lost, |object| object.is_on(worker));
        for handle in restarted {
            self.restart(handle);
        }
    }

    /// Notes that the runtime is off. All values are lost, and all operations that have not ended fail.
    pub(crate) fn runtime_stopped(&mut self, reason: &str) {
        self.say_unawaited();
        self.runtime = Runtime::Off;
        self.history.all_workers_ended();
        self.local = None;
        self.expected_workers = 0;
        self.forget_asked_workers(|_| true);
        self.lose_objects(&failure(FailureKind::NotRunning, reason), |_| true);
    }

    /// Fails or loses all objects that are affected, for the same reason.
    fn lose_objects(&mut self, failure: &Failure, affects: impl Fn(&Object) -> bool) {
        let mut affected: Vec<Handle> = (self.objects.iter())
            .filter(|(_, object)| affects(object))
            .map(|(handle, _)| *handle)
            .collect();
        // The youngest object fails first. An object that depends on another affected object then fails for `failure`,
        // and not because of the other one.
        affected.sort_unstable();
        let mut lost = HashMap::new();
        let mut failing = Vec::new();
        for handle in affected {
            let Some(object) = self.objects.get_mut(&handle) else {
                continue;
            };
            if !object.ended() {
                failing.push((handle, failure.clone()));
            } else if object.failure().is_none() {
                let failure = object.named(failure.clone());
                lost.insert(handle, (object.uid(), failure.clone()));
                object.rare.lost = Some(failure);
            }
        }
        let all: Vec<Handle> = failing.iter().map(|(handle, _)| *handle).collect();
        if let Some(oldest) = all.first().and_then(|oldest| self.objects.get(oldest)) {
            let cause = Cause::new(oldest, failure);
            self.expect_failure(&all, &cause);
        }
        // Dependents fail last: they fail because of the lost objects, and not for `failure` itself.
        failing.splice(0..0, self.dependents_of(&lost));
        self.fail_objects(failing);
        for (wait, task) in self.waits.fetching() {
            if let Some(lost) = self.objects.get(&task).and_then(|task| task.rare.lost.clone()) {
                self.end_wait(wait, Err(lost));
            }
        }
    }

    /// Returns the waiting objects that need a lost object, each with its failure.
    fn dependents_of(&self, lost: &HashMap<Handle, (String, Failure)>) -> Vec<(Handle, Failure)> {
        let mut dependents = Vec::new();
        for (handle, object) in &self.objects {
            if !matches!(object.stage, Stage::Waiting) {
                continue;
            }
            let producer = object.rare.producers.iter().find_map(|producer| lost.get(producer));
            let tessera = match object.kind {
                Kind::Task { tessera } => lost.get(&tessera),
                Kind::Tessera(_) | Kind::Function { .. } | Kind::Stored { .. } => None,
            };
            if let Some((uid, cause)) = tessera {
                dependents.push((*handle, tessera_failed(uid, cause)));
            } else if let Some((uid, cause)) = producer {
                dependents.push((*handle, dependency_failed(uid, cause)));
            }
        }
        dependents
    }
}
