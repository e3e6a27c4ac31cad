//! Arrays of tasks.

use super::task_proxy::{TaskFuture, TaskProxy, TaskResult};
use crate::{
    error::TaskError,
    future::unordered::{All, Unordered},
    remote::object::least_advanced,
    value::portable::Portable,
};
use mosaic_abi::State;
use std::{
    fmt,
    future::{Future, poll_fn},
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Several tasks of one result type. Derefs to a slice of their proxies; awaiting it waits for all of them.
///
/// Made by [`ProxyArray::map`](crate::ProxyArray::map), or by collecting tasks.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let tasks: TaskArray<u64> = (0..8).map(|n| mosaic::spawn(|n: u64| n * n, (n,))).collect();
/// let tasks = tasks.await?;                       // all are done; the values are still on the workers
/// assert_eq!(tasks.results().await?[7], 49);
/// assert_eq!(tasks[3].result().await?, 9);
/// # Ok(()) })? }
/// ```
///
/// An array is itself a [`Future`](std::future::Future), so `select!` and its like take it as it is.
pub struct TaskArray<T> {
    tasks: Vec<TaskProxy<T>>,
    /// The wait of the array as a future, from the first poll until it is ready. A clone has none.
    wait: Option<Box<AllDone<T>>>,
}

impl<T> TaskArray<T> {
    fn of(tasks: Vec<TaskProxy<T>>) -> TaskArray<T> {
        TaskArray { tasks, wait: None }
    }

    /// Fetches the values of all tasks, once awaited, in the order of the tasks.
    ///
    /// # Errors
    ///
    /// A task failed, or its value is lost. The first such error ends the wait; the other tasks go on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let tasks: TaskArray<u64> = (0..3).map(|n| mosaic::spawn(|n: u64| n * n, (n,))).collect();
    /// assert_eq!(tasks.results().await?, [0, 1, 4]);
    /// # Ok(()) })? }
    /// ```
    pub fn results(&self) -> AllResults<T>
    where
        T: Portable,
    {
        AllResults(All::new(self.tasks.iter().map(TaskProxy::result)))
    }

    /// Returns the tasks in the order in which they end, each with its index.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let tasks: TaskArray<u64> = (0..3).map(|n| mosaic::spawn(|n: u64| n * n, (n,))).collect();
    /// let mut completed = tasks.completed();
    /// while let Some((index, task)) = completed.next().await {
    ///     println!("{index}: {}", task?.result().await?);
    /// }
    /// # Ok(()) })? }
    /// ```
    pub fn completed(&self) -> Completed<T> {
        let mut waits = Unordered::new();
        for (index, task) in self.tasks.iter().enumerate() {
            waits.push(index, task.into_future());
        }
        Completed(waits)
    }

    /// Returns `Failed` if a task failed, and otherwise the state of the least advanced task.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let tasks: TaskArray<()> = (0..3).map(|_| mosaic::spawn(|| (), ())).collect();
    /// assert_eq!(tasks.await?.state(), mosaic::State::Done);
    /// # Ok(()) })? }
    /// ```
    pub fn state(&self) -> State {
        least_advanced(self.tasks.iter().map(TaskProxy::state))
    }
}

impl<T> Clone for TaskArray<T> {
    fn clone(&self) -> TaskArray<T> {
        TaskArray::of(self.tasks.clone())
    }
}

impl<T> FromIterator<TaskProxy<T>> for TaskArray<T> {
    fn from_iter<I: IntoIterator<Item = TaskProxy<T>>>(tasks: I) -> TaskArray<T> {
        TaskArray::of(tasks.into_iter().collect())
    }
}

impl<T> Deref for TaskArray<T> {
    type Target = [TaskProxy<T>];

    fn deref(&self) -> &[TaskProxy<T>] {
        &self.tasks
    }
}

impl<T> IntoIterator for TaskArray<T> {
    type Item = TaskProxy<T>;
    type IntoIter = std::vec::IntoIter<TaskProxy<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.tasks.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a TaskArray<T> {
    type Item = &'a TaskProxy<T>;
    type IntoIter = std::slice::Iter<'a, TaskProxy<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.tasks.iter()
    }
}

impl<T> fmt::Display for TaskArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, state) = (self.tasks.len(), self.state());
        write!(f, "<TaskArray object, len={len}, state={state}>")
    }
}

