//! Tesserae, tasks and stored values as a head knows them. No I/O here.

use super::{
    in_flight::Charge,
    submission::{Rerun, Submission},
    unawaited::Cause,
};
use crate::{
    id::Id,
    warehouse,
    wire::{LivingTessera, Payload, WorkerAddress},
};
use mosaic_abi::{Description, Failure, Handle, Progress, Signature, State};
use std::{
    collections::VecDeque,
    num::NonZeroU64,
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// How far an operation has come.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// In its tessera's queue in this process.
    Waiting,
    /// Sent to its worker.
    Sent,
    /// Being executed by its worker.
    Started,
    /// Ended, well or with a failure.
    Ended(Result<(), Box<Failure>>),
}

/// Whether the front end has shown what workers wrote before an object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// All output is shown.
    Shown,
    /// Some output may not be shown, and nobody waits for the object yet.
    Unshown,
    /// The monitor was asked to have the output shown.
    Syncing,
}

/// The name of an object, shared by all objects of the same type and method.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) type_name: Box<str>,
    /// `new` for a tessera that was made here; empty for a tessera that was found, and for a stored value.
    pub(crate) method: Box<str>,
}

impl Name {
    /// Makes the name of a type and a method.
    pub(crate) fn of(type_name: &str, method: &str) -> Arc<Name> {
        Arc::new(Name {
            type_name: type_name.into(),
            method: method.into(),
        })
    }

    /// Returns the whole name, such as `Solver1::solve`.
    pub(crate) fn full(&self) -> String {
        match (&*self.type_name, &*self.method) {
            ("", method) => method.to_owned(),
            (type_name, "") => Signature(type_name).text().to_owned(),
            (type_name, method) => format!("{type_name}::{method}"),
        }
    }
}

/// When an object reached each stage, in nanoseconds of [`crate::clock::now`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(super) submitted: u64,
    pub(super) queued: Option<NonZeroU64>,
    pub(super) started: Option<NonZeroU64>,
    pub(super) ended: Option<NonZeroU64>,
}

impl Times {
    /// Returns the times of an object that is submitted now.
    pub(super) fn submitted(now: u64) -> Times {
        Times {
            submitted: now,
            ..Times::default()
        }
    }
}

/// A tessera, a task or a stored value. There may be millions of objects.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: Id,
    pub(crate) name: Arc<Name>,
    pub(crate) kind: Kind,
    pub(crate) stage: Stage,
    pub(crate) times: Times,
    pub(crate) output: Output,
    /// The worker that has the object, once it is known.
    pub(crate) place: Option<Arc<WorkerAddress>>,
    /// Counts the guest's handles, the waits, and the operations in progress that need this object.
    pub(crate) owners: u32,
    /// The memory that the object adds to what is in flight, until it has ended.
    pub(crate) charge: Option<Charge>,
    /// The number of bytes of the value, once there is one.
    pub(crate) bytes: u64,
    /// The value, if it is small: then it arrives with the message that the object has ended.
    pub(crate) value: Option<Payload>,
    pub(crate) rare: Rare,
}

/// Properties that few objects have, allocated on first use: there may be millions of objects.
#[derive(Debug, Default)]
pub(crate) struct Rare(Option<Box<Extras>>);

/// The properties of [`Rare`].
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// The tasks that the object needs. It owns each of them until it has ended.
    pub(crate) producers: Vec<Handle>,
    /// The objects that cannot be sent before this one.
    pub(crate) dependents: Vec<Handle>,
    /// The uid by which the guest looks for the object. `None` for an object that was made here, and once the guest has
    /// taken over a found object; until then this head must not free it.
    pub(crate) wanted: Option<Box<str>>,
    /// The living tesserae of the same type, while the monitor is asked what became of this one.
    pub(crate) others: Vec<(LivingTessera, Arc<WorkerAddress>)>,
    /// Why the value of an object that ended well was lost later, with its worker or the runtime.
    pub(crate) lost: Option<Failure>,
    /// How far the method says it has got.
    pub(crate) progress: Option<Progress>,
    /// Set if the object is run again when its worker is lost.
    pub(crate) rerun: Option<Rerun>,
    /// Why the object failed. It may be set while the failure is on its way.
    pub(crate) cause: Option<Arc<Cause>>,
}

impl Rare {
    /// Returns the properties to be changed, without allocating them.
    pub(crate) fn some(&mut self) -> Option<&mut Extras> {
        self.0.as_deref_mut()
    }

    /// Takes the objects that waited for this one to be sent.
    pub(crate) fn take_dependents(&mut self) -> Vec<Handle> {
        self.some()
            .map(|extras| std::mem::take(&mut extras.dependents))
            .unwrap_or_default()
    }

    /// Takes the tasks that the object needed.
    pub(crate) fn take_producers(&mut self) -> Vec<Handle> {
        self.some()
            .map(|extras| std::mem::take(&mut extras.producers))
            .unwrap_or_default()
    }
}

impl Deref for Rare {
    type Target = Extras;

