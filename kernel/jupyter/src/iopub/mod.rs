//! The iopub channel: everything that all clients get to see, in one order.
//!
//! One task owns the socket. What it is given waits in a queue until the [pace](rate_limit) lets it go, and who
//! publishes text or messages waits for a place in that queue, back to the cell that prints. States never wait, so that
//! nobody who serves clients is held up; and those of requests that have nothing to do with a cell go ahead of the
//! queue, so that a kernel whose cell prints without end still answers.
//!
//! The task also polls for subscriptions: an XPUB socket learns of them only while it is read.

mod rate_limit;
mod stream_batch;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::sleep,
};
use tracing::{debug, warn};
use zeromq::{Socket, SocketEvent, SocketRecv, SocketSend, XPubSocket, ZmqMessage, util::PeerIdentity};

use crate::{Header, Message, Session, Signer, channel::Closing, sockets::router::to_zmq};

/// How many texts and messages may wait: with texts of up to 64 KiB, less than a second's worth.
const PLACES: usize = 4;

pub use rate_limit::{OutputRate, OutputRateError};
pub use stream_batch::StreamName;

use rate_limit::Pace;
use stream_batch::{Batch, StreamText};

enum Publication {
    Message(Box<Message>),
    Stream(StreamText),
    Flush(oneshot::Sender<()>),
}

/// A publication with the place that it takes up, if any.
type Queued = (Publication, Option<OwnedSemaphorePermit>);

/// A handle for publishing to all clients; cheap to clone.
#[derive(Clone)]
pub struct IoPub {
    queue: mpsc::UnboundedSender<Queued>,
    ahead: mpsc::UnboundedSender<Message>,
    /// Bounds the queue: each text and message in it has a place.
    places: Arc<Semaphore>,
    runtime: Handle,
    session: Session,
}

impl IoPub {
    /// Publishes a message that answers `parent`, behind everything published before. Waits for a place in the queue.
    pub async fn publish(&self, msg_type: &str, parent: Option<Arc<Header>>, content: Value) {
        self.publish_message(self.session.message(msg_type, parent, content))
            .await;
    }

    /// Publishes a message that may carry metadata and buffers. Waits for a place in the queue.
    pub async fn publish_message(&self, message: Message) {
        // The places are never closed.
        let place = self.places.clone().acquire_owned().await.ok();
        self.enqueue(Publication::Message(Box::new(message)), place);
    }

    /// Publishes the state of the kernel: `starting`, `busy` or `idle`. Does not wait.
    pub fn status(&self, parent: Option<Arc<Header>>, execution_state: &str) {
        let message = self.state(parent, execution_state);
        self.enqueue(Publication::Message(Box::new(message)), None);
    }

    /// The same, ahead of all that is queued: for requests whose answers do not depend on any cell.
    pub fn status_ahead(&self, parent: Option<Arc<Header>>, execution_state: &str) {
        let _ = self.ahead.send(self.state(parent, execution_state));
    }

    fn state(&self, parent: Option<Arc<Header>>, execution_state: &str) -> Message {
        self.session
            .message("status", parent, json!({ "execution_state": execution_state }))
    }

    /// Publishes a message in its place among the text of streams. Waits for a place in the queue.
    ///
    /// # Panics
    /// When called from within an asynchronous task: this is for threads.
    pub fn blocking_publish(
        &self,
        msg_type: &str,
        parent: Option<Arc<Header>>,
        content: Value,
        metadata: Map<String, Value>,
        buffers: Vec<Vec<u8>>,
    ) {
        let message = self.session.message(msg_type, parent, content);
        let message = message.with_metadata(metadata).with_buffers(buffers);
        self.runtime.block_on(self.publish_message(message));
    }

    /// Publishes text of a stream, gathered with what follows it shortly. Waits for a place in the queue.
    ///
    /// # Panics
    /// When called from within an asynchronous task: this is for threads.
    pub fn blocking_stream(&self, parent: Option<Arc<Header>>, name: StreamName, text: String) {
        let place = self.runtime.block_on(self.places.clone().acquire_owned()).ok();
        self.enqueue(Publication::Stream(StreamText { name, parent, text }), place);
    }

    /// The same where there is a place at once; whether there was.
    #[must_use]
    pub fn try_stream(&self, parent: Option<Arc<Header>>, name: StreamName, text: String) -> bool {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return false;
        };
        self.enqueue(Publication::Stream(StreamText { name, parent, text }), Some(place));
        true
    }

    /// Returns when everything published before is with the operating system.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        self.enqueue(Publication::Flush(done), None);
        let _ = flushed.await;
    }

    fn enqueue(&self, publication: Publication, place: Option<OwnedSemaphorePermit>) {
        // The queue is closed only when the kernel ends, and then nobody listens any more.
        let _ = self.queue.send((publication, place));
    }
}

/// Starts the task that owns the socket.
pub(crate) fn start(
    mut socket: XPubSocket,
    session: Session,
    signer: Signer,
    rate: OutputRate,
    closing: Closing,
) -> IoPub {
    let mut monitor = socket.monitor();
    let (queue, publications) = mpsc::unbounded_channel();
    let (ahead, states) = mpsc::unbounded_channel();
    let publisher = Publisher {
        socket,
        next_event: Box::new(move || monitor.try_recv().ok()),
        subscribers: Vec::new(),
        session: session.clone(),
        signer,
        batch: Batch::default(),
        outbox: VecDeque::new(),
        pace: Pace::new(rate, Instant::now()),
    };
    tokio::spawn(publisher.run(publications, states, closing));
    IoPub {
        queue,
        ahead,
        places: Arc::new(Semaphore::new(PLACES)),
        runtime: Handle::current(),
        session,
    }
}

