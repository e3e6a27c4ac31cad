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

/// A loop over `items`, each of which is given to a worker that has none at the time.
///
/// The body gets the worker and the item, and does with them what it likes; it is called in this process, for as many
/// items at a time as there are workers. A worker that is lost gets no other item, and the item that it had is given to
/// another one, so that a body may run more than once for an item: see [`ForEach::safe`].
///
/// ```no_run
/// # use mosaic::prelude::*;
/// # struct Solver;
/// # trait SolverProxy: mosaic::Proxy { fn solve(&self, shot: u32) -> TaskProxy<f64>; }
/// # async fn cell<P: SolverProxy>(remote_array: fn(usize) -> ProxyArray<P>) -> Result<(), TaskError> {
/// // One solver on each of two workers.
/// // let solvers = Solver::remote_array(2).await?;
/// # let solvers = remote_array(2).await?;
/// let misfits = mosaic::for_each(0..100)
///     .run(|worker, shot| {
///         let solvers = &solvers;
///         async move { solvers.on(&worker)?[0].solve(shot).result().await }
///     })
///     .await?;
/// println!("{:?}", misfits[99]);
/// # Ok(())
/// # }
/// ```
pub fn for_each<I: IntoIterator>(items: I) -> ForEach<I::IntoIter> {
    ForEach {
        items: items.into_iter(),
        safe: true,
        timeout: None,
        max_await: None,
    }
}

/// How a loop is to be run; made by [`for_each`], and run by [`ForEach::run`] or [`ForEach::stream`].
#[must_use = "nothing runs before `run` or `stream` is awaited"]
pub struct ForEach<I> {
    items: I,
    safe: bool,
    timeout: Option<Duration>,
    max_await: Option<usize>,
}

/// A worker that a loop gives an item to. It can be used wherever a worker's name is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoopWorker(String);

impl LoopWorker {
    /// Its unique name, such as `worker:0:1`.
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
    /// Whether the loop goes on where a worker is lost, which is so unless it is set to `false`: then that is an error
    /// like any other.
    pub fn safe(mut self, safe: bool) -> Self {
        self.safe = safe;
        self
    }

    /// How long the whole loop may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How many results are enough: the bodies that have not ended by then are dropped. What they have submitted runs all
    /// the same.
    pub fn max_await(mut self, results: usize) -> Self {
        self.max_await = Some(results);
        self
    }

    /// Runs the loop: the results in the order of the items, without those that were not waited for.
    ///
    /// # Errors
    ///
    /// The first error of a body, unless it is the loss of a worker; no worker is left, or the loop took too long. The
    /// bodies that have not ended are dropped.
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

    /// Begins the loop, whose results can be taken as they come.
    ///
    /// # Errors
    ///
    /// The runtime is off, or no worker is left.
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

/// The results of a loop as they come; made by [`ForEach::stream`].
///
/// The loop goes on while the next result is waited for.
#[must_use = "the loop goes on while `next` is awaited"]
pub struct LoopResults<I: Iterator, F, Fut> {
    queue: LoopQueue<I>,
    body: F,
    bodies: Unordered<Fut>,
    timeout: Option<(Duration, Timer)>,
    safe: bool,
    /// How many results are still wanted; `None`: all.
    left: Option<usize>,
}

impl<I, F, Fut, R> LoopResults<I, F, Fut>
where
    I: Iterator,
    I::Item: Clone,
    F: FnMut(LoopWorker, I::Item) -> Fut,
    Fut: Future<Output = Result<R, TaskError>>,
{
    /// The next result with the index of its item; `None` at the end, and after an error.
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
