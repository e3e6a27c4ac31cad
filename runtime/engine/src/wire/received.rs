//! Messages that arrived, and payloads of theirs that are on their way still.

use super::frame::{Frame, Payload};
use crate::failures::failure;
use mosaic_abi::{Failure, FailureKind};
use tokio::sync::oneshot;

/// A message that arrived, with its payloads. If one of them was lost, all that the message asks for fails, and other
/// messages do not.
#[derive(Debug)]
pub(crate) struct Received<M> {
    pub(crate) message: M,
    /// The payloads, or why they cannot be had.
    pub(crate) payloads: Result<Vec<Payload>, Failure>,
    /// The payloads that are on their way still. Each has an empty place among the payloads.
    pub(crate) coming: Vec<Coming>,
}

/// A payload that is on its way, on a connection of its own.
#[derive(Debug)]
pub(crate) struct Coming {
    /// Its place among the payloads of its message.
    pub(crate) index: usize,
    /// Receives it. Dropped by the sender if the connection breaks.
    pub(crate) payload: oneshot::Receiver<Payload>,
}

impl<M> Received<M> {
    /// Returns the number of bytes of the payloads that are here.
    pub(crate) fn size(&self) -> usize {
        self.payloads.iter().flatten().map(|payload| payload.len()).sum()
    }

    /// Waits for the payloads that are on their way.
    pub(crate) async fn arrived(self) -> Received<M> {
        Received {
            message: self.message,
            payloads: all_arrived(self.payloads, self.coming).await,
            coming: Vec::new(),
        }
    }
}

/// Waits for payloads that are on their way, and puts them in their places.
pub(crate) async fn all_arrived(
    payloads: Result<Vec<Payload>, Failure>,
    coming: Vec<Coming>,
) -> Result<Vec<Payload>, Failure> {
    let mut payloads = payloads?;
    for Coming { index, payload } in coming {
        let broken = |_| {
            failure(
                FailureKind::WorkerLost,
                "the connection broke on which its value was on its way",
            )
        };
        payloads[index] = payload.await.map_err(broken)?;
    }
    Ok(payloads)
}

/// Returns the only one of these payloads; an empty one if there is none.
pub(crate) fn only(payloads: Vec<Payload>) -> Payload {
    payloads.into_iter().next().unwrap_or_default()
}

impl<M> From<Frame<M>> for Received<M> {
    fn from(frame: Frame<M>) -> Received<M> {
        Received {
            message: frame.message,
            payloads: Ok(frame.payloads),
            coming: Vec::new(),
        }
    }
}
