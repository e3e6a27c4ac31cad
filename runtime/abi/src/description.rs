//! Descriptions of tesserae and tasks.

use crate::{Buffer, encode};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The state of a task, a tessera or a stored value.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let task = mosaic::spawn(|| 42_u32, ()).await?;
/// assert_eq!(task.state(), mosaic::State::Done);
/// assert_eq!(task.state().to_string(), "done");
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Not yet sent to its worker.
    Pending,
    /// Sent to its worker; waits for its turn, or for a dependency.
    Queued,
    /// A task: being executed. A tessera: constructed, and executing a method.
    Running,
    /// A task: executed. A tessera: constructed, and idle.
    Done,
    /// Ended by a [`Failure`](crate::Failure).
    Failed,
    /// No longer referred to. Appears only in timelines.
    Freed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Pending => "pending",
            State::Queued => "queued",
            State::Running => "running",
            State::Done => "done",
            State::Failed => "failed",
            State::Freed => "freed",
        })
    }
}

/// The description that a proxy shows of its remote object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The uid: `tess-solver1-70c4…` or `task-solver1-solve-844e…`.
    pub uid: String,
    /// The worker, such as `worker:0:1`, once it is known.
    pub runtime: Option<String>,
    /// The state, as far as this process knows it.
    pub state: State,
    /// The progress that the method last reported.
    pub progress: Option<Progress>,
}

/// The progress of a method, as it last reported it.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let task = mosaic::spawn(|| mosaic::progress(3, 4), ()).await?;
/// if let Some(mosaic::Progress { done, total }) = task.progress() {
///     println!("{done} of {total} steps");
/// }
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The number of steps that are done.
    pub done: u64,
    /// The number of all steps.
    pub total: u64,
}

impl Description {
    /// Describes an object that does not exist.
    pub fn unknown() -> Description {
        Description {
            uid: String::new(),
            runtime: None,
            state: State::Failed,
            progress: None,
        }
    }

    /// Encodes the description for the ABI.
    pub fn encoded(&self) -> Buffer {
        // Texts and an enum can always be encoded.
        Buffer::from(encode(self).unwrap_or_default())
    }
}

/// A tessera that lives, whichever process made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The uid, such as `tess-solver1-70c4…`.
    pub uid: String,
    /// The name of the tessera's type.
    pub type_name: String,
    /// The worker, such as `worker:0:1`, once it is known.
    pub runtime: Option<String>,
    /// The state, as the worker knows it.
    pub state: State,
}
