//! Everything that can happen to the monitor.

use super::{connections::PeerSender, hosts::NodeConnection};
use crate::{
    id::Id,
    node::{HostUsage, Samples},
    wire::{FromNode, Peer, Received, ToMonitor},
    worker::WantedFile,
};
use mosaic_launch::LaunchEvent;

/// Something that happened to the monitor. `session` is the number of a connection.
#[derive(Debug)]
pub(in super::super) enum Event {
    /// A head or a worker has connected.
    Connected {
        session: u64,
        peer: Peer,
        sender: PeerSender,
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
        usage: HostUsage,
        samples: Samples,
    },
    /// The launcher of this run says something.
    Launched { run: u64, event: LaunchEvent },
    /// The time for the node process of a host to connect is over.
    HostTimedOut { run: u64, host: u32 },
    /// The time for a host to come in the place of a lost one is over.
    ReplacingHostTimedOut { run: u64, host: u32 },
    /// A node process has connected.
    NodeConnected { run: u64, connection: Box<NodeConnection> },
    /// A node process sent a message.
    Node {
        run: u64,
        host: u32,
        frame: Received<FromNode>,
    },
    /// The connection of a node process has ended.
    NodeClosed { run: u64, host: u32, reason: String },
    /// The workers of a node process whose connection has ended had time to end, too.
    NodeGone { run: u64, host: u32, reason: String },
    /// It is time to look whether the monitor has heard of each host.
    LookForHosts { run: u64 },
    /// The embedder can read all output that hosts sent for this request.
    OutputTaken { request: u64, then: Box<Event> },
    /// The embedder has shown all output that hosts sent for this request.
    OutputShown { request: u64, then: Box<Event> },
    /// A file of another host was brought here, or could not be.
    Fetched {
        run: u64,
        file: WantedFile,
        outcome: Result<(), String>,
    },
    /// The embedder shuts the monitor down.
    Shutdown,
}
