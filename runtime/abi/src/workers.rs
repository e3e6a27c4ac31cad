//! The hosts and their workers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The hosts, and the workers that run on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workers {
    /// The hosts, in the order of their numbers.
    pub hosts: Vec<HostStatus>,
    /// The workers, in the order of their numbers.
    pub workers: Vec<Worker>,
}

/// A host, and what is in use there. `mosaic::workers().await?.hosts()` lists them.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let workers = mosaic::workers().await?;
/// let mosaic::HostStatus { uid, memory_used, memory_total, .. } = &workers.hosts()[0];
/// println!("{uid}: {} of {} MB in use", memory_used >> 20, memory_total >> 20);
/// # assert_eq!(uid, "node:0");
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostStatus {
    /// The host's uid, such as `node:0`.
    pub uid: String,
    /// The launcher's name for the host. Empty for this machine.
    pub name: String,
    /// Memory that processes there may use, in bytes: the host's, or the limit of a control group.
    pub memory_total: u64,
    /// Memory in use by any process, in bytes.
    pub memory_used: u64,
    /// The host's NVIDIA GPUs, in the order of their numbers, as far as NVIDIA's library knows them.
    pub gpus: Vec<Gpu>,
}

/// A GPU of the machine. `mosaic::workers().await?.gpus()` lists them.
///
/// ```
/// fn free(gpu: &mosaic::Gpu) -> u64 {
///     gpu.memory_total - gpu.memory_used
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// The GPU's number in NVIDIA's library.
    pub number: u32,
    /// The vendor's name of the GPU.
    pub name: String,
    /// The fraction of recent time, between 0 and 1, in which the GPU executed something, for any process.
    pub load: f64,
    /// The GPU's memory, in bytes.
    pub memory_total: u64,
    /// Memory of the GPU in use by any process, in bytes.
    pub memory_used: u64,
}

/// A worker, and what it uses.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let workers = mosaic::workers().await?;
/// let mosaic::Worker { uid, resident, .. } = &workers[0];
/// println!("{uid} occupies {} MB", resident >> 20);
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The worker's uid, such as `worker:0:1`.
    pub uid: String,
    /// The id of the worker's process.
    pub pid: u32,
    /// The worker's present activity.
    pub activity: Activity,
    /// Constructors and methods that are running.
    pub running: u32,
    /// Constructors and methods that wait for a thread or for memory only.
    pub waiting: u32,
    /// Tesserae that were placed on the worker and not freed.
    pub tesserae: u64,
    /// CPUs that the worker keeps busy at present: 2.0 means two of them.
    pub cpu: f64,
    /// Memory that the worker occupies, in bytes, including memory that it shares with other processes.
    pub resident: u64,
    /// Memory that the worker occupies, in bytes, counting its share of shared memory only. Zero if the system does not
    /// tell.
    pub proportional: u64,
    /// GPU memory that the worker occupies, in bytes. Zero if NVIDIA's library does not tell, as in containers.
    pub gpu_memory: u64,
}

/// The present activity of a worker.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let workers = mosaic::workers().await?;
/// println!("{} is {}", workers[0].uid, workers[0].activity);      // idle, busy, …
/// # assert!(matches!(workers[0].activity, mosaic::Activity::Idle | mosaic::Activity::Busy));
/// # Ok(()) })? }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Does nothing.
    Idle,
    /// Executes constructors or methods.
    Busy,
    /// Starts nothing until there is memory.
    ShortOfMemory,
    /// The process was stopped by a signal, until it is continued.
    Stopped,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Activity::Idle => "idle",
            Activity::Busy => "busy",
            Activity::ShortOfMemory => "short of memory",
            Activity::Stopped => "stopped",
        })
    }
}
