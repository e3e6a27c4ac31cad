//! The messages, one enum for each direction.

use crate::id::Id;
use mosaic_abi::Failure;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The first message on a connection to the hub or to a worker: who is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Peer {
    Head,
    Worker(Place),
}

/// A worker and where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) uid: String,
    pub(crate) address: PathBuf,
}

/// A line of the listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuntimeInfo {
    pub(crate) uid: String,
    pub(crate) address: PathBuf,
    pub(crate) pid: u32,
}

/// To the hub, from a head or (the first alone) from a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToHub {
    Hello(Peer),
    Start {
        num_workers: usize,
    },
    Stop,
    Place {
        tessera: Id,
        type_name: String,
    },
    /// The tessera is gone.
    Forget {
        tessera: Id,
    },
    /// Have everything shown that workers wrote until now.
    Sync {
        request: u64,
    },
}

/// From the hub, to a head or (the last alone) to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromHub {
    /// The runtime runs. `fresh` where it was started by this request.
    Started {
        fresh: bool,
        runtimes: Result<Vec<RuntimeInfo>, String>,
    },
    Stopped,
    Placed {
        tessera: Id,
        place: Result<Place, Failure>,
    },
    Synced {
        request: u64,
    },
    WorkerLost {
        uid: String,
        status: String,
    },
    /// End this worker.
    Exit,
}

/// To a worker, from a head or from another worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    Hello(Peer),
    Create {
        tessera: Id,
        code: Code,
        needs: Needs,
    },
    Call {
        task: Id,
        tessera: Id,
        method: u32,
        /// The method's name, for messages.
        name: String,
        needs: Needs,
    },
    /// Reply when the task is done, with its value if `value` is set.
    Fetch {
        request: u64,
        task: Id,
        value: bool,
    },
    DropTask {
        task: Id,
    },
    DropTessera {
        tessera: Id,
    },
}

/// From a worker, to a head or to another worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// A constructor or a call is being executed.
    Started { id: Id },
    /// A constructor or a call ended.
    Finished {
        id: Id,
        outcome: Result<(), Failure>,
        /// Output of this worker was still unread then.
        unread_output: bool,
    },
    /// The task is done; the payload is its value, if it was asked for.
    Fetched { request: u64, outcome: Result<(), Failure> },
}

/// Where a tessera's table lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) type_name: String,
    pub(crate) location: Location,
}

/// An address as another process finds it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Location {
    /// The shared object; `None` is the program itself.
    pub(crate) object: Option<PathBuf>,
    /// Bytes from where the object is loaded.
    pub(crate) offset: u64,
}

/// What an operation needs before it can run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Needs {
    pub(crate) arguments: Vec<Argument>,
    /// Tasks that must be done before.
    pub(crate) after: Vec<Source>,
}

/// An argument of a constructor or call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Argument {
    /// The frame's next payload.
    Value,
    /// A task's value.
    Task(Source),
}

/// A task and the worker that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) task: Id,
    /// The task's uid, for messages.
    pub(crate) uid: String,
    pub(crate) place: Place,
}
