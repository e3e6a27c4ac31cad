//! Tasks: calls that run elsewhere.

use crate::{
    error::TaskError,
    remote::{
        argument::{Arg, IntoArg},
        handle::{Wait, decode_value},
        object::Object,
    },
    value::{portable::Portable, view::View},
};
use mosaic_abi::{Buffer, Failure, State};
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// A call that runs, ran or will run on a worker, and that returns a `T` there.
///
/// The call was sent when the proxy was made. It runs once, however often the proxy is awaited and however many other
/// calls take it as an argument. Its value stays on the worker until the last proxy is dropped.
///
/// ```no_run
/// # async fn cell(task: mosaic::TaskProxy<u32>) -> Result<(), mosaic::TaskError> {
/// let task = task.await?;            // done; the value is still on the worker
/// let value = task.result().await?;  // now it is here
/// assert_eq!(value, task.result().await?);
/// # Ok(())
/// # }
/// ```
pub struct TaskProxy<T> {
    pub(crate) object: Object,
    returns: PhantomData<fn() -> T>,
}

impl<T> TaskProxy<T> {
    pub(crate) fn new(object: Object) -> TaskProxy<T> {
        TaskProxy {
            object,
            returns: PhantomData,
        }
    }

    /// The task's unique name, such as `task-solver1-solve-844e8c30854e4f13a10d5c64a7627f6b`.
    pub fn uid(&self) -> String {
        self.object.describe().uid
    }

    /// The task's state as far as this process knows.
    pub fn state(&self) -> State {
        self.object.describe().state
    }

    /// How far the task's method says it has got; see [`crate::progress()`].
    pub fn progress(&self) -> Option<mosaic_abi::Progress> {
        self.object.describe().progress
    }

    /// Waits until the task is done and fetches its value. May be called any number of times.
    ///
    /// # Errors
    ///
    /// The task failed, its worker is gone, or the runtime was stopped and the value with it.
    pub fn result(&self) -> TaskResult<T>
    where
        T: Portable,
    {
        self.fetched(|bytes| decode_value(&bytes))
    }

    /// The same, to be looked at where it lies: large arrays, vectors of numbers and texts are not copied.
    ///
    /// # Errors
    ///
    /// As for [`TaskProxy::result`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn cell(task: mosaic::TaskProxy<Vec<f32>>) -> Result<(), mosaic::TaskError> {
    /// let largest = task.view().await?.iter().copied().fold(0.0, f32::max);
    /// # Ok(())
    /// # }
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

    /// Cancels the task. One that has not begun never will, and fails at once, as does what needs it; one that runs is
    /// told ([`crate::cancelled`]) and ends as it likes, except for an async method, which is dropped where it waits. One
    /// that has ended stays as it is.
    ///
    /// Dropping its proxies cancels nothing: a call that nobody awaits runs all the same.
    ///
    /// ```no_run
    /// # async fn cell(task: mosaic::TaskProxy<u32>) {
    /// task.cancel();
    /// assert_eq!(task.await.unwrap_err().kind(), mosaic::FailureKind::Cancelled);
    /// # }
    /// ```
    pub fn cancel(&self) {
        // SAFETY: the handle is alive, since `self` owns it.
        self.object.tell(|host, task| unsafe { (host.cancel)(task) });
    }

    /// Waits until the task is done, as awaiting it does, but no longer than `duration`. The task goes on.
    ///
    /// ```no_run
    /// # async fn cell(task: mosaic::TaskProxy<u32>) {
    /// use std::time::Duration;
    /// if let Err(error) = task.timeout(Duration::from_secs(2)).await {
    ///     println!("{error}");
    /// }
    /// # }
    /// ```
    pub fn timeout(&self, duration: Duration) -> TaskFuture<T> {
        self.clone().finished().timeout(duration)
    }

    fn finished(self) -> TaskFuture<T> {
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

impl<T> IntoFuture for TaskProxy<T> {
    type Output = Result<TaskProxy<T>, TaskError>;
    type IntoFuture = TaskFuture<T>;

    fn into_future(self) -> TaskFuture<T> {
        self.finished()
    }
}

impl<T> IntoFuture for &TaskProxy<T> {
    type Output = Result<TaskProxy<T>, TaskError>;
    type IntoFuture = TaskFuture<T>;

    fn into_future(self) -> TaskFuture<T> {
        self.clone().finished()
    }
}

/// Waits until a task is done; made by awaiting a [`TaskProxy`].
#[must_use = "a future does nothing until it is awaited"]
pub struct TaskFuture<T> {
    wait: Wait,
    task: Option<TaskProxy<T>>,
}

impl<T> TaskFuture<T> {
    /// Waits no longer than `duration`. The task goes on.
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

/// A failure that says which task it is about, where it does not yet.
fn unreadable(mut failure: Failure, task: &Object) -> TaskError {
    if failure.method.is_empty() {
        failure.message = format!("{}: {}", task.describe().uid, failure.message);
    }
    TaskError::new(failure)
}

/// Waits for a task's value; made by [`TaskProxy::result`] and, with a [`View`] of it, by [`TaskProxy::view`].
#[must_use = "a future does nothing until it is awaited"]
pub struct TaskResult<T, V = T> {
    wait: Wait,
    /// Names the task where its value cannot be read.
    task: TaskProxy<T>,
    read: fn(Buffer) -> Result<V, Failure>,
}

impl<T, V> TaskResult<T, V> {
    /// Waits no longer than `duration`, for the task and for its value. The task goes on.
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
