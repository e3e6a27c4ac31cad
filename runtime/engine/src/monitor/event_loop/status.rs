//! The status of the workers: the answer behind `mosaic::status()` and `mosaic::workers()`.
//!
//! A new column is a field of [`mosaic_abi::Worker`], which [`EventLoop::worker`] fills in, and a heading in
//! `runtime/mosaic/src/inspect/status.rs`.

use super::{
    super::node::{Gpus, Usage, measure_gpus, measure_usage},
    EventLoop,
    event::Event,
};
use crate::{memory_usage, wire::Load};
use mosaic_abi::{Activity, Worker, Workers};
use std::collections::HashMap;
use tokio::task::spawn_blocking;

impl EventLoop {
    /// Begins to measure the workers' processes and the GPUs, for a query.
    pub(super) fn measure(&self, session: u64, request: u64) {
        let workers = self.state.directory.workers();
        let pids: Vec<u32> = workers.filter_map(|place| self.node.pid(&place.uid)).collect();
        let (samples, events) = (self.samples.clone(), self.events.clone());
        tokio::spawn(async move {
            let usage = measure_usage(pids, samples).await;
            let gpus = spawn_blocking(measure_gpus).await.unwrap_or_default();
            let _ = events.send(Event::Measured {
                session,
                request,
                usage,
                gpus,
            });
        });
    }

    /// Answers a query with the measurements.
    pub(super) fn answer_workers(&mut self, session: u64, request: u64, usage: &HashMap<u32, Usage>, gpus: Gpus) {
        self.samples = usage.iter().map(|(pid, usage)| (*pid, usage.sample)).collect();
        let workers = self.state.directory.workers().filter_map(|place| {
            let pid = self.node.pid(&place.uid)?;
            let gpu_memory = gpus.memory_of.get(&pid).copied().unwrap_or_default();
            Some(Worker {
                gpu_memory,
                ..self.worker(&place.uid, pid, usage.get(&pid)?)
            })
        });
        let memory = memory_usage::used();
        let answer = Workers {
            memory_total: memory.map_or(0, |memory| memory.total),
            memory_used: memory.map_or(0, |memory| memory.used),
            workers: workers.collect(),
            gpus: gpus.gpus,
        };
        self.reply(session, request, Ok(answer));
    }

    /// Describes one worker.
    fn worker(&self, uid: &str, pid: u32, usage: &Usage) -> Worker {
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
            gpu_memory: 0,
        }
    }
}
