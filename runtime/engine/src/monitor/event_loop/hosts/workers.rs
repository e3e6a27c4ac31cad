//! The workers of all hosts, whichever way they are started.

use super::{super::EventLoop, Measurement, OutputPipes, Worker};
use crate::{
    monitor::MonitorEvent,
    node::{HostUsage, measure},
    wire::{RuntimePart, ToNode, WorkerAddress},
    worker_uid,
};
use std::collections::BTreeMap;

impl EventLoop {
    /// Returns the pid of a worker, on its own host.
    pub(in super::super) fn pid(&self, uid: &str) -> Option<u32> {
        let elsewhere = self.hosts.workers.get(uid).map(|worker| worker.pid);
        elsewhere.or_else(|| self.node.pid(uid))
    }

    /// Returns the uids of the workers that have not ended.
    pub(in super::super) fn worker_uids(&self) -> Vec<String> {
        let elsewhere = self.hosts.workers.keys().cloned();
        self.node.uids().into_iter().chain(elsewhere).collect()
    }

    /// Returns whether no worker is left.
    pub(in super::super) fn has_no_workers(&self) -> bool {
        self.node.is_empty() && self.hosts.workers.is_empty()
    }

    /// Kills a worker, if it still runs.
    pub(in super::super) fn kill(&mut self, uid: &str) {
        match self.hosts.workers.get(uid) {
            Some(worker) => self.hosts.to_node(worker.host, ToNode::Kill { uid: uid.to_owned() }),
            None => self.node.kill(uid),
        }
    }

    /// Notes that a worker was asked to end.
    pub(in super::super) fn asked(&mut self, uid: &str) {
        match self.hosts.workers.get_mut(uid) {
            Some(worker) => worker.is_asked = true,
            None => self.node.asked(uid),
        }
    }

    /// Forgets a worker that has ended, and returns whether it had been asked to end.
    pub(in super::super) fn ended(&mut self, uid: &str) -> bool {
        match self.hosts.workers.remove(uid) {
            Some(worker) => worker.is_asked,
            None => self.node.ended(uid),
        }
    }

    /// Has a worker started on another host.
    pub(in super::super) fn spawn_on(&mut self, host: u32, uid: &str, slot: usize) {
        let uid = uid.to_owned();
        let worker = Worker {
            host,
            pid: 0,
            is_asked: false,
        };
        self.hosts.workers.insert(uid.clone(), worker);
        self.hosts.to_node(host, ToNode::Spawn { uid, slot });
    }

    /// Notes that a worker of another host was started, and gives the embedder pipes for what it writes.
    pub(super) fn worker_spawned(&mut self, host: u32, uid: &str, pid: u32) {
        let Some(worker) = self.hosts.workers.get_mut(uid) else {
            return;
        };
        worker.pid = pid;
        let Some(node) = self.hosts.node_mut(host) else {
            return;
        };
        match OutputPipes::new(uid, &node.sender) {
            Ok((pipes, stdout, stderr)) => {
                node.output.insert(uid.to_owned(), pipes);
                (self.on_event)(MonitorEvent::WorkerStarted {
                    uid: uid.to_owned(),
                    pid,
                    stdout,
                    stderr,
                });
            }
            Err(error) => {
                self.notice(format!("the output of {uid} cannot be shown: {error}"));
                self.kill(uid);
            }
        }
    }

    /// Chooses the host of a worker that replaces a lost one: its own, or the one with the fewest workers. `None` if
    /// there is no host.
    pub(in super::super) fn host_for_replacement(&self, lost: &str) -> Option<u32> {
        let own = worker_uid::host_of(lost).unwrap_or_default();
        if !self.hosts.are_launched() {
            return Some(own);
        }
        let usable = self.hosts.hosts.iter().filter(|(_, host)| host.is_usable());
        let workers = |host: u32| self.hosts.workers.values().filter(|worker| worker.host == host).count();
        let chosen = usable.min_by_key(|(host, _)| (**host != own, workers(**host)));
        chosen.map(|(host, _)| *host)
    }

    /// Lists the nodes: one of the monitor's own host, or those of the launched hosts.
    pub(in super::super) fn nodes(&self, here: impl Fn(&str) -> RuntimePart) -> Vec<RuntimePart> {
        if !self.hosts.are_launched() {
            return vec![here(&worker_uid::node(0))];
        }
        let nodes = self.hosts.hosts.iter().filter_map(|(number, host)| {
            let node = host.node.as_ref()?;
            let place = WorkerAddress {
                uid: worker_uid::node(*number),
                socket: host.name.clone().into(),
                host: node.host,
            };
            Some(RuntimePart { place, pid: node.pid })
        });
        nodes.collect()
    }

    /// Begins to measure all hosts and workers, for a query.
    pub(in super::super) fn measure(&mut self, session: u64, request: u64) {
        if !self.hosts.are_launched() {
            return self.measure_here(session, request);
        }
        let number = self.hosts.next_request();
        let missing: Vec<u32> = self.hosts.connected().collect();
        self.hosts.to_nodes(&ToNode::Measure { request: number });
        let measurement = Measurement {
            session,
            request,
            missing,
            usage: BTreeMap::new(),
        };
        self.hosts.measurements.insert(number, measurement);
        self.answer_measurements();
    }

    fn measure_here(&self, session: u64, request: u64) {
        let workers = self.state.directory.workers();
        let pids: Vec<u32> = workers.filter_map(|place| self.node.pid(&place.uid)).collect();
        let (samples, events) = (self.samples.clone(), self.events.clone());
        tokio::spawn(async move {
            let (usage, samples) = measure(pids, samples).await;
            let _ = events.send(super::Event::Measured {
                session,
                request,
                usage,
                samples,
            });
        });
    }

    /// Notes the measurement of a host.
    pub(super) fn node_measured(&mut self, host: u32, request: u64, usage: HostUsage) {
        if let Some(measurement) = self.hosts.measurements.get_mut(&request) {
            measurement.missing.retain(|missing| *missing != host);
            measurement.usage.insert(host, usage);
        }
        self.answer_measurements();
    }

    /// Answers the queries for which all hosts were measured.
    pub(super) fn answer_measurements(&mut self) {
        let complete = |_: &u64, measurement: &mut Measurement| measurement.missing.is_empty();
        let complete: Vec<_> = self.hosts.measurements.extract_if(complete).collect();
        for (_, measurement) in complete {
            self.answer_workers(measurement.session, measurement.request, &measurement.usage);
        }
    }

    /// Returns the launcher's name of a host; empty for the monitor's own.
    pub(in super::super) fn host_name(&self, host: u32) -> String {
        self.hosts
            .hosts
            .get(&host)
            .map(|host| host.name.clone())
            .unwrap_or_default()
    }
}
