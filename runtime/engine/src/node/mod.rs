//! The worker processes of one machine: how they are started, reaped and measured. The monitor uses it for the workers
//! beside it, and the node process of another host for those there.
//!
//! - `worker_processes`: starts, kills and reaps the processes.
//! - `worker_plan`: how many workers a run has here, and with which settings, CPUs and memory.
//! - `host_usage`: what the machine and the processes use; `usage`: the CPU time and memory of the processes; `gpus`:
//!   the machine's GPUs.
//! - `output_mark`: whether output of a worker is on its way to the monitor.

mod gpus;
mod host_usage;
mod output_mark;
mod usage;
mod worker_plan;
mod worker_processes;

use std::path::{Path, PathBuf};

/// How long a host may live without hearing of the monitor, in nanoseconds. The monitor takes it for lost later:
/// see `LOST_AFTER` in `monitor::event_loop::hosts`.
pub(crate) const LEASE: u64 = 4_000_000_000;

/// Returns the file of the [`OutputMark`] of the worker that listens at this socket.
pub(crate) fn mark_path(socket: &Path) -> PathBuf {
    socket.with_extension("mark")
}

pub(crate) use host_usage::{HostUsage, ProcessUsage, Samples, measure};
pub(crate) use output_mark::OutputMark;
pub(crate) use worker_plan::{Whereabouts, WorkerPlan};
pub(crate) use worker_processes::{Node, worker_address};
