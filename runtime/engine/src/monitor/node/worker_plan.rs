//! The plan of a run's workers: their number, settings, CPUs and memory. `worker_processes` starts them.

use super::super::options::{MonitorOptions, monitor_address};
use crate::{
    cpu_affinity::{self, Cpus},
    memory_usage,
    warehouse::StoreDirs,
    worker::Settings,
};
use mosaic_abi::{LogLevel, StartOptions};
use std::thread::available_parallelism;

/// The number of methods that a worker runs at once, unless the options say otherwise.
const METHODS_AT_ONCE: usize = 64;
/// The part of the machine's memory above which no method begins, unless the options say otherwise.
const MEMORY_LIMIT: f64 = 0.95;
/// The part of the machine's memory that operations in flight may take up, unless the options say otherwise.
const IN_FLIGHT_LIMIT: f64 = 0.25;

/// The plan of a run's workers, made from the options and from the CPUs and memory of the machine.
#[derive(Debug, Default)]
pub(in super::super) struct WorkerPlan {
    options: StartOptions,
    /// The number of workers.
    count: usize,
    /// The number of CPUs that this process may use.
    cpus: usize,
    /// The CPUs of each NUMA node, if each worker is to have its own; otherwise empty.
    nodes: Vec<Cpus>,
}

impl WorkerPlan {
    /// Makes the plan of a run.
    pub(in super::super) fn new(options: &StartOptions) -> WorkerPlan {
        let cpus = available_parallelism().map_or(1, usize::from);
        let count = match options.num_workers {
            0 => cpus,
            count => count,
        };
        let nodes = if options.affinity {
            cpu_affinity::nodes()
        } else {
            Vec::new()
        };
        WorkerPlan {
            options: options.clone(),
            count,
            cpus,
            nodes,
        }
    }

    /// Returns the number of workers to start.
    pub(in super::super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of bytes that the operations in flight of a head may take up.
    pub(in super::super) fn in_flight_limit(&self) -> u64 {
        let part = self.options.in_flight_limit.unwrap_or(IN_FLIGHT_LIMIT);
        memory_usage::part_of_all(part).unwrap_or(u64::MAX)
    }

    /// Returns the settings of worker number `slot`, or of a worker that replaces it.
    pub(in super::super) fn settings(
        &self,
        uid: &str,
        slot: usize,
        monitor: &MonitorOptions,
        store_dirs: &StoreDirs,
    ) -> Settings {
        Settings {
            uid: uid.to_owned(),
            monitor: monitor_address(&monitor.run_dir),
            store_dirs: store_dirs.clone(),
            threads: self.options.num_threads.unwrap_or(METHODS_AT_ONCE),
            memory_limit: self.options.memory_limit.unwrap_or(MEMORY_LIMIT),
            cpus: cpu_affinity::share(&self.nodes, slot, self.count),
            log: self.options.log,
        }
    }

    /// Returns the number of threads that libraries in a worker are to use.
    pub(in super::super) fn library_threads(&self, settings: &Settings) -> usize {
        let share = match settings.cpus.len() {
            0 => (self.cpus / self.count).max(1),
            own => own,
        };
        self.options.num_threads.unwrap_or(share)
    }

    /// Returns whether the user wants log lines of this level.
    pub(in super::super) fn logs(&self, level: LogLevel) -> bool {
        level <= self.options.log.level
    }
}
