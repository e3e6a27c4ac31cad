//! The timeline of the runtime.

use crate::State;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of object that a [`Span`] describes.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let timeline = mosaic::timeline().await?;
/// let is_worker = |span: &&mosaic::Span| span.subject == mosaic::Subject::Worker;
/// assert_eq!(timeline.spans().iter().filter(is_worker).count(), 1);
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A worker, from its start to its end.
    Worker,
    /// A tessera, and its constructor.
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

/// The life of a worker, a tessera, a task or a stored value so far.
///
/// Times are nanoseconds of a clock that never goes back, and that all processes of a machine share.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// # let task = mosaic::spawn(|| 42_u32, ()).await?;
/// let timeline = mosaic::timeline().await?;
/// for span in timeline.spans() {
///     if let (Some(started), Some(ended)) = (span.started, span.ended) {
///         println!("{} took {} ns", span.name, ended - started);
///     }
/// }
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The kind of the object.
    pub subject: Subject,
    /// The object's uid, such as `task-solver1-solve-844e…`.
    pub uid: String,
    /// The method, such as `Solver1::solve`, with `new` for a constructor; a worker's uid; a stored value's type.
    pub name: String,
    /// The worker that the object lives on, once it is known.
    pub worker: Option<String>,
    /// The time of submission; for a worker, of its start.
    pub submitted: u64,
    /// The time when the object was sent to its worker.
    pub queued: Option<u64>,
    /// The time when execution began.
    pub started: Option<u64>,
    /// The time when the object was done or failed; for a stored value, when it was stored.
    pub ended: Option<u64>,
    /// The time when a tessera or a stored value was freed, as far as this process freed it.
    pub freed: Option<u64>,
    /// The state at the time of the question.
    pub state: State,
    /// The reason of a failure, or how a worker ended.
    pub failure: Option<String>,
}

/// The history of the runtime since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The spans, in the order of submission.
    pub spans: Vec<Span>,
    /// The number of spans, those that ended first, that are no longer kept.
    pub forgotten: u64,
    /// The time of the question.
    pub now: u64,
    /// The nanoseconds to add to a time to get the time since 1970.
    pub wall_clock: u64,
}

/// The number of tasks in each state.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let task = mosaic::spawn(|| 42_u32, ()).await?;
/// let tasks: mosaic::Tasks = mosaic::status().await?.tasks();
/// assert_eq!((tasks.done, tasks.failed), (1, 0));
/// # drop(task);
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// Tasks that were not yet sent to their workers.
    pub pending: u64,
    /// Tasks that wait on their workers.
    pub queued: u64,
    /// Tasks that run.
    pub running: u64,
    /// Tasks that are done.
    pub done: u64,
    /// Tasks that failed.
    pub failed: u64,
}
