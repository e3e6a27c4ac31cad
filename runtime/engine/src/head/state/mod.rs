//! [`HeadState`]: everything that a head knows of what it submitted. Pure state; no I/O here.
//!
//! A call of the host table changes the state under a lock. A change queues [`Action`]s, which the caller carries out
//! in their order once the change is complete.
//!
//! Data:
//!
//! - `action`: what the state asks the link to do.
//! - `objects`: tesserae, tasks and stored values.
//! - `submission`: a constructor or call that was not sent yet, and what is kept to run it again.
//! - `waits`: what the guest's futures wait for.
//! - `in_flight`: how much memory the submitted operations take up.
//! - `inquiries`: questions to all workers, and the answers so far.
//! - `timeline`: what happened, and when.
//!
//! Changes, as methods of [`HeadState`]:
//!
//! - `submit`: records constructors, calls and functions.
//! - `dispatch`: decides what is sent to the workers, and when.
//! - `complete`: what follows when objects begin, end or fail, and when workers are lost.
//! - `restart`: runs objects of a lost worker again.
//! - `ask_workers`, `attach`: asks all workers; lists tesserae and attaches to one.
//! - `store`: stored values.
//! - `unawaited`: failures that nobody awaited.
//! - `limits`: cancellation, time limits, and the limit of what is in flight.
//! - `circles`: methods that would wait for ever for themselves.
//! - `queries`: answers to the guest's queries.

mod action;
mod ask_workers;
mod attach;
mod circles;
mod complete;
mod dispatch;
mod in_flight;
mod inquiries;
mod limits;
mod objects;
mod queries;
mod restart;
mod store;
mod submission;
mod submit;
mod timeline;
mod unawaited;
mod waits;

#[cfg(test)]
mod tests;

pub(crate) use action::Action;
pub(crate) use ask_workers::HEAD;
pub(crate) use submission::{Request, Value};
pub(crate) use waits::{Awaited, Ending, GuestWaker, to_outcome};

use crate::{
    failures::failure,
    id::Id,
    shrinking_map::Map,
    wire::{ToWarehouse, ToWorker, WorkerAddress},
};
use circles::Circles;
use in_flight::InFlight;
use inquiries::Inquiries;
use mosaic_abi::{Description, FailureKind, Handle};
use objects::{Kind, Name, Object, Output, Rare, Stage, Times};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use timeline::History;
use waits::{Barriers, Waits};

/// Whether the runtime is on, as far as the head knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Off,
    /// The runtime is on, with these workers, by uid.
    On(HashMap<String, Arc<WorkerAddress>>),
}

/// Everything that a head knows of what it submitted.
#[derive(Debug)]
pub(crate) struct HeadState {
    /// The head's own id, from which the ids of its objects are made.
    id: Id,
    /// The last handle that was given out: objects, waits and requests share one sequence.
    last_handle: Handle,
    runtime: Runtime,
    /// The worker within this process, once a tessera is kept here.
    local: Option<Arc<WorkerAddress>>,
    /// The number of workers that are starting to replace lost ones.
    pub(crate) expected_workers: usize,
    objects: Map<Handle, Box<Object>>,
    /// Handles of the objects that were made elsewhere: their ids do not contain their handles.
    foreign: Map<Id, Handle>,
    /// The number of calls that were submitted since the guest last began to wait.
    unawaited: usize,
    in_flight: InFlight,
    pub(super) waits: Waits,
    inquiries: Inquiries,
    barriers: Barriers,
    circles: Circles,
    history: History,
    /// Queued by changes, in order; see [`HeadState::next_action`].
    actions: VecDeque<Action>,
}

/// The error text of an operation that needs the runtime while it is off.
const OFF: &str = "the mosaic runtime is off: call `mosaic::interactive(On).await?` first";

/// Returns whether the user is warned about this number of objects: at 2^20, and each time the number has doubled.
fn is_very_many(objects: usize) -> bool {
    objects >= 1 << 20 && objects.is_power_of_two()
}

/// Calls may be delayed, to travel together, once more than this number was submitted in a row without a wait.
const MANY_UNAWAITED: usize = 512;

/// The longest time for which the message that drops a small result is delayed.
const DROP_DELAY: Duration = Duration::from_millis(50);
/// Results of at most this many bytes are small: the worker can keep them a little longer at no cost.
const SMALL_RESULT: u64 = 1 << 10;

/// Capacity for this number of actions is kept when the queue is empty.
const KEPT_ACTIONS: usize = 1 << 10;

impl HeadState {
    /// Makes the state of a new head, for which the runtime is off.
    pub(crate) fn new(id: Id) -> HeadState {
        HeadState {
            id,
            last_handle: 0,
            runtime: Runtime::Off,
            local: None,
            expected_workers: 0,
            objects: Map::default(),
            foreign: Map::default(),
            unawaited: 0,
            in_flight: InFlight::default(),
            waits: Waits::default(),
            inquiries: Inquiries::default(),
            barriers: Barriers::default(),
            circles: Circles::default(),
            history: History::default(),
            actions: VecDeque::new(),
        }
    }

