//! Everything that can happen to the link.

use crate::{
    id::Id,
    warehouse::StoreDir,
    wire::{FromMonitor, FromWorker, Received},
};
use mosaic_abi::Handle;
use std::{sync::Arc, time::Duration};

/// Something that happened to the link: a message, a closed connection, or the end of a time or of a task.
pub(super) enum Event {
    Monitor(Box<FromMonitor>),
    MonitorClosed,
    /// Messages of a worker: all that were read at once.
    Worker {
        uid: Arc<str>,
        frames: Vec<Received<FromWorker>>,
    },
    WorkerClosed(String),
    /// The time limit of a wait, a task or a tessera is over.
    TimeExpired {
        subject: Handle,
        after: Duration,
    },
    /// The monitor had its time to say how this worker ended, after its connection closed.
    WorkerGone(String),
    /// Delayed messages have waited for long enough.
    DelayOver,
    /// A value was written for the warehouse, or could not be.
    Written {
        ware: Id,
        outcome: Result<StoreDir, String>,
    },
}

/// An [`Event`] with the number of the runtime that it belongs to. Events of a former runtime are ignored.
pub(super) struct Stamped {
    pub(super) run: u64,
    pub(super) event: Event,
}
