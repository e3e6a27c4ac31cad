//! Everything that can happen to the monitor.

use super::super::node::{Gpus, Usage};
use crate::{
    id::Id,
    wire::{FromMonitor, Peer, Received, Sender, ToMonitor},
};
use std::collections::HashMap;

/// Something that happened to the monitor. `session` is the number of a connection.
#[derive(Debug)]
pub(in super::super) enum Event {
    /// A head or a worker has connected.
    Connected {
        session: u64,
        peer: Peer,
        sender: Sender<FromMonitor>,
    },
    /// A head or a worker sent a message.
    Message { session: u64, frame: Received<ToMonitor> },
    /// The embedder answers a worker's question, or refuses to.
    Answered {
        session: u64,
        uid: String,
        question: u64,
        answer: Result<Vec<u8>, String>,
    },
    /// A connection has ended.
    Closed { session: u64, peer: Peer },
    /// A worker process ended and was reaped.
    Exited { uid: String, status: String },
    /// The embedder has shown all output, for a head's request.
    Drained { session: u64, request: u64 },
    /// The processes that the stopped workers have started have ended.
    LeftEnded,
    /// The embedder has shown all output of the workers that were stopped.
    Emptied,
    /// The time for the workers of this run to connect is over.
    StartTimedOut { run: u64 },
    /// The time for this replacement to connect is over.
    JoinTimedOut { uid: String },
    /// The time for the workers of this run to end is over.
    StopTimedOut { run: u64 },
    /// A stored value was moved to disk, or could not be.
    Spilled { ware: Id, outcome: Result<(), String> },
    /// A stored value's file is gone.
    Removed { ware: Id },
    /// The workers' processes were measured, for a head's request.
    Measured {
        session: u64,
        request: u64,
        usage: HashMap<u32, Usage>,
        gpus: Gpus,
    },
    /// The embedder shuts the monitor down.
    Shutdown,
}
