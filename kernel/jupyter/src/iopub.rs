//! The iopub channel: everything that all clients get to see, in one order.
//!
//! One task owns the socket and a bounded queue feeds it, so that a slow subscriber slows those who publish, and
//! nobody else. The task also polls for subscriptions: an XPUB socket learns of them only while it is read.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tracing::{debug, warn};
use zeromq::{Socket, SocketEvent, SocketRecv, SocketSend, XPubSocket, util::PeerIdentity};

use crate::{
    Header, Message, Session, Signer, StreamName,
    batch::{Batch, StreamText},
    router::to_zmq,
    sockets::Closing,
};

/// How many publications may wait: with texts of up to 64 KiB, some 16 MiB.
const QUEUE: usize = 256;

enum Publication {
    Message(Box<Message>),
    Stream(StreamText),
    Flush(oneshot::Sender<()>),
}

/// A handle for publishing to all clients; cheap to clone.
#[derive(Clone)]
pub struct IoPub {
    queue: mpsc::Sender<Publication>,
    session: Session,
}

impl IoPub {
    /// Publishes a message that answers `parent`, behind everything published before.
    pub async fn publish(&self, msg_type: &str, parent: Option<Arc<Header>>, content: Value) {
        self.publish_message(self.session.message(msg_type, parent, content))
            .await;
    }

    /// Publishes a message that may carry metadata and buffers.
    pub async fn publish_message(&self, message: Message) {
        self.enqueue(Publication::Message(Box::new(message))).await;
    }

    /// Publishes the state of the kernel: `starting`, `busy` or `idle`.
    pub async fn status(&self, parent: Option<Arc<Header>>, execution_state: &str) {
        self.publish("status", parent, json!({ "execution_state": execution_state }))
            .await;
    }

    /// Publishes text of a stream, gathered with what follows it shortly. Waits while the queue is full.
    ///
    /// # Panics
    /// When called from within an asynchronous task: this is for threads.
    pub fn blocking_stream(&self, parent: Option<Arc<Header>>, name: StreamName, text: String) {
        // The queue is closed only when the kernel ends, and then nobody listens any more.
        let _ = self
            .queue
            .blocking_send(Publication::Stream(StreamText { name, parent, text }));
    }

    /// Returns when everything published before is with the operating system.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        self.enqueue(Publication::Flush(done)).await;
        let _ = flushed.await;
    }

    async fn enqueue(&self, publication: Publication) {
        // As above: a closed queue means that the kernel ends.
        let _ = self.queue.send(publication).await;
    }
}

/// Starts the task that owns the socket.
pub(crate) fn start(mut socket: XPubSocket, session: Session, signer: Signer, closing: Closing) -> IoPub {
    let mut monitor = socket.monitor();
    let (queue, publications) = mpsc::channel(QUEUE);
    let publisher = Publisher {
        socket,
        next_event: Box::new(move || monitor.try_recv().ok()),
        subscribers: Vec::new(),
        session: session.clone(),
        signer,
        batch: Batch::default(),
    };
    tokio::spawn(publisher.run(publications, closing));
    IoPub { queue, session }
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
}

impl Publisher {
    async fn run(mut self, mut publications: mpsc::Receiver<Publication>, mut closing: Closing) {
        let mut open = true;
        loop {
            let deadline = self.batch.deadline();
            tokio::select! {
                // Subscriptions first: who subscribed before a message was published gets it.
                biased;
                received = self.socket.recv() => match received {
                    Ok(frames) => self.welcome(frames.get(0).map_or(&[][..], |frame| frame)).await,
                    Err(error) => debug!("a subscriber of iopub was dropped: {error}"),
                },
                publication = publications.recv() => match publication {
                    Some(publication) => self.take(publication).await,
                    None => {
                        self.send_batch().await;
                        return self.let_go();
                    }
                },
                () = closing.wait(), if open => {
                    // What is queued still goes out.
                    open = false;
                    publications.close();
                }
                () = sleep_until(deadline.map_or_else(Instant::now, Instant::from)), if deadline.is_some() => {
                    self.send_batch().await;
                }
            }
        }
    }

    async fn take(&mut self, publication: Publication) {
        match publication {
            Publication::Stream(text) => {
                if let Some(before) = self.batch.push(text, std::time::Instant::now()) {
                    self.send_stream(before).await;
                }
            }
            Publication::Message(message) => {
                self.send_batch().await;
                let topic = self.topic(&message.header.msg_type);
                self.send(*message, topic).await;
            }
            Publication::Flush(done) => {
                self.send_batch().await;
                let _ = done.send(());
            }
        }
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
        let message = self.session.message("iopub_welcome", None, content);
        self.send(message, topic).await;
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

    async fn send_batch(&mut self) {
        if let Some(text) = self.batch.take() {
            self.send_stream(text).await;
        }
    }

    async fn send_stream(&mut self, StreamText { name, parent, text }: StreamText) {
        let message = self
            .session
            .message("stream", parent, json!({ "name": name, "text": text }));
        let topic = self.topic("stream");
        self.send(message, topic).await;
    }

    fn topic(&self, msg_type: &str) -> Vec<u8> {
        format!("kernel.{}.{msg_type}", self.session.id()).into_bytes()
    }

    async fn send(&mut self, mut message: Message, topic: Vec<u8>) {
        message.identities = vec![topic];
        if let Err(error) = self.socket.send(to_zmq(&message, &self.signer)).await {
            warn!("cannot publish {}: {error}", message.header.msg_type);
        }
    }
}
