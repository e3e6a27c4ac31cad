//! The books, second half: what happens to what was submitted. No I/O here.

use super::{
    ledger::{Action, Ledger, Runtime},
    objects::{Kind, Object, Output, Stage},
};
use crate::{
    failures::{dependency_failed, failure, tessera_failed, worker_lost},
    id::Id,
    waits::Subject,
    wire::{Payload, Place, TaskProgress, ToWorker},
};
use mosaic_abi::{Failure, FailureKind, Handle, Progress};
use std::{collections::HashMap, num::NonZeroU64, sync::Arc};

impl Ledger {
    /// This process keeps a tessera itself, at `local`, or cannot.
    pub(crate) fn placed_here(&mut self, tessera: Id, local: Result<Place, Failure>) {
        if self.is_on() {
            self.local = local.as_ref().ok().cloned().map(Arc::new);
        }
        self.placed(tessera, local);
    }

    /// The monitor chose a worker for a tessera, or could not.
    pub(crate) fn placed(&mut self, tessera: Id, place: Result<Place, Failure>) {
        let Some(handle) = self.handle_of(tessera) else {
            return;
        };
        let place = match place {
            Ok(place) if self.lives(&place.uid) => self.shared(place),
            Ok(place) => return self.fail(handle, worker_lost(&place.uid, "before it got there")),
            Err(failure) => return self.fail(handle, failure),
        };
        self.settle(handle, &place);
        self.flush(handle);
    }

    /// The place as these books have it.
    fn shared(&self, place: Place) -> Arc<Place> {
        let known = match &self.runtime {
            Runtime::On(workers) => workers.get(&place.uid).or(self.local.as_ref()),
            Runtime::Off => None,
        };
        known
            .filter(|known| ***known == place)
            .cloned()
            .unwrap_or_else(|| Arc::new(place))
    }

