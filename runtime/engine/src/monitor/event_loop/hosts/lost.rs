//! Hosts that are lost, and those in their places.

use super::super::EventLoop;
use crate::{
    monitor::state::Lifecycle,
    wire::{FromMonitor, Peer, ToNode},
};

impl EventLoop {
    /// Deals with a host that is gone, or that counts as gone: everything that it had is lost.
    pub(in super::super) fn host_lost(&mut self, host: u32, reason: &str) {
        let Some(launched) = self.hosts.hosts.get_mut(&host) else {
            return;
        };
        launched.is_gone = true;
        let Some(node) = launched.node.take() else {
            return;
        };
        let (name, fingerprint) = (self.hosts.name(host), self.hosts.fingerprint(host));
        // No host accepts its new connections, so what is left there cannot be taken for what rises elsewhere.
        if let (Some(credentials), Some(fingerprint)) = (&self.hosts.credentials, fingerprint) {
            if let Err(error) = credentials.remove_member(fingerprint) {
                tracing::warn!(%error, "the key of a lost host cannot be forgotten");
            }
            self.hosts.to_nodes(&ToNode::NoMember(fingerprint));
        }
        let is_stopping = matches!(self.state.lifecycle, Lifecycle::Stopping { .. } | Lifecycle::Off);
        if !is_stopping {
            self.notice(format!("{name} is lost: {reason}"));
        }
        let values = self.state.warehouses.host_values(Some(host));
        self.state.warehouses.close(Some(host));
        for ware in values {
            self.value_removed(ware);
        }
        if !is_stopping {
            self.ask_for_replacing_host(host);
        }
        for (session, peer) in node.sessions {
            if let Peer::Head(_) = peer {
                self.connection_closed(super::session_of(host, session), &peer);
            }
        }
        let workers = self.hosts.workers.iter().filter(|(_, worker)| worker.host == host);
        let workers: Vec<String> = workers.map(|(uid, _)| uid.clone()).collect();
        for uid in workers {
            self.worker_exited(&uid, format!("its host {name} is lost: {reason}"));
        }
        self.forget_host_in_requests(host);
        if let Some(launch) = &self.hosts.launch {
            launch.end_host(host);
        }
    }

    /// Asks the launcher for a host in the place of a lost one, if lost workers may be replaced.
    fn ask_for_replacing_host(&mut self, lost: u32) {
        if self.state.lifecycle != Lifecycle::On || !self.state.replacements.is_possible() {
            return;
        }
        let Some(launch) = self.hosts.launch.clone() else {
            return;
        };
        match launch.replace(lost) {
            Ok(host) => {
                self.hosts.hosts.entry(host).or_default().is_replacing = true;
                self.state.expected_hosts += 1;
            }
            Err(error) => self.notice(format!("{} is not replaced: {error}", self.hosts.name(lost))),
        }
    }

    /// Deals with a replacing host that does not come: what waits for it goes elsewhere, or fails.
    pub(super) fn no_replacing_host(&mut self) {
        self.state.expected_hosts = self.state.expected_hosts.saturating_sub(1);
        let expected = self.expected();
        self.connections.to_heads(&FromMonitor::Expected { expected });
        self.place_waiting_if_hopeless();
    }

    /// Completes what waits for an answer of a host that is gone.
    fn forget_host_in_requests(&mut self, host: u32) {
        for measurement in self.hosts.measurements.values_mut() {
            measurement.missing.retain(|missing| *missing != host);
        }
        self.answer_measurements();
        let requests: Vec<u64> = self.hosts.drains.keys().copied().collect();
        for request in requests {
            self.node_drained(host, request);
        }
    }
}
