//! Node 0: the worker processes of this machine.
//!
//! Everything that knows how a worker is started and measured lies here. Workers on another machine would be another node;
//! their connections, which are Unix sockets today, are made in `wire::connection` and `shared_memory::socket`.
//!
//! - `worker_processes`: starts, kills and reaps the processes.
//! - `worker_plan`: how many workers a run has, and with which settings, CPUs and memory.
//! - `usage`: the CPU time and memory of the processes; `gpus`: the machine's GPUs.

mod gpus;
mod usage;
mod worker_plan;
mod worker_processes;

pub(super) use gpus::{Gpus, measure as measure_gpus};
pub(super) use usage::{Sample, Usage, measure as measure_usage};
pub(super) use worker_plan::WorkerPlan;
pub(super) use worker_processes::{Node, worker_address};
