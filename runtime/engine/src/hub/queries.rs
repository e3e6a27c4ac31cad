//! The hub's loop, fourth part: how the workers are, for whoever asks, and what follows from it.

use super::{
    HubEvent,
    event::Event,
    gpus::{self, Gpus},
    measure::{Usage, measure},
    server::Server,
};
use crate::{
    failures::failure,
    memory,
    wire::{FromHub, Load},
};
use mosaic_abi::{Activity, Failure, FailureKind, MonitorQuery, Worker, Workers};
use serde::Serialize;
use std::{collections::HashMap, time::Instant};
use tokio::task::spawn_blocking;

impl Server {
    pub(super) fn query(&mut self, session: u64, request: u64, query: MonitorQuery) {
        match query {
            MonitorQuery::Workers => self.measure(session, request),
            MonitorQuery::SelectWorker => {
                let selected = self.directory.select(&self.loads);
                self.reply(session, request, selected);
            }
            MonitorQuery::Show(view) => {
                (self.on_event)(HubEvent::Shown(view));
                self.reply(session, request, Ok(()));
            }
            MonitorQuery::Retire(worker) => match self.retire(&worker) {
                Ok(()) => self.retiring.entry(worker).or_default().push((session, request)),
                Err(failure) => self.reply::<()>(session, request, Err(failure)),
            },
        }
    }

    fn measure(&self, session: u64, request: u64) {
        let workers = self.directory.workers();
        let pids: Vec<u32> = workers.filter_map(|place| self.node.pid(&place.uid)).collect();
        let (samples, events) = (self.samples.clone(), self.events.clone());
        tokio::spawn(async move {
            let usage = measure(pids, samples).await;
            let gpus = spawn_blocking(gpus::measure).await.unwrap_or_default();
            let _ = events.send(Event::Measured {
                session,
                request,
                usage,
                gpus,
            });
        });
    }

    pub(super) fn measured(&mut self, session: u64, request: u64, usage: &HashMap<u32, Usage>, gpus: Gpus) {
        self.samples = usage.iter().map(|(pid, usage)| (*pid, usage.sample)).collect();
        let workers = self.directory.workers().filter_map(|place| {
            let pid = self.node.pid(&place.uid)?;
            let gpu_memory = gpus.memory_of.get(&pid).copied().unwrap_or_default();
            Some(Worker {
                gpu_memory,
                ..self.worker(&place.uid, pid, usage.get(&pid)?)
            })
        });
        let memory = memory::used();
        let answer = Workers {
            memory_total: memory.map_or(0, |memory| memory.total),
            memory_used: memory.map_or(0, |memory| memory.used),
            workers: workers.collect(),
            gpus: gpus.gpus,
        };
        self.reply(session, request, Ok(answer));
    }

    fn worker(&self, uid: &str, pid: u32, usage: &Usage) -> Worker {
        let load = self.loads.of(uid);
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
            tesserae: self.directory.tesserae(uid),
            cpu: usage.cpu,
            resident: usage.resident,
            proportional: usage.proportional,
            gpu_memory: 0,
        }
    }

    pub(super) fn reply<T: Serialize>(&self, session: u64, request: u64, answer: Result<T, Failure>) {
        let encoded = |answer| mosaic_abi::encode(&answer).map_err(|error| failure(FailureKind::Runtime, error));
        let outcome = answer.and_then(encoded);
        self.connections.to_head(session, FromHub::Reply { request, outcome });
    }

    /// A worker says how busy it is.
    pub(super) fn reported(&mut self, session: u64, load: Load) {
        let Some(worker) = self.connections.worker_of(session).map(str::to_owned) else {
            return;
        };
        self.loads.reported(&worker, load);
        self.directory.reported(&worker);
        let relief = self.pressure.reported(&self.loads, Instant::now());
        if relief.tell {
            (self.on_event)(HubEvent::Notice {
                uid: "monitor".to_owned(),
                text: self.short_of_memory(),
            });
        }
        if let Some(worker) = relief.proceed {
            self.connections.to_worker(&worker, FromHub::Proceed);
        }
    }

    /// Why nothing begins.
    fn short_of_memory(&self) -> String {
        let used = memory::used().map_or(String::new(), |memory| {
            format!(" ({} of {} MB are in use)", memory.used >> 20, memory.total >> 20)
        });
        let waiting: Vec<&str> = self.loads.short_of_memory().collect();
        format!(
            "memory is short{used}: {} start no method until some is free, but one at a time; drop what is not needed, or \
             raise `interactive(On).memory_limit(…)`",
            waiting.join(" and ")
        )
    }
}
