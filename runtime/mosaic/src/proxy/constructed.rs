//! Waiting for a constructor.

use super::tessera::Tessera;
use crate::{error::TaskError, remote::handle::Wait};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// Waits until a tessera is constructed and returns its proxy.
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

    /// Waits no longer than `duration`. The constructor goes on.
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
