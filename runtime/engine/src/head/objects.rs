//! Tesserae and tasks as the head's books have them. No I/O here.

use super::{history::Times, revive::Again};
use crate::{
    id::Id,
    warehouse,
    wire::{Callee, Code, Payload, Place, Resident},
};
use mosaic_abi::{Description, Failure, Handle, Options, Progress, State};
use std::{collections::VecDeque, sync::Arc};

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

/// A tessera, a task or a stored value.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: Id,
    pub(crate) type_name: Arc<str>,
    /// `new` for a tessera that was made here, and empty for one that was found and for a stored value.
    pub(crate) method: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) stage: Stage,
    pub(crate) times: Times,
    /// How far its method says it has got.
    pub(crate) progress: Option<Progress>,
    pub(crate) output: Output,
    /// Where it is, once it is known.
    pub(crate) place: Option<Arc<Place>>,
    /// Handles of the guest, waits, and operations that are not over and need this object.
    pub(crate) owners: usize,
    /// The tasks that it needs, each owned until it has ended.
    pub(crate) producers: Vec<Handle>,
    /// The objects that cannot be sent before this one was.
    pub(crate) dependents: Vec<Handle>,
    /// The uid that it is to be found by; `None` for what was made here, and from when the guest takes over what was
    /// found. Until then it is not this head's to free.
    pub(crate) wanted: Option<Box<str>>,
    /// What lives of the same type, while it is asked why this does not.
    pub(crate) others: Box<[(Resident, Arc<Place>)]>,
    /// Set when it ended well and its value was lost later, with its worker or the runtime.
    pub(crate) lost: Option<Box<Failure>>,
    /// The bytes of its value, once it is there.
    pub(crate) bytes: u64,
    /// Its value, where that is small: it came with the news.
    pub(crate) value: Option<Payload>,
    /// Set where it is run again when its worker is lost.
    pub(crate) again: Option<Box<Again>>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Tessera {
        /// What waits in this process, in the order of submission; the constructor is the first.
        queue: VecDeque<Submission>,
        /// The methods' signatures, in the order of their numbers.
        signatures: Vec<String>,
        /// Calls that are being executed: at most one.
        running: usize,
    },
    Task {
        tessera: Handle,
    },
    /// A task of no tessera.
    Function {
        /// Itself, until it was sent.
        queue: VecDeque<Submission>,
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
        code: Code,
        maker: Option<Box<Code>>,
    },
    Call(Callee),
    Run(Code),
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
            Kind::Tessera { queue, .. } | Kind::Function { queue } => Some(queue),
            Kind::Task { .. } | Kind::Stored { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn queue_mut(&mut self) -> Option<&mut VecDeque<Submission>> {
        match &mut self.kind {
            Kind::Tessera { queue, .. } | Kind::Function { queue } => Some(queue),
            Kind::Task { .. } | Kind::Stored { .. } => None,
        }
    }

    pub(crate) fn uid(&self) -> String {
        match &self.kind {
            Kind::Tessera { .. } => self
                .wanted
                .as_deref()
                .map_or_else(|| Object::uid_of_tessera(&self.type_name, self.id), str::to_owned),
            Kind::Stored { .. } => self
                .wanted
                .as_deref()
                .map_or_else(|| warehouse::uid(&self.type_name, self.id), str::to_owned),
            Kind::Task { .. } => format!("task-{}-{}-{}", self.type_name.to_lowercase(), self.method, self.id),
            Kind::Function { .. } => format!("task-{}-{}", self.method, self.id),
        }
    }

    pub(crate) fn uid_of_tessera(type_name: &str, id: Id) -> String {
        format!("tess-{}-{id}", type_name.to_lowercase())
    }

    /// Such as `Solver1::solve`.
    pub(crate) fn full_name(&self) -> String {
        match &*self.type_name {
            "" => self.method.to_string(),
            type_name => format!("{type_name}::{}", self.method),
        }
    }

    pub(crate) fn describe(&self) -> Description {
        Description {
            uid: self.uid(),
            runtime: self.place.as_ref().map(|place| place.uid.clone()),
            progress: self.progress,
            state: match (&self.stage, &self.kind) {
                (Stage::Waiting, _) => State::Pending,
                (Stage::Sent, _) => State::Queued,
                (Stage::Started, _) => State::Running,
                (Stage::Ended(Ok(())), Kind::Tessera { running: 1.., .. }) => State::Running,
                (Stage::Ended(Ok(())), Kind::Stored { .. }) if self.lost.is_some() => State::Failed,
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
            _ => self.lost.as_deref(),
        }
    }

    /// `failure` with this object's names in it.
    pub(crate) fn named(&self, failure: Failure) -> Failure {
        let worker = self.place.as_ref().map(|place| place.uid.clone());
        Failure {
            tessera: self.type_name.to_string(),
            method: self.method.to_string(),
            worker: if failure.worker.is_empty() {
                worker.unwrap_or_default()
            } else {
                failure.worker
            },
            ..failure
        }
    }
}
