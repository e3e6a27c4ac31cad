//! What node processes say.

use super::{
    super::{EventLoop, connections::PeerSender, event::Event},
    Node, NodeConnection, host_of_session, session_of,
};
use crate::{
    clock,
    monitor::state::Lifecycle,
    wire::{FromNode, Host, Peer, Received, ToMonitor, ToNode, WorkerAddress},
    worker_uid,
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// How often the monitor looks whether it has heard of each host.
pub(super) const LOOK: Duration = Duration::from_millis(250);

impl EventLoop {
    /// Welcomes a node process that has connected.
    pub(in super::super) fn node_connected(&mut self, connection: NodeConnection) {
        let NodeConnection {
            hello,
            sender,
            address,
            fingerprint,
        } = connection;
        let number = hello.host;
        let is_expected = self.hosts.hosts.get(&number).is_some_and(|host| {
            host.node.is_none() && !host.is_gone && host.fingerprint.is_some() && host.fingerprint == fingerprint
        });
        if !is_expected || matches!(self.state.lifecycle, Lifecycle::Stopping { .. } | Lifecycle::Off) {
            return tracing::warn!(host = number, "a node process has connected that is not expected");
        }
        let gate = SocketAddr::new(hello.address.unwrap_or(address), hello.port);
        let own = Host::Node { number, gate };
        let members = self
            .hosts
            .credentials
            .as_ref()
            .and_then(|credentials| credentials.members().ok());
        sender.send(ToNode::Welcome {
            own,
            now: clock::now(),
            members: members.unwrap_or_default().into_iter().collect(),
            options: self.launched_options.clone(),
        });
        let node = Node {
            sender,
            host: own,
            pid: hello.pid,
            heard: Instant::now(),
            sessions: HashMap::new(),
            output: HashMap::new(),
        };
        if let Some(host) = self.hosts.hosts.get_mut(&number) {
            host.node = Some(node);
        }
    }

    /// Does what a message of a node process asks for.
    pub(in super::super) fn handle_node_message(&mut self, host: u32, frame: Received<FromNode>) {
        let Some(node) = self.hosts.node_mut(host) else {
            return;
        };
        node.heard = Instant::now();
        let Received { message, payloads, .. } = frame;
        match message {
            FromNode::Beat { sent } => node.sender.send(ToNode::Beat { sent }),
            FromNode::Ready { workers, store_limit } => self.node_ready(host, workers, store_limit),
            FromNode::Spawned { uid, pid } => self.worker_spawned(host, &uid, pid),
            FromNode::NotSpawned { uid, reason } => {
                self.notice(format!(
                    "{uid} could not be started on {}: {reason}",
                    self.hosts.name(host)
                ));
                self.worker_exited(&uid, reason);
            }
            FromNode::Output { uid, is_error } => self.output_arrived(host, &uid, is_error, payloads),
            FromNode::Exited { uid, status } => {
                if let Some(node) = self.hosts.node_mut(host) {
                    node.output.remove(&uid);
                }
                if self.hosts.workers.contains_key(&uid) {
                    self.worker_exited(&uid, status);
                }
            }
            FromNode::Connected { session, peer } => self.relayed_connection(host, session, peer),
            FromNode::Relayed { session, message } => {
                let frame = Received {
                    message,
                    payloads,
                    coming: Vec::new(),
                };
                let peer = node.sessions.get(&session);
                match (&frame.message, peer) {
                    // What a worker wrote before it asks is shown before.
                    (ToMonitor::Ask { .. }, Some(Peer::Worker(place))) => {
                        let (uid, session) = (place.uid.clone(), session_of(host, session));
                        self.after_output(host, &uid, Event::Message { session, frame });
                    }
                    _ => self.handle_message(session_of(host, session), frame),
                }
            }
            FromNode::Closed { session } => {
                if let Some(peer) = node.sessions.remove(&session) {
                    self.connection_closed(session_of(host, session), &peer);
                }
            }
            FromNode::Drained { request } => self.node_drained(host, request),
            FromNode::Measured { request, usage } => self.node_measured(host, request, usage),
            FromNode::Locate { ware } => self.locate(host, ware),
            FromNode::Spilled { ware, outcome } => self.value_spilled(ware, outcome),
            FromNode::Hello(_) => tracing::warn!(host, "a node process introduced itself twice"),
        }
    }

    /// Starts the workers of a host that is ready.
    fn node_ready(&mut self, host: u32, workers: usize, store_limit: u64) {
        self.state.warehouses.open(Some(host), store_limit);
        let awaited_by = self.hosts.hosts.get_mut(&host).and_then(|host| host.awaited_by.take());
        let is_replacing = awaited_by.is_some();
        let workers = match is_replacing {
            true => self.state.replacements.add_replacing_host(host, workers),
            false => self.state.replacements.add_host(host, workers),
        };
        if is_replacing {
            let name = self.hosts.name(host);
            self.notice(format!("{name} has joined with {} workers", workers.len()));
        }
        let uids = workers.iter().map(|(uid, _)| uid.clone());
        self.state.lifecycle.expect(&worker_uid::node(host), uids);
        for (uid, slot) in workers {
            self.spawn_on(host, &uid, slot);
        }
    }

    /// Notes a connection of a process of another host.
    fn relayed_connection(&mut self, host: u32, session: u64, peer: Peer) {
        let Some(node) = self.hosts.node_mut(host) else {
            return;
        };
        if let Peer::Worker(WorkerAddress { uid, host: of, .. }) = &peer
            && (of.number() != Some(host) || worker_uid::host_of(uid) != Some(host))
        {
            return tracing::warn!(host, uid, "a worker says that it is on another host");
        }
        node.sessions.insert(session, peer.clone());
        let sender = PeerSender::Relayed {
            node: node.sender.clone(),
            session,
        };
        self.peer_connected(session_of(host, session), &peer, sender);
    }

    /// Takes hosts for lost that the monitor has not heard of.
    pub(in super::super) fn look_for_hosts(&mut self) {
        let silent: Vec<u32> = (self.hosts.hosts.iter())
            .filter(|(_, host)| {
                host.node
                    .as_ref()
                    .is_some_and(|node| node.heard.elapsed() > super::LOST_AFTER)
            })
            .map(|(host, _)| *host)
            .collect();
        for host in silent {
            self.host_lost(host, &format!("nothing was heard of it for {:?}", super::LOST_AFTER));
        }
        if self.hosts.are_launched() {
            self.after(LOOK, Event::LookForHosts { run: self.state.run });
        }
    }

    /// Ends a worker that a head cannot reach, so that all agree on its fate. A worker that has ended, or was asked to,
    /// has closed the connection itself.
    pub(in super::super) fn worker_unreachable(&mut self, session: u64, worker: &str) {
        let is_wanted = self.hosts.workers.get(worker).is_some_and(|worker| !worker.is_asked);
        if !is_wanted {
            return;
        }
        let from = host_of_session(session).map_or("the notebook's host".to_owned(), |host| self.hosts.name(host));
        self.notice(format!("{worker} cannot be reached from {from}, and is ended"));
        self.kill(worker);
    }
}
