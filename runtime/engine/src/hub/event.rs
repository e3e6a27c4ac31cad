//! Whatever can happen to the hub.

use super::{gpus::Gpus, measure::Usage};
use crate::{
    id::Id,
    wire::{Frame, FromHub, Peer, Sender, ToHub},
};
use std::collections::HashMap;

/// Whatever can happen to the hub.
#[derive(Debug)]
pub(super) enum Event {
    Connected {
        session: u64,
        peer: Peer,
        sender: Sender<FromHub>,
    },
    Message {
        session: u64,
        frame: Frame<ToHub>,
    },
    /// The embedder has an answer to what a worker asked, or none.
    Answered {
        session: u64,
        uid: String,
        question: u64,
        answer: Result<Vec<u8>, String>,
    },
    Closed {
        session: u64,
        peer: Peer,
    },
    /// A worker process ended and was reaped.
    Exited {
        uid: String,
        status: String,
    },
    /// The embedder has shown all output, for a head's request.
    Drained {
        session: u64,
        request: u64,
    },
    /// The embedder has shown all output of the workers that were stopped.
    Emptied,
    /// The workers of this run had their time to connect.
    StartOver {
        run: u64,
    },
    /// This replacement had its time to connect.
    JoinOver {
        uid: String,
    },
    /// The workers of this run had their time to end.
    GraceOver {
        run: u64,
    },
    /// A stored value was moved to disk, or could not be.
    Spilled {
        ware: Id,
        outcome: Result<(), String>,
    },
    /// A stored value's file is gone.
    Removed {
        ware: Id,
    },
    /// The workers' processes were measured, for a head's request.
    Measured {
        session: u64,
        request: u64,
        usage: HashMap<u32, Usage>,
        gpus: Gpus,
    },
    Shutdown,
}
