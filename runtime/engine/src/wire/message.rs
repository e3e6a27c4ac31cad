//! The messages, one enum for each direction.

use crate::{
    id::Id,
    warehouse::{Shelf, Shelves},
};
use mosaic_abi::{Failure, Kept, MonitorQuery, Progress, StartOptions, State};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The first message on a connection to the hub or to a worker: who is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Peer {
    /// A head, and what tells it from those before and after it.
    Head(Id),
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

/// What a head hears of the runtime that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) runtimes: Vec<RuntimeInfo>,
    /// How many bytes what a head has in flight may take up.
    pub(crate) in_flight_limit: u64,
}

/// To the hub, from a head or (`Hello`, `Ask`, `Drained` and `Load` alone) from a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToHub {
    Hello(Peer),
    Start {
        options: StartOptions,
    },
    Stop,
    Place {
        tessera: Id,
        type_name: String,
        wish: Wish,
    },
    /// The tessera is gone.
    Forget {
        tessera: Id,
    },
    /// What became of a tessera that no worker has?
    Find {
        tessera: Id,
    },
    /// Have everything shown that workers wrote until now.
    Sync {
        request: u64,
    },
    /// Reply with what is asked for.
    Query {
        request: u64,
        query: MonitorQuery,
    },
    /// Ask the front end; the payload is the message.
    Ask {
        question: u64,
    },
    /// All that this head had sent to this worker was read, and all that it needs from other workers was asked for.
    Drained {
        head: Id,
    },
    Warehouse(ToWarehouse),
    /// Have the front end show how far a task has got.
    Progress(TaskProgress),
    /// How busy this worker is, now and then while that changes.
    Load(Load),
}

/// From the hub, to a head or (the last five alone) to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromHub {
    /// The first message to a head: what runs already.
    Welcome {
        running: Option<Running>,
        shelves: Shelves,
    },
    /// The runtime runs, or could not be started.
    Started {
        running: Result<Running, String>,
    },
    Stopped,
    Placed {
        tessera: Id,
        place: Result<Place, Failure>,
    },
    Synced {
        request: u64,
    },
    /// A tessera was lost with this worker, or was never heard of.
    Found {
        tessera: Id,
        lost: Option<LostWorker>,
    },
    /// A worker is gone, and so many others are on their way to replace those that are.
    WorkerLost {
        lost: LostWorker,
        expected: usize,
    },
    /// A worker replaces another, and so many more are on their way.
    WorkerJoined {
        place: Place,
        expected: usize,
    },
    Warehouse(FromWarehouse),
    /// The encoded answer to a query.
    Reply {
        request: u64,
        outcome: Result<Vec<u8>, Failure>,
    },
    /// The front end's answer, which is the payload, or why there is none.
    Answer {
        question: u64,
        outcome: Result<(), String>,
    },
    /// This head is gone: say when all that it sent was read.
    HeadEnded {
        head: Id,
    },
    /// No worker will ask any more for what this head submitted.
    HeadSettled {
        head: Id,
    },
    /// A stored value moved or is gone: let go of its bytes where nothing uses them.
    Forget {
        ware: Id,
    },
    /// End this worker when it has nothing to do.
    Retire,
    /// Start one of those that wait for memory, although there is none.
    Proceed,
    /// End this worker.
    Exit,
}

/// To the hub, from a head: about stored values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToWarehouse {
    /// Where may so many bytes go?
    Store { ware: Id, type_name: String, size: u64 },
    /// They are there.
    Stored { ware: Id, shelf: Shelf },
    /// This head wants a reference to a value.
    Find { ware: Id, type_name: String, uid: String },
    /// It has none any more.
    Release { ware: Id },
    /// Nobody is to have the value any more.
    Discard { ware: Id },
}

/// From the hub, to a head: about stored values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromWarehouse {
    /// Where a value may go, or why it cannot be stored.
    Room { ware: Id, outcome: Result<Shelf, String> },
    /// The head has a reference, or why not.
    Found { ware: Id, outcome: Result<(), String> },
}

/// Where a tessera is to be placed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// On this worker, and on no other.
    pub(crate) worker: Option<String>,
    /// Near these.
    pub(crate) near: Vec<Near>,
}

