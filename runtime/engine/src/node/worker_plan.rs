//! The plan of a run's workers: their number, settings, CPUs and memory. `worker_processes` starts them.

use crate::monitor::{MonitorOptions, monitor_address};
use crate::{
    cpu_affinity::{self, Cpus},
    memory_usage,
    warehouse::StoreDirs,
    wire::Host,
    worker::Settings,
};
use mosaic_abi::{LogLevel, StartOptions};
use std::{net::SocketAddr, thread::available_parallelism};

/// The number of methods that a worker runs at once, unless the options say otherwise.
const METHODS_AT_ONCE: usize = 64;
/// The part of the machine's memory above which no method begins, unless the options say otherwise.
const MEMORY_LIMIT: f64 = 0.95;
/// The part of the machine's memory that operations in flight may take up, unless the options say otherwise.
const IN_FLIGHT_LIMIT: f64 = 0.25;

/// The plan of a run's workers, made from the options and from the CPUs and memory of the machine.
#[derive(Debug, Default)]
pub(crate) struct WorkerPlan {
    options: StartOptions,
    /// The number of workers.
    count: usize,
    /// The number of CPUs that this process may use.
    cpus: usize,
    /// The CPUs of each NUMA node, if each worker is to have its own; otherwise empty.
    nodes: Vec<Cpus>,
    /// Where the workers are within the runtime's network.
    whereabouts: Whereabouts,
}

/// Where the workers of a plan are within the runtime's network.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Whereabouts {
    /// The host of the workers.
    pub(crate) host: Host,
    /// The gate of the monitor's host, if that is another one.
    pub(crate) monitor_host: Option<SocketAddr>,
    /// The number of nanoseconds to add to the host's clock to get the monitor's.
    pub(crate) clock_offset: i64,
}

impl WorkerPlan {
    /// Makes the plan of a run.
    pub(crate) fn new(options: &StartOptions) -> WorkerPlan {
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
            whereabouts: Whereabouts::default(),
        }
    }

    /// Sets where the workers are within the runtime's network. By default they are beside the monitor.
    pub(crate) fn at(self, whereabouts: Whereabouts) -> WorkerPlan {
        WorkerPlan { whereabouts, ..self }
    }

    /// Returns the number of workers to start.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of bytes that the operations in flight of a head may take up.
    pub(crate) fn in_flight_limit(&self) -> u64 {
        let part = self.options.in_flight_limit.unwrap_or(IN_FLIGHT_LIMIT);
        memory_usage::part_of_all(part).unwrap_or(u64::MAX)
    }

    /// Returns the settings of worker number `slot`, or of a worker that replaces it.
    pub(crate) fn settings(
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
            host: self.whereabouts.host,
            monitor_host: self.whereabouts.monitor_host,
            clock_offset: self.whereabouts.clock_offset,
        }
    }

    /// Returns the number of threads that libraries in a worker are to use.
    pub(crate) fn library_threads(&self, settings: &Settings) -> usize {
        let share = match settings.cpus.len() {
            0 => (self.cpus / self.count).max(1),
            own => own,
        };
        self.options.num_threads.unwrap_or(share)
    }

    /// Returns whether the user wants log lines of this level.
    pub(crate) fn logs(&self, level: LogLevel) -> bool {
        level <= self.options.log.level
    }
}
