//! Loops whose items go to whichever worker is free.

use super::loop_queue::LoopQueue;
use crate::{
    error::TaskError,
    future::{timer::Timer, unordered::Unordered},
    host::failure,
    remote::query,
};
use mosaic_abi::FailureKind;
use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Makes a loop over `items`, each of which goes to a free worker.
///
/// The body gets a worker and an item, and usually calls a tessera on that worker. It runs in this process, for as many
/// items at once as there are workers. A lost worker gets no further items, and its item goes to another worker: the
/// body may run more than once for an item. See [`ForEach::safe`].
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
/// let counters = Counter::remote_array(2, 0).await?;      // one on each worker
/// let sums = mosaic::for_each(0..100_u64)
///     .run(|worker, shot| {
///         let counters = &counters;
///         async move { counters.on(&worker)?[0].add(shot).result().await }
///     })
///     .await?;
/// assert_eq!(sums.len(), 100);
/// # Ok(()) })? }
/// ```
pub fn for_each<I: IntoIterator>(items: I) -> ForEach<I::IntoIter> {
    ForEach {
        items: items.into_iter(),
        safe: true,
        timeout: None,
        max_await: None,
    }
}

/// A loop and its options. Made by [`for_each`], and run by [`ForEach::run`] or [`ForEach::stream`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let shots = mosaic::for_each(0..100_u64).max_await(2);
/// assert_eq!(shots.run(|_, shot| async move { Ok(shot) }).await?.len(), 2);
/// # Ok(()) })? }
/// ```
#[must_use = "nothing runs before `run` or `stream` is awaited"]
pub struct ForEach<I> {
    items: I,
    safe: bool,
    timeout: Option<Duration>,
    max_await: Option<usize>,
}

/// A worker that a loop has given an item to. It can be used wherever a worker's name is expected.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let double = |worker: mosaic::LoopWorker, item: u64| async move {
///     let there = mosaic::with(Options::new().worker(worker));
///     there.spawn(|item: u64| 2 * item, (item,)).result().await
/// };
/// assert_eq!(mosaic::for_each(0..3).run(double).await?, [0, 2, 4]);
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoopWorker(String);

