//! Failures of tasks, tesserae and the runtime.

use crate::{Buffer, encode};
use serde::{Deserialize, Serialize};

/// The kind of a failure.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let error = mosaic::spawn(|| -> u8 { panic!("no stones left") }, ()).await.unwrap_err();
/// assert_eq!(error.kind(), mosaic::FailureKind::Panicked);
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The method or the constructor panicked.
    Panicked,
    /// The tessera's worker is lost.
    WorkerLost,
    /// A task or a tessera that this one needs failed.
    DependencyFailed,
    /// An argument or a result could not be encoded or decoded.
    NotPortable,
    /// The runtime is off.
    NotRunning,
    /// The task was cancelled.
    Cancelled,
    /// The task did not end within its timeout.
    TimedOut,
    /// The call waits for a call that cannot begin before it has ended.
    Circle,
    /// A stored value was dropped, or no value of this name exists.
    Dropped,
    /// The limit of unfinished work is reached, and a method must not block until it falls.
    Busy,
    /// The runtime could not do what was requested.
    Runtime,
}

/// The failure of a task, a tessera or the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of the failure.
    pub kind: FailureKind,
    /// The type of the tessera, or empty.
    pub tessera: String,
    /// The method, `new` for a constructor, or empty.
    pub method: String,
    /// The worker, or empty.
    pub worker: String,
    /// The panic's message, or another reason.
    pub message: String,
    /// The remote backtrace, or empty.
    pub backtrace: String,
    /// The number of attempts.
    pub attempts: u32,
}

impl Failure {
    /// Encodes the failure for the ABI.
    pub fn encoded(&self) -> Buffer {
        // Texts and an enum can always be encoded.
        Buffer::from(encode(self).unwrap_or_default())
    }
}
