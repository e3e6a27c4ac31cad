//! The runtime of actors: head, monitor, node and workers.
#![allow(
    clippy::result_large_err,
    reason = "a failure crosses the waist as it is, and only where something failed"
)]

mod cancellation;
mod clock;
mod code_location;
mod cpu_affinity;
mod failures;
mod head;
mod id;
mod log;
mod map;
mod memory_usage;
mod monitor;
mod program;
mod question;
mod shared_memory;
mod trim;
mod warehouse;
mod wire;
mod worker;
mod worker_process;
mod worker_uid;

pub use head::{HeadOptions, install_head};
pub use monitor::{Monitor, MonitorEvent, MonitorOptions, WorkerCommand, run_dir};
pub use mosaic_abi::{Progress, View};
pub use program::run;
pub use question::Question;
pub use worker_process::worker_main;
