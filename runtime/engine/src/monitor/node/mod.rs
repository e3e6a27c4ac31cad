//! Node 0: the worker processes of this machine.
//!
//! A worker is started and measured here alone. Workers on another machine would be another node. What else assumes one
//! machine:
//!
//! - Addresses are paths of Unix sockets. A process listens in `monitor`, `worker_process` and `worker::local`, and
//!   connects in `head::link`, `worker::peers` and `worker_process`.
//! - `worker_uid` and the event loop number the workers of node 0.
//! - `shared_memory` passes file descriptors, and `warehouse` maps files.
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
