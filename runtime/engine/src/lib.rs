//! The runtime of actors: head, monitor, node and workers.
//!
//! A *tessera* is an actor: an object in a worker process. A *task* is a call of its method, and a *guest* is code that
//! uses the runtime: a cell of a notebook, or a program.
//!
//! # Entry points
//!
//! - [`run`] runs a whole program: monitor and head in one process, and the workers that it starts.
//! - [`Monitor::start`] starts a monitor in the process that lives longest: for a notebook, the kernel.
//! - [`install_head`] makes a process a head; the kernel's cell process calls it.
//! - [`worker_main`] is the main function of a worker process.
//!
//! Guests reach this engine through the table [`mosaic_abi::Host`], which `head::host_table` fills. Another engine would
//! offer the same table.
//!
//! # Processes
//!
//! ```text
//! head ──── start, place, query ────▶ monitor ──── starts, watches ────▶ workers
//!  └─────────── constructors, calls, results: directly ────────────────────▲ └──▶ results, from worker to worker
//! ```
//!
//! # Map
//!
//! - `head`: the process in which the user's code runs. `head::state` is what it knows, `head::link` does its I/O.
//! - `monitor`: `monitor::state` is what it knows (`placement` chooses workers), `monitor::event_loop` does its I/O,
//!   and `monitor::event_loop::hosts` deals with other hosts.
//! - `node`: the worker processes of one machine: starts, reaps and measures them. The monitor uses it for its own
//!   machine, and `node_process`, the monitor's representative on another host, for that one.
//! - `gate`: the port of a host. `code` and `files`: shared objects and stored values that go from host to host.
//! - `worker`: `worker::state` is what it has, `worker::serve` does what messages ask for, and `worker::execution` runs
//!   guest code. `worker_process` is the process around it.
//! - `program`: programs outside notebooks ([`run`]). `program::output_lines` merges the output of their workers into
//!   lines, each behind a [`line_prefix`].
//! - `wire`: the messages between processes, and how they are laid out in bytes.
//! - `warehouse`: stored values, which are files that all processes map.
//! - `shared_memory`: large values in memory that processes share, and the threshold from which they are shared.
//! - `id`, `worker_uid`, `failures`, `question`, `log`: ids, uids, failures, questions to the front end, and the log.
//! - `own_files`, `process_mark`: files that must be this user's, and the processes that this program has started;
//!   `sweeper`: the directories of a process that was killed.
//! - `debugger`: where a new process waits for a debugger; `task_table`: what a worker executes, while it is stopped.
//! - `cancellation`, `clock`, `code_location`, `cpu_affinity`, `exit_status`, `memory_usage`, `shrinking_map`,
//!   `trim_memory`: small tools.
//! - `type_fingerprints`: the types of stored values.
//! - `panics`: a panic of the runtime costs one request.
//!
//! # Invariants
//!
//! - `HeadState` and `MonitorState` do no I/O and read no clock. A change of the head's state queues actions, which
//!   whoever made the change carries out in order.
//! - One thread does the I/O of each head, monitor, node process and worker, except that of large payloads between
//!   hosts, which has a thread of its own. Guest code runs on neither.
//! - A head talks to workers directly. The monitor is asked only for what concerns all workers.
//! - Connections keep the order of messages. A task is sent to its worker before any message that needs it.
//! - A worker ends as soon as its connection to the monitor does, so no worker outlives the monitor, however that ends.
//! - Loaded code is never unloaded.
//! - All sockets of a host but its gate lie in one directory that only the user may enter ([`run_dir`]).
//!
//! `docs/src/performance.md` says what a call and an array cost, and why.

#![allow(
    clippy::result_large_err,
    reason = "a failure crosses to guests as it is, and only when something failed"
)]

mod cancellation;
mod clock;
mod code;
mod code_location;
mod cpu_affinity;
mod debugger;
mod exit_status;
mod failures;
mod files;
#[cfg(mosaic_fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod head;
mod id;
mod line_prefix;
mod log;
mod memory_usage;
mod monitor;
mod node;
mod node_process;
mod own_files;
mod panics;
mod process_mark;
mod program;
mod question;
mod shared_memory;
mod shrinking_map;
mod sweeper;
mod task_table;
mod trim_memory;
mod type_fingerprints;
mod warehouse;
mod wire;
mod worker;
mod worker_process;
mod worker_uid;

pub use debugger::{debugger_socket, wait_for_debugger};
pub use exit_status::describe_exit_status;
pub use head::{HeadOptions, begin_profile, end_profile, install_head};
pub use line_prefix::line_prefix;
pub use monitor::{Monitor, MonitorEvent, MonitorOptions, WorkerCommand, run_dir, run_dir_parent};
pub use mosaic_abi::{LiveDisplay, ProcessProfile, Progress};
pub use own_files::{
    check_own_directory, create_locked_directory, lock_new_file, lock_own_file, open_own_file, remove_abandoned,
};
pub use process_mark::{MarkedProcesses, ProcessMark};
pub use program::run;
pub use question::Question;
pub use task_table::{ExecutingTask, task_of_thread};
pub use warehouse::remove_abandoned_values;
pub use worker_process::{is_worker, worker_main};