impl LoopWorker {
    /// Returns the worker's unique name, such as `worker:0:1`.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let name = |worker: mosaic::LoopWorker, _: ()| async move { Ok(worker.uid().to_owned()) };
    /// assert_eq!(mosaic::for_each([()]).run(name).await?, ["worker:0:0"]);
    /// # Ok(()) })? }
    /// ```
    pub fn uid(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for LoopWorker {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<LoopWorker> for String {
    fn from(worker: LoopWorker) -> String {
        worker.0
    }
}

impl From<&LoopWorker> for String {
    fn from(worker: &LoopWorker) -> String {
        worker.0.clone()
    }
}

impl fmt::Display for LoopWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<I: Iterator> ForEach<I>
where
    I::Item: Clone,
{
    /// Sets whether the loop goes on when a worker is lost. On by default; with `false`, the loss is an error like any
    /// other.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let run = mosaic::for_each(0..3_u64).safe(false).run(|_, item| async move { Ok(item) });
    /// assert_eq!(run.await?, [0, 1, 2]);
    /// # Ok(()) })? }
    /// ```
    pub fn safe(mut self, safe: bool) -> Self {
        self.safe = safe;
        self
    }

    /// Limits the time of the whole loop.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let timeout = std::time::Duration::from_secs(60);
    /// let run = mosaic::for_each(0..3_u64).timeout(timeout).run(|_, item| async move { Ok(item) });
    /// assert_eq!(run.await?, [0, 1, 2]);
    /// # Ok(()) })? }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Ends the loop after `results` results. Bodies that have not ended are dropped, but what they have submitted
    /// still runs.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let run = mosaic::for_each(0..100_u64).max_await(2).run(|_, item| async move { Ok(item) });
    /// assert_eq!(run.await?.len(), 2);
    /// # Ok(()) })? }
    /// ```
    pub fn max_await(mut self, results: usize) -> Self {
        self.max_await = Some(results);
        self
    }

    /// Runs the loop, once awaited, and returns the results in the order of the items. With [`ForEach::max_await`], the
    /// results that were not awaited are missing.
    ///
    /// # Errors
    ///
    /// A body failed for another reason than the loss of a worker, no worker is left, or the loop took too long. Bodies
    /// that have not ended are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let run = mosaic::for_each(0..3_u64).run(|_, item| async move { Ok(item * item) });
    /// assert_eq!(run.await?, [0, 1, 4]);
    /// # Ok(()) })? }
    /// ```
    pub async fn run<F, Fut, R>(self, body: F) -> Result<Vec<R>, TaskError>
    where
        F: FnMut(LoopWorker, I::Item) -> Fut,
        Fut: Future<Output = Result<R, TaskError>>,
    {
        let mut stream = self.stream(body).await?;
        let mut results = Vec::new();
        while let Some(result) = stream.next().await {
            results.push(result?);
        }
        results.sort_by_key(|(index, _)| *index);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    /// Prepares the loop, once awaited, for results that are taken as they come.
    ///
    /// # Errors
    ///
    /// The runtime is off, or no worker is left.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let mut results = mosaic::for_each(0..3_u64).stream(|_, item| async move { Ok(item * item) }).await?;
    /// while let Some(result) = results.next().await {
    ///     let (index, square) = result?;
    ///     println!("{index}: {square}");
    /// }
    /// # Ok(()) })? }
    /// ```
    pub async fn stream<F, Fut, R>(self, body: F) -> Result<LoopResults<I, F, Fut>, TaskError>
    where
        F: FnMut(LoopWorker, I::Item) -> Fut,
        Fut: Future<Output = Result<R, TaskError>>,
    {
        let workers = query::uids().await?;
        if workers.is_empty() {
            return Err(deserted());
        }
        Ok(LoopResults {
            queue: LoopQueue::new(self.items, workers),
            body,
            bodies: Unordered::new(),
            timeout: self.timeout.map(|timeout| (timeout, Timer::after(timeout))),
            safe: self.safe,
            left: self.max_await,
        })
    }
}

/// The results of a loop, as they come. Made by [`ForEach::stream`]. The loop goes on while [`next`](Self::next) is
/// awaited.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let mut results = mosaic::for_each(0..3_u64).stream(|_, shot| async move { Ok(shot) }).await?;
/// while let Some(result) = results.next().await {
///     println!("{:?}", result?);
/// }
/// # Ok(()) })? }
/// ```
#[must_use = "the loop goes on while `next` is awaited"]
pub struct LoopResults<I: Iterator, F, Fut> {
    queue: LoopQueue<I>,
    body: F,
    bodies: Unordered<Fut>,
    timeout: Option<(Duration, Timer)>,
    safe: bool,
    /// Results that are still wanted; `None` for all.
    left: Option<usize>,
}

impl<I, F, Fut, R> LoopResults<I, F, Fut>
where
    I: Iterator,
    I::Item: Clone,
    F: FnMut(LoopWorker, I::Item) -> Fut,
    Fut: Future<Output = Result<R, TaskError>>,
{
    /// Returns the next result and the index of its item, once awaited. Returns `None` at the end, and after an error.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let mut results = mosaic::for_each([7_u64]).stream(|_, shot| async move { Ok(2 * shot) }).await?;
    /// assert_eq!(results.next().await.transpose()?, Some((0, 14)));
    /// assert!(results.next().await.is_none());
    /// # Ok(()) })? }
    /// ```
    pub async fn next(&mut self) -> Option<Result<(usize, R), TaskError>> {
        let next = poll_fn(|context| self.poll_next(context)).await;
        self.left = match &next {
            Some(Ok(_)) => self.left.map(|left| left - 1),
            Some(Err(_)) | None => Some(0),
        };
        if self.left == Some(0) {
            self.bodies = Unordered::new();
        }
        next
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<(usize, R), TaskError>>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        if let Some((timeout, timer)) = &mut self.timeout
            && Pin::new(timer).poll(context).is_ready()
        {
            let message = format!("the loop took longer than {timeout:?}");
            return Poll::Ready(Some(Err(TaskError::new(failure(FailureKind::Runtime, message)))));
        }
        loop {
            while let Some((index, worker, item)) = self.queue.assign() {
                self.bodies.push(index, (self.body)(LoopWorker(worker), item));
            }
            let (index, result) = match self.bodies.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(ended)) => ended,
            };
            let error = match result {
                Ok(result) => {
                    self.queue.done(index);
                    return Poll::Ready(Some(Ok((index, result))));
                }
                Err(error) => error,
            };
            let lost = self.safe && error.kind() == FailureKind::WorkerLost;
            if !lost || !self.queue.lost(index, error.worker()) {
                let error = if self.queue.is_deserted() { deserted() } else { error };
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

fn deserted() -> TaskError {
    let message = "no worker is left for the loop: call `mosaic::interactive(On).await?` to start new ones";
    TaskError::new(failure(FailureKind::WorkerLost, message.to_owned()))
}
