//! Actors for Rust: proxies, tasks and values that travel.
//!
//! A type marked `#[tessera]` becomes an actor in a worker process. `T::remote(…)` returns a proxy at once. A method of
//! the proxy returns a [`TaskProxy`] at once, and awaiting that waits until the task is done. The task's value stays on
//! the worker until [`TaskProxy::result`] fetches it.
//!
//! ```
//! use mosaic::prelude::*;
//!
//! #[tessera]
//! struct Counter(u64);
//!
//! #[tessera]
//! impl Counter {
//!     fn new(start: u64) -> Self { Counter(start) }
//!     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
//! mosaic::interactive(On).num_workers(2).await?;
//! let counter = Counter::remote(1);
//! let task = counter.add(2);
//! assert_eq!(counter.add(&task).result().await?, 6);
//! mosaic::interactive(Off).await?;
//! # Ok(()) })? }
//! ```
//!
//! Functions run on workers without a tessera ([`spawn`]), values are stored once for all workers ([`put`],
//! [`parameter()`]), and the runtime can be watched ([`status`], [`timeline()`], [`workers`]).
//!
//! This crate encodes values and holds handles. The runtime itself lives in the host, behind the table of `mosaic-abi`,
//! so that a cell compiled against another copy of this crate still talks to the same runtime.

#![allow(
    clippy::result_large_err,
    reason = "a failure crosses the ABI unboxed, and is made only where something failed"
)]

#[doc(hidden)]
pub mod __private;
mod control; // start, stop, choose and retire workers, loops, barriers, cancellation
mod error; // the two error types
mod future; // a timer, and many futures in one task
#[cfg(mosaic_fuzzing)]
#[doc(hidden)]
pub mod fuzzing; // what the targets of the fuzzer call
mod guest; // called by the host and by workers: constructors, methods, panics, interrupts
mod host; // the host's table
mod inspect; // status, workers, tesserae, timeline, progress, log
pub mod prelude;
mod proxy; // what generated proxies are made of, and arrays of them
mod remote; // the host's objects: handles, waits, arguments, questions
mod store; // stored values and parameters
mod task; // tasks, arrays of them, functions that travel, continuations
mod value; // what travels, how it is encoded, and how it is read in place

pub use control::{
    barrier::{Barrier, Passing, barrier},
    cancelled::cancelled,
    for_each::{ForEach, LoopResults, LoopWorker, for_each},
    interactive::{Interactive, Switch, Switching, interactive},
    worker_control::{Retirement, Selection, retire, select_worker},
};
pub use error::{RuntimeError, TaskError};
pub use inspect::{
    profile::{Profile, Profiler, Profiling, profile},
    progress::{Progress, ProgressHandle, Track, progress, progress_handle, track},
    status::{Status, StatusFuture, Watch, status},
    tesserae::{Listing, LivingTessera, Tesserae, tesserae},
    timeline::{Event, Timeline, TimelineFuture, timeline},
    workers::{Workers, WorkersFuture, workers},
};
pub use mosaic_abi::{
    Activity, FailureKind, Gpu, HasPlace, HostStatus, LogLevel, Options, Placement, Span, State, Subject, Tasks, Worker,
};
#[cfg(feature = "macros")]
pub use mosaic_macros::tessera;
pub use proxy::{
    actor::Actor,
    proxy_array::{AllConstructed, Proxy, ProxyArray},
};
pub use remote::argument::IntoArg;
pub use store::{
    parameter::{Parameter, parameter},
    stored::{Published, Put, Stored, StoredValue, exec, put},
};
pub use task::{
    continuation::Outputs,
    function::{AsyncFunction, Function, IntoArguments},
    spawn::{Spawner, after, spawn, spawn_async, with},
    task_array::{AllDone, AllResults, Completed, TaskArray},
    task_proxy::{TaskFuture, TaskProxy, TaskResult},
};
pub use value::{portable::Portable, view::View};
