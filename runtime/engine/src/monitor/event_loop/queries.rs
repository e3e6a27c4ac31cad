//! Queries of heads, and how busy the workers say they are.

use super::{super::events::MonitorEvent, EventLoop};
use crate::{
    failures::failure,
    memory_usage,
    wire::{FromMonitor, Load},
};
use mosaic_abi::{Failure, FailureKind, MonitorQuery};
use serde::Serialize;
use std::time::Instant;

impl EventLoop {
    /// Answers a query of a head, now or later.
    pub(super) fn query(&mut self, session: u64, request: u64, query: MonitorQuery) {
        match query {
            MonitorQuery::Workers => self.measure(session, request),
            MonitorQuery::SelectWorker => {
                let selected = self.state.directory.select(&self.state.loads);
                self.reply(session, request, selected);
            }
            MonitorQuery::Show(view) => {
                (self.on_event)(MonitorEvent::Shown(view));
                self.reply(session, request, Ok(()));
            }
            MonitorQuery::Retire(worker) => match self.retire(&worker) {
                Ok(()) => self.state.retiring.entry(worker).or_default().push((session, request)),
                Err(failure) => self.reply::<()>(session, request, Err(failure)),
            },
        }
    }

    /// Sends the answer to a query.
    pub(super) fn reply<T: Serialize>(&self, session: u64, request: u64, answer: Result<T, Failure>) {
        let encoded = |answer| mosaic_abi::encode(&answer).map_err(|error| failure(FailureKind::Runtime, error));
        let outcome = answer.and_then(encoded);
        self.connections
            .to_head(session, FromMonitor::Reply { request, outcome });
    }

    /// Notes how busy a worker says it is. If memory is short, tells the user, or lets one job begin.
    pub(super) fn load_reported(&mut self, session: u64, load: Load) {
        let Some(worker) = self.connections.worker_of(session).map(str::to_owned) else {
            return;
        };
        self.state.loads.reported(&worker, load);
        self.state.directory.reported(&worker);
        let relief = self.state.memory_pressure.reported(&self.state.loads, Instant::now());
        if relief.tell {
            (self.on_event)(MonitorEvent::Notice {
                uid: "monitor".to_owned(),
                text: self.short_of_memory(),
            });
        }
        if let Some(worker) = relief.proceed {
            self.connections.to_worker(&worker, FromMonitor::Proceed);
        }
    }

    /// Returns the text that tells the user why nothing begins.
    fn short_of_memory(&self) -> String {
        let used = memory_usage::used().map_or(String::new(), |memory| {
            format!(" ({} of {} MB are in use)", memory.used >> 20, memory.total >> 20)
        });
        let waiting: Vec<&str> = self.state.loads.short_of_memory().collect();
        format!(
            "memory is short{used}: {} start no method until some is free, but one at a time; drop what is not needed, or \
             raise `interactive(On).memory_limit(…)`",
            waiting.join(" and ")
        )
    }
}
