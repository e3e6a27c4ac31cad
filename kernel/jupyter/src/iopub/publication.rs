//! The entries of the queue between [`IoPub`](super::IoPub) and the publisher.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::stream_batch::StreamText;
use crate::messages::message::Message;

/// An entry of the queue.
pub(super) enum Publication {
    /// A message.
    Message(Box<Message>),
    /// Text of a stream.
    Stream(StreamText),
    /// Somebody waits until everything before this has left.
    Flush(oneshot::Sender<()>),
}

/// A publication with the slot that it takes up in the queue, if any.
pub(super) type Queued = (Publication, Option<OwnedSemaphorePermit>);
