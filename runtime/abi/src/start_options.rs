//! Options of the runtime's start, and placement of tesserae.

use crate::LogOptions;
use serde::{Deserialize, Serialize};

/// The options with which the runtime is started. `None` leaves the choice to the runtime.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StartOptions {
    /// Where to run: a launcher and its hosts, such as `ssh:alpha,beta`. `None` means this machine.
    pub on: Option<String>,
    /// The number of hosts to run on. `None` means all that the launcher has.
    pub hosts: Option<usize>,
    /// The number of workers on each host. Zero means one for each CPU.
    pub num_workers: usize,
    /// The fraction of the machine's memory, between 0 and 1, that stored values may take. Values beyond it move to
    /// disk.
    pub spill_above: Option<f64>,
    /// The choice of a worker for a tessera that names none.
    pub placement: Option<Placement>,
    /// The number of constructors and methods that a worker executes at once.
    pub num_threads: Option<usize>,
    /// The fraction of the machine's memory above which workers start nothing new.
    pub memory_limit: Option<f64>,
    /// The fraction of the machine's memory that one process's unfinished tasks may take.
    pub in_flight_limit: Option<f64>,
    /// Keep each worker on CPUs of its own.
    pub affinity: bool,
    /// The number of lost workers that are replaced.
    pub replace_lost_workers: u32,
    /// The level and the form of log lines.
    pub log: LogOptions,
}

/// The strategy that chooses a worker for a tessera that names none.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// use mosaic::{Placement, prelude::*};
/// mosaic::interactive(On).num_workers(2).placement(Placement::LeastLoaded).await?;
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// Round robin: one worker after the other.
    #[default]
    RoundRobin,
    /// The worker with the fewest constructors and methods to execute. Among equals, the one with the fewest tesserae.
    LeastLoaded,
    /// The worker that has most bytes of the constructor's arguments, as far as these are results of tasks. Without
    /// such arguments, the least loaded worker.
    DataLocality,
    /// The worker with the fewest tesserae, on the host with the fewest.
    Spread,
    /// The first worker with the fewest tesserae, in the order of the hosts: each worker of a host gets one before the
    /// next host does.
    Pack,
}
