//! Questions to the runtime.

use super::handle::{Wait, decode_message};
use crate::error::RuntimeError;
use mosaic_abi::{Census, Query, Slice};
use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Waits for the answer to a query, which is a `T`.
pub(crate) struct Answer<T> {
    wait: Wait,
    answer: PhantomData<fn() -> T>,
}

impl<T> Answer<T> {
    pub(crate) fn to(query: &Query) -> Answer<T> {
        // Numbers and texts can always be encoded.
        let query = mosaic_abi::encode(query).unwrap_or_default();
        Answer {
            // SAFETY: the slice lends bytes that outlive the call, and the function hands the caller a wait of its own.
            wait: Wait::begin(|host| unsafe { (host.query)(Slice::new(&query)) }),
            answer: PhantomData,
        }
    }
}

impl<T: serde::de::DeserializeOwned + 'static> Future for Answer<T> {
    type Output = Result<T, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        Poll::Ready(
            outcome
                .and_then(|bytes| decode_message(&bytes))
                .map_err(RuntimeError::new),
        )
    }
}

/// Returns the uids of the workers that live.
pub(crate) async fn uids() -> Result<Vec<String>, RuntimeError> {
    Answer::to(&Query::WorkerUids).await
}

/// Counts what this process and the workers keep. Everything that was sent to them before is included.
///
/// # Errors
///
/// The runtime was stopped meanwhile.
pub async fn census() -> Result<Census, RuntimeError> {
    Answer::to(&Query::Census).await
}

/// Asks the front end. The bytes of the answer are the front end's own.
pub fn ask(message: &[u8]) -> Wait {
    // SAFETY: the slice lends bytes that outlive the call, and the function hands the caller a wait of its own.
    Wait::begin(|host| unsafe { (host.ask)(Slice::new(message)) })
}
