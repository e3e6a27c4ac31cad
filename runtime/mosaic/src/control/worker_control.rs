//! Choosing workers, and retiring them.

use crate::{error::RuntimeError, remote::query::Answer};
use mosaic_abi::{MonitorQuery, Query};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Chooses the worker on which the next tessera would be placed, once awaited, and returns its uid. The choice counts
/// as a placement: the next one goes to the next worker.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let options = Options::new().worker(mosaic::select_worker().await?);
/// let counters = [Counter::with(options.clone()).remote(1), Counter::with(options).remote(2)];
/// # Ok(()) })? }
/// ```
pub fn select_worker() -> Selection {
    Selection(Answer::to(&Query::Monitor(MonitorQuery::SelectWorker)))
}

/// A future of a chosen worker's uid. Made by [`select_worker`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let selection: mosaic::Selection = mosaic::select_worker();
/// assert_eq!(selection.await?, "worker:0:0");
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Selection(Answer<String>);

impl Future for Selection {
    type Output = Result<String, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Retires a worker, such as `worker:0:1`: no tessera is placed on it from now on, and it ends when its work is done.
///
/// Awaiting waits until the worker has ended. Its tesserae and the results of their tasks are then lost.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// mosaic::retire("worker:0:1").await?;
/// assert_eq!(mosaic::workers().await?.len(), 1);
/// # Ok(()) })? }
/// ```
pub fn retire(worker: impl Into<String>) -> Retirement {
    Retirement(Answer::to(&Query::Monitor(MonitorQuery::Retire(worker.into()))))
}

/// A future that waits until a retired worker has ended. Made by [`retire`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let retirement: mosaic::Retirement = mosaic::retire("worker:0:1");
/// retirement.await?;
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Retirement(Answer<()>);

impl Future for Retirement {
    type Output = Result<(), RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
