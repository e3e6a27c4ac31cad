//! The status of the workers: the answer behind `mosaic::status()` and `mosaic::workers()`.
//!
//! A new column is a field of [`mosaic_abi::Worker`], which [`EventLoop::worker`] fills in, and a heading in
//! `runtime/mosaic/src/inspect/status.rs`.

use super::EventLoop;
use crate::{
    node::{HostUsage, ProcessUsage},
    wire::Load,
    worker_uid,
};
use mosaic_abi::{Activity, HostStatus, Worker, Workers};
use std::collections::BTreeMap;

impl EventLoop {
    /// Answers a query with the measurements of the hosts, by their numbers.
    pub(super) fn answer_workers(&mut self, session: u64, request: u64, usage: &BTreeMap<u32, HostUsage>) {
        let workers = self.state.directory.workers().filter_map(|place| {
            let pid = self.pid(&place.uid)?;
            let host = usage.get(&worker_uid::host_of(&place.uid)?)?;
            Some(self.worker(&place.uid, pid, host.processes.get(&pid)?))
        });
        let hosts = usage.iter().map(|(number, usage)| HostStatus {
            uid: worker_uid::node(*number),
            name: self.host_name(*number),
            memory_total: usage.memory_total,
            memory_used: usage.memory_used,
            gpus: usage.gpus.clone(),
        });
        let answer = Workers {
            workers: workers.collect(),
            hosts: hosts.collect(),
        };
        self.reply(session, request, Ok(answer));
    }

    /// Describes one worker.
    fn worker(&self, uid: &str, pid: u32, usage: &ProcessUsage) -> Worker {
        let load = self.state.loads.of(uid);
        Worker {
            uid: uid.to_owned(),
            pid,
            activity: match load {
                _ if usage.is_stopped => Activity::Stopped,
                Load {
                    short_of_memory: true, ..
                } => Activity::ShortOfMemory,
                Load { running: 1.., .. } => Activity::Busy,
                _ => Activity::Idle,
            },
            running: load.running,
            waiting: load.waiting,
            tesserae: self.state.directory.tesserae(uid),
            cpu: usage.cpu,
            resident: usage.resident,
            proportional: usage.proportional,
            gpu_memory: usage.gpu_memory,
        }
    }
}
