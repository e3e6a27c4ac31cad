//! What a host and its workers use.

use super::{
    gpus,
    usage::{self, Sample},
};
use crate::memory_usage;
use mosaic_abi::Gpu;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tokio::task::spawn_blocking;

/// What a worker's process uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProcessUsage {
    /// The number of CPUs that the process keeps busy.
    pub(crate) cpu: f64,
    /// All its memory, in bytes.
    pub(crate) resident: u64,
    /// Its memory in bytes, where it counts only a share of what it shares with other processes.
    pub(crate) proportional: u64,
    /// Its memory on all GPUs, in bytes.
    pub(crate) gpu_memory: u64,
    pub(crate) is_stopped: bool,
}

/// What a host and its workers use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HostUsage {
    /// The memory of the host, in bytes.
    pub(crate) memory_total: u64,
    /// Its memory that is in use, in bytes.
    pub(crate) memory_used: u64,
    pub(crate) gpus: Vec<Gpu>,
    /// What the workers use, by pid.
    pub(crate) processes: HashMap<u32, ProcessUsage>,
}

/// The last measurements of processes, by pid.
pub(crate) type Samples = HashMap<u32, Sample>;

/// Measures this host and these processes. `earlier` are the samples of the last measurement; the new ones are returned.
pub(crate) async fn measure(pids: Vec<u32>, earlier: Samples) -> (HostUsage, Samples) {
    let usage = usage::measure(pids, earlier).await;
    let gpus = spawn_blocking(gpus::measure).await.unwrap_or_default();
    let memory = memory_usage::used();
    let samples = usage.iter().map(|(pid, usage)| (*pid, usage.sample)).collect();
    let processes = usage.into_iter().map(|(pid, usage)| {
        let measured = ProcessUsage {
            cpu: usage.cpu,
            resident: usage.resident,
            proportional: usage.proportional,
            gpu_memory: gpus.memory_of.get(&pid).copied().unwrap_or_default(),
            is_stopped: usage.is_stopped,
        };
        (pid, measured)
    });
    let usage = HostUsage {
        memory_total: memory.map_or(0, |memory| memory.total),
        memory_used: memory.map_or(0, |memory| memory.used),
        processes: processes.collect(),
        gpus: gpus.gpus,
    };
    (usage, samples)
}
