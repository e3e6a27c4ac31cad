//! What happened, and when.

use crate::State;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a [`Span`] is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A worker, from when it was known to run until it ended.
    Worker,
    /// A tessera and its constructor.
    Tessera,
    /// A task.
    Task,
    /// A stored value.
    Stored,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Worker => "worker",
            Subject::Tessera => "tessera",
            Subject::Task => "task",
            Subject::Stored => "stored value",
        })
    }
}

/// The life of a worker, a tessera, a task or a stored value, as far as it has got. Times are nanoseconds of the clock
/// that never goes back, which is the same for all processes of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What it is of.
    pub subject: Subject,
    /// Such as `task-solver1-solve-844e…`.
    pub uid: String,
    /// The method, such as `Solver1::solve`, with `new` for a constructor; of a worker its uid, of a stored value its
    /// type.
    pub name: String,
    /// Where it lives, once that is known.
    pub worker: Option<String>,
    /// When it was submitted; of a worker, when it ran.
    pub submitted: u64,
    /// When it was sent to its worker.
    pub queued: Option<u64>,
    /// When it began to be executed.
    pub started: Option<u64>,
    /// When it was done or failed; of a stored value, when it was stored.
    pub ended: Option<u64>,
    /// When a tessera or a stored value was freed, as far as this process has to do with that.
    pub freed: Option<u64>,
    /// How far it has got.
    pub state: State,
    /// Why it failed; how a worker ended.
    pub failure: Option<String>,
}

/// What happened while the runtime was on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// In the order in which they were submitted.
    pub spans: Vec<Span>,
    /// How many of those that ended first are no longer remembered.
    pub forgotten: u64,
    /// When this was asked for.
    pub now: u64,
    /// What is to be added to a time to have nanoseconds since 1970.
    pub wall_clock: u64,
}

/// How many tasks are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// Not yet with their workers.
    pub pending: u64,
    /// With their workers.
    pub queued: u64,
    /// Being executed.
    pub running: u64,
    /// Executed.
    pub done: u64,
    /// Ended by a failure.
    pub failed: u64,
}
