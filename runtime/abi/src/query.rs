//! Questions to the runtime, and what it counts and shows.

use serde::{Deserialize, Serialize};

/// A question that a guest asks the runtime; see [`crate::Host::query`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// Asks for the uids of living workers, in the order of their numbers: a `Vec<String>`.
    WorkerUids,
    /// Asks to be answered, by `()`, when everything that this process had submitted has ended.
    Barrier,
    /// Asks for the number of this process's tasks in each state: a [`crate::Tasks`].
    Tasks,
    /// Asks for what happened, as far as this process knows: a [`crate::Timeline`].
    Timeline,
    /// Asks for the number of objects that this process and the workers keep: a [`Census`].
    Census,
    /// Begins to profile processes. Answered when it has begun, by a `Vec` of [`ProcessProfile`] without elements.
    BeginProfile(ProfileScope),
    /// Ends the profile that this process has begun: a `Vec` of [`ProcessProfile`], first that of this process.
    EndProfile,
    /// Asks the monitor.
    Monitor(MonitorQuery),
}

/// A question to the monitor, which knows all workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MonitorQuery {
    /// Asks for the machine, and the workers with what each uses: a [`Workers`](crate::Workers).
    Workers,
    /// Asks for the uid of the worker on which the next tessera would be placed: a `String`.
    SelectWorker,
    /// Shows something to the user. Answered by `()`.
    Show(LiveDisplay),
    /// Retires a worker. Answered by `()` when the worker has ended.
    Retire(String),
}

/// The processes of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileScope {
    /// Whether this process is profiled.
    pub here: bool,
    /// The uids of the workers that are profiled, or nothing for all workers.
    pub workers: Option<Vec<String>>,
}

/// What a profile has found of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessProfile {
    /// The uid of the worker, or `head` for the process that asked.
    pub process: String,
    /// The encoded samples, which guests do not look into, or why there are none.
    pub samples: Result<Vec<u8>, String>,
}

/// A display that changes in place, such as a watched status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveDisplay {
    /// The name of the display. A display with the same name is replaced.
    pub id: String,
    /// The content as text.
    pub text: String,
    /// The content as HTML.
    pub html: String,
    /// True if the display does not change any more.
    pub is_last: bool,
}

/// The number of objects that each process keeps. Objects that nobody can want any more are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Tesserae, tasks and stored values that this process keeps.
    pub objects: u64,
    /// Waits that this process keeps.
    pub waits: u64,
    /// The workers, in the order of their numbers.
    pub workers: Vec<Kept>,
}

/// The number of objects that a worker keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The worker's uid, such as `worker:0:1`.
    pub uid: String,
    /// Tesserae that can be called.
    pub tesserae: u64,
    /// Objects of tesserae that exist or may come to exist.
    pub alive: u64,
    /// Tasks and constructors that wait, run, or have results.
    pub tasks: u64,
    /// Stored values that the worker has mapped.
    pub stored: u64,
}
