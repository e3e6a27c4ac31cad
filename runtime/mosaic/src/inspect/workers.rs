//! The workers, and what they use.

use crate::{
    error::RuntimeError,
    remote::handle::{Wait, decode_value},
};
use mosaic_abi::{Gpu, HubQuery, Query, Slice, Worker};
use std::{
    future::Future,
    marker::PhantomData,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
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

/// Gives the uid of the worker that the next tessera would be placed on, once awaited, and takes its turn.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// let options = mosaic::Options::new().worker(mosaic::select_worker().await?);
/// // let (a, b) = (Solver::with(options.clone()).remote(), Solver::with(options).remote());
/// # Ok(())
/// # }
/// ```
pub fn select_worker() -> Selection {
    Selection(Answer::to(&Query::Hub(HubQuery::SelectWorker)))
}

/// Waits for the choice of a worker; made by [`select_worker`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Selection(Answer<String>);

impl Future for Selection {
    type Output = Result<String, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Retires a worker, such as `worker:0:1`, at once: no tessera is placed on it any more. When all that it was to do is done
/// it ends, which awaiting this waits for, and its tesserae and the results of their tasks are gone.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// mosaic::retire("worker:0:1").await?;
/// # Ok(())
/// # }
/// ```
pub fn retire(worker: impl Into<String>) -> Retirement {
    Retirement(Answer::to(&Query::Hub(HubQuery::Retire(worker.into()))))
}

/// Waits until a worker that was retired has ended; made by [`retire`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Retirement(Answer<()>);

impl Future for Retirement {
    type Output = Result<(), RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Waits for the hub's answer to a query, which is a `T`.
pub(crate) struct Answer<T> {
    wait: Wait,
    answer: PhantomData<fn() -> T>,
}

impl<T> Answer<T> {
    pub(crate) fn to(query: &Query) -> Answer<T> {
        // Numbers and texts can always be encoded.
        let query = mosaic_abi::encode(query).unwrap_or_default();
        Answer {
            // SAFETY: the slice lends bytes that outlive the call, and the function hands the caller a wait of its own.
            wait: Wait::begin(|host| unsafe { (host.query)(Slice::new(&query)) }),
            answer: PhantomData,
        }
    }
}

impl<T: serde::de::DeserializeOwned + 'static> Future for Answer<T> {
    type Output = Result<T, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        Poll::Ready(
            outcome
                .and_then(|bytes| decode_value(&bytes))
                .map_err(RuntimeError::new),
        )
    }
}

/// The uids of the workers that live.
pub(crate) async fn uids() -> Result<Vec<String>, RuntimeError> {
    Answer::to(&Query::WorkerUids).await
}
