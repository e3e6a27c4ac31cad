//! The list of workers, and what each uses.

use crate::{error::RuntimeError, remote::query::Answer};
use mosaic_abi::{Gpu, HostStatus, MonitorQuery, Query, Worker};
use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

/// Lists the running workers, once awaited, with what each does and uses. The list is empty if the runtime is off.
///
/// Usage is measured only when it is asked for. The first answer in a while takes 0.1 s, during which the use of CPUs
/// is observed.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// for worker in &mosaic::workers().await? {
///     println!("{} is {}: {} running, {} MB", worker.uid, worker.activity, worker.running, worker.resident >> 20);
/// }
/// # Ok(()) })? }
/// ```
pub fn workers() -> WorkersFuture {
    WorkersFuture(Answer::to(&Query::Monitor(MonitorQuery::Workers)))
}

/// A future of the list of workers. Made by [`workers`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let question: mosaic::WorkersFuture = mosaic::workers();
/// assert_eq!(question.await?.len(), 1);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct WorkersFuture(Answer<mosaic_abi::Workers>);

impl Future for WorkersFuture {
    type Output = Result<Workers, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(Workers)
    }
}

/// The workers, and the machine's memory and GPUs, at the time of the question. Derefs to a slice of [`Worker`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let workers = mosaic::workers().await?;
/// assert_eq!(workers[1].uid, "worker:0:1");
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Workers(pub(crate) mosaic_abi::Workers);

impl Workers {
    /// Returns the hosts on which workers run: this machine, or those of a launcher.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// assert_eq!(mosaic::workers().await?.hosts().len(), 1);
    /// # Ok(()) })? }
    /// ```
    pub fn hosts(&self) -> &[HostStatus] {
        &self.0.hosts
    }

    /// Returns the memory that processes may use on all hosts, in bytes: the machines', or limits of control groups.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let workers = mosaic::workers().await?;
    /// assert!(workers.memory_total() > 0);
    /// # Ok(()) })? }
    /// ```
    pub fn memory_total(&self) -> u64 {
        self.0.hosts.iter().map(|host| host.memory_total).sum()
    }

    /// Returns the memory in use by any process, in bytes, of [`memory_total`](Workers::memory_total).
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let workers = mosaic::workers().await?;
    /// assert!(workers.memory_used() <= workers.memory_total());
    /// # Ok(()) })? }
    /// ```
    pub fn memory_used(&self) -> u64 {
        self.0.hosts.iter().map(|host| host.memory_used).sum()
    }

    /// Returns the NVIDIA GPUs of all hosts, as reported by `libnvidia-ml.so.1`, which comes with the driver.
    ///
    /// A host without the library has none, and does not look for the library again.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let workers = mosaic::workers().await?;
    /// for gpu in workers.gpus() {
    ///     println!("{}: {:.0} % busy, {} MB in use", gpu.name, gpu.load * 100.0, gpu.memory_used >> 20);
    /// }
    /// let used_by_workers: u64 = workers.iter().map(|worker| worker.gpu_memory).sum();
    /// # Ok(()) })? }
    /// ```
    pub fn gpus(&self) -> Vec<&Gpu> {
        self.0.hosts.iter().flat_map(|host| &host.gpus).collect()
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