/// What leaves next.
enum Outgoing {
    Message(Box<Message>),
    /// Somebody waits until all before this has left.
    Mark(oneshot::Sender<()>),
}

struct Publisher {
    socket: XPubSocket,
    /// What the socket tells of itself, if it has anything to tell.
    next_event: Box<dyn FnMut() -> Option<SocketEvent> + Send>,
    /// All that ever connected.
    subscribers: Vec<PeerIdentity>,
    session: Session,
    signer: Signer,
    batch: Batch,
    /// What has been taken from the queue; nothing more is taken before it has left.
    outbox: VecDeque<Outgoing>,
    pace: Pace,
}

impl Publisher {
    async fn run(
        mut self,
        mut publications: mpsc::UnboundedReceiver<Queued>,
        mut states: mpsc::UnboundedReceiver<Message>,
        mut closing: Closing,
    ) {
        let mut open = true;
        loop {
            let wait = self.send_outbox().await;
            tokio::select! {
                // Subscriptions first: who subscribed before a message was published gets it.
                biased;
                received = self.socket.recv() => match received {
                    Ok(frames) => self.welcome(frames.get(0).map_or(&[][..], |frame| frame)).await,
                    Err(error) => debug!("a subscriber of iopub was dropped: {error}"),
                },
                Some(state) = states.recv() => {
                    self.send(state).await;
                }
                publication = publications.recv(), if self.outbox.is_empty() => match publication {
                    Some((publication, _place)) => self.take(publication),
                    None => {
                        self.take_batch();
                        self.send_outbox().await;
                        return self.let_go();
                    }
                },
                () = closing.wait(), if open => {
                    // What is queued still goes out, and at once.
                    open = false;
                    publications.close();
                    states.close();
                    self.pace = Pace::new(OutputRate::Unlimited, Instant::now());
                }
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    if self.outbox.is_empty() {
                        self.take_batch();
                    }
                }
            }
        }
    }

    /// Sends what may leave. How long to wait before there is more to do, or `None` where nothing is to be done.
    async fn send_outbox(&mut self) -> Option<Duration> {
        while let Some(next) = self.outbox.pop_front() {
            match next {
                Outgoing::Mark(done) => {
                    let _ = done.send(());
                }
                Outgoing::Message(message) => {
                    let wait = self.pace.wait(Instant::now());
                    if counts(&message) && !wait.is_zero() {
                        self.outbox.push_front(Outgoing::Message(message));
                        return Some(wait);
                    }
                    self.send(*message).await;
                }
            }
        }
        let deadline = self.batch.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, publication: Publication) {
        match publication {
            Publication::Stream(text) => {
                if let Some(before) = self.batch.push(text, Instant::now()) {
                    self.put_stream(before);
                }
            }
            Publication::Message(message) => {
                self.take_batch();
                self.outbox.push_back(Outgoing::Message(message));
            }
            Publication::Flush(done) => {
                self.take_batch();
                self.outbox.push_back(Outgoing::Mark(done));
            }
        }
    }

    fn take_batch(&mut self) {
        if let Some(text) = self.batch.take() {
            self.put_stream(text);
        }
    }

    fn put_stream(&mut self, StreamText { name, parent, text }: StreamText) {
        let message = self
            .session
            .message("stream", parent, json!({ "name": name, "text": text }));
        self.outbox.push_back(Outgoing::Message(Box::new(message)));
    }

    /// Greets a new subscriber (JEP 65), on a topic that its subscription matches.
    async fn welcome(&mut self, frame: &[u8]) {
        self.note_subscribers();
        let [1, subscription @ ..] = frame else { return };
        let topic = self.topic("iopub_welcome");
        let topic = if topic.starts_with(subscription) {
            topic
        } else {
            subscription.to_vec()
        };
        let content = json!({ "subscription": String::from_utf8_lossy(subscription) });
        let mut message = self.session.message("iopub_welcome", None, content);
        message.identities = vec![topic];
        self.send_frames(to_zmq(&message, &self.signer)).await;
    }

    fn note_subscribers(&mut self) {
        while let Some(event) = (self.next_event)() {
            if let SocketEvent::Accepted(_, subscriber) = event {
                self.subscribers.push(subscriber);
            }
        }
    }

    /// Closes all connections. Dropping the socket does not: its queue of readers keeps itself alive by their wakers.
    fn let_go(mut self) {
        self.note_subscribers();
        for subscriber in &self.subscribers {
            self.socket.backend().peer_disconnected(subscriber);
        }
    }

    fn topic(&self, msg_type: &str) -> Vec<u8> {
        format!("kernel.{}.{msg_type}", self.session.id()).into_bytes()
    }

    async fn send(&mut self, mut message: Message) {
        message.identities = vec![self.topic(&message.header.msg_type)];
        let frames = to_zmq(&message, &self.signer);
        if counts(&message) {
            let text = message.header.msg_type == "stream";
            let bytes = if text {
                frames.iter().map(|frame| frame.len()).sum()
            } else {
                0
            };
            self.pace.spend(bytes, Instant::now());
        }
        self.send_frames(frames).await;
    }

    async fn send_frames(&mut self, frames: ZmqMessage) {
        if let Err(error) = self.socket.send(frames).await {
            warn!("cannot publish a message: {error}");
        }
    }
}

/// Whether jupyter_server counts a message. Of those that count it looks at the size of streams alone.
fn counts(message: &Message) -> bool {
    !matches!(
        message.header.msg_type.as_str(),
        "status" | "execute_input" | "comm_open"
    )
}
