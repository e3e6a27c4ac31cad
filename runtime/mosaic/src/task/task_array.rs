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

/// Several tasks that return the same type: a slice of them, and waiting for all of them at once.
///
/// [`crate::ProxyArray::map`] makes one; so does collecting tasks.
///
/// ```no_run
/// # use mosaic::{TaskArray, prelude::*};
/// # async fn cell(solve: impl Fn(u32) -> TaskProxy<f64>) -> Result<(), TaskError> {
/// let tasks: TaskArray<f64> = (0..8).map(|number| solve(number)).collect();
/// let mut completed = tasks.completed();
/// while let Some((index, task)) = completed.next().await {
///     println!("{index}: {}", task?.result().await?);
/// }
/// let tasks = tasks.await?;                       // all are done; the values are still on the workers
/// let sum: f64 = tasks.results().await?.iter().sum();
/// # Ok(())
/// # }
/// ```
pub struct TaskArray<T>(Vec<TaskProxy<T>>);

impl<T> TaskArray<T> {
    /// Waits for all tasks and fetches their values, in the order of the tasks.
    ///
    /// # Errors
    ///
    /// One of them failed, or its value is gone: the error of the first one to do so, without waiting for the others,
    /// which go on.
    pub fn results(&self) -> AllResults<T>
    where
        T: Portable,
    {
        AllResults(All::new(self.0.iter().map(TaskProxy::result)))
    }

    /// The tasks as they are done or fail, each with its index.
    pub fn completed(&self) -> Completed<T> {
        let mut waits = Unordered::new();
        for (index, task) in self.0.iter().enumerate() {
            waits.push(index, task.into_future());
        }
        Completed(waits)
    }

    /// The state of the one that is least advanced, or failed where one has.
    pub fn state(&self) -> State {
        least_advanced(self.0.iter().map(TaskProxy::state))
    }
}

impl<T> Clone for TaskArray<T> {
    fn clone(&self) -> TaskArray<T> {
        TaskArray(self.0.clone())
    }
}

impl<T> FromIterator<TaskProxy<T>> for TaskArray<T> {
    fn from_iter<I: IntoIterator<Item = TaskProxy<T>>>(tasks: I) -> TaskArray<T> {
        TaskArray(tasks.into_iter().collect())
    }
}

impl<T> Deref for TaskArray<T> {
    type Target = [TaskProxy<T>];

    fn deref(&self) -> &[TaskProxy<T>] {
        &self.0
    }
}

impl<T> IntoIterator for TaskArray<T> {
    type Item = TaskProxy<T>;
    type IntoIter = std::vec::IntoIter<TaskProxy<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a TaskArray<T> {
    type Item = &'a TaskProxy<T>;
    type IntoIter = std::slice::Iter<'a, TaskProxy<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T> fmt::Display for TaskArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, state) = (self.0.len(), self.state());
        write!(f, "<TaskArray object, len={len}, state={state}>")
    }
}

impl<T> fmt::Debug for TaskArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> IntoFuture for TaskArray<T> {
    type Output = Result<TaskArray<T>, TaskError>;
    type IntoFuture = AllDone<T>;

    fn into_future(self) -> AllDone<T> {
        AllDone(All::new(self.0.into_iter().map(TaskProxy::into_future)))
    }
}

impl<T> IntoFuture for &TaskArray<T> {
    type Output = Result<TaskArray<T>, TaskError>;
    type IntoFuture = AllDone<T>;

    fn into_future(self) -> AllDone<T> {
        self.clone().into_future()
    }
}

/// Waits until all tasks are done, or the first of them fails; made by awaiting a [`TaskArray`].
#[must_use = "a future does nothing until it is awaited"]
pub struct AllDone<T>(All<TaskFuture<T>, TaskProxy<T>, TaskError>);

impl<T> Future for AllDone<T> {
    type Output = Result<TaskArray<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let tasks = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(tasks.map(TaskArray))
    }
}

/// Waits for the values of all tasks; made by [`TaskArray::results`].
#[must_use = "a future does nothing until it is awaited"]
pub struct AllResults<T: Portable>(All<TaskResult<T>, T, TaskError>);

impl<T: Portable> Future for AllResults<T> {
    type Output = Result<Vec<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Tasks in the order in which they end; made by [`TaskArray::completed`].
#[must_use = "nothing is waited for until `next` is awaited"]
pub struct Completed<T>(Unordered<TaskFuture<T>>);

impl<T> Completed<T> {
    /// The next task that ends, with its index in the array; `None` after the last one. May be dropped and called again.
    pub async fn next(&mut self) -> Option<(usize, Result<TaskProxy<T>, TaskError>)> {
        poll_fn(|context| self.0.poll_next(context)).await
    }

    /// How many tasks have not ended, as far as was asked.
    pub fn remaining(&self) -> usize {
        self.0.len()
    }
}
