//! Tesserae and tasks as the head's books have them. No I/O here.

use super::{flight::InFlight, history::Times, revive::Again};
use crate::{
    id::Id,
    warehouse,
    wire::{Callee, Code, Payload, Place, Resident},
};
use mosaic_abi::{Description, Failure, Handle, Options, Progress, State};
use std::{
    collections::VecDeque,
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// How far a constructor or call has come.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// In its tessera's queue in this process.
    Waiting,
    /// With its worker.
    Sent,
    /// Being executed.
    Started,
    Ended(Result<(), Box<Failure>>),
}

/// Whether the output of a worker has been shown up to the end of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// None was left unread.
    Shown,
    /// Some may be left; nobody asked yet.
    Unshown,
    /// The hub was asked to have it shown.
    Syncing,
}

/// What an object is called, and others of its kind with it.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) type_name: Box<str>,
    /// `new` for a tessera that was made here, and empty for one that was found and for a stored value.
    pub(crate) method: Box<str>,
}

impl Name {
    pub(crate) fn of(type_name: &str, method: &str) -> Arc<Name> {
        Arc::new(Name {
            type_name: type_name.into(),
            method: method.into(),
        })
    }

    /// Such as `Solver1::solve`.
    pub(crate) fn full(&self) -> String {
        match (&*self.type_name, &*self.method) {
            ("", method) => method.to_owned(),
            (type_name, "") => type_name.to_owned(),
            (type_name, method) => format!("{type_name}::{method}"),
        }
    }
}

/// A tessera, a task or a stored value. There may be millions of them.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: Id,
    pub(crate) name: Arc<Name>,
    pub(crate) kind: Kind,
    pub(crate) stage: Stage,
    pub(crate) times: Times,
    pub(crate) output: Output,
    /// Where it is, once it is known.
    pub(crate) place: Option<Arc<Place>>,
    /// Handles of the guest, waits, and operations that are not over and need this object.
    pub(crate) owners: u32,
    /// What it takes up until it has ended, if it counts.
    pub(crate) in_flight: Option<InFlight>,
    /// The bytes of its value, once it is there.
    pub(crate) bytes: u64,
    /// Its value, where that is small: it came with the news.
    pub(crate) value: Option<Payload>,
    pub(crate) rare: Rare,
}

/// What few objects have.
#[derive(Debug, Default)]
pub(crate) struct Rare(Option<Box<Extras>>);

/// See [`Rare`].
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// The tasks that it needs, each owned until it has ended.
    pub(crate) producers: Vec<Handle>,
    /// The objects that cannot be sent before this one was.
    pub(crate) dependents: Vec<Handle>,
    /// The uid that it is to be found by; `None` for what was made here, and from when the guest takes over what was
    /// found. Until then it is not this head's to free.
    pub(crate) wanted: Option<Box<str>>,
    /// What lives of the same type, while it is asked why this does not.
    pub(crate) others: Vec<(Resident, Arc<Place>)>,
    /// Set when it ended well and its value was lost later, with its worker or the runtime.
    pub(crate) lost: Option<Failure>,
    /// How far its method says it has got.
    pub(crate) progress: Option<Progress>,
    /// Set where it is run again when its worker is lost.
    pub(crate) again: Option<Again>,
}

impl Rare {
    /// The same, to be changed, where there is anything.
    pub(crate) fn some(&mut self) -> Option<&mut Extras> {
        self.0.as_deref_mut()
    }

    /// The objects that waited for this one to be sent.
    pub(crate) fn take_dependents(&mut self) -> Vec<Handle> {
        self.some()
            .map(|extras| std::mem::take(&mut extras.dependents))
            .unwrap_or_default()
    }

    /// The tasks that it needed.
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
            again: None,
        };
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Rare {
    fn deref_mut(&mut self) -> &mut Extras {
        self.0.get_or_insert_default()
    }
}

/// What is special of a tessera.
#[derive(Debug)]
pub(crate) struct Tessera {
    /// What waits in this process, in the order of submission; the constructor is the first.
    pub(crate) queue: VecDeque<Submission>,
    /// The methods' signatures, in the order of their numbers, and what calls of them are called.
    pub(crate) signatures: Vec<String>,
    pub(crate) calls: Vec<Arc<Name>>,
    /// Calls that are being executed: at most one.
    pub(crate) running: usize,
}

impl Tessera {
    /// A tessera of which nothing was called yet.
    pub(crate) fn new(type_name: &str, signatures: Vec<String>) -> Tessera {
        let mut tessera = Tessera {
            queue: VecDeque::new(),
            signatures: Vec::new(),
            calls: Vec::new(),
            running: 0,
        };
        tessera.has_methods(type_name, signatures);
        tessera
    }

