//! How workers are started, and workers in the place of those that ended unasked.

use super::{HubEvent, HubOptions, SOCKET, event::Event, server::Server, workers::START};
use crate::{
    affinity::{self, Cpus},
    failures::no_such_worker,
    id::Id,
    memory,
    warehouse::Shelves,
    wire::{FromHub, LostWorker, Place, Wish},
    worker::Settings,
};
use mosaic_abi::{Failure, LogLevel, StartOptions};
use std::{collections::HashMap, thread::available_parallelism};

/// How many methods a worker runs at once, unless it is told another number.
const METHODS_AT_ONCE: usize = 64;
/// The part of the machine's memory above which workers start nothing, unless they are told another one.
const MEMORY_LIMIT: f64 = 0.95;
/// The part of it that what is in flight may take up, unless somebody says otherwise.
const IN_FLIGHT_LIMIT: f64 = 0.25;

/// How the workers of a run are started.
#[derive(Debug, Default)]
pub(super) struct Launch {
    options: StartOptions,
    count: usize,
    cpus: usize,
    /// The CPUs to share out, where each worker has its own.
    nodes: Vec<Cpus>,
}

impl Launch {
    pub(super) fn new(options: &StartOptions) -> Launch {
        let cpus = available_parallelism().map_or(1, usize::from);
        let count = match options.num_workers {
            0 => cpus,
            count => count,
        };
        let nodes = if options.affinity {
            affinity::nodes()
        } else {
            Vec::new()
        };
        Launch {
            options: options.clone(),
            count,
            cpus,
            nodes,
        }
    }

    /// How many workers there are to be.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many bytes what a head has in flight may take up.
    pub(super) fn in_flight_limit(&self) -> u64 {
        let part = self.options.in_flight_limit.unwrap_or(IN_FLIGHT_LIMIT);
        memory::part_of_all(part).unwrap_or(u64::MAX)
    }

    /// The settings of a worker which is, or replaces, number `slot`.
    pub(super) fn settings(&self, uid: &str, slot: usize, hub: &HubOptions, shelves: &Shelves) -> Settings {
        Settings {
            uid: uid.to_owned(),
            hub: hub.run_dir.join(SOCKET),
            shelves: shelves.clone(),
            threads: self.options.num_threads.unwrap_or(METHODS_AT_ONCE),
            memory_limit: self.options.memory_limit.unwrap_or(MEMORY_LIMIT),
            cpus: affinity::share(&self.nodes, slot, self.count),
            log: self.options.log,
        }
    }

    /// How many threads libraries in a worker are to use.
    pub(super) fn library_threads(&self, settings: &Settings) -> usize {
        let share = match settings.cpus.len() {
            0 => (self.cpus / self.count).max(1),
            own => own,
        };
        self.options.num_threads.unwrap_or(share)
    }
}

/// How workers are replaced.
#[derive(Debug, Default)]
pub(super) struct Replacing {
    pub(super) launch: Launch,
    /// How many may be, and how many have been.
    limit: u32,
    replaced: u32,
    /// The number of the next new worker.
    number: usize,
    /// The numbers of those that the replacements stand for.
    slots: HashMap<String, usize>,
    /// The replacements that have not connected.
    expected: Vec<String>,
}

impl Replacing {
    pub(super) fn new(launch: Launch, limit: u32) -> Replacing {
        let slots = (0..launch.count).map(|slot| (format!("worker:0:{slot}"), slot));
        Replacing {
            limit,
            number: launch.count,
            slots: slots.collect(),
            launch,
            ..Replacing::default()
        }
    }

    /// The uid of a replacement and the number that it stands for, if there may be one more.
    fn replace(&mut self, lost: &str) -> Option<(String, usize)> {
        let slot = self.slots.remove(lost)?;
        if self.replaced >= self.limit {
            return None;
        }
        let uid = format!("worker:0:{}", self.number);
        self.replaced += 1;
        self.number += 1;
        self.slots.insert(uid.clone(), slot);
        self.expected.push(uid.clone());
        Some((uid, slot))
    }

    /// A replacement has connected, or will not.
    fn settle(&mut self, worker: &str) {
        self.expected.retain(|expected| expected != worker);
    }
}

