//! The runtime of actors: head, monitor, node and workers.
//!
//! - The [`Hub`] is the monitor and node 0 in one object. It lives in the process that lives longest: the kernel of a
//!   notebook, or the program itself.
//! - The head ([`install_head`]) is the process in which the user's code runs. It asks the hub for workers and then
//!   talks to them directly.
//! - A worker ([`worker_main`]) is a process that holds tesserae and the results of their tasks. Workers fetch results
//!   from each other directly.
//!
//! All processes talk over Unix sockets in one directory that only the user may enter. A worker ends as soon as its
//! connection to the hub does, so that none outlives the hub, however that ends.

#![allow(
    clippy::result_large_err,
    reason = "a failure crosses the waist as it is, and only where something failed"
)]

mod address;
mod affinity;
mod cancellation;
mod clock;
mod failures;
mod head;
mod hub;
mod id;
mod log;
mod map;
mod memory;
mod program;
mod question;
mod trim;
mod waits;
mod warehouse;
mod wire;
mod worker;

pub use head::{HeadOptions, install_head};
pub use hub::{Hub, HubEvent, HubOptions, WorkerCommand, run_dir};
pub use mosaic_abi::{Progress, View};
pub use program::run;
pub use question::Question;
pub use worker::worker_main;