/// An argument that lies where the tessera is which made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Near {
    pub(crate) tessera: Id,
    /// How large it is, as far as is known.
    pub(crate) bytes: u64,
}

/// How far a constructor or call has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskProgress {
    pub(crate) uid: String,
    /// Such as `Solver1::solve`.
    pub(crate) name: String,
    pub(crate) worker: String,
    pub(crate) progress: Progress,
}

/// How busy a worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Constructors and methods that are being executed.
    pub(crate) running: u32,
    /// Those that could be.
    pub(crate) waiting: u32,
    /// Those that ended so far.
    pub(crate) ended: u64,
    /// Whether what waits does so for memory.
    pub(crate) short_of_memory: bool,
}

/// A worker that ended, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LostWorker {
    pub(crate) uid: String,
    pub(crate) status: String,
}

/// To a worker, from a head or from another worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    Hello(Peer),
    Create {
        tessera: Id,
        code: Box<Code>,
        /// The function that makes the object of its argument, where that is not the constructor.
        maker: Option<Box<Code>>,
        needs: Needs,
        max_retries: u32,
    },
    Call {
        task: Id,
        tessera: Id,
        callee: Callee,
        needs: Needs,
        max_retries: u32,
    },
    /// Run a function of its arguments alone.
    Run {
        task: Id,
        code: Box<Code>,
        needs: Needs,
        max_retries: u32,
    },
    /// Reply when the task is done, with its value if `value` is set.
    Fetch {
        request: u64,
        task: Id,
        /// The head that submitted the task, or will.
        head: Id,
        value: bool,
    },
    /// Reply when all fetches before this one are known.
    Fence {
        request: u64,
    },
    /// Reply with the tesserae that live here.
    List {
        request: u64,
    },
    /// Have a stored value at hand from now on, and reply when it is.
    Keep {
        request: u64,
        ware: Id,
        uid: String,
    },
    /// Reply with how much is kept here.
    Count {
        request: u64,
    },
    /// Share a tessera, and reply when it is constructed.
    Attach {
        tessera: Id,
    },
    /// Share it no longer, but do not free it.
    Detach {
        tessera: Id,
    },
    Cancel {
        task: Id,
    },
    DropTask {
        task: Id,
    },
    DropTessera {
        tessera: Id,
    },
}

/// From a worker, to a head or to another worker. What happened has the time of [`crate::clock::now`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// A constructor or a call is being executed.
    Started { id: Id, at: u64 },
    /// What is being executed has done so many of its steps.
    Progress { id: Id, done: u64, total: u64 },
    /// A constructor or a call ended; the payload is its value, if that is small.
    Finished {
        id: Id,
        /// When it began to be executed, where that was not said before.
        began: Option<u64>,
        /// The bytes of its value.
        outcome: Result<u64, Box<Failure>>,
        /// Output of this worker was still unread then.
        unread_output: bool,
        at: u64,
    },
    /// The task is done; the payload is its value, if it was asked for.
    Fetched {
        request: u64,
        outcome: Result<(), Box<Failure>>,
    },
    /// All fetches before this fence are known.
    Fenced { request: u64 },
    /// The tesserae that live here.
    Listed { request: u64, tesserae: Vec<Resident> },
    /// The stored value is at hand, or why not.
    Kept {
        request: u64,
        outcome: Result<(), Box<Failure>>,
    },
    /// How much is kept here.
    Counted { request: u64, kept: Kept },
    /// The tessera is shared, and these are its methods' signatures.
    Attached {
        tessera: Id,
        outcome: Result<Vec<String>, Box<Failure>>,
    },
}

/// A tessera that lives on a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resident {
    pub(crate) tessera: Id,
    pub(crate) type_name: String,
    pub(crate) state: State,
}

/// What a call calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Callee {
    /// The method of this number.
    Method(u32),
    /// A function that is run on the object.
    Function(Box<Code>),
}

/// Where the table of a tessera or a function lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    /// The name of the type or the function, as the table has it.
    pub(crate) name: String,
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
    /// A value of the warehouse.
    Stored { ware: Id, uid: String },
}

/// A task and the worker that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) task: Id,
    /// The task's uid, for messages.
    pub(crate) uid: String,
    pub(crate) place: Place,
}
