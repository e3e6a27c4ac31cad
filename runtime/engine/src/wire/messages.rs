//! The messages between processes, one enum for each direction.
//!
//! Their encoding depends on the order of variants and fields, and not on names. All processes of a runtime run the
//! same executable.

use super::{
    circle_search::CircleSearch,
    host::{Host, WorkerAddress},
};
use crate::{
    id::Id,
    warehouse::{StoreDir, StoreDirs},
    worker::WantedFile,
};
use mosaic_abi::{Failure, Kept, MonitorQuery, Progress, StartOptions, State};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Who is at the other end: the first message on a connection to the monitor or to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Peer {
    /// A head, with the id that tells it from the heads before and after it.
    Head(Id),
    Worker(WorkerAddress),
}

/// A part of the runtime: a line of the listing that turning the runtime on prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuntimePart {
    /// The part's uid, and where it listens.
    pub(crate) place: WorkerAddress,
    pub(crate) pid: u32,
}

/// What a head is told about a runtime that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningRuntime {
    pub(crate) runtimes: Vec<RuntimePart>,
    /// The number of bytes that the operations in flight of a head may take up.
    pub(crate) in_flight_limit: u64,
}

/// A message to the monitor: from a head, or (only `Hello`, `Ask`, `Drained`, `Load` and
/// `Obtain`) from a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToMonitor {
    Hello(Peer),
    /// Turn the runtime on.
    Start {
        options: StartOptions,
    },
    /// Turn the runtime off.
    Stop,
    /// Choose a worker for a tessera.
    Place {
        tessera: Id,
        type_name: String,
        wish: Wish,
    },
    /// Forget a tessera that is gone.
    Forget {
        tessera: Id,
    },
    /// Say what became of a tessera that no worker has.
    Find {
        tessera: Id,
    },
    /// Have everything shown that workers wrote until now, and reply.
    Sync {
        request: u64,
    },
    /// Answer a query.
    Query {
        request: u64,
        query: MonitorQuery,
    },
    /// Ask the front end; the payload is the message.
    Ask {
        question: u64,
    },
    /// This worker has read all messages of a head that is gone, and has asked other workers for what these need.
    Drained {
        head: Id,
    },
    Warehouse(ToWarehouse),
    /// Have the front end show how far a task has got.
    Progress(TaskProgress),
    /// How busy this worker is. Sent at intervals while that changes.
    Load(Load),
    /// Bring a file of another host to this one.
    Obtain {
        request: u64,
        file: WantedFile,
    },
    /// A worker of another host cannot be reached: end it, so that all agree on its fate.
    Unreachable {
        worker: String,
    },
}

/// A message from the monitor: to a head, or (the variants from `Answer` on) to a worker; `Forget` and `Obtained` go
/// to both.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromMonitor {
    /// The first message to a head: the runtime that is on already, and where stored values lie.
    Welcome {
        running: Option<RunningRuntime>,
        store_dirs: StoreDirs,
    },
    /// The runtime is on, or could not be started.
    Started {
        running: Result<RunningRuntime, String>,
    },
    /// The runtime is off.
    Stopped,
    /// The worker that was chosen for a tessera, or why there is none.
    Placed {
        tessera: Id,
        place: Result<WorkerAddress, Failure>,
    },
    /// Everything that workers wrote before the request was shown.
    Synced {
        request: u64,
    },
    /// The worker with which a tessera was lost; `None` if the monitor never heard of the tessera.
    Found {
        tessera: Id,
        lost: Option<LostWorker>,
    },
    /// A worker is gone, and this number of replacements is starting.
    WorkerLost {
        lost: LostWorker,
        expected: usize,
    },
    /// A replacement has joined, and this number of replacements is starting still.
    WorkerJoined {
        place: WorkerAddress,
        expected: usize,
    },
    /// This number of replacements is starting.
    Expected {
        expected: usize,
    },
    Warehouse(FromWarehouse),
    /// The encoded answer to a query.
    Reply {
        request: u64,
        outcome: Result<Vec<u8>, Failure>,
    },
    /// The front end's answer to a question, as the payload, or why there is none.
    Answer {
        question: u64,
        outcome: Result<(), String>,
    },
    /// A head is gone: say when all its messages were read.
    HeadEnded {
        head: Id,
    },
    /// No worker will ask any more for what a head that is gone submitted.
    HeadSettled {
        head: Id,
    },
    /// A stored value moved or is gone: forget its bytes, unless something uses them.
    Forget {
        ware: Id,
    },
    /// A file was brought to this host, or why not.
    Obtained {
        request: u64,
        outcome: Result<(), String>,
    },
    /// This worker, on another host than the monitor, may live until this time of its host's own clock, unless it hears
    /// of a later time.
    Lease {
        until: u64,
    },
    /// End this worker once it has nothing to do.
    Retire,
    /// Let one job begin that waits for memory, although memory is short.
    Proceed,
    /// End this worker now.
    Exit,
}

