//! A tessera or task as a proxy holds it.

use crate::{
    guest::interrupt::block_on,
    host::{decode_failure, host},
    remote::argument::{Arg, Value},
    remote::handle::{Owned, Wait},
};
use mosaic_abi::{
    Argument, Buffer, Description, Failure, FailureKind, Handle, Host, Options, Request, Slice, State, Submitted,
};
use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    thread,
};

/// A remote object, or one that failed before it became remote.
#[derive(Clone)]
pub(crate) enum Object {
    Remote(Owned),
    Failed(Arc<Stillborn>),
}

/// What is known of an object that never reached the host.
pub(crate) struct Stillborn {
    uid: String,
    failure: Failure,
}

impl Object {
    /// The object that the host made, or failed to make, for `method` of `tessera`. Where too much is in flight, this
    /// waits, and unwinds in a cell that is interrupted.
    pub(crate) fn submitted(submitted: Submitted, tessera: &str, method: Option<&str>) -> Object {
        let object = match submitted.handle {
            0 => return Object::failed(decode_failure(&submitted.failure), tessera, method),
            handle => Object::Remote(Owned::new(handle)),
        };
        if submitted.room != 0 {
            let room = Wait::begin(|_| submitted.room);
            // A destructor that submits while an interrupted cell unwinds could not be interrupted itself.
            if !thread::panicking() {
                // There is nothing that it could fail with.
                let _ = block_on(room);
            }
        }
        object
    }

    /// The tessera that the host finds by its uid.
    pub(crate) fn attached(uid: &str, type_name: &str) -> Object {
        // SAFETY: the slices lend texts that outlive the call.
        let submitted = host().map(|host| unsafe { (host.attach)(Slice::from(uid), Slice::from(type_name)) });
        match submitted {
            Ok(submitted) => Object::submitted(submitted, type_name, None),
            Err(failure) => Object::failed(failure, type_name, None),
        }
    }

    /// The signatures of a tessera's methods, in the order of their numbers.
    pub(crate) fn signatures(&self) -> Vec<String> {
        match (self, host()) {
            (Object::Remote(owned), Ok(host)) => {
                // SAFETY: the handle is alive, since `owned` owns it.
                mosaic_abi::decode(&unsafe { (host.signatures)(owned.handle()) }).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// An object that failed in this process. `method` is `None` for a tessera.
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
        Object::Failed(Arc::new(Stillborn { uid, failure }))
    }

    /// Why it failed, if it did in this process.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Object::Remote(_) => None,
            Object::Failed(stillborn) => Some(&stillborn.failure),
        }
    }

    /// The handle, or the failure of what depends on this object.
    pub(crate) fn needed(&self) -> Result<Handle, Failure> {
        match self {
            Object::Remote(owned) => Ok(owned.handle()),
            Object::Failed(stillborn) => Err(Failure {
                kind: FailureKind::DependencyFailed,
                message: format!("{} failed: {}", stillborn.uid, stillborn.failure.message),
                ..stillborn.failure.clone()
            }),
        }
    }

    /// Waits for what `begin` begins on the object's handle.
    pub(crate) fn wait(&self, begin: impl FnOnce(&'static Host, Handle) -> Handle) -> Wait {
        match self {
            Object::Remote(owned) => Wait::begin(|host| begin(host, owned.handle())),
            Object::Failed(stillborn) => Wait::failed(stillborn.failure.clone()),
        }
    }

    /// Waits until it is there: constructed, or done.
    pub(crate) fn finished(&self) -> Wait {
        // SAFETY: the handle is alive, since this owns it.
        self.wait(|host, handle| unsafe { (host.wait)(handle) })
    }

    /// Waits for its value.
    pub(crate) fn result(&self) -> Wait {
        // SAFETY: the handle is alive, since this owns it.
        self.wait(|host, handle| unsafe { (host.result)(handle) })
    }

    /// Has the host do something with it, unless it failed before it became remote.
    pub(crate) fn tell(&self, tell: impl FnOnce(&'static Host, Handle)) {
        if let (Object::Remote(owned), Ok(host)) = (self, host()) {
            tell(host, owned.handle());
        }
    }

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
            Object::Failed(stillborn) => Description {
                uid: stillborn.uid.clone(),
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

/// Arguments that are ready to be handed to the host, and the tasks that some of them are.
pub(crate) struct Arguments {
    values: Vec<Argument>,
    /// Keeps the tasks that `values` names alive until they are handed over.
    _producers: Vec<Object>,
}

impl Arguments {
    /// Collects `arguments`, or returns why one of them cannot be passed.
    pub(crate) fn collect(arguments: Vec<Arg>) -> Result<Arguments, Failure> {
        let mut collected = Arguments {
            values: Vec::with_capacity(arguments.len()),
            _producers: Vec::new(),
        };
        for argument in arguments {
            let (task, value) = match argument.0? {
                Value::Encoded(bytes) => (0, bytes),
                Value::Produced(task) => {
                    let handle = task.needed()?;
                    collected._producers.push(task);
                    (handle, Buffer::default())
                }
            };
            collected.values.push(Argument { task, value });
        }
        Ok(collected)
    }

    /// Hands the arguments over with a request: whoever `submit` calls owns them from then on. The tasks of `after` must
    /// be alive until it returns.
    pub(crate) fn hand_over(
        mut self,
        after: &[Handle],
        near: Handle,
        options: &Options,
        submit: impl FnOnce(Request) -> Submitted,
    ) -> Submitted {
        let count = self.values.len();
        // The host takes each argument over, so that the vector must free its memory but drop none of them.
        // SAFETY: zero is within the capacity, and the elements stay initialised for the host.
        unsafe { self.values.set_len(0) };
        let options = options.encoded();
        submit(Request {
            arguments: self.values.as_mut_ptr(),
            count,
            after: after.as_ptr(),
            after_count: after.len(),
            options: Slice::new(&options),
            near,
        })
    }
}
