//! The messages between the monitor and the node process of another host.
//!
//! A node process relays the connections of its workers: it numbers them as *sessions*.

use super::{
    host::Host,
    messages::{CodeFile, FromMonitor, Peer, ToMonitor},
};
use crate::{id::Id, node::HostUsage};
use mosaic_abi::StartOptions;
use mosaic_net::{Fingerprint, RunSecret};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What a node process prints on standard output, in one line, when it has started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NodeGreeting {
    /// The fingerprint of the key that the node process has made.
    pub(crate) fingerprint: Fingerprint,
}

/// What a node process then reads from standard input, in one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NodeOrder {
    /// The number of the node's host.
    pub(crate) host: u32,
    /// The secret of the run: whoever does not know it gets no answer from a gate.
    pub(crate) secret: RunSecret,
    /// The fingerprint of the monitor's key.
    pub(crate) monitor: Fingerprint,
    /// The addresses at which the monitor's gate may be reached, the likeliest one first.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// The first message of a node process to the monitor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NodeHello {
    /// The number of the node's host.
    pub(crate) host: u32,
    pub(crate) pid: u32,
    /// The address at which others reach the host, if an administrator has set it.
    pub(crate) address: Option<std::net::IpAddr>,
    /// The port of the host's gate.
    pub(crate) port: u16,
}

/// A message from the monitor to a node process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToNode {
    /// The first message: where this host is for others, the present time of the monitor's clock, the fingerprints of
    /// all hosts, and the options of the run.
    Welcome {
        own: Host,
        now: u64,
        members: Vec<Fingerprint>,
        options: StartOptions,
    },
    /// A host joined: its connections are to be accepted.
    Member(Fingerprint),
    /// A host is lost: its connections are to be refused.
    NoMember(Fingerprint),
    /// Start a worker. `slot` is the number of the worker that it replaces, or its own.
    Spawn { uid: String, slot: usize },
    /// Kill a worker.
    Kill { uid: String },
    /// A message for the process at this session.
    Relay { session: u64, message: FromMonitor },
    /// Forward all output that workers have written, and reply.
    Drain { request: u64 },
    /// The output that was forwarded before this drain ended is shown.
    Shown { request: u64 },
    /// This number of bytes that a worker wrote were taken.
    Taken { uid: String, bytes: u64 },
    /// Measure this host, and reply.
    Measure { request: u64 },
    /// The answer to a heartbeat.
    Beat { sent: u64 },
    /// Where a stored value lies that was asked for.
    Located { ware: Id, host: Option<Host> },
    /// Move a stored value to disk.
    Spill { ware: Id },
    /// Remove a stored value, or the copy of one.
    Remove { ware: Id },
    /// Remove what a head wrote that is gone, and did not store.
    SweepUnstored { head: Id },
}

/// A message from a node process to the monitor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromNode {
    /// The first message.
    Hello(NodeHello),
    /// The second message: the number of workers that the options mean on this host, and the number of bytes that stored
    /// values may take up in its memory.
    Ready { workers: usize, store_limit: u64 },
    /// A worker was started.
    Spawned { uid: String, pid: u32 },
    /// A worker could not be started.
    NotSpawned { uid: String, reason: String },
    /// What a worker wrote; the payload is the bytes.
    Output { uid: String, is_error: bool },
    /// A worker has ended. All that it wrote was forwarded before.
    Exited { uid: String, status: String },
    /// A process of this host has connected.
    Connected { session: u64, peer: Peer },
    /// A message of the process at this session, with its payloads.
    Relayed { session: u64, message: ToMonitor },
    /// The connection of the process at this session has ended.
    Closed { session: u64 },
    /// Everything that workers had written was forwarded.
    Drained { request: u64 },
    /// What this host and its workers use.
    Measured { request: u64, usage: HostUsage },
    /// A heartbeat, with the time at which it was sent, by the node's own clock.
    Beat { sent: u64 },
    /// Say where a stored value lies.
    Locate { ware: Id },
    /// A stored value was moved to disk, or could not be.
    Spilled { ware: Id, outcome: Result<(), String> },
}

/// A request for a file of a host, through its gate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FileRequest {
    Code(CodeFile),
    /// A stored value.
    Value(Id),
}

/// The answer to a request for a file. The payload is the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileReply {
    pub(crate) outcome: Result<(), String>,
}
