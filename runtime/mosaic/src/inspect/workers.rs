//! The workers, and what they use.

use crate::{error::RuntimeError, remote::query::Answer};
use mosaic_abi::{Gpu, HubQuery, Query, Worker};
use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

/// Lists the workers that run, once awaited, with what each of them does and uses: none where the runtime is off.
///
/// Nothing is measured before somebody asks. The first answer in a while takes a tenth of a second, for which the use of
/// CPUs is watched.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// for worker in &mosaic::workers().await? {
///     println!("{} is {}: {} running, {} MB", worker.uid, worker.activity, worker.running, worker.resident >> 20);
/// }
/// # Ok(())
/// # }
/// ```
pub fn workers() -> WorkersFuture {
    WorkersFuture(Answer::to(&Query::Hub(HubQuery::Workers)))
}

/// Waits for the list of workers; made by [`workers`].
#[must_use = "a future does nothing until it is awaited"]
pub struct WorkersFuture(Answer<mosaic_abi::Workers>);

impl Future for WorkersFuture {
    type Output = Result<Workers, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(Workers)
    }
}

/// The machine's memory and the workers, when they were asked for. It is a slice of [`Worker`].
#[derive(Clone, Debug, PartialEq)]
pub struct Workers(pub(crate) mosaic_abi::Workers);

impl Workers {
    /// Bytes of memory that the processes here may use: the machine's, or fewer where a control group limits them.
    pub fn memory_total(&self) -> u64 {
        self.0.memory_total
    }

    /// Bytes of that memory that are in use, by whomever.
    pub fn memory_used(&self) -> u64 {
        self.0.memory_used
    }
}

impl Workers {
    /// The machine's GPUs, as far as NVIDIA's library `libnvidia-ml.so.1` knows them, which comes with the driver. Without it
    /// there are none, and nothing is looked for again.
    ///
    /// ```no_run
    /// # async fn cell() -> Result<(), mosaic::RuntimeError> {
    /// let workers = mosaic::workers().await?;
    /// for gpu in workers.gpus() {
    ///     println!("{}: {:.0} % busy, {} MB in use", gpu.name, gpu.load * 100.0, gpu.memory_used >> 20);
    /// }
    /// let ours: u64 = workers.iter().map(|worker| worker.gpu_memory).sum();
    /// # let _ = ours;
    /// # Ok(())
    /// # }
    /// ```
    pub fn gpus(&self) -> &[Gpu] {
        &self.0.gpus
    }
}

impl Deref for Workers {
    type Target = [Worker];

    fn deref(&self) -> &[Worker] {
        &self.0.workers
    }
}

impl<'a> IntoIterator for &'a Workers {
    type Item = &'a Worker;
    type IntoIter = std::slice::Iter<'a, Worker>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
