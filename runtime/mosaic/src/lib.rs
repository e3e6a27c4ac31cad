//! Actors for Rust: proxies, tasks and values that travel.
//!
//! A type marked `#[tessera]` becomes an actor in a worker process. `T::remote(…)` returns a proxy at once, a method of
//! the proxy returns a [`TaskProxy`] at once, and awaiting that waits until the task is done. Its value stays on the
//! worker until [`TaskProxy::result`] asks for it.
//!
//! ```no_run
//! # async fn cell() -> Result<(), mosaic::RuntimeError> {
//! use mosaic::prelude::*;
//!
//! mosaic::interactive(On).num_workers(2).await?;
//! // let solver = Solver::remote(&array);
//! // let task = solver.solve(&array);
//! // let result = task.await?.result().await?;
//! mosaic::interactive(Off).await?;
//! # Ok(())
//! # }
//! ```
//!
//! This crate is thin: it encodes values and keeps handles. The runtime itself lives in the host, behind the table of
//! `mosaic-abi`, so that a cell may be compiled against another copy of this crate and still talk to the same runtime.

#![allow(
    clippy::result_large_err,
    reason = "a failure crosses the waist as it is, and only where something failed"
)]

#[doc(hidden)]
pub mod __private;
mod argument;
mod attach;
mod barrier;
mod bulk;
mod cancel;
mod copy;
mod error;
mod for_each;
mod function;
mod guest;
mod handle;
mod host;
mod html;
mod interactive;
mod interrupt;
mod lent;
mod log;
mod object;
mod outputs;
mod panics;
mod parameter;
mod pending;
pub mod prelude;
mod progress;
mod proxies;
mod roster;
mod spawn;
mod status;
mod stored;
mod task;
mod tasks;
mod tessera;
mod timeline;
mod timer;
mod unordered;
mod view;
mod workers;

pub use argument::{IntoArg, Portable};
pub use attach::{Listing, LivingTessera, Tesserae, tesserae};
pub use barrier::{Barrier, Passing, barrier};
pub use cancel::cancelled;
pub use error::{RuntimeError, TaskError};
pub use for_each::{ForEach, LoopResults, LoopWorker, for_each};
pub use function::{AsyncFunction, Function, IntoArguments};
pub use interactive::{Interactive, Switch, Switching, interactive};
pub use mosaic_abi::{Activity, FailureKind, Gpu, LogLevel, Options, Placement, Span, State, Subject, Tasks, Worker};
#[cfg(feature = "macros")]
pub use mosaic_macros::tessera;
pub use outputs::{Actor, Outputs};
pub use parameter::{Parameter, parameter};
pub use progress::{Progress, ProgressHandle, Track, progress, progress_handle, track};
pub use proxies::{AllConstructed, Proxy, ProxyArray};
pub use spawn::{Spawner, after, spawn, spawn_async, with};
pub use status::{Status, StatusFuture, Watch, status};
pub use stored::{Published, Put, Stored, StoredValue, exec, put};
pub use task::{TaskFuture, TaskProxy, TaskResult};
pub use tasks::{AllDone, AllResults, Completed, TaskArray};
pub use timeline::{Event, Timeline, TimelineFuture, timeline};
pub use view::View;
pub use workers::{Retirement, Selection, Workers, WorkersFuture, retire, select_worker, workers};