impl<T> fmt::Debug for TaskArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> Future for TaskArray<T> {
    type Output = Result<TaskArray<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let TaskArray { tasks, wait } = &mut *self;
        let begun = wait.get_or_insert_with(|| Box::new(AllDone::of(tasks)));
        let over = ready!(Pin::new(&mut **begun).poll(context));
        *wait = None;
        Poll::Ready(over)
    }
}

impl<T> IntoFuture for &TaskArray<T> {
    type Output = Result<TaskArray<T>, TaskError>;
    type IntoFuture = AllDone<T>;

    fn into_future(self) -> AllDone<T> {
        AllDone::of(&self.tasks)
    }
}

/// A future that waits until all tasks are done, or one of them fails. Made by awaiting a reference to a [`TaskArray`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// use std::future::IntoFuture;
/// let tasks: TaskArray<u64> = (0..3).map(|n| mosaic::spawn(|n: u64| n * n, (n,))).collect();
/// let done: mosaic::AllDone<u64> = (&tasks).into_future();
/// assert_eq!(done.await?.len(), 3);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct AllDone<T>(All<TaskFuture<T>, TaskProxy<T>, TaskError>);

impl<T> AllDone<T> {
    fn of(tasks: &[TaskProxy<T>]) -> AllDone<T> {
        AllDone(All::new(tasks.iter().map(IntoFuture::into_future)))
    }
}

impl<T> Future for AllDone<T> {
    type Output = Result<TaskArray<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let tasks = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(tasks.map(TaskArray::of))
    }
}

/// A future of the values of all tasks. Made by [`TaskArray::results`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let tasks: TaskArray<u64> = (0..3).map(|n| mosaic::spawn(|n: u64| n * n, (n,))).collect();
/// let values: mosaic::AllResults<u64> = tasks.results();
/// assert_eq!(values.await?, [0, 1, 4]);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct AllResults<T: Portable>(All<TaskResult<T>, T, TaskError>);

impl<T: Portable> Future for AllResults<T> {
    type Output = Result<Vec<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Tasks in the order in which they end. Made by [`TaskArray::completed`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let tasks: TaskArray<u64> = (0..3).map(|n| mosaic::spawn(|n: u64| n * n, (n,))).collect();
/// let mut completed: mosaic::Completed<u64> = tasks.completed();
/// while let Some((index, task)) = completed.next().await {
///     println!("{index}: {}", task?.result().await?);
/// }
/// # Ok(()) })? }
/// ```
#[must_use = "nothing is waited for until `next` is awaited"]
pub struct Completed<T>(Unordered<TaskFuture<T>>);

impl<T> Completed<T> {
    /// Returns the next task that ends and its index, once awaited, or `None` after the last one.
    ///
    /// The future may be dropped before it is ready; no task is lost.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let tasks: TaskArray<u64> = [mosaic::spawn(|| 42, ())].into_iter().collect();
    /// let mut completed = tasks.completed();
    /// assert_eq!(completed.next().await.map(|(index, _)| index), Some(0));
    /// assert!(completed.next().await.is_none());
    /// # Ok(()) })? }
    /// ```
    pub async fn next(&mut self) -> Option<(usize, Result<TaskProxy<T>, TaskError>)> {
        poll_fn(|context| self.0.poll_next(context)).await
    }

    /// Returns how many tasks [`next`](Completed::next) has not returned yet.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let tasks: TaskArray<()> = (0..3).map(|_| mosaic::spawn(|| (), ())).collect();
    /// let mut completed = tasks.completed();
    /// completed.next().await;
    /// assert_eq!(completed.remaining(), 2);
    /// # Ok(()) })? }
    /// ```
    pub fn remaining(&self) -> usize {
        self.0.len()
    }
}