/// A message about stored values, from a head to the monitor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToWarehouse {
    /// Say where a value of this size may be written.
    Store { ware: Id, type_name: String, size: u64 },
    /// The value was written.
    Stored { ware: Id, dir: StoreDir },
    /// Make this head a holder of a value.
    Find { ware: Id, type_name: String, uid: String },
    /// This head is no holder of a value any more.
    Release { ware: Id },
    /// Free a value, whoever holds it.
    Discard { ware: Id },
}

/// A message about stored values, from the monitor to a head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromWarehouse {
    /// Where a value may be written, or why it cannot be stored.
    Granted {
        ware: Id,
        outcome: Result<StoreDir, String>,
    },
    /// The head is a holder of a value, or why not.
    Found { ware: Id, outcome: Result<(), String> },
}

/// A wish about the worker of a new tessera.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// The only worker on which the tessera may be placed.
    pub(crate) worker: Option<String>,
    /// The uid of a tessera or a stored value on whose host the tessera is to be placed, or of a host or a worker.
    pub(crate) near_to: Option<String>,
    /// The arguments near which the tessera is to be placed, if the strategy regards that.
    pub(crate) near: Vec<Near>,
}

/// An argument that lies on the worker of the tessera that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Near {
    pub(crate) tessera: Id,
    /// The number of bytes of the argument, as far as known.
    pub(crate) bytes: u64,
}

/// How far a constructor or call has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskProgress {
    pub(crate) uid: String,
    /// The type and the method, such as `Solver1::solve`.
    pub(crate) name: String,
    pub(crate) worker: String,
    pub(crate) progress: Progress,
}

/// How busy a worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Load {
    /// The number of constructors and methods that are being executed.
    pub(crate) running: u32,
    /// The number of constructors and methods that wait to be executed.
    pub(crate) waiting: u32,
    /// The number of constructors and methods that have ended so far.
    pub(crate) ended: u64,
    /// Whether jobs wait for memory.
    pub(crate) short_of_memory: bool,
}

/// A worker that ended, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LostWorker {
    pub(crate) uid: String,
    pub(crate) status: String,
}

/// A message to a worker, from a head or from another worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    Hello(Peer),
    /// Serve the connection from another host whose socket is the file descriptor with this message. Sent by the gate.
    Adopt,
    /// Construct a tessera.
    Create {
        tessera: Id,
        code: Box<Code>,
        /// The function that makes the object from its argument, if the constructor does not.
        maker: Option<Box<Code>>,
        needs: Needs,
        max_retries: u32,
    },
    /// Call a method of a tessera, or a function on it.
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
    /// Reply when a task has ended, with its value if `value` is set.
    Fetch {
        request: u64,
        task: Id,
        /// The head that submitted the task, or will.
        head: Id,
        value: bool,
    },
    /// Reply when all messages before this one were read.
    Fence {
        request: u64,
    },
    /// Reply with the tesserae that live on this worker.
    List {
        request: u64,
    },
    /// Keep a stored value at hand from now on, and reply when it is.
    Keep {
        request: u64,
        ware: Id,
        uid: String,
    },
    /// Reply with the numbers of what this worker keeps.
    Count {
        request: u64,
    },
    /// Begin or end to profile this process for a head, and reply when that is done.
    Profile {
        request: u64,
        step: ProfileStep,
    },
    /// Make this head an owner of a tessera, and reply when the tessera is constructed.
    Attach {
        tessera: Id,
    },
    /// Remove this head from the owners of a tessera, but do not free the tessera.
    Detach {
        tessera: Id,
    },
    /// Cancel a task.
    Cancel {
        task: Id,
    },
    /// Follow what holds up a task, to find out whether a method waits for itself.
    SearchCircle(Box<CircleSearch>),
    /// Free the result of a task.
    DropTask {
        task: Id,
    },
    /// Remove this head from the owners of a tessera, and free the tessera if it was the last one.
    DropTessera {
        tessera: Id,
    },
}

