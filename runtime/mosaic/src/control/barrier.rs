//! Waiting for all that was submitted.

use crate::{error::RuntimeError, future::timer::Timer, host::failure, remote::query::Answer};
use mosaic_abi::{FailureKind, Query};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Waits, once awaited, until everything that this process has submitted by then is done or has failed, also what no proxy
/// is left of. What fails is no error here.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn cell(solve: impl Fn(u32)) -> Result<(), mosaic::RuntimeError> {
/// (0..8).for_each(|shot| drop(solve(shot)));
/// mosaic::barrier().timeout(Duration::from_secs(60)).await?;
/// # Ok(())
/// # }
/// ```
pub fn barrier() -> Barrier {
    Barrier { timeout: None }
}

/// What is to be waited for, and how long; made by [`barrier`] and done when awaited.
#[derive(Clone, Debug)]
#[must_use = "nothing is waited for until it is awaited"]
pub struct Barrier {
    timeout: Option<Duration>,
}

impl Barrier {
    /// How long to wait; for as long as it takes if it is not called.
    pub fn timeout(mut self, timeout: Duration) -> Barrier {
        self.timeout = Some(timeout);
        self
    }
}

impl IntoFuture for Barrier {
    type Output = Result<(), RuntimeError>;
    type IntoFuture = Passing;

    fn into_future(self) -> Passing {
        Passing {
            passed: Answer::to(&Query::Barrier),
            timeout: self.timeout.map(|timeout| (timeout, Timer::after(timeout))),
        }
    }
}

/// Waits until all is done; made by awaiting a [`Barrier`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Passing {
    passed: Answer<()>,
    timeout: Option<(Duration, Timer)>,
}

impl Future for Passing {
    type Output = Result<(), RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(passed) = Pin::new(&mut self.passed).poll(context) {
            return Poll::Ready(passed);
        }
        if let Some((timeout, timer)) = &mut self.timeout
            && Pin::new(timer).poll(context).is_ready()
        {
            let message = format!("something that was submitted has not ended after {timeout:?}");
            return Poll::Ready(Err(RuntimeError::new(failure(FailureKind::Runtime, message))));
        }
        Poll::Pending
    }
}
