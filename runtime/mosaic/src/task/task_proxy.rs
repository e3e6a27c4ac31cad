//! The proxy of one task.

use crate::{
    error::TaskError,
    remote::{
        argument::{Arg, IntoArg},
        handle::{Wait, decode_value},
        object::Object,
    },
    value::{portable::Portable, view::View},
};
use mosaic_abi::{Buffer, Failure, HasPlace, State};
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// A call that runs, ran or will run on a worker, where it returns a `T`.
///
/// The call was sent when the proxy was made. It runs once, however often the proxy is awaited and however many other
/// calls take it as an argument. Its value stays on the worker until the last proxy is dropped. If the task has failed
/// and nobody has seen the failure by then, a line on standard error says so.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// # let task = mosaic::spawn(|| 42_u32, ());
/// let task = task.await?;            // done; the value is still on the worker
/// let value = task.result().await?;  // fetches the value
/// assert_eq!(value, 42);
/// # Ok(()) })? }
/// ```
///
/// A proxy is itself a [`Future`], so `join_all`, `FuturesUnordered`, `select!` and `tokio::join!` take it as it is. It
/// may be polled again after it was ready. Awaiting `&task` keeps the proxy. Where a trait such as `futures::FutureExt`
/// is in scope, its methods take precedence over the proxy's of the same name: write `(&task).then(…)` for the latter.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let (one, two) = tokio::join!(mosaic::spawn(|| 1_u8, ()), mosaic::spawn(|| 2_u8, ()));
/// assert_eq!(one?.result().await? + two?.result().await?, 3);
/// # Ok(()) })? }
/// ```
pub struct TaskProxy<T> {
    pub(crate) object: Object,
    /// The wait of the proxy as a future, from the first poll until it is ready. A clone has none.
    wait: Option<Box<Wait>>,
    returns: PhantomData<fn() -> T>,
}

impl<T> TaskProxy<T> {
    pub(crate) fn new(object: Object) -> TaskProxy<T> {
        TaskProxy {
            object,
            wait: None,
            returns: PhantomData,
        }
    }

    /// Returns the task's unique name, such as `task-solver1-solve-844e8c30854e4f13a10d5c64a7627f6b`.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(u64::abs_diff, (3, 5));
    /// assert!(task.uid().starts_with("task-abs_diff-"));
    /// # Ok(()) })? }
    /// ```
    pub fn uid(&self) -> String {
        self.object.describe().uid
    }

    /// Returns the task's state, as far as this process knows it.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| 42_u32, ()).await?;
    /// assert_eq!(task.state(), mosaic::State::Done);
    /// # Ok(()) })? }
    /// ```
    pub fn state(&self) -> State {
        self.object.describe().state
    }

    /// Returns the progress that the task last reported with [`mosaic::progress`](crate::progress()), if any.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| mosaic::progress(1, 2), ()).await?;
    /// if let Some(progress) = task.progress() {
    ///     println!("{} of {} steps", progress.done, progress.total);
    /// }
    /// # Ok(()) })? }
    /// ```
    pub fn progress(&self) -> Option<mosaic_abi::Progress> {
        self.object.describe().progress
    }

    /// Fetches the value, once awaited, after waiting until the task is done. May be called any number of times.
    ///
    /// # Errors
    ///
    /// The task failed, its worker is lost, or the runtime was stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|values: Vec<f64>| values.len(), (vec![1.0, 2.0],));
    /// assert_eq!(task.result().await?, 2);
    /// # Ok(()) })? }
    /// ```
    pub fn result(&self) -> TaskResult<T>
    where
        T: Portable,
    {
        self.fetched(|bytes| decode_value(&bytes))
    }

    /// Fetches a read-only view of the value, once awaited. Large arrays, vectors of numbers and texts are not copied.
    ///
    /// # Errors
    ///
    /// The task failed, its worker is lost, or the runtime was stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| vec![1.5_f32; 1_000_000], ());
    /// let largest = task.view().await?.iter().copied().fold(0.0, f32::max);
    /// assert_eq!(largest, 1.5);
    /// # Ok(()) })? }
    /// ```
    pub fn view(&self) -> TaskResult<T, View<T>>
    where
        T: Portable,
    {
        self.fetched(View::read)
    }

    fn fetched<V>(&self, read: fn(Buffer) -> Result<V, Failure>) -> TaskResult<T, V> {
        TaskResult {
            wait: self.object.result(),
            task: self.clone(),
            read,
        }
    }

    /// Cancels the task.
    ///
    /// A task that has not begun fails at once, and so does every task that needs it. A running method is told by
    /// [`mosaic::cancelled`](crate::cancelled) and ends when it likes; an async method is dropped where it waits. A
    /// task that has ended stays as it is. Dropping proxies cancels nothing: a call that nobody awaits runs all the
    /// same.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn_async(async || std::future::pending::<()>().await, ());
    /// task.cancel();
    /// assert_eq!(task.await.unwrap_err().kind(), mosaic::FailureKind::Cancelled);
    /// # Ok(()) })? }
    /// ```
    pub fn cancel(&self) {
        // SAFETY: the handle is alive, since `self` owns it.
        self.object.tell(|host, task| unsafe { (host.cancel)(task) });
    }

