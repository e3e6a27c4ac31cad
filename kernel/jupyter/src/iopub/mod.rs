//! The iopub channel: everything that all clients see, in one order.
//!
//! [`IoPub`] is the handle that the kernel publishes with. The [publisher] task owns the socket, gathers text
//! ([`stream_batch`]) and keeps to the [rate limit](rate_limit).
//!
//! Text and messages wait for a slot in a short queue. The wait reaches back to the cell that prints, which is how a
//! flood of output slows its cell down. The kernel's state never waits for a slot, so that a server that publishes it
//! is never held up. The states of requests that have nothing to do with a cell go ahead of the queue, so that a kernel
//! whose cell prints without end still answers.

mod patience;
mod publication;
mod publisher;
mod rate_limit;
mod stream_batch;
mod subscribers;

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
};

use crate::{
    channel::Closing,
    messages::{
        iopub::{ExecutionState, IoPubMessage, Status, StreamName},
        message::{Header, Message},
        session::Session,
    },
    wire::Signer,
};
use publication::{Publication, Queued};
use publisher::Publisher;
pub use rate_limit::{OutputRate, OutputRateError};
use stream_batch::StreamText;
pub(crate) use subscribers::{InMemory, Subscribers, XPub};

/// How many texts and messages the queue holds. With texts of up to 64 KiB, that is less than a second's worth.
const QUEUE_SLOTS: usize = 4;

/// A handle for publishing to all clients; cheap to clone.
#[derive(Clone)]
pub struct IoPub {
    queue: mpsc::UnboundedSender<Queued>,
    /// States that go ahead of the queue.
    ahead: mpsc::UnboundedSender<Message>,
    /// Bounds the queue: each text and message in it holds a slot.
    slots: Arc<Semaphore>,
    runtime: Handle,
    session: Session,
}

impl IoPub {
    /// Publishes a message that `parent` caused, behind everything published before. Waits for a slot in the queue.
    pub async fn publish(&self, parent: Option<Arc<Header>>, message: &IoPubMessage) {
        self.publish_message(self.session.publication(parent, message)).await;
    }

    /// Publishes the state of the kernel, behind everything published before. Does not wait.
    pub fn status(&self, parent: Option<Arc<Header>>, execution_state: ExecutionState) {
        let message = self.state(parent, execution_state);
        self.enqueue(Publication::Message(Box::new(message)), None);
    }

    /// Publishes the state of the kernel ahead of the queue, for a request whose answer does not depend on any cell.
    /// Does not wait.
    pub fn status_ahead(&self, parent: Option<Arc<Header>>, execution_state: ExecutionState) {
        // The publisher ends only with the kernel, and then nobody listens any more.
        let _ = self.ahead.send(self.state(parent, execution_state));
    }

    /// Publishes a message in its place among the text of streams. Waits for a slot in the queue.
    ///
    /// # Panics
    /// When called within an asynchronous task.
    pub fn blocking_publish(
        &self,
        parent: Option<Arc<Header>>,
        message: &IoPubMessage,
        metadata: Map<String, Value>,
        buffers: Vec<Vec<u8>>,
    ) {
        let message = self.session.publication(parent, message);
        let message = message.with_metadata(metadata).with_buffers(buffers);
        self.runtime.block_on(self.publish_message(message));
    }

    /// Publishes text of a stream, together with text that follows shortly. Waits for a slot in the queue.
    ///
    /// # Panics
    /// When called within an asynchronous task.
    pub fn blocking_stream(&self, parent: Option<Arc<Header>>, name: StreamName, text: String) {
        let slot = self.runtime.block_on(self.slots.clone().acquire_owned()).ok();
        self.enqueue(Publication::Stream(StreamText { name, parent, text }), slot);
    }

