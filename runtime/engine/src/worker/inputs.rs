//! The arguments of a constructor or call, which may still be on their way.

use crate::{failures::failure, wire::Payload};
use mosaic_abi::{Failure, FailureKind};
use tokio::task::JoinHandle;

/// The encoded arguments of a job.
#[derive(Debug)]
pub(super) enum Inputs {
    /// All arguments are here.
    Ready(Vec<Payload>),
    /// A task gathers the arguments.
    Fetching(JoinHandle<Result<Vec<Payload>, Failure>>),
}

impl Inputs {
    /// Waits for the arguments.
    pub(super) async fn get(self) -> Result<Vec<Payload>, Failure> {
        match self {
            Inputs::Ready(values) => Ok(values),
            Inputs::Fetching(fetching) => {
                let lost = |error: tokio::task::JoinError| Err(failure(FailureKind::Runtime, error.to_string()));
                fetching.await.unwrap_or_else(lost)
            }
        }
    }

    /// Gives up arguments that are still on their way.
    pub(super) fn cancel(self) {
        if let Inputs::Fetching(fetching) = self {
            fetching.abort();
        }
    }
}
