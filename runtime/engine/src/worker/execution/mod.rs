//! Executing constructors, calls and functions. Guest code runs on threads of its own, never on the I/O thread.
//!
//! - `job`: what waits in a tessera's queue.
//! - `tessera`: one tessera: its constructor, and then its calls, in order.
//! - `batch`: short calls of one tessera, executed in a row by one thread.
//! - `function`: functions that run without a tessera.
//! - `attempts`: running again what panicked.
//! - `pending`: async methods, which are polled again when they are woken; `guest_future`: their futures.
//! - `running`: what has begun and not ended. No I/O.
//! - `current`: what the present thread executes; `subject`: how that is named for users.
//! - `modules`: loaded shared objects; `object`: an object of a tessera's type, and calling it.

mod attempts;
mod batch;
mod current;
pub(super) mod function;
mod guest_future;
mod job;
mod modules;
mod object;
mod pending;
mod running;
mod subject;
pub(super) mod tessera;

pub(crate) use current::{executing, is_any_executing, is_executing, progress, reporter};
pub(super) use job::Job;
pub(super) use modules::Modules;
pub(super) use running::{Running, Times};