impl Server {
    /// A worker ended while the runtime is on: it is replaced if it may be, and the heads are told.
    pub(super) fn lost(&mut self, lost: LostWorker, asked: bool) {
        self.replacing.settle(&lost.uid);
        if !asked {
            self.replace(&lost.uid);
        }
        let expected = self.replacing.expected.len();
        self.connections.to_heads(&FromHub::WorkerLost { lost, expected });
        if self.directory.is_empty() && expected == 0 {
            for (session, tessera, wish) in std::mem::take(&mut self.unplaced) {
                self.place(session, tessera, wish);
            }
        }
        if self.node.is_empty() {
            self.start_postponed();
        }
    }

    fn replace(&mut self, lost: &str) {
        match self.replacing.replace(lost) {
            Some((uid, slot)) => match self.spawn(&uid, slot) {
                Ok(()) => self.after(START, Event::JoinOver { uid }),
                Err(reason) => {
                    self.replacing.settle(&uid);
                    self.notice(reason);
                }
            },
            None if self.replacing.limit > 0 => {
                let limit = self.replacing.limit;
                self.notice(format!(
                    "{lost} is not replaced: {limit} workers were, as many as `interactive(On).replace_lost_workers({limit})` allows"
                ));
            }
            None => {}
        }
    }

    /// Says what happens, if the user wants to know so much.
    pub(super) fn log(&self, level: LogLevel, text: impl FnOnce() -> String) {
        if level <= self.replacing.launch.options.log.level {
            self.notice(format!("{:<5} {}", level.name().to_uppercase(), text()));
        }
    }

    fn notice(&self, text: String) {
        let uid = "monitor".to_owned();
        (self.on_event)(HubEvent::Notice { uid, text });
    }

    /// A replacement has connected.
    pub(super) fn joined(&mut self, place: &Place) {
        self.replacing.settle(&place.uid);
        let expected = self.replacing.expected.len();
        let place = place.clone();
        self.connections.to_heads(&FromHub::WorkerJoined { place, expected });
        for (session, tessera, wish) in std::mem::take(&mut self.unplaced) {
            self.place(session, tessera, wish);
        }
        self.start_postponed();
    }

    /// A replacement has had its time to connect.
    pub(super) fn join_over(&mut self, uid: &str) {
        if self.replacing.expected.iter().any(|expected| expected == uid) {
            self.notice(format!("{uid} was not ready after {START:?}"));
            self.node.kill(uid);
        }
    }

    /// Chooses a worker for a tessera, later where none runs and one is on its way.
    pub(super) fn place(&mut self, session: u64, tessera: Id, wish: Wish) {
        if self.directory.is_empty() && !self.replacing.expected.is_empty() {
            return self.unplaced.push((session, tessera, wish));
        }
        let place = self.directory.place(tessera, &wish, &self.loads);
        self.log(LogLevel::Debug, || match &place {
            Ok(place) => format!("{tessera} goes to {}", place.uid),
            Err(failure) => format!("{tessera} cannot be placed: {}", failure.message),
        });
        self.connections.to_head(session, FromHub::Placed { tessera, place });
    }

    /// Has a worker end when it has nothing to do.
    pub(super) fn retire(&mut self, worker: &str) -> Result<(), Failure> {
        if !self.directory.retire(worker) {
            let workers: Vec<&str> = self.directory.workers().map(|place| place.uid.as_str()).collect();
            return Err(no_such_worker(worker, &workers));
        }
        if !self.retiring.contains_key(worker) {
            self.node.asked(worker);
            self.connections.to_worker(worker, FromHub::Retire);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_have_numbers_of_their_own_and_a_limit() {
        let options = StartOptions {
            num_workers: 2,
            ..StartOptions::default()
        };
        let mut replacing = Replacing::new(Launch::new(&options), 2);
        assert_eq!(replacing.replace("worker:0:1"), Some(("worker:0:2".to_owned(), 1)));
        // The replacement of a replacement stands for the same one.
        assert_eq!(replacing.replace("worker:0:2"), Some(("worker:0:3".to_owned(), 1)));
        assert_eq!(replacing.replace("worker:0:0"), None);
        assert_eq!(replacing.expected, ["worker:0:2", "worker:0:3"]);
        replacing.settle("worker:0:2");
        assert_eq!(replacing.expected, ["worker:0:3"]);
    }
}
