//! Choosing workers, and retiring them.

use crate::{error::RuntimeError, remote::query::Answer};
use mosaic_abi::{HubQuery, Query};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Gives the uid of the worker that the next tessera would be placed on, once awaited, and takes its turn.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// let options = mosaic::Options::new().worker(mosaic::select_worker().await?);
/// // let (a, b) = (Solver::with(options.clone()).remote(), Solver::with(options).remote());
/// # Ok(())
/// # }
/// ```
pub fn select_worker() -> Selection {
    Selection(Answer::to(&Query::Hub(HubQuery::SelectWorker)))
}

/// Waits for the choice of a worker; made by [`select_worker`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Selection(Answer<String>);

impl Future for Selection {
    type Output = Result<String, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Retires a worker, such as `worker:0:1`, at once: no tessera is placed on it any more. When all that it was to do is done
/// it ends, which awaiting this waits for, and its tesserae and the results of their tasks are gone.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// mosaic::retire("worker:0:1").await?;
/// # Ok(())
/// # }
/// ```
pub fn retire(worker: impl Into<String>) -> Retirement {
    Retirement(Answer::to(&Query::Hub(HubQuery::Retire(worker.into()))))
}

/// Waits until a worker that was retired has ended; made by [`retire`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Retirement(Answer<()>);

impl Future for Retirement {
    type Output = Result<(), RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
