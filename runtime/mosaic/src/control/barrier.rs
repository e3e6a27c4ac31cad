//! A barrier: waiting for everything that was submitted.

use crate::{error::RuntimeError, future::timer::Timer, host::failure, remote::query::Answer};
use mosaic_abi::{FailureKind, Query};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Waits, once awaited, until everything that this process has submitted is done or has failed, even without a proxy.
///
/// A failed task is no error here.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// (0..8).for_each(|shot: u32| drop(mosaic::spawn(|shot: u32| println!("shot {shot}"), (shot,))));
/// mosaic::barrier().timeout(std::time::Duration::from_secs(60)).await?;
/// # Ok(()) })? }
/// ```
pub fn barrier() -> Barrier {
    Barrier { timeout: None }
}

/// A barrier, with its timeout. Made by [`barrier`]; waits when it is awaited.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let barrier = mosaic::barrier().timeout(std::time::Duration::from_secs(60));
/// barrier.await?;
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is waited for until it is awaited"]
pub struct Barrier {
    timeout: Option<Duration>,
}

impl Barrier {
    /// Limits the wait to `timeout`. Without it, the wait has no limit. Tasks go on after a timeout.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// mosaic::barrier().timeout(std::time::Duration::from_secs(60)).await?;
    /// # Ok(()) })? }
    /// ```
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

/// A future that waits until everything has ended. Made by awaiting a [`Barrier`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// use std::future::IntoFuture;
/// let passing: mosaic::Passing = mosaic::barrier().into_future();
/// passing.await?;
/// # Ok(()) })? }
/// ```
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
