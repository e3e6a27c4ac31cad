//! Hosts that are lost, and those in their places.

use super::super::{EventLoop, event::Event};
use crate::{
    monitor::state::Lifecycle,
    wire::{FromMonitor, Peer, ToNode},
    worker_uid,
};
use std::{env, time::Duration};

/// How long the monitor waits for a host that the launcher has promised in the place of a lost one.
const PATIENCE: Duration = Duration::from_secs(60);
/// The environment variable with another time, in seconds: a queue of Slurm's may take longer.
const PATIENCE_VARIABLE: &str = "MOSAIC_REPLACEMENT_WAIT";

fn patience() -> Duration {
    let wanted = env::var(PATIENCE_VARIABLE)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    wanted.map_or(PATIENCE, Duration::from_secs)
}

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
        self.no_replacing_host(host);
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
                self.hosts.hosts.entry(host).or_default().awaited_by = Some(Vec::new());
                if let Some(lost) = self.hosts.hosts.get_mut(&lost) {
                    lost.replaced_by = Some(host);
                }
                let run = self.state.run;
                self.after(patience(), Event::ReplacingHostTimedOut { run, host });
            }
            Err(error) => self.notice(format!("{} is not replaced: {error}", self.hosts.name(lost))),
        }
    }

    /// Gives up a host that the launcher has promised in the place of a lost one, and of which it has said nothing since.
    pub(in super::super) fn replacing_host_timed_out(&mut self, host: u32) {
        let Some(launched) = self.hosts.hosts.get_mut(&host) else {
            return;
        };
        // The name is known once the node process runs. From then on it has its own time to connect.
        if launched.awaited_by.is_none() || !launched.name.is_empty() {
            return;
        }
        launched.is_gone = true;
        if let Some(launch) = &self.hosts.launch {
            launch.end_host(host);
        }
        self.notice(format!(
            "{} has not come within {:?} in the place of a lost host, and is given up; {PATIENCE_VARIABLE} sets the time, \
             in seconds",
            worker_uid::node(host),
            patience()
        ));
        self.no_replacing_host(host);
    }

    /// Deals with a host in the place of a lost one that will not come: the lost workers that wait for it are replaced
    /// on other hosts.
    pub(super) fn no_replacing_host(&mut self, host: u32) {
        let launched = self.hosts.hosts.get_mut(&host);
        let Some(lost) = launched.and_then(|host| host.awaited_by.take()) else {
            return;
        };
        let before = self.state.replacements.expected();
        for worker in &lost {
            self.replace(worker);
        }
        let started = self.state.replacements.expected() - before;
        if started > 0 {
            self.notice(format!("lost workers that are replaced on other hosts: {started}"));
        }
        let expected = self.expected();
        self.connections.to_heads(&FromMonitor::Expected { expected });
        self.place_waiting_if_hopeless();
        self.start_postponed_if_hopeless();
    }

    /// Deals with the end of the launcher: no host will come.
    pub(super) fn no_more_hosts(&mut self) {
        let awaited = self.hosts.hosts.iter().filter(|(_, host)| host.node.is_none());
        let awaited: Vec<u32> = awaited.map(|(number, _)| *number).collect();
        for host in awaited {
            self.no_replacing_host(host);
        }
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