    /// Waits until the task is done, once awaited, but no longer than `duration`. The task itself goes on.
    ///
    /// # Errors
    ///
    /// The task failed, or `duration` has passed: the error's kind is then `TimedOut`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// use std::time::Duration;
    /// let task = mosaic::spawn_async(async || std::future::pending::<()>().await, ());
    /// let error = task.timeout(Duration::from_millis(10)).await.unwrap_err();
    /// assert_eq!(error.kind(), mosaic::FailureKind::TimedOut);
    /// # Ok(()) })? }
    /// ```
    pub fn timeout(&self, duration: Duration) -> TaskFuture<T> {
        self.clone().finished().timeout(duration)
    }

    pub(super) fn finished(self) -> TaskFuture<T> {
        TaskFuture {
            wait: self.object.finished(),
            task: Some(self),
        }
    }
}

impl<T> Clone for TaskProxy<T> {
    fn clone(&self) -> TaskProxy<T> {
        TaskProxy::new(self.object.clone())
    }
}

/// The place of the result.
impl<T> HasPlace for TaskProxy<T> {
    fn __uid(&self) -> String {
        self.uid()
    }
}

impl<T> fmt::Display for TaskProxy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.show("TaskProxy", f)
    }
}

impl<T> fmt::Debug for TaskProxy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.show("TaskProxy", f)
    }
}

impl<T> Future for TaskProxy<T> {
    type Output = Result<TaskProxy<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let TaskProxy { object, wait, .. } = &mut *self;
        let over = ready!(poll_finished(object, wait, context));
        Poll::Ready(over.map(|()| self.clone()))
    }
}

/// Polls the wait of a proxy, which it begins if there is none. Not generic, so that it is compiled once.
fn poll_finished(
    task: &Object,
    wait: &mut Option<Box<Wait>>,
    context: &mut Context<'_>,
) -> Poll<Result<(), TaskError>> {
    let begun = wait.get_or_insert_with(|| Box::new(task.finished()));
    let over = ready!(begun.poll_over(context));
    *wait = None;
    Poll::Ready(over)
}

impl<T> IntoFuture for &TaskProxy<T> {
    type Output = Result<TaskProxy<T>, TaskError>;
    type IntoFuture = TaskFuture<T>;

    fn into_future(self) -> TaskFuture<T> {
        self.clone().finished()
    }
}

/// A future that waits until a task is done. Made by awaiting `&task`, and by [`TaskProxy::timeout`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// use std::future::IntoFuture;
/// let task = mosaic::spawn(|| 42, ());
/// let done: mosaic::TaskFuture<u64> = (&task).into_future();
/// assert_eq!(done.await?.result().await?, 42);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct TaskFuture<T> {
    wait: Wait,
    task: Option<TaskProxy<T>>,
}

impl<T> TaskFuture<T> {
    /// Waits no longer than `duration`. The task itself goes on.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// use std::{future::IntoFuture, time::Duration};
    /// let task = mosaic::spawn(|| 42_u32, ());
    /// (&task).into_future().timeout(Duration::from_secs(60)).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn timeout(self, duration: Duration) -> TaskFuture<T> {
        TaskFuture {
            wait: self.wait.limited(duration),
            task: self.task,
        }
    }
}

impl<T> Future for TaskFuture<T> {
    type Output = Result<TaskProxy<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let over = ready!(self.wait.poll_over(context));
        let task = self.task.take().expect("a future is not polled after it was ready");
        Poll::Ready(over.map(|()| task))
    }
}

/// Makes an error that names the task, if the failure does not name it yet.
fn unreadable(mut failure: Failure, task: &Object) -> TaskError {
    if failure.method.is_empty() {
        failure.message = format!("{}: {}", task.describe().uid, failure.message);
    }
    TaskError::new(failure)
}

/// A future of a task's value. Made by [`TaskProxy::result`] and, for a [`View`] of the value, by [`TaskProxy::view`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let value: mosaic::TaskResult<u64> = mosaic::spawn(|| 42, ()).result();
/// assert_eq!(value.await?, 42);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct TaskResult<T, V = T> {
    wait: Wait,
    /// Names the task in the error of a value that cannot be read.
    task: TaskProxy<T>,
    read: fn(Buffer) -> Result<V, Failure>,
}

impl<T, V> TaskResult<T, V> {
    /// Waits no longer than `duration` for the task and its value together. The task itself goes on.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// use std::time::Duration;
    /// let task = mosaic::spawn(|| 42_u32, ());
    /// assert_eq!(task.result().timeout(Duration::from_secs(60)).await?, 42);
    /// # Ok(()) })? }
    /// ```
    pub fn timeout(self, duration: Duration) -> TaskResult<T, V> {
        TaskResult {
            wait: self.wait.limited(duration),
            ..self
        }
    }
}

impl<T, V> Future for TaskResult<T, V> {
    type Output = Result<V, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        let value = outcome.and_then(self.read);
        Poll::Ready(value.map_err(|failure| unreadable(failure, &self.task.object)))
    }
}

impl<T> IntoArg<T> for TaskProxy<T> {
    fn into_arg(self) -> Arg {
        Arg::produced(self.object)
    }
}

impl<T> IntoArg<T> for &TaskProxy<T> {
    fn into_arg(self) -> Arg {
        Arg::produced(self.object.clone())
    }
}
