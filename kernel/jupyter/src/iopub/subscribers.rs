//! The clients at the other end of iopub: subscribers of the XPUB socket, or a queue in memory.

use tokio::sync::mpsc;
use tracing::{debug, warn};
use zeromq::{Socket, SocketEvent, SocketRecv, SocketSend, XPubSocket, ZmqMessage, util::PeerIdentity};

use crate::{
    messages::message::Message,
    wire::{self, Signer},
};

/// Receives what the publisher sends.
pub(crate) trait Subscribers: Send + 'static {
    /// Waits for news of a subscriber; returns the topic of a new subscription. Cancelling this loses nothing.
    fn next_subscription(&mut self) -> impl Future<Output = Option<Vec<u8>>> + Send;

    /// Sends the frames of a message to all subscribers.
    fn send(&mut self, frames: ZmqMessage) -> impl Future<Output = ()> + Send;

    /// Closes the connections to all subscribers.
    fn disconnect(self);
}

/// The subscribers of the XPUB socket.
///
/// The socket learns of subscriptions only while somebody waits for the next one.
pub(crate) struct XPub {
    socket: XPubSocket,
    /// Returns the socket's next report about itself, if there is one.
    next_event: Box<dyn FnMut() -> Option<SocketEvent> + Send>,
    /// All clients that ever connected.
    clients: Vec<PeerIdentity>,
}

impl XPub {
    /// Takes a bound socket.
    pub(crate) fn new(mut socket: XPubSocket) -> Self {
        let mut monitor = socket.monitor();
        XPub {
            socket,
            next_event: Box::new(move || monitor.try_recv().ok()),
            clients: Vec::new(),
        }
    }

    fn note_clients(&mut self) {
        while let Some(event) = (self.next_event)() {
            if let SocketEvent::Accepted(_, client) = event {
                self.clients.push(client);
            }
        }
    }
}

impl Subscribers for XPub {
    async fn next_subscription(&mut self) -> Option<Vec<u8>> {
        let frames = match self.socket.recv().await {
            Ok(frames) => frames,
            Err(error) => {
                debug!("a subscriber of iopub was dropped: {error}");
                return None;
            }
        };
        self.note_clients();
        match frames.get(0).map_or(&[][..], |frame| frame) {
            [1, topic @ ..] => Some(topic.to_vec()),
            _ => None,
        }
    }

    async fn send(&mut self, frames: ZmqMessage) {
        if let Err(error) = self.socket.send(frames).await {
            warn!("cannot publish a message: {error}");
        }
    }

    /// Dropping the socket does not close its connections: its queue of readers keeps itself alive by their wakers.
    fn disconnect(mut self) {
        self.note_clients();
        for client in &self.clients {
            self.socket.backend().peer_disconnected(client);
        }
    }
}

/// One subscriber in the same process, for tests.
pub(crate) struct InMemory {
    /// Reads the frames back.
    pub(crate) signer: Signer,
    /// Receives all messages.
    pub(crate) messages: mpsc::UnboundedSender<Message>,
}

impl Subscribers for InMemory {
    async fn next_subscription(&mut self) -> Option<Vec<u8>> {
        std::future::pending().await
    }

    async fn send(&mut self, frames: ZmqMessage) {
        match wire::parse(&frames.into_vec(), &self.signer) {
            // The test may have dropped the receiver.
            Ok(message) => drop(self.messages.send(message)),
            Err(error) => warn!("cannot read a published message: {error}"),
        }
    }

    fn disconnect(self) {}
}
