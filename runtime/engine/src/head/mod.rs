//! The head: the process in which the user's code runs.
//!
//! A head offers the [`mosaic_abi::Host`] table to guests, knows everything that they submitted, and talks to the
//! monitor and directly to the workers.
//!
//! - `install`: makes this process a head; the entry point.
//! - `host_table`: the C functions that guests call. Each of them changes the state under its lock.
//! - `state`: what the head knows ([`state::HeadState`]). Pure state without I/O, with tests.
//! - `link`: the one thread that does I/O: carries out the state's actions, and reports to the state what arrives.
//! - `circles`: methods of this process that wait for themselves.
//! - `profile`: profiles this process, and has workers profile theirs.
//! - `process`, `current`: the head of this process, with the lock around its state; `command`: what it asks the link.

mod circles;
mod command;
mod current;
mod host_table;
mod install;
mod link;
mod process;
mod profile;
mod state;

pub(crate) use circles::{close_circle, continue_search, search_for_circles};
pub(crate) use host_table::ON;
pub use install::install_head;
pub(crate) use install::{install_worker_head, say_unawaited};
pub use process::HeadOptions;
pub(crate) use profile::encoded as encoded_samples;
pub use profile::{begin_profile, end_profile};
