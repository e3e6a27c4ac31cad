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
mod control;
mod error;
mod future;
mod guest;
mod host;
mod inspect;
pub mod prelude;
mod proxy;
mod remote;
mod store;
mod task;
mod value;

pub use control::{
    barrier::{Barrier, Passing, barrier},
    cancelled::cancelled,
    for_each::{ForEach, LoopResults, LoopWorker, for_each},
    interactive::{Interactive, Switch, Switching, interactive},
    worker_control::{Retirement, Selection, retire, select_worker},
};
pub use error::{RuntimeError, TaskError};
pub use inspect::{
    progress::{Progress, ProgressHandle, Track, progress, progress_handle, track},
    status::{Status, StatusFuture, Watch, status},
    tesserae::{Listing, LivingTessera, Tesserae, tesserae},
    timeline::{Event, Timeline, TimelineFuture, timeline},
    workers::{Workers, WorkersFuture, workers},
};
pub use mosaic_abi::{Activity, FailureKind, Gpu, LogLevel, Options, Placement, Span, State, Subject, Tasks, Worker};
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
