//! The waits of the guest's futures. No I/O here.

use crate::{failures::failure, id::Id, shrinking_map::Map, wire::Payload};
use mosaic_abi::{Buffer, Failure, FailureKind, Handle, Outcome, Status, Waker};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

/// How a wait ended: with a value, which may be empty, or with a failure.
pub(crate) type Ending = Result<Payload, Failure>;

/// A guest's waker. Dropping it unused frees it.
#[derive(Debug)]
pub(crate) struct GuestWaker(Option<Waker>);

impl GuestWaker {
    /// Takes over a waker of the guest.
    pub(crate) fn new(waker: Waker) -> GuestWaker {
        GuestWaker(Some(waker))
    }

    /// Wakes the guest's future. Call it with no lock held: it runs code of the guest's executor.
    pub(crate) fn wake(mut self) {
        if let Some(waker) = self.0.take() {
            // SAFETY: the guest gave the function for this data, and taking it out makes this its only use.
            unsafe { (waker.wake)(waker.data) };
        }
    }
}

impl Drop for GuestWaker {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            // SAFETY: as in `wake`.
            unsafe { (waker.drop)(waker.data) };
        }
    }
}

/// Converts an ending to the form in which it crosses to a guest.
pub(crate) fn to_outcome(ending: Ending) -> Outcome {
    match ending {
        Ok(value) => Outcome {
            status: Status::Done,
            // A value that arrived for one wait has one owner. Only a value with more owners is copied.
            payload: Arc::try_unwrap(value).unwrap_or_else(|shared| Buffer::from(shared.to_vec())),
        },
        Err(failure) => Outcome {
            status: Status::Failed,
            payload: failure.encoded(),
        },
    }
}

/// The event for which a wait waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The runtime has been turned on or off, or all workers have answered.
    Runtime,
    /// An object has ended and its output has been shown.
    Object(Handle),
    /// An object has ended, its output has been shown, and its value is here.
    Result(Handle),
    /// The value of an ended object, which is on its way.
    Fetching(Handle),
    /// The front end has answered.
    FrontEnd,
    /// Everything that was submitted has ended and its output has been shown.
    Barrier,
    /// The monitor has answered.
    Monitor,
    /// The memory in flight is below its limit.
    InFlightLimit,
}

#[derive(Debug)]
struct Wait {
    subject: Awaited,
    /// The call that waits, if this process executes it, and how often a search for circles has seen the wait.
    call: Option<(Id, u8)>,
    waker: Option<GuestWaker>,
    over: bool,
    /// How the wait ended, until the guest takes it.
    ending: Option<Ending>,
}

impl Wait {
    /// Returns the object for whose end this waits, unless the wait is over.
    fn object(&self) -> Option<Handle> {
        match self.subject {
            Awaited::Object(object) | Awaited::Result(object) if !self.over => Some(object),
            _ => None,
        }
    }
}

/// The number of looks after which a wait is old.
const OLD: u8 = 2;

/// All waits of the guest.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waits: Map<Handle, Wait>,
    /// The waits for the end of each object, so that the end of an object need not look at all waits.
    by_object: Map<Handle, Vec<Handle>>,
    /// The number of waits of calls that this process executes.
    of_calls: usize,
}

impl Waits {
    /// Begins a wait.
    pub(crate) fn begin(&mut self, handle: Handle, subject: Awaited) {
        self.begin_at_end(handle, subject);
        if let Awaited::Object(object) | Awaited::Result(object) = subject {
            self.by_object.entry(object).or_default().push(handle);
        }
    }

    /// Begins a wait for an object that has ended already. The caller moves the wait on at once.
    pub(crate) fn begin_at_end(&mut self, handle: Handle, subject: Awaited) {
        let wait = Wait {
            subject,
            call: None,
            waker: None,
            over: false,
            ending: None,
        };
        self.waits.insert(handle, wait);
    }

    /// Returns the number of waits.
    pub(crate) fn len(&self) -> usize {
        self.waits.len()
    }

    /// Returns what a wait is for.
    pub(crate) fn subject(&self, wait: Handle) -> Option<Awaited> {
        self.waits.get(&wait).map(|wait| wait.subject)
    }

    /// Notes which call waits, unless the wait is over.
    pub(crate) fn set_call(&mut self, wait: Handle, call: Id) {
        if let Some(wait) = self.waits.get_mut(&wait).filter(|wait| !wait.over) {
            wait.call = Some((call, 0));
            self.of_calls += 1;
        }
    }

