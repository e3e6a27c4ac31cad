//! The books of the head: what was submitted, what it waits for, who owns it. No I/O here.
//!
//! Each change returns nothing and leaves [`Action`]s, which the caller carries out in their order.

use super::{
    find::Inquiries,
    flight::Flight,
    history::{History, Times},
    objects::{Kind, Name, Object, Output, Rare, Stage},
    queries::Barriers,
};
use crate::{
    failures::failure,
    id::Id,
    map::Map,
    waits::{Ending, GuestWaker, Subject, Waits},
    wire::{Frame, Payload, Place, TaskProgress, ToWarehouse, ToWorker, Wish},
};
use mosaic_abi::{Description, FailureKind, Handle, MonitorQuery};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// What the runtime is doing, as far as the head knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Off,
    /// On, with the workers that live.
    On(HashMap<String, Arc<Place>>),
}

/// Something to do outside the books.
#[derive(Debug)]
pub(crate) enum Action {
    /// Have a tessera live in this process.
    PlaceHere { tessera: Id },
    /// Ask the monitor for a worker.
    Place { tessera: Id, type_name: String, wish: Wish },
    /// Ask the monitor what became of a tessera that no worker has.
    Find { tessera: Id },
    /// Tell the monitor that a tessera is gone.
    Forget { tessera: Id },
    /// Send to a worker.
    Send { place: Arc<Place>, frame: Frame<ToWorker> },
    /// The same, together with what is sent next, or after so long: nobody waits for it.
    SendWithin {
        place: Arc<Place>,
        frame: Frame<ToWorker>,
        longest: Duration,
    },
    /// Somebody waits for what was to be sent later.
    Hurry,
    /// Ask the warehouse for room and write a value there, then call [`Ledger::stored`].
    Store {
        ware: Id,
        type_name: String,
        value: Payload,
    },
    /// Tell the warehouse something.
    Warehouse(ToWarehouse),
    /// Read a stored value, then call [`Ledger::fetched`].
    Load { wait: Handle, ware: Id, uid: String },
    /// Have it shown how far a task has got.
    Progress(TaskProgress),
    /// Call [`Ledger::time_is_over`] after so long.
    Timer { subject: Handle, after: Duration },
    /// Have all output shown, then call [`Ledger::synced`].
    Sync { object: Handle },
    /// Ask the monitor; the answer is for this wait.
    Query { wait: Handle, query: MonitorQuery },
    /// Wake a future of the guest, with no lock held.
    Wake(GuestWaker),
    /// Drop a waker of the guest, with no lock held.
    Discard(GuestWaker),
}

/// The books.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// This head's own.
    pub(super) id: Id,
    last: Handle,
    pub(super) runtime: Runtime,
    /// Where this process keeps tesserae itself, if it does.
    pub(super) local: Option<Arc<Place>>,
    /// How many workers are on their way to replace others.
    pub(super) expected: usize,
    pub(super) objects: Map<Handle, Box<Object>>,
    /// Those that were not made here, whose ids say nothing of their handles.
    pub(super) foreign: Map<Id, Handle>,
    /// So many calls were submitted since somebody began to wait for something.
    pub(super) unawaited: usize,
    pub(super) flight: Flight,
    pub(super) waits: Waits,
    pub(super) inquiries: Inquiries,
    pub(super) barriers: Barriers,
    pub(super) history: History,
    pub(super) actions: VecDeque<Action>,
}

/// What is said where the runtime is needed and off.
pub(super) const OFF: &str = "the mosaic runtime is off: call `mosaic::interactive(On).await?` first";

/// Whether the user is told of so many objects: from a million on, whenever there are twice as many.
pub(super) fn is_very_many(objects: usize) -> bool {
    objects >= 1 << 20 && objects.is_power_of_two()
}

/// Calls may leave later where so many were submitted in a row and nobody waits.
pub(super) const MANY: usize = 512;

/// A worker hears with the next command, or after so long, that a result is not wanted any more, ...
const DROPPED: Duration = Duration::from_millis(50);
/// ... where that is of so many bytes at most, so that keeping it costs next to nothing.
const SMALL: u64 = 1 << 10;

/// Room for so many actions is kept.
const FEW: usize = 1 << 10;

