//! Waiting for a constructor.

use super::tessera::Tessera;
use crate::{error::TaskError, remote::handle::Wait};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// A future that waits until a tessera is constructed, and gives its proxy.
#[must_use = "a future does nothing until it is awaited"]
pub struct Constructed<P> {
    wait: Wait,
    proxy: Option<P>,
}

impl<P> Constructed<P> {
    /// Waits for `tessera`, whose typed proxy is `proxy`.
    pub fn new(tessera: Tessera, proxy: P) -> Constructed<P> {
        Constructed {
            wait: tessera.constructed(),
            proxy: Some(proxy),
        }
    }

    /// Waits no longer than `duration`. The constructor itself goes on.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # #[tessera] struct Counter(u64);
    /// # #[tessera] impl Counter {
    /// #     fn new(start: u64) -> Self { Counter(start) }
    /// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// use std::{future::IntoFuture, time::Duration};
    /// let counter = Counter::remote(1).into_future().timeout(Duration::from_secs(60)).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn timeout(self, duration: Duration) -> Constructed<P> {
        Constructed {
            wait: self.wait.limited(duration),
            proxy: self.proxy,
        }
    }
}

impl<P: Unpin> Future for Constructed<P> {
    type Output = Result<P, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let over = ready!(self.wait.poll_over(context));
        let proxy = self.proxy.take().expect("a future is not polled after it was ready");
        Poll::Ready(over.map(|()| proxy))
    }
}