    /// Publishes text of a stream if the queue has a free slot; returns whether it had one. Does not wait.
    #[must_use]
    pub fn try_stream(&self, parent: Option<Arc<Header>>, name: StreamName, text: String) -> bool {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            return false;
        };
        self.enqueue(Publication::Stream(StreamText { name, parent, text }), Some(slot));
        true
    }

    /// Waits until the operating system has everything that was published before.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        self.enqueue(Publication::Flush(done), None);
        // An error means that the publisher has ended, and then there is nothing left to wait for.
        let _ = flushed.await;
    }

    async fn publish_message(&self, message: Message) {
        // The semaphore is never closed.
        let slot = self.slots.clone().acquire_owned().await.ok();
        self.enqueue(Publication::Message(Box::new(message)), slot);
    }

    fn state(&self, parent: Option<Arc<Header>>, execution_state: ExecutionState) -> Message {
        let status = IoPubMessage::Status(Status { execution_state });
        self.session.publication(parent, &status)
    }

    fn enqueue(&self, publication: Publication, slot: Option<OwnedSemaphorePermit>) {
        // The queue is closed only when the kernel ends, and then nobody listens any more.
        let _ = self.queue.send((publication, slot));
    }
}

/// Starts the publisher task.
pub(crate) fn start(
    subscribers: impl Subscribers,
    session: Session,
    signer: Signer,
    rate: OutputRate,
    closing: Closing,
) -> IoPub {
    let (queue, publications) = mpsc::unbounded_channel();
    let (ahead, states) = mpsc::unbounded_channel();
    let publisher = Publisher::new(subscribers, session.clone(), signer, rate);
    tokio::spawn(publisher.run(publications, states, closing));
    IoPub {
        queue,
        ahead,
        slots: Arc::new(Semaphore::new(QUEUE_SLOTS)),
        runtime: Handle::current(),
        session,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Connection;
    use serde_json::json;

    fn stream(parent: &Arc<Header>, name: StreamName, text: &str) -> (Option<Arc<Header>>, StreamName, String) {
        (Some(parent.clone()), name, text.to_owned())
    }

    #[tokio::test]
    async fn text_of_one_stream_is_gathered_and_order_is_kept() {
        let (connection, mut client) = Connection::memory();
        let iopub = connection.iopub;
        let parent = Arc::new(client.session.message("execute_request", None, json!({})).header);
        for (parent, name, text) in [
            stream(&parent, StreamName::Stdout, "a"),
            stream(&parent, StreamName::Stdout, "b"),
            stream(&parent, StreamName::Stderr, "c"),
        ] {
            assert!(iopub.try_stream(parent, name, text));
        }
        iopub.status(Some(parent.clone()), ExecutionState::Idle);
        iopub.flush().await;
        let contents: Vec<Value> = std::iter::from_fn(|| client.published.try_recv().ok())
            .inspect(|message| assert_eq!(message.parent_header.as_ref(), Some(&parent)))
            .map(|message| message.content)
            .collect();
        assert_eq!(
            contents,
            [
                json!({ "name": "stdout", "text": "ab" }),
                json!({ "name": "stderr", "text": "c" }),
                json!({ "execution_state": "idle" }),
            ]
        );
    }

    #[tokio::test]
    async fn the_topic_of_a_message_names_the_session_and_the_type() {
        let (connection, mut client) = Connection::memory();
        connection.iopub.status(None, ExecutionState::Starting);
        connection.iopub.flush().await;
        let message = client.published.try_recv().unwrap();
        let topic = format!("kernel.{}.status", connection.session.id());
        assert_eq!(message.identities, [topic.into_bytes()]);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_text() {
        let (connection, _client) = Connection::memory();
        let text = || "x".to_owned();
        // The publisher does not run before this test waits.
        for _ in 0..QUEUE_SLOTS {
            assert!(connection.iopub.try_stream(None, StreamName::Stdout, text()));
        }
        assert!(!connection.iopub.try_stream(None, StreamName::Stdout, text()));
        connection.iopub.flush().await;
        assert!(connection.iopub.try_stream(None, StreamName::Stdout, text()));
    }
}