    /// Its methods are known.
    pub(crate) fn has_methods(&mut self, type_name: &str, signatures: Vec<String>) {
        let method = |signature: &String| signature.split('(').next().unwrap_or_default().to_owned();
        self.calls = signatures
            .iter()
            .map(|signature| Name::of(type_name, &method(signature)))
            .collect();
        self.signatures = signatures;
    }
}

#[derive(Debug)]
pub(crate) enum Kind {
    Tessera(Box<Tessera>),
    Task {
        tessera: Handle,
    },
    /// A task of no tessera.
    Function {
        /// Itself, until it was sent.
        #[allow(
            clippy::box_collection,
            reason = "tasks, of which there are most, are not to have room for it"
        )]
        queue: Box<VecDeque<Submission>>,
    },
    Stored {
        /// Operations that are not over and need it.
        uses: usize,
    },
}

impl Kind {
    /// A stored value that nothing uses yet.
    pub(crate) fn stored() -> Kind {
        Kind::Stored { uses: 0 }
    }
}

/// A constructor or call that was not sent yet.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) object: Handle,
    pub(crate) operation: Operation,
    pub(crate) request: Request,
}

/// What a constructor or call is submitted with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) arguments: Vec<Value>,
    /// Tasks that must be done before.
    pub(crate) after: Vec<Handle>,
    pub(crate) options: Options,
    /// One of the tasks that are needed, on whose worker this is to be.
    pub(crate) near: Option<Handle>,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// By the constructor, or by a function that makes the object of its argument.
    Create {
        code: Box<Code>,
        maker: Option<Box<Code>>,
    },
    Call(Callee),
    Run(Box<Code>),
}

/// An argument as it was submitted.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Encoded(Payload),
    Produced(Handle),
}

impl Submission {
    /// The tasks that must be with their workers before this can be sent.
    pub(crate) fn producers(&self) -> impl Iterator<Item = Handle> + '_ {
        self.request.producers()
    }
}

impl Request {
    /// The bytes of the arguments that it comes with.
    pub(crate) fn bytes(&self) -> u64 {
        let encoded = self.arguments.iter().map(|argument| match argument {
            Value::Encoded(value) => value.len() as u64,
            Value::Produced(_) => 0,
        });
        encoded.sum()
    }

    /// The tasks that are needed.
    pub(crate) fn producers(&self) -> impl Iterator<Item = Handle> + '_ {
        let produced = self.arguments.iter().filter_map(|argument| match argument {
            Value::Produced(task) => Some(*task),
            Value::Encoded(_) => None,
        });
        produced.chain(self.after.iter().copied())
    }
}

impl Object {
    /// What waits in this process and is sent in this order: what belongs to a tessera, or a function that runs by itself.
    pub(crate) fn queue(&self) -> Option<&VecDeque<Submission>> {
        match &self.kind {
            Kind::Tessera(tessera) => Some(&tessera.queue),
            Kind::Function { queue } => Some(queue),
            Kind::Task { .. } | Kind::Stored { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn queue_mut(&mut self) -> Option<&mut VecDeque<Submission>> {
        match &mut self.kind {
            Kind::Tessera(tessera) => Some(&mut tessera.queue),
            Kind::Function { queue } => Some(queue),
            Kind::Task { .. } | Kind::Stored { .. } => None,
        }
    }

    pub(crate) fn uid(&self) -> String {
        match &self.kind {
            Kind::Tessera(_) => self
                .rare
                .wanted
                .as_deref()
                .map_or_else(|| Object::uid_of_tessera(&self.name.type_name, self.id), str::to_owned),
            Kind::Stored { .. } => self
                .rare
                .wanted
                .as_deref()
                .map_or_else(|| warehouse::uid(&self.name.type_name, self.id), str::to_owned),
            Kind::Task { .. } => format!(
                "task-{}-{}-{}",
                self.name.type_name.to_lowercase(),
                self.name.method,
                self.id
            ),
            Kind::Function { .. } => format!("task-{}-{}", self.name.method, self.id),
        }
    }

    pub(crate) fn uid_of_tessera(type_name: &str, id: Id) -> String {
        format!("tess-{}-{id}", type_name.to_lowercase())
    }

    /// Such as `Solver1::solve`.
    pub(crate) fn full_name(&self) -> String {
        self.name.full()
    }

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

    pub(crate) fn ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// Why nothing can be had of this object any more, if that is so.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.stage {
            Stage::Ended(Err(failure)) => Some(failure),
            _ => self.rare.lost.as_ref(),
        }
    }

    /// `failure` with this object's names in it.
    pub(crate) fn named(&self, failure: Failure) -> Failure {
        let worker = self.place.as_ref().map(|place| place.uid.clone());
        Failure {
            tessera: self.name.type_name.to_string(),
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
