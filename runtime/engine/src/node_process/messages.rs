//! What the monitor says, and what the processes of this host want to tell it.

use super::event_loop::{Event, EventLoop};
use crate::wire::{Frame, FromMonitor, FromNode, Peer, Received, ToMonitor, ToNode};
use mosaic_net::Fingerprint;
use tokio::task::spawn_blocking;

impl EventLoop {
    /// Does what the monitor asks for.
    pub(super) fn handle_monitor_message(&mut self, frame: Received<ToNode>) {
        let Received { message, payloads, .. } = frame;
        match message {
            ToNode::Welcome { .. } => {}
            ToNode::Member(member) => self.member_joined(member),
            ToNode::NoMember(member) => self.member_left(member),
            ToNode::Spawn { uid, slot } => {
                if let Err(error) = self.spawn(&uid, slot) {
                    let reason = error.to_string();
                    self.monitor.send(FromNode::NotSpawned { uid, reason });
                }
            }
            ToNode::Kill { uid } => self.node.kill(&uid),
            ToNode::Relay { session, message } => {
                let message = match message {
                    // The values of a host lie in directories of its own.
                    FromMonitor::Welcome { running, .. } => FromMonitor::Welcome {
                        running,
                        store_dirs: self.store_dirs.clone(),
                    },
                    message => message,
                };
                let payloads = payloads.unwrap_or_default();
                self.to_peer(session, Frame { message, payloads });
            }
            ToNode::Drain { request } => {
                let drained = self.output.iter_mut().map(|(uid, output)| {
                    output.send_readable(&self.monitor);
                    (uid.clone(), output.sent())
                });
                self.drained.insert(request, drained.collect());
                self.monitor.send(FromNode::Drained { request });
            }
            ToNode::Shown { request } => {
                for (uid, bytes) in self.drained.remove(&request).unwrap_or_default() {
                    if let Some(output) = self.output.get_mut(&uid) {
                        output.shown(bytes);
                    }
                }
            }
            ToNode::Taken { uid, bytes } => {
                if let Some(output) = self.output.get_mut(&uid) {
                    output.taken(bytes);
                }
            }
            ToNode::Measure { request } => self.measure(request),
            ToNode::Beat { sent } => self.extend_lease(sent),
            ToNode::Located { ware, host } => self.value_located(ware, host),
            ToNode::Spill { ware } => {
                let (store_dirs, events) = (self.store_dirs.clone(), self.events.clone());
                spawn_blocking(move || {
                    let outcome = store_dirs.spill(ware);
                    let _ = events.send(Event::Spilled { ware, outcome });
                });
            }
            ToNode::Remove { ware } => {
                let store_dirs = self.store_dirs.clone();
                spawn_blocking(move || store_dirs.remove(ware));
            }
            ToNode::SweepUnstored { head } => self.store_dirs.sweep_unstored(head),
        }
    }

    /// Does what a message of a process of this host asks for, or passes it on.
    pub(super) fn handle_peer_message(&mut self, session: u64, frame: Received<ToMonitor>) {
        let Received { message, payloads, .. } = frame;
        match message {
            ToMonitor::Obtain { request, file } => self.obtain(session, request, file),
            message => {
                // What a worker wrote before it asks is shown before.
                if let ToMonitor::Ask { .. } = message
                    && let Some((Peer::Worker(place), _)) = self.sessions.get(&session)
                    && let Some(output) = self.output.get_mut(&place.uid)
                {
                    output.send_readable(&self.monitor);
                }
                self.monitor.send(Frame {
                    message: FromNode::Relayed { session, message },
                    payloads: payloads.unwrap_or_default(),
                });
            }
        }
    }

    fn member_left(&self, member: Fingerprint) {
        if let Err(error) = self.credentials.remove_member(member) {
            tracing::error!(%error, "this host still accepts connections of a lost one");
        }
    }

    fn member_joined(&self, member: Fingerprint) {
        if let Err(error) = self.credentials.add_member(member) {
            tracing::error!(%error, "this host will not accept connections of another one");
        }
    }

    /// Notes the answer to a heartbeat, and tells the workers how long they may live.
    fn extend_lease(&mut self, sent: u64) {
        let Some(until) = self.lease.answered(sent) else {
            return;
        };
        for (peer, sender) in self.sessions.values() {
            if let Peer::Worker(_) = peer {
                sender.send(FromMonitor::Lease { until });
            }
        }
    }
}