impl Ledger {
    pub(crate) fn new(id: Id) -> Ledger {
        Ledger {
            id,
            last: 0,
            runtime: Runtime::Off,
            local: None,
            expected: 0,
            objects: Map::default(),
            foreign: Map::default(),
            unawaited: 0,
            flight: Flight::default(),
            waits: Waits::default(),
            inquiries: Inquiries::default(),
            barriers: Barriers::default(),
            history: History::default(),
            actions: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if action.is_none() && self.actions.capacity() > FEW {
            self.actions.shrink_to(FEW);
        }
        action
    }

    pub(crate) fn is_on(&self) -> bool {
        self.runtime != Runtime::Off
    }

    /// What a proxy shows of an object.
    pub(crate) fn describe(&self, object: Handle) -> Option<Description> {
        self.objects.get(&object).map(|object| object.describe())
    }

    /// The runtime runs with these workers.
    pub(crate) fn started(&mut self, workers: impl IntoIterator<Item = Place>) {
        let workers = workers.into_iter().map(|place| (place.uid.clone(), Arc::new(place)));
        let workers: HashMap<String, Arc<Place>> = workers.collect();
        self.history.workers_run(workers.values());
        self.runtime = Runtime::On(workers);
    }

    /// A worker replaces another, and so many more are on their way.
    pub(crate) fn joined(&mut self, place: Place, expected: usize) {
        self.expected = expected;
        let place = Arc::new(place);
        self.history.workers_run(std::iter::once(&place));
        if let Runtime::On(workers) = &mut self.runtime {
            workers.insert(place.uid.clone(), place);
        }
    }

    pub(super) fn next(&mut self) -> Handle {
        self.last += 1;
        self.last
    }

    /// The id of what is made here under this handle.
    pub(super) fn own_id(&self, handle: Handle) -> Id {
        self.id.numbered(handle)
    }

    /// The handle of an object.
    pub(super) fn handle_of(&self, id: Id) -> Option<Handle> {
        let own = self.id.number_of(id);
        let is_own = self.objects.get(&own).is_some_and(|object| object.id == id);
        if is_own {
            Some(own)
        } else {
            self.foreign.get(&id).copied()
        }
    }

    /// An object, to be changed.
    pub(super) fn object_of(&mut self, id: Id) -> Option<&mut Object> {
        let handle = self.handle_of(id)?;
        self.objects.get_mut(&handle).map(|object| &mut **object)
    }

    pub(super) fn insert(&mut self, handle: Handle, id: Id, name: Arc<Name>, kind: Kind) {
        let object = Object {
            id,
            name,
            kind,
            stage: Stage::Waiting,
            times: Times::submitted(self.history.now()),
            output: Output::Shown,
            place: None,
            owners: 1,
            in_flight: None,
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

    /// Begins a wait.
    pub(crate) fn wait(&mut self, subject: Subject) -> Handle {
        if std::mem::take(&mut self.unawaited) > MANY {
            self.actions.push_back(Action::Hurry);
        }
        let wait = self.next();
        let is_shown = |object: &Object| object.ended() && object.output == Output::Shown;
        if let Subject::Object(handle) | Subject::Result(handle) = subject
            && let Some(object) = self.objects.get_mut(&handle).filter(|object| is_shown(object))
        {
            object.owners += 1;
            self.waits.begin_at_end(wait, subject);
            self.answer(wait, handle);
            return wait;
        }
        self.waits.begin(wait, subject);
        if let Subject::Object(handle) | Subject::Result(handle) = subject {
            match self.objects.get_mut(&handle) {
                None => {
                    let failure = failure(FailureKind::Runtime, "the wait names an object that does not exist");
                    self.end_wait(wait, Err(failure));
                }
                Some(object) => {
                    object.owners += 1;
                    self.progress(handle);
                }
            }
        }
        wait
    }

    /// Ends a wait and gives back what it owned.
    pub(crate) fn end_wait(&mut self, wait: Handle, ending: Ending) {
        // A wait may be ended twice, by a value on its way and the loss of its worker: only once does it give back.
        let Some((subject, waker)) = self.waits.end(wait, ending) else {
            return;
        };
        self.actions.extend(waker.map(Action::Wake));
        if let Subject::Object(handle) | Subject::Result(handle) | Subject::Fetching(handle) = subject {
            self.release_object(handle);
        }
    }

    /// One owner less of a handle of any kind.
    pub(crate) fn release(&mut self, handle: Handle) {
        let Some((subject, open, waker)) = self.waits.remove(handle) else {
            return self.release_object(handle);
        };
        if subject == Subject::Room {
            self.waits_no_more(handle);
        }
        // The waker's destructor is the guest's code: it must not run under the lock.
        self.actions.extend(waker.map(Action::Discard));
        if let (Subject::Object(object) | Subject::Result(object) | Subject::Fetching(object), true) = (subject, open) {
            self.release_object(object);
        }
    }

    /// One owner more of an object.
    pub(crate) fn retain(&mut self, handle: Handle) {
        if let Some(object) = self.objects.get_mut(&handle) {
            object.owners += 1;
        }
    }

    pub(super) fn release_object(&mut self, handle: Handle) {
        if let Some(object) = self.objects.get_mut(&handle) {
            object.owners = object.owners.saturating_sub(1);
            self.collect(handle);
        }
    }

    /// Frees an object that nobody owns and that has ended.
    pub(super) fn collect(&mut self, handle: Handle) {
        let Some(object) = self.objects.get(&handle) else {
            return;
        };
        if object.owners > 0 || !object.ended() {
            return;
        }
        let Some(object) = self.objects.remove(&handle) else {
            return;
        };
        if object.id != self.own_id(handle) {
            self.foreign.remove(&object.id);
        }
        if object.rare.lost.is_none() {
            self.history.object_freed(object.id);
        }
        if let Some(again) = &object.rare.again {
            self.release_remembered(again);
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
            let is_small = matches!(object.kind, Kind::Task { .. }) && object.bytes <= SMALL;
            self.actions.push_back(match is_small {
                true => Action::SendWithin {
                    place,
                    frame,
                    longest: DROPPED,
                },
                false => Action::Send { place, frame },
            });
        }
    }

    pub(super) fn lives(&self, worker: &str) -> bool {
        let is_worker = matches!(&self.runtime, Runtime::On(workers) if workers.contains_key(worker));
        is_worker || self.local.as_ref().is_some_and(|local| local.uid == worker)
    }
}
