//! What the guest's futures wait for. No I/O here.

use crate::{map::Map, wire::Payload};
use mosaic_abi::{Buffer, Failure, Handle, Outcome, Status, Waker};
use std::sync::Arc;

/// How a wait ended.
pub(crate) type Ending = Result<Payload, Failure>;

/// A guest's waker, which is freed if it is not used.
#[derive(Debug)]
pub(crate) struct GuestWaker(Option<Waker>);

impl GuestWaker {
    pub(crate) fn new(waker: Waker) -> GuestWaker {
        GuestWaker(Some(waker))
    }

    /// Wakes the guest's future. To be called without any lock held: the guest's executor runs in it.
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

/// An ending as it crosses to a guest.
pub(crate) fn to_outcome(ending: Ending) -> Outcome {
    match ending {
        Ok(value) => Outcome {
            status: Status::Done,
            // What arrived for one wait has one owner; the copy is for the day it has more.
            payload: Arc::try_unwrap(value).unwrap_or_else(|shared| Buffer::from(shared.to_vec())),
        },
        Err(failure) => Outcome {
            status: Status::Failed,
            payload: failure.encoded(),
        },
    }
}

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The runtime is on, or off.
    Runtime,
    /// An object has ended and its output has been shown.
    Object(Handle),
    /// The same, and then its value.
    Result(Handle),
    /// A value is on its way.
    Fetching(Handle),
    /// The front end has answered.
    FrontEnd,
    /// All that was submitted has ended and its output has been shown.
    Barrier,
    /// The hub has.
    Hub,
    /// Less is in flight.
    Room,
}

#[derive(Debug)]
struct Wait {
    subject: Subject,
    waker: Option<GuestWaker>,
    over: bool,
    /// How it ended, until the guest took it.
    ending: Option<Ending>,
}

/// All waits of the guest.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waits: Map<Handle, Wait>,
    /// The waits for each object that began and did not get further, so that an object's end need not look at all waits.
    by_object: Map<Handle, Vec<Handle>>,
}

impl Waits {
    pub(crate) fn begin(&mut self, handle: Handle, subject: Subject) {
        self.begin_at_end(handle, subject);
        if let Subject::Object(object) | Subject::Result(object) = subject {
            self.by_object.entry(object).or_default().push(handle);
        }
    }

    /// The same, where what is waited for has happened, and the wait is to get further at once.
    pub(crate) fn begin_at_end(&mut self, handle: Handle, subject: Subject) {
        let wait = Wait {
            subject,
            waker: None,
            over: false,
            ending: None,
        };
        self.waits.insert(handle, wait);
    }

    pub(crate) fn len(&self) -> usize {
        self.waits.len()
    }

    pub(crate) fn subject(&self, wait: Handle) -> Option<Subject> {
        self.waits.get(&wait).map(|wait| wait.subject)
    }

    /// From here on, the wait is for a value that is on its way.
    pub(crate) fn fetch(&mut self, wait: Handle, task: Handle) {
        if let Some(wait) = self.waits.get_mut(&wait) {
            wait.subject = Subject::Fetching(task);
        }
    }

    /// Whether anything waits for the end of an object.
    pub(crate) fn any_of(&self, object: Handle) -> bool {
        let mut waits = self.by_object.get(&object).into_iter().flatten();
        waits.any(|wait| self.waits.get(wait).is_some_and(|wait| !wait.over))
    }

    /// The open waits for the end of an object, which goes on from here.
    pub(crate) fn take_of(&mut self, object: Handle) -> Vec<Handle> {
        let waits = self.by_object.remove(&object).unwrap_or_default();
        let open = |wait: &Handle| self.waits.get(wait).is_some_and(|wait| wait.ending.is_none());
        waits.into_iter().filter(open).collect()
    }

    /// The open waits for values that are on their way, and the tasks they are of.
    pub(crate) fn fetching(&self) -> Vec<(Handle, Handle)> {
        let fetching = |(handle, wait): (&Handle, &Wait)| match (wait.subject, wait.over) {
            (Subject::Fetching(task), false) => Some((*handle, task)),
            _ => None,
        };
        self.waits.iter().filter_map(fetching).collect()
    }

    /// Ends a wait, if it is open: what it was for, and whom to wake.
    pub(crate) fn end(&mut self, wait: Handle, ending: Ending) -> Option<(Subject, Option<GuestWaker>)> {
        let wait = self.waits.get_mut(&wait).filter(|wait| !wait.over)?;
        wait.over = true;
        wait.ending = Some(ending);
        Some((wait.subject, wait.waker.take()))
    }

    /// How a wait ended, once; until then keeps `waker`. Gives back the waker that is not needed, whose destructor is the
    /// guest's code: to be dropped without any lock held.
    pub(crate) fn poll(&mut self, wait: Handle, waker: GuestWaker) -> (Option<Ending>, Option<GuestWaker>) {
        let Some(wait) = self.waits.get_mut(&wait) else {
            return (None, Some(waker));
        };
        match wait.ending.take() {
            Some(ending) => (Some(ending), Some(waker)),
            None => (None, wait.waker.replace(waker)),
        }
    }

    /// Forgets a wait and returns what it was for, if it was not over.
    pub(crate) fn remove(&mut self, wait: Handle) -> Option<(Subject, bool, Option<GuestWaker>)> {
        let handle = wait;
        let wait = self.waits.remove(&handle)?;
        if let Subject::Object(object) | Subject::Result(object) = wait.subject
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