    /// Returns the calls one of whose waits for an object has lasted since the call before the last of this method, each
    /// with the objects of these waits.
    pub(crate) fn grown_old(&mut self) -> BTreeMap<Id, Vec<Handle>> {
        let mut old: BTreeMap<Id, Vec<Handle>> = BTreeMap::new();
        if self.of_calls == 0 {
            return old;
        }
        for wait in self.waits.values_mut() {
            let Some(object) = wait.object() else { continue };
            if let Some((call, age)) = &mut wait.call
                && *age < OLD
            {
                *age += 1;
                if *age == OLD {
                    old.entry(*call).or_default().push(object);
                }
            }
        }
        old
    }

    /// Returns the open waits of a call for objects, each with the object.
    pub(crate) fn of_call(&self, call: Id) -> Vec<(Handle, Handle)> {
        let is_of_call = |wait: &Wait| wait.call.is_some_and(|(of, _)| of == call);
        let waits = self.waits.iter().filter(|(_, wait)| is_of_call(wait));
        waits
            .filter_map(|(handle, wait)| Some((*handle, wait.object()?)))
            .collect()
    }

    /// Turns a wait into one for the value of `task`, which is on its way.
    pub(crate) fn fetch(&mut self, wait: Handle, task: Handle) {
        if let Some(wait) = self.waits.get_mut(&wait) {
            wait.subject = Awaited::Fetching(task);
        }
    }

    /// Returns whether anything waits for the end of an object.
    pub(crate) fn any_of(&self, object: Handle) -> bool {
        let mut waits = self.by_object.get(&object).into_iter().flatten();
        waits.any(|wait| self.waits.get(wait).is_some_and(|wait| !wait.over))
    }

    /// Takes the open waits for the end of an object, to move them on.
    pub(crate) fn take_of(&mut self, object: Handle) -> Vec<Handle> {
        let waits = self.by_object.remove(&object).unwrap_or_default();
        let open = |wait: &Handle| self.waits.get(wait).is_some_and(|wait| wait.ending.is_none());
        waits.into_iter().filter(open).collect()
    }

    /// Returns the open waits for values that are on their way, each with its task.
    pub(crate) fn fetching(&self) -> Vec<(Handle, Handle)> {
        let fetching = |(handle, wait): (&Handle, &Wait)| match (wait.subject, wait.over) {
            (Awaited::Fetching(task), false) => Some((*handle, task)),
            _ => None,
        };
        self.waits.iter().filter_map(fetching).collect()
    }

    /// Ends a wait, if it is open. Returns what it was for, and the waker to wake.
    pub(crate) fn end(&mut self, wait: Handle, ending: Ending) -> Option<(Awaited, Option<GuestWaker>)> {
        let wait = self.waits.get_mut(&wait).filter(|wait| !wait.over)?;
        wait.over = true;
        wait.ending = Some(ending);
        Some((wait.subject, wait.waker.take()))
    }

    /// Takes how a wait ended, or keeps `waker` until it ends. Gives back the waker that is not needed. Drop that waker
    /// with no lock held: its destructor is the guest's code.
    pub(crate) fn poll(&mut self, wait: Handle, waker: GuestWaker) -> (Option<Ending>, Option<GuestWaker>) {
        let Some(wait) = self.waits.get_mut(&wait) else {
            return (None, Some(waker));
        };
        match wait.ending.take() {
            Some(ending) => (Some(ending), Some(waker)),
            None => (None, wait.waker.replace(waker)),
        }
    }

    /// Forgets a wait. Returns what it was for, whether it was open, and its waker.
    pub(crate) fn remove(&mut self, wait: Handle) -> Option<(Awaited, bool, Option<GuestWaker>)> {
        let handle = wait;
        let wait = self.waits.remove(&handle)?;
        self.of_calls -= usize::from(wait.call.is_some());
        if let Awaited::Object(object) | Awaited::Result(object) = wait.subject
            && let Some(waits) = self.by_object.get_mut(&object)
        {
            waits.retain(|wait| *wait != handle);
            if waits.is_empty() {
                self.by_object.remove(&object);
            }
        }
        Some((wait.subject, !wait.over, wait.waker))
    }
}

/// Waits for everything that was submitted before them, each with the objects that have not ended.
pub(crate) type Barriers = HashMap<Handle, HashSet<Handle>>;

/// Encodes a value as the ending of a wait.
pub(crate) fn encoded<T: Serialize + ?Sized>(value: &T) -> Ending {
    let bytes = mosaic_abi::encode(value).map_err(|error| failure(FailureKind::Runtime, error))?;
    Ok(Arc::new(Buffer::from(bytes)))
}
