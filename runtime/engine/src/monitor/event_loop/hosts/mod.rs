//! The hosts that a launcher has started node processes on. In a runtime of one machine there are none.
//!
//! - `launch`: launching the node processes, and what the launcher says.
//! - `environment`: the variables that node processes get from this machine.
//! - `node_connection`: the connections of node processes; `node_messages`: what they say.
//! - `lost`: hosts that are lost, and those in their places.
//! - `output`: what workers of other hosts write.
//! - `files`: files that are brought to this host.
//! - `workers`: the workers of all hosts, whichever way they are started.

mod environment;
mod files;
mod launch;
mod lost;
mod node_connection;
mod node_messages;
mod output;
mod workers;

pub(in super::super) use node_connection::NodeConnection;

use super::event::Event;
use crate::{
    files::Waiting,
    node::HostUsage,
    sweeper::Sweeper,
    trim_memory::Trimmer,
    wire::{Host, Peer, Sender, ToNode},
    worker_uid,
};
use mosaic_launch::Launch;
use mosaic_net::{Credentials, Fingerprint};
use output::{Drain, OutputPipes};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::AbortHandle;

/// How long the monitor hears nothing of a host before the host counts as lost. Its workers have ended by then: see
/// [`LEASE`](crate::node::LEASE).
const LOST_AFTER: Duration = Duration::from_secs(6);

/// The number of bits of a session that number the connections of one host.
const SESSION_BITS: u32 = 40;

/// The launched hosts of a run, and what they have.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// The launch; `None` in a runtime of one machine.
    launch: Option<Arc<Launch>>,
    /// What this host proves to the others that it belongs to the run.
    credentials: Option<Credentials>,
    /// The addresses at which others may reach this host.
    addresses: Vec<SocketAddr>,
    /// Removes the directories of this process if it is killed: on this host no worker does it.
    _sweeper: Option<Sweeper>,
    /// Ends the task that accepts connections from other hosts.
    gate: Option<AbortHandle>,
    /// The hosts, by number.
    hosts: BTreeMap<u32, LaunchedHost>,
    /// The workers on other hosts that have not ended.
    workers: BTreeMap<String, Worker>,
    /// What is to happen once all output is shown, by the number of the request.
    drains: HashMap<u64, Drain>,
    /// The measurements to which some hosts have not answered, by the number of the request.
    measurements: HashMap<u64, Measurement>,
    /// Counts requests to node processes.
    last_request: u64,
    /// Who waits for files of other hosts.
    waiting: Waiting,
    /// Told of all files of other hosts.
    trimmer: Trimmer,
}

/// A host that was launched.
#[derive(Debug, Default)]
struct LaunchedHost {
    /// The launcher's name of the host.
    name: String,
    /// The key with which the node process has to prove that it is this one.
    fingerprint: Option<Fingerprint>,
    node: Option<Node>,
    /// The lost workers that wait for this host, which is to come in the place of theirs. `None` once the host is there,
    /// or will not come.
    awaited_by: Option<Vec<String>>,
    /// The host that is to come in the place of this one, which is lost.
    replaced_by: Option<u32>,
    /// Whether the host is gone for good.
    is_gone: bool,
}

/// A node process that has connected.
#[derive(Debug)]
struct Node {
    sender: Sender<ToNode>,
    host: Host,
    pid: u32,
    /// When the last message came.
    heard: Instant,
    /// The connections of the host's processes, by session.
    sessions: HashMap<u64, Peer>,
    /// The pipes through which the embedder gets what the workers write.
    output: HashMap<String, OutputPipes>,
}

/// A worker on another host.
#[derive(Debug)]
struct Worker {
    host: u32,
    /// The pid on its host; zero while it is not known.
    pid: u32,
    /// Whether the worker was asked to end.
    is_asked: bool,
}

/// A measurement of all hosts, for a head's request.
#[derive(Debug)]
struct Measurement {
    session: u64,
    request: u64,
    missing: Vec<u32>,
    usage: BTreeMap<u32, HostUsage>,
}

impl Hosts {
    /// Returns whether the workers run on launched hosts.
    pub(super) fn are_launched(&self) -> bool {
        self.launch.is_some()
    }

    /// Takes the launch out, to be stopped.
    pub(super) fn take_launch(&mut self) -> Option<Arc<Launch>> {
        self.launch.take()
    }

    /// Forgets all hosts, and accepts connections from them no longer.
    pub(super) fn close(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.abort();
        }
        *self = Hosts::default();
    }

    /// Returns the number of hosts that are to come in the place of lost ones.
    pub(super) fn awaited(&self) -> usize {
        self.hosts.values().filter(|host| host.awaited_by.is_some()).count()
    }

    /// Has a lost worker wait for the host that is to come in the place of its own; `false` if there is none.
    pub(super) fn await_host(&mut self, lost: &str) -> bool {
        let own = worker_uid::host_of(lost).and_then(|own| self.hosts.get(&own));
        let coming = own
            .and_then(|own| own.replaced_by)
            .and_then(|new| self.hosts.get_mut(&new));
        let Some(waiting) = coming.and_then(|host| host.awaited_by.as_mut()) else {
            return false;
        };
        waiting.push(lost.to_owned());
        true
    }

    /// Waits for no host any more.
    pub(super) fn stop_awaiting(&mut self) {
        self.hosts.values_mut().for_each(|host| host.awaited_by = None);
    }

    /// Returns the connected node process of a host.
    fn node(&self, host: u32) -> Option<&Node> {
        self.hosts.get(&host)?.node.as_ref()
    }

    fn node_mut(&mut self, host: u32) -> Option<&mut Node> {
        self.hosts.get_mut(&host)?.node.as_mut()
    }

    /// Returns the numbers of the hosts whose node processes are connected.
    fn connected(&self) -> impl Iterator<Item = u32> {
        let connected = self.hosts.iter().filter(|(_, host)| host.node.is_some());
        connected.map(|(number, _)| *number)
    }

    /// Returns the key of a host.
    fn fingerprint(&self, host: u32) -> Option<Fingerprint> {
        self.hosts.get(&host)?.fingerprint
    }

    /// Returns the name of a host for messages, such as `node:1 (beta)`.
    fn name(&self, host: u32) -> String {
        let name = self.hosts.get(&host).map_or("", |host| &host.name);
        format!("{} ({name})", worker_uid::node(host))
    }

    /// Sends a message to the node process of a host, if it is connected.
    pub(super) fn to_node(&self, host: u32, message: ToNode) {
        if let Some(node) = self.node(host) {
            node.sender.send(message);
        }
    }

    /// Sends a message to all node processes.
    pub(super) fn to_nodes(&self, message: &ToNode) {
        for host in self.connected() {
            self.to_node(host, message.clone());
        }
    }

    fn next_request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }
}

/// Returns the number, among all connections of the monitor, of a connection that a node process numbers.
fn session_of(host: u32, session: u64) -> u64 {
    (u64::from(host) + 1) << SESSION_BITS | session
}

/// Returns the host whose node process relays a connection; `None` for a connection of this host.
pub(super) fn host_of_session(session: u64) -> Option<u32> {
    u32::try_from(session >> SESSION_BITS).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_tells_its_host() {
        assert_eq!(host_of_session(7), None);
        for host in [0, 1, 1000] {
            assert_eq!(host_of_session(session_of(host, 7)), Some(host));
        }
        assert_ne!(session_of(0, 7), session_of(1, 7));
    }
}