    /// Takes the next action to carry out.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if action.is_none() && self.actions.capacity() > KEPT_ACTIONS {
            self.actions.shrink_to(KEPT_ACTIONS);
        }
        action
    }

    /// Returns whether the runtime is on.
    pub(crate) fn is_on(&self) -> bool {
        self.runtime != Runtime::Off
    }

    /// Sets the time at which the changes that follow happen, in nanoseconds of [`crate::clock::now`].
    pub(crate) fn set_now(&mut self, now: u64) {
        self.history.set_now(now);
    }

    /// Sets the number of nanoseconds to add to a time to get the time since 1970.
    pub(crate) fn set_wall_clock(&mut self, wall_clock: u64) {
        self.history.set_wall_clock(wall_clock);
    }

    /// Returns whether the object with this id is on `worker`. Messages of another worker about the object are out of
    /// date.
    pub(crate) fn is_placed_on(&self, id: Id, worker: &str) -> bool {
        let object = self.handle_of(id).and_then(|handle| self.objects.get(&handle));
        object.is_some_and(|object| object.is_on(worker))
    }

    /// Describes an object as its proxy shows it.
    pub(crate) fn describe(&self, object: Handle) -> Option<Description> {
        let object = self.objects.get(&object)?;
        object.failure_seen();
        Some(object.describe())
    }

    /// Notes that the runtime is on with these workers.
    pub(crate) fn runtime_started(&mut self, workers: impl IntoIterator<Item = WorkerAddress>) {
        let workers = workers.into_iter().map(|place| (place.uid.clone(), Arc::new(place)));
        let workers: HashMap<String, Arc<WorkerAddress>> = workers.collect();
        self.history.workers_run(workers.values());
        self.runtime = Runtime::On(workers);
    }

    /// Returns the address of a worker that lives.
    pub(crate) fn place_of(&self, worker: &str) -> Option<Arc<WorkerAddress>> {
        match &self.runtime {
            Runtime::On(workers) => workers.get(worker).cloned(),
            Runtime::Off => None,
        }
    }

    /// Notes a worker that replaces a lost one; `expected` more are starting.
    pub(crate) fn worker_joined(&mut self, place: WorkerAddress, expected: usize) {
        self.expected_workers = expected;
        let place = Arc::new(place);
        self.history.workers_run(std::iter::once(&place));
        if let Runtime::On(workers) = &mut self.runtime {
            workers.insert(place.uid.clone(), place);
        }
    }

    /// Returns a handle that was never given out before.
    fn next_handle(&mut self) -> Handle {
        self.last_handle += 1;
        self.last_handle
    }

    /// Returns the id of an object that this head makes under `handle`.
    fn own_id(&self, handle: Handle) -> Id {
        self.id.numbered(handle)
    }

    /// Returns the handle of the object with this id.
    fn handle_of(&self, id: Id) -> Option<Handle> {
        let own = self.id.number_of(id);
        let is_own = self.objects.get(&own).is_some_and(|object| object.id == id);
        if is_own {
            Some(own)
        } else {
            self.foreign.get(&id).copied()
        }
    }

    /// Returns the object with this id, to be changed.
    fn object_of(&mut self, id: Id) -> Option<&mut Object> {
        let handle = self.handle_of(id)?;
        self.objects.get_mut(&handle).map(|object| &mut **object)
    }

    /// Records a new object with one owner.
    fn insert(&mut self, handle: Handle, id: Id, name: Arc<Name>, kind: Kind) {
        let object = Object {
            id,
            name,
            kind,
            stage: Stage::Waiting,
            times: Times::submitted(self.history.now()),
            output: Output::Shown,
            place: None,
            owners: 1,
            charge: None,
            bytes: 0,
            value: None,
            rare: Rare::default(),
        };
        self.objects.insert(handle, Box::new(object));
        if id != self.own_id(handle) {
            self.foreign.insert(id, handle);
        }
        if is_very_many(self.objects.len()) {
            tracing::warn!(
                "{} tesserae and tasks are kept, at some 0.3 KB each beside their arguments: await and drop some before \
                 more are submitted, or loop with `mosaic::for_each`",
                self.objects.len()
            );
        }
    }

    /// Begins a wait and returns its handle.
    pub(crate) fn wait(&mut self, subject: Awaited) -> Handle {
        if std::mem::take(&mut self.unawaited) > MANY_UNAWAITED {
            self.actions.push_back(Action::SendDelayed);
        }
        let wait = self.next_handle();
        let is_shown = |object: &Object| object.ended() && object.output == Output::Shown;
        if let Awaited::Object(handle) | Awaited::Result(handle) = subject
            && let Some(object) = self.objects.get_mut(&handle).filter(|object| is_shown(object))
        {
            object.owners += 1;
            self.waits.begin_at_end(wait, subject);
            self.answer_wait(wait, handle);
            return wait;
        }
        self.waits.begin(wait, subject);
        if let Awaited::Object(handle) | Awaited::Result(handle) = subject {
            match self.objects.get_mut(&handle) {
                None => {
                    let failure = failure(FailureKind::Runtime, "the wait names an object that does not exist");
                    self.end_wait(wait, Err(failure));
                }
                Some(object) => {
                    object.owners += 1;
                    self.advance_waits(handle);
                }
            }
        }
        wait
    }

    /// Begins a wait of a call that this process executes, if the caller is one, and returns its handle.
    pub(crate) fn wait_of(&mut self, call: Option<Id>, subject: Awaited) -> Handle {
        let wait = self.wait(subject);
        if let Some(call) = call {
            self.waits.set_call(wait, call);
        }
        wait
    }

    /// Ends a wait and releases the object that it owned.
    pub(crate) fn end_wait(&mut self, wait: Handle, ending: Ending) {
        // An arriving value and the loss of its worker may both end a wait. Only the first releases the object.
        let Some((subject, waker)) = self.waits.end(wait, ending) else {
            return;
        };
        self.actions.extend(waker.map(Action::Wake));
        if let Awaited::Object(handle) | Awaited::Result(handle) | Awaited::Fetching(handle) = subject {
            self.release_object(handle);
        }
    }

    /// Releases one owner of a handle: of a wait, or of an object.
    pub(crate) fn release(&mut self, handle: Handle) {
        let Some((subject, open, waker)) = self.waits.remove(handle) else {
            return self.release_object(handle);
        };
        if subject == Awaited::InFlightLimit {
            self.stop_waiting_below_limit(handle);
        }
        // The waker's destructor is the guest's code: it must not run under the lock.
        self.actions.extend(waker.map(Action::Discard));
        if let (Awaited::Object(object) | Awaited::Result(object) | Awaited::Fetching(object), true) = (subject, open) {
            self.release_object(object);
        }
    }

    /// Adds an owner to an object.
    pub(crate) fn retain(&mut self, handle: Handle) {
        if let Some(object) = self.objects.get_mut(&handle) {
            object.owners += 1;
        }
    }

    /// Releases one owner of an object.
    fn release_object(&mut self, handle: Handle) {
        if let Some(object) = self.objects.get_mut(&handle) {
            object.owners = object.owners.saturating_sub(1);
            self.free_if_unused(handle);
        }
    }

    /// Frees an object that has ended and has no owner.
    fn free_if_unused(&mut self, handle: Handle) {
        let Some(object) = self.objects.get(&handle) else {
            return;
        };
        if object.owners > 0 || !object.ended() {
            return;
        }
        let Some(mut object) = self.objects.remove(&handle) else {
            return;
        };
        if let Some(cause) = object.rare.some().and_then(|extras| extras.cause.take()) {
            self.forget_cause(cause);
        }
        if object.id != self.own_id(handle) {
            self.foreign.remove(&object.id);
        }
        if object.rare.lost.is_none() {
            self.history.object_freed(object.id);
        }
        if let Some(rerun) = &object.rare.rerun {
            self.release_remembered(rerun);
        }
        let message = match object.kind {
            Kind::Stored { .. } if matches!(object.stage, Stage::Ended(Ok(()))) && self.is_on() => {
                let ware = object.id;
                return self.actions.push_back(Action::Warehouse(ToWarehouse::Release { ware }));
            }
            Kind::Stored { .. } => return,
            Kind::Tessera(_) if object.rare.wanted.is_some() => ToWorker::Detach { tessera: object.id },
            Kind::Tessera(_) => {
                self.actions.push_back(Action::Forget { tessera: object.id });
                ToWorker::DropTessera { tessera: object.id }
            }
            Kind::Task { .. } => ToWorker::DropTask { task: object.id },
            Kind::Function { .. } => {
                self.actions.push_back(Action::Forget { tessera: object.id });
                ToWorker::DropTask { task: object.id }
            }
        };
        if let Some(place) = object.place.filter(|place| self.lives(&place.uid)) {
            let frame = message.into();
            let is_small = matches!(object.kind, Kind::Task { .. }) && object.bytes <= SMALL_RESULT;
            self.actions.push_back(match is_small {
                true => Action::SendWithin {
                    place,
                    frame,
                    longest: DROP_DELAY,
                },
                false => Action::Send { place, frame },
            });
        }
    }

    /// Returns whether a worker of this uid runs, as far as the head knows.
    fn lives(&self, worker: &str) -> bool {
        let is_worker = matches!(&self.runtime, Runtime::On(workers) if workers.contains_key(worker));
        is_worker || self.local.as_ref().is_some_and(|local| local.uid == worker)
    }
}