/// A message from a worker, to a head or to another worker. Times are those of [`crate::clock::now`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// A constructor or a call is being executed.
    Started { id: Id, at: u64 },
    /// A constructor or a call has done this number of its steps.
    Progress { id: Id, done: u64, total: u64 },
    /// A constructor or a call has ended. The payload is its value, if that is small.
    Finished {
        id: Id,
        /// When the execution began, if that was not said before.
        began: Option<u64>,
        /// The number of bytes of the value, or the failure.
        outcome: Result<u64, Box<Failure>>,
        /// Whether output of this worker was unread at that time.
        unread_output: bool,
        at: u64,
    },
    /// A task has ended. The payload is its value, if that was asked for.
    Fetched {
        request: u64,
        outcome: Result<(), Box<Failure>>,
    },
    /// All messages before the fence were read.
    Fenced { request: u64 },
    /// The tesserae that live on this worker.
    Listed { request: u64, tesserae: Vec<LivingTessera> },
    /// A stored value is at hand, or why not.
    Kept {
        request: u64,
        outcome: Result<(), Box<Failure>>,
    },
    /// The numbers of what this worker keeps.
    Counted { request: u64, kept: Kept },
    /// A profile has begun or ended. If it has ended, the outcome is the encoded samples, or why there are none.
    Profiled {
        request: u64,
        outcome: Option<Result<Vec<u8>, String>>,
    },
    /// The head is an owner of a tessera with these methods, or why not.
    Attached {
        tessera: Id,
        outcome: Result<Vec<String>, Box<Failure>>,
    },
}

/// What is to be done with the profile of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ProfileStep {
    Begin,
    End,
}

/// A tessera that lives on a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LivingTessera {
    pub(crate) tessera: Id,
    pub(crate) type_name: String,
    pub(crate) state: State,
}

/// What is called on an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Callee {
    /// The method with this number.
    Method(u32),
    /// A function that takes the object.
    Function(Box<Code>),
}

/// The code of a tessera's type or of a function: where its table lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    /// The name of the type or the function, as in the table.
    pub(crate) name: String,
    pub(crate) location: Location,
}

/// An address in a form in which another process finds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Location {
    pub(crate) object: Object,
    /// The number of bytes from the beginning of the loaded object.
    pub(crate) offset: u64,
}

/// What holds the code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Object {
    /// The program itself, of which every host has the same build.
    Program,
    /// A shared object of this host.
    File(PathBuf),
    /// A shared object, and those that it needs, which lie on a host that sends them to others.
    Files {
        /// The files in the order in which they are loaded: the object itself is the last one.
        files: Vec<CodeFile>,
        host: Host,
    },
}

/// A file with code, known by its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct CodeFile {
    /// The SHA-256 of the content, in hexadecimal.
    pub(crate) sha256: String,
    /// The name without a directory, by which others need it.
    pub(crate) name: String,
}

/// The arguments and tasks that an operation needs before it can run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Needs {
    pub(crate) arguments: Vec<Argument>,
    /// Tasks that must be done before the operation begins.
    pub(crate) after: Vec<Source>,
}

/// An argument of a constructor or call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Argument {
    /// The value is the frame's next payload.
    Value,
    /// The value of a task.
    Task(Source),
    /// A stored value.
    Stored { ware: Id, uid: String },
}

/// A task, and the worker that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) task: Id,
    /// The task's uid, for messages.
    pub(crate) uid: String,
    pub(crate) place: WorkerAddress,
}
