//! A tessera, a task or a stored value, as this process holds it.

use super::handle::{OwnedHandle, Wait};
use crate::{
    guest::interrupt::block_on,
    host::{decode_failure, host},
};
use mosaic_abi::{Description, Failure, FailureKind, Handle, Host, Slice, State, Submitted};
use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

/// An object of the host, or one that failed before the host knew it.
#[derive(Clone)]
pub(crate) enum Object {
    Remote(OwnedHandle),
    Failed(Arc<LocalFailure>),
}

/// An object that failed in this process.
pub(crate) struct LocalFailure {
    uid: String,
    failure: Failure,
    /// Whether somebody got the failure, as itself or as that of an object that needs this one.
    seen: AtomicBool,
}

impl LocalFailure {
    /// Notes that somebody got the failure, and returns it.
    fn seen(&self) -> &LocalFailure {
        self.seen.store(true, Relaxed);
        self
    }
}

impl Drop for LocalFailure {
    fn drop(&mut self) {
        if !*self.seen.get_mut() {
            let (uid, message) = (&self.uid, &self.failure.message);
            let notice = format!("mosaic: nobody awaited {uid}, which failed: {message}\n");
            // Not `eprintln!`, which panics where nobody is left to read.
            let _ = io::stderr().write_all(notice.as_bytes());
        }
    }
}

impl Object {
    /// Takes over the object that the host made for `method` of `tessera`, or its failure.
    ///
    /// If too much is in flight, this blocks until there is less. In a cell that is interrupted meanwhile, it unwinds.
    pub(crate) fn submitted(submitted: Submitted, tessera: &str, method: Option<&str>) -> Object {
        let object = match submitted.handle {
            0 => return Object::failed(decode_failure(&submitted.failure), tessera, method),
            handle => Object::Remote(OwnedHandle::new(handle)),
        };
        if submitted.backpressure != 0 {
            let wait = Wait::begin(|_| submitted.backpressure);
            // A destructor that submits while an interrupted cell unwinds could not be interrupted itself.
            if !thread::panicking() {
                // The wait has no failure of its own.
                let _ = block_on(wait);
            }
        }
        object
    }

    /// Finds a tessera by its uid.
    pub(crate) fn attached(uid: &str, type_name: &str) -> Object {
        // SAFETY: the slices lend texts that outlive the call.
        let submitted = host().map(|host| unsafe { (host.attach)(Slice::from(uid), Slice::from(type_name)) });
        match submitted {
            Ok(submitted) => Object::submitted(submitted, type_name, None),
            Err(failure) => Object::failed(failure, type_name, None),
        }
    }

    /// Returns the signatures of a tessera's methods, in the order of their numbers.
    pub(crate) fn signatures(&self) -> Vec<String> {
        match (self, host()) {
            (Object::Remote(owned), Ok(host)) => {
                // SAFETY: the handle is alive, since `owned` owns it.
                mosaic_abi::decode(&unsafe { (host.signatures)(owned.handle()) }).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Makes an object that failed in this process. `method` is `None` for a tessera.
    pub(crate) fn failed(mut failure: Failure, tessera: &str, method: Option<&str>) -> Object {
        failure.tessera = tessera.to_owned();
        failure.method = method.unwrap_or("new").to_owned();
        let random = || RandomState::new().hash_one(tessera);
        let name = tessera.to_lowercase();
        let uid = match method {
            Some(method) if tessera.is_empty() => format!("task-{method}-{:016x}{:016x}", random(), random()),
            Some(method) => format!("task-{name}-{method}-{:016x}{:016x}", random(), random()),
            None => format!("tess-{name}-{:016x}{:016x}", random(), random()),
        };
        let seen = AtomicBool::new(false);
        Object::Failed(Arc::new(LocalFailure { uid, failure, seen }))
    }

    /// Returns the handle.
    ///
    /// # Errors
    ///
    /// The object failed in this process: the failure is that of whatever depends on it.
    pub(crate) fn needed(&self) -> Result<Handle, Failure> {
        match self {
            Object::Remote(owned) => Ok(owned.handle()),
            Object::Failed(failed) => {
                let LocalFailure { uid, failure, .. } = failed.seen();
                Err(match failure.kind {
                    FailureKind::NotRunning => failure.clone(),
                    _ => Failure {
                        kind: FailureKind::DependencyFailed,
                        message: format!("{uid} failed: {}", failure.message),
                        ..failure.clone()
                    },
                })
            }
        }
    }

    /// Notes that an operation takes over the object's failure, if the object failed in this process.
    pub(crate) fn pass_failure_on(&self) {
        if let Object::Failed(failed) = self {
            failed.seen();
        }
    }

    /// Begins a wait on the object's handle.
    pub(crate) fn wait(&self, begin: impl FnOnce(&'static Host, Handle) -> Handle) -> Wait {
        match self {
            Object::Remote(owned) => Wait::begin(|host| begin(host, owned.handle())),
            Object::Failed(failed) => Wait::failed(failed.seen().failure.clone()),
        }
    }

    /// Waits until the tessera is constructed, or the task is done.
    pub(crate) fn finished(&self) -> Wait {
        // SAFETY: the handle is alive, since this owns it.
        self.wait(|host, handle| unsafe { (host.wait)(handle) })
    }

    /// Waits for the value.
    pub(crate) fn result(&self) -> Wait {
        // SAFETY: the handle is alive, since this owns it.
        self.wait(|host, handle| unsafe { (host.result)(handle) })
    }

    /// Calls `tell` with the object's handle, unless the object failed in this process.
    pub(crate) fn tell(&self, tell: impl FnOnce(&'static Host, Handle)) {
        if let (Object::Remote(owned), Ok(host)) = (self, host()) {
            tell(host, owned.handle());
        }
    }

    /// Returns the object's uid, worker, state and progress.
    pub(crate) fn describe(&self) -> Description {
        let unknown = |state| Description {
            uid: String::new(),
            runtime: None,
            state,
            progress: None,
        };
        match self {
            Object::Remote(owned) => host()
                .ok()
                // SAFETY: the handle is alive, since `owned` owns it.
                .and_then(|host| mosaic_abi::decode(&unsafe { (host.describe)(owned.handle()) }).ok())
                .unwrap_or_else(|| unknown(State::Failed)),
            Object::Failed(failed) => Description {
                uid: failed.seen().uid.clone(),
                ..unknown(State::Failed)
            },
        }
    }

    /// Shows the object as `<TaskProxy object, uid=…, runtime=…, state=…>`.
    pub(crate) fn show(&self, class: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description {
            uid, runtime, state, ..
        } = self.describe();
        let runtime = runtime.as_deref().unwrap_or("None");
        write!(f, "<{class} object, uid={uid}, runtime={runtime}, state={state}>")
    }
}

/// Returns the state of several objects as one: failed if one of them failed, else the least advanced state.
pub(crate) fn least_advanced(states: impl Iterator<Item = State>) -> State {
    let rank = |state: &State| match state {
        State::Failed => 0,
        State::Pending => 1,
        State::Queued => 2,
        State::Running => 3,
        State::Done | State::Freed => 4,
    };
    states.min_by_key(rank).unwrap_or(State::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_are_as_far_as_the_last_of_them() {
        let cases: [(&[State], State); 4] = [
            (&[], State::Done),
            (&[State::Done, State::Running], State::Running),
            (&[State::Running, State::Pending, State::Queued], State::Pending),
            (&[State::Done, State::Failed, State::Pending], State::Failed),
        ];
        for (states, expected) in cases {
            assert_eq!(least_advanced(states.iter().copied()), expected, "{states:?}");
        }
    }
}