    /// Notes where a tessera and the calls that wait for it are, or a function.
    pub(super) fn settle(&mut self, handle: Handle, place: &Arc<Place>) {
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

    /// A worker began to execute a constructor or call.
    pub(crate) fn began(&mut self, id: Id) {
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

    /// A method says how far it has got.
    pub(crate) fn progressed(&mut self, id: Id, progress: Progress) {
        let object = self.object_of(id);
        // A thread that the method started may outlive it.
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

    /// The value of a call that ends came with the news.
    pub(crate) fn arrived(&mut self, id: Id, value: Payload) {
        if let Some(object) = self.object_of(id) {
            object.value = Some(value);
        }
    }

    /// A constructor or call ended on its worker.
    pub(crate) fn finished(&mut self, id: Id, outcome: Result<u64, Failure>, unread_output: bool) {
        let Some(handle) = self.handle_of(id) else { return };
        match outcome {
            Err(failure) => self.fail(handle, failure),
            Ok(bytes) => {
                if let Some(object) = self.objects.get_mut(&handle) {
                    object.bytes = bytes;
                }
                self.end(handle, Ok(()), unread_output);
            }
        }
    }

    /// Fails an object and, at once, all that cannot be sent without it.
    pub(super) fn fail(&mut self, handle: Handle, failure: Failure) {
        self.fail_all(vec![(handle, failure)]);
    }

    /// Fails each of these, the last one first, and nothing is sent before all that follows from that has failed.
    fn fail_all(&mut self, mut failing: Vec<(Handle, Failure)>) {
        let mut tesserae = Vec::new();
        while let Some((handle, failure)) = failing.pop() {
            let Some(object) = self.objects.get_mut(&handle).filter(|object| !object.ended()) else {
                continue;
            };
            let failure = object.named(failure);
            let uid = object.uid();
            for dependent in object.rare.take_dependents() {
                failing.push((dependent, dependency_failed(&uid, &failure)));
            }
            if let Some(queue) = object.queue_mut() {
                let calls = queue.drain(..).map(|call| call.object).filter(|call| *call != handle);
                failing.extend(calls.map(|call| (call, tessera_failed(&uid, &failure))));
            }
            // It may have been what the rest of its tessera's queue waited behind.
            tesserae.extend(self.tessera_of(handle));
            // What a failed object's worker, or another one, printed belongs before the error.
            self.end(handle, Err(failure), true);
        }
        for tessera in tesserae {
            self.flush(tessera);
        }
    }

    /// Ends an object; its queue and its dependents are the caller's business.
    pub(super) fn end(&mut self, handle: Handle, outcome: Result<(), Failure>, unread_output: bool) {
        let Some(object) = self.objects.get_mut(&handle).filter(|object| !object.ended()) else {
            return;
        };
        let started = matches!(object.stage, Stage::Started);
        object.stage = Stage::Ended(outcome.map_err(Box::new));
        self.history.object_ended(object);
        let in_flight = object.in_flight.take();
        let producers = object.rare.take_producers();
        // The producers' output comes first, and they may have run on other workers.
        if unread_output || !producers.is_empty() || object.rare.progress.is_some() {
            object.output = Output::Unshown;
        }
        let tessera = match object.kind {
            Kind::Task { tessera } => Some(tessera),
            Kind::Tessera(_) | Kind::Function { .. } | Kind::Stored { .. } => None,
        };
        if let Some(in_flight) = in_flight {
            self.land(handle, in_flight);
        }
        self.progress(handle);
        self.passed(handle);
        for producer in producers {
            self.leave_object(producer);
        }
        self.forget_sent(tessera.unwrap_or(handle), handle);
        if let Some(tessera) = tessera {
            if started {
                self.count_running(tessera, |running| running.saturating_sub(1));
            }
            self.release_object(tessera);
        }
        self.collect(handle);
    }

    /// Moves on the waits for an object that has ended.
    pub(super) fn progress(&mut self, handle: Handle) {
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
            self.answer(wait, handle);
        }
    }

    /// Moves on a wait for an object that has ended, and whose output has been shown.
    pub(super) fn answer(&mut self, wait: Handle, handle: Handle) {
        let Some(object) = self.objects.get(&handle) else {
            return;
        };
        let Stage::Ended(outcome) = &object.stage else { return };
        let is_value = matches!(self.waits.subject(wait), Some(Subject::Result(_)));
        let ending = match (outcome, &object.rare.lost) {
            (Err(failure), _) => Err((**failure).clone()),
            (Ok(()), _) if !is_value => Ok(Payload::default()),
            (Ok(()), Some(lost)) => Err(lost.clone()),
            // Nothing has to come.
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

    /// All output that was written before [`Action::Sync`] has been shown.
    pub(crate) fn synced(&mut self, object: Handle) {
        if self.lifted(object) {
            return;
        }
        if let Some(synced) = self.objects.get_mut(&object) {
            synced.output = Output::Shown;
        }
        self.progress(object);
    }

    /// A value arrived, or the reason why it does not.
    pub(crate) fn fetched(&mut self, wait: Handle, value: Result<Payload, Failure>) {
        if let Some(Subject::Fetching(task)) = self.waits.subject(wait) {
            let named = |failure| match self.objects.get(&task) {
                Some(task) => task.named(failure),
                None => failure,
            };
            let value = value.map_err(named);
            self.end_wait(wait, value);
        }
    }

    /// The connection to a worker closed, and the monitor has not said what became of it: it may be replaced.
    pub(crate) fn worker_gone(&mut self, worker: &str) {
        if self.lives(worker) {
            self.expected = self.expected.max(1);
            self.worker_lost(worker, "its connection closed");
        }
    }

    /// A worker is gone: what it had is lost, what it had yet to do fails. What has no worker yet hears of one, or of none,
    /// from the monitor.
    pub(crate) fn worker_lost(&mut self, worker: &str, status: &str) {
        let Runtime::On(workers) = &mut self.runtime else {
            return;
        };
        if workers.remove(worker).is_none() {
            return;
        }
        self.inquire_no_more(|gone| gone == worker);
        self.history.worker_ended(worker, Some(status));
        let lost = worker_lost(worker, status);
        let revived = self.take_off(worker);
        self.lose(&lost, |object| {
            object.place.as_ref().is_some_and(|place| place.uid == worker)
        });
        for handle in revived {
            self.revive(handle);
        }
    }

    /// The runtime is being stopped: all that it had is lost, all that it had yet to do fails.
    pub(crate) fn stopped(&mut self, reason: &str) {
        self.runtime = Runtime::Off;
        self.history.all_workers_ended();
        self.local = None;
        self.expected = 0;
        self.inquire_no_more(|_| true);
        self.lose(&failure(FailureKind::NotRunning, reason), |_| true);
    }

    fn lose(&mut self, failure: &Failure, affects: impl Fn(&Object) -> bool) {
        let mut affected: Vec<Handle> = (self.objects.iter())
            .filter(|(_, object)| affects(object))
            .map(|(handle, _)| *handle)
            .collect();
        // Youngest last, to be failed first, so that what depends on another object fails for this reason rather than
        // for that one's.
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
        // These go first, for they are not what `failure` is about.
        failing.splice(0..0, self.dependents_of(&lost));
        self.fail_all(failing);
        for (wait, task) in self.waits.fetching() {
            if let Some(lost) = self.objects.get(&task).and_then(|task| task.rare.lost.clone()) {
                self.end_wait(wait, Err(lost));
            }
        }
    }

    /// What waits in this process and needs something that ended well and is lost.
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