    fn deref(&self) -> &Extras {
        static NONE: Extras = Extras {
            producers: Vec::new(),
            dependents: Vec::new(),
            wanted: None,
            others: Vec::new(),
            lost: None,
            progress: None,
            rerun: None,
            cause: None,
        };
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Rare {
    fn deref_mut(&mut self) -> &mut Extras {
        self.0.get_or_insert_default()
    }
}

/// The properties that only tesserae have.
#[derive(Debug)]
pub(crate) struct Tessera {
    /// The operations that wait in this process, in the order of submission; the constructor is the first.
    pub(crate) queue: VecDeque<Submission>,
    /// The methods' signatures, in the order of the methods' numbers.
    pub(crate) signatures: Vec<String>,
    /// The names of calls of the methods, in the same order.
    pub(crate) calls: Vec<Arc<Name>>,
    /// The number of calls that are being executed: at most one.
    pub(crate) running: usize,
}

impl Tessera {
    /// Makes a tessera with an empty queue.
    pub(crate) fn new(type_name: &str, signatures: Vec<String>) -> Tessera {
        let mut tessera = Tessera {
            queue: VecDeque::new(),
            signatures: Vec::new(),
            calls: Vec::new(),
            running: 0,
        };
        tessera.set_methods(type_name, signatures);
        tessera
    }

    /// Sets the signatures of the tessera's methods.
    pub(crate) fn set_methods(&mut self, type_name: &str, signatures: Vec<String>) {
        let method = |signature: &String| signature.split('(').next().unwrap_or_default().to_owned();
        self.calls = signatures
            .iter()
            .map(|signature| Name::of(type_name, &method(signature)))
            .collect();
        self.signatures = signatures;
    }
}

/// The kinds of objects.
#[derive(Debug)]
pub(crate) enum Kind {
    Tessera(Box<Tessera>),
    /// A call of a tessera's method.
    Task {
        tessera: Handle,
    },
    /// The task of a function that runs without a tessera.
    Function {
        /// The function itself, until it is sent.
        #[allow(
            clippy::box_collection,
            reason = "most objects are tasks, which would grow with an unboxed queue"
        )]
        queue: Box<VecDeque<Submission>>,
    },
    Stored {
        /// The number of operations in progress that need the value.
        uses: usize,
    },
}

impl Kind {
    /// Returns the kind of a stored value that nothing uses yet.
    pub(crate) fn stored() -> Kind {
        Kind::Stored { uses: 0 }
    }
}

impl Object {
    /// Returns the operations that wait in this process: those of a tessera, or a function.
    pub(crate) fn queue(&self) -> Option<&VecDeque<Submission>> {
        match &self.kind {
            Kind::Tessera(tessera) => Some(&tessera.queue),
            Kind::Function { queue } => Some(queue),
            Kind::Task { .. } | Kind::Stored { .. } => None,
        }
    }

    /// Returns the operations that wait in this process, to be changed.
    pub(crate) fn queue_mut(&mut self) -> Option<&mut VecDeque<Submission>> {
        match &mut self.kind {
            Kind::Tessera(tessera) => Some(&mut tessera.queue),
            Kind::Function { queue } => Some(queue),
            Kind::Task { .. } | Kind::Stored { .. } => None,
        }
    }

    /// Returns the object's uid, such as `tess-solver1-70c4…`.
    pub(crate) fn uid(&self) -> String {
        match &self.kind {
            Kind::Tessera(_) => self
                .rare
                .wanted
                .as_deref()
                .map_or_else(|| self.id.uid_of_tessera(&self.name.type_name), str::to_owned),
            Kind::Stored { .. } => self
                .rare
                .wanted
                .as_deref()
                .map_or_else(|| warehouse::uid(&self.name.type_name, self.id), str::to_owned),
            Kind::Task { .. } | Kind::Function { .. } => self.id.uid_of_task(&self.name.type_name, &self.name.method),
        }
    }

    /// Returns the whole name, such as `Solver1::solve`.
    pub(crate) fn full_name(&self) -> String {
        self.name.full()
    }

    /// Describes the object as its proxy shows it.
    pub(crate) fn describe(&self) -> Description {
        Description {
            uid: self.uid(),
            runtime: self.place.as_ref().map(|place| place.uid.clone()),
            progress: self.rare.progress,
            state: match (&self.stage, &self.kind) {
                (Stage::Waiting, _) => State::Pending,
                (Stage::Sent, _) => State::Queued,
                (Stage::Started, _) => State::Running,
                (Stage::Ended(Ok(())), Kind::Tessera(tessera)) if tessera.running > 0 => State::Running,
                (Stage::Ended(Ok(())), Kind::Stored { .. }) if self.rare.lost.is_some() => State::Failed,
                (Stage::Ended(Ok(())), _) => State::Done,
                (Stage::Ended(Err(_)), _) => State::Failed,
            },
        }
    }

    /// Returns whether the object was placed on this worker.
    pub(crate) fn is_on(&self, worker: &str) -> bool {
        self.place.as_ref().is_some_and(|place| place.uid == worker)
    }

    /// Returns whether the object has ended, well or not.
    pub(crate) fn ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// Returns why the object's value cannot be had: it failed, or its value was lost.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.stage {
            Stage::Ended(Err(failure)) => Some(failure),
            _ => self.rare.lost.as_ref(),
        }
    }

    /// Adds the object's type, method and worker to a failure.
    pub(crate) fn named(&self, failure: Failure) -> Failure {
        let worker = self.place.as_ref().map(|place| place.uid.clone());
        Failure {
            tessera: Signature(&self.name.type_name).text().to_owned(),
            method: self.name.method.to_string(),
            worker: if failure.worker.is_empty() {
                worker.unwrap_or_default()
            } else {
                failure.worker
            },
            ..failure
        }
    }
}
