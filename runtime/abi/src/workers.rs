//! What is asked about the workers, and what is answered.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a guest asks the runtime; see [`crate::Host::query`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The uids of the workers that live, in the order of their numbers: a `Vec<String>`.
    WorkerUids,
    /// Answered, by nothing, when all has ended that this process had submitted.
    Barrier,
    /// How far the tasks are that this process submitted: a [`crate::Tasks`].
    Tasks,
    /// What happened as far as this process knows: a [`crate::Timeline`].
    Timeline,
    /// What this process's books and the workers keep: a [`Census`].
    Census,
    /// What the hub knows.
    Hub(HubQuery),
}

/// What the hub is asked, which knows of all workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HubQuery {
    /// The machine, and the workers with what each of them uses: a [`Workers`].
    Workers,
    /// The uid of the worker that the next tessera would be placed on: a `String`.
    SelectWorker,
    /// Shows something to the user: the answer is a `()`.
    Show(View),
    /// Has this worker end when it has nothing to do; the answer, a `()`, comes when it has ended.
    Retire(String),
}

/// Something to look at, which changes in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The name of its place: what is shown there is replaced.
    pub place: String,
    /// As text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Whether it does not change any more.
    pub is_last: bool,
}

/// How workers are chosen for tesserae that name none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// One after the other, round and round.
    #[default]
    RoundRobin,
    /// The one with the fewest constructors and methods to execute, and of those that are equal the one with the fewest
    /// tesserae.
    LeastLoaded,
    /// The one on which most bytes of the constructor's arguments lie, as far as they are results of tasks; the least loaded
    /// where there are none.
    DataLocality,
}

/// How much is kept, and by whom: what nobody can want any more is in none of the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Tesserae, tasks and stored values in this process's books.
    pub objects: u64,
    /// Waits in this process's books.
    pub waits: u64,
    /// In the order of their numbers.
    pub workers: Vec<Kept>,
}

/// What a worker keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Such as `worker:0:1`.
    pub uid: String,
    /// Tesserae that may be called.
    pub tesserae: u64,
    /// Objects of tesserae that exist, or may come to.
    pub alive: u64,
    /// Tasks and constructors that are to run, run, or have results.
    pub tasks: u64,
    /// Stored values at hand.
    pub stored: u64,
}

/// The machine, and the workers that run on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workers {
    /// Bytes of memory that the processes here may use: the machine's, or fewer where a control group limits them.
    pub memory_total: u64,
    /// Bytes of it that are in use, by whomever.
    pub memory_used: u64,
    /// The machine's GPUs, in the order of their numbers, as far as NVIDIA's library knows them: none where there is none.
    pub gpus: Vec<Gpu>,
    /// In the order of their numbers.
    pub workers: Vec<Worker>,
}

/// A GPU of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// The number that the library gives it.
    pub number: u32,
    /// What its vendor calls it.
    pub name: String,
    /// The part of the last moments in which it was executing something, whosever: between 0 and 1.
    pub load: f64,
    /// Bytes of its memory.
    pub memory_total: u64,
    /// Bytes of it that are in use, by whomever.
    pub memory_used: u64,
}

/// A worker, and what it uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Such as `worker:0:1`.
    pub uid: String,
    /// Its process.
    pub pid: u32,
    /// What it is doing.
    pub activity: Activity,
    /// Constructors and methods that are being executed.
    pub running: u32,
    /// Constructors and methods that could run, and wait for a thread or for memory.
    pub waiting: u32,
    /// Tesserae that were placed on it and not freed.
    pub tesserae: u64,
    /// CPUs that it keeps busy at present: 2.0 are two of them.
    pub cpu: f64,
    /// Bytes of memory that it occupies, those that it shares with other processes included.
    pub resident: u64,
    /// The same, of what is shared only its part; zero where the system does not tell.
    pub proportional: u64,
    /// Bytes of memory that it occupies on GPUs; zero where the library does not tell, as in containers.
    pub gpu_memory: u64,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Nothing.
    Idle,
    /// Executing constructors or methods.
    Busy,
    /// Starting nothing until there is memory.
    ShortOfMemory,
    /// Its process was stopped by a signal, and goes on when it is continued.
    Stopped,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Activity::Idle => "idle",
            Activity::Busy => "busy",
            Activity::ShortOfMemory => "short of memory",
            Activity::Stopped => "stopped",
        })
    }
}
