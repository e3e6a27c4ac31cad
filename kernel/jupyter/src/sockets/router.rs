//! The ROUTER sockets: shell, control and stdin, on which single clients are addressed.
//!
//! Each client has a task that reads and verifies its messages. It logs and drops what it cannot read, and goes on. A
//! task of the socket sends replies. It never waits for a client: a client that lets many replies lie is cut off.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::{
    sync::{Notify, mpsc},
    task::block_in_place,
    time::timeout,
};
use tracing::debug;
use uuid::Uuid;

use super::{
    CutOff,
    client::{Client, Reader},
    listener::{Newcomer, PROBE_TIME, Service},
    outbox::{self, NoRoom, Outbox, Outgoing},
    pace::Pace,
    unverified::UnverifiedMemory,
    warnings::Warnings,
};
use crate::{
    channel::{Channel, Closing},
    messages::message::Message,
    wire::{self, Inspector, Signer},
    zmtp::{Command, Item, Limits, SocketType, encode_message, encode_pong},
};

/// How many messages may wait in each direction.
pub(crate) const QUEUE: usize = 1024;
/// How many bytes of replies may wait for a client to read.
const OUTBOX_BYTES: usize = 64 << 20;
/// The largest message of a client that has sent a message with a good signature.
const LIMITS: Limits = Limits {
    bytes: 256 << 20,
    frames: 1000,
};
/// The largest message of a client that has not.
const UNVERIFIED_LIMITS: Limits = Limits {
    bytes: 64 << 20,
    ..LIMITS
};
/// From this size on, other tasks get a thread of their own while a message is verified and parsed.
const LARGE_BYTES: usize = 1 << 20;

/// The clients of a socket by their identities; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients(Arc<State>);

#[derive(Debug, Default)]
struct State {
    clients: Mutex<HashMap<Vec<u8>, Arc<Entered>>>,
    /// Notified when an identity is free again.
    freed: Notify,
}

/// A client that is connected.
#[derive(Debug)]
struct Entered {
    outbox: Outbox,
    /// Notified to find out whether the client still has the connection.
    probe: Arc<Notify>,
}

impl Clients {
    /// Gives a client its identity.
    ///
    /// An identity that another client has is refused, as by ZeroMQ's own ROUTER: replies go to an identity, and anyone
    /// may claim one. But the other client may be this one, back after its network failed, while the kernel has not
    /// noticed. So the kernel first finds out whether the old connection still exists.
    async fn enter(&self, Newcomer { identity, probe }: Newcomer) -> Result<Place, CutOff> {
        let identity = if identity.is_empty() {
            Uuid::new_v4().as_bytes().to_vec()
        } else {
            identity
        };
        let (outbox, outgoing) = Outbox::new(OUTBOX_BYTES);
        let entered = Arc::new(Entered { outbox, probe });
        let take = async {
            loop {
                let freed = self.0.freed.notified();
                tokio::pin!(freed);
                freed.as_mut().enable();
                match self.lock().entry(identity.clone()) {
                    Entry::Occupied(other) => other.get().probe.notify_one(),
                    Entry::Vacant(vacant) => {
                        vacant.insert(entered.clone());
                        return;
                    }
                }
                freed.await;
            }
        };
        timeout(PROBE_TIME, take).await.map_err(|_| CutOff::IdentityInUse)?;
        Ok(Place {
            clients: self.clone(),
            client: Arc::downgrade(&entered),
            identity,
            outgoing: Some(outgoing),
        })
    }

    /// Sends a message to the client that its first frame names. Does not wait.
    pub(crate) fn send(&self, frames: &[Vec<u8>], channel: Channel) {
        let Some((identity, frames)) = frames.split_first() else {
            return;
        };
        let Some(client) = self.lock().get(identity).cloned() else {
            // The client has gone, and nobody waits for the reply.
            return debug!("{channel}: cannot deliver a reply");
        };
        if client.outbox.try_push(&Arc::new(encode_message(frames))) == Err(NoRoom) {
            client.outbox.cut();
        }
    }

    /// Forgets all clients. Each connection closes when the client has read its replies.
    fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Arc<Entered>>> {
        self.0.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a client among the clients. Its identity is free when this is dropped.
pub(crate) struct Place {
    clients: Clients,
    /// Dropped by [`Clients::close`], which ends the outbox.
    client: Weak<Entered>,
    identity: Vec<u8>,
    /// Taken by the task that serves the client.
    outgoing: Option<Outgoing>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.clients.lock();
        if let Entry::Occupied(entry) = clients.entry(std::mem::take(&mut self.identity))
            && std::ptr::eq(Arc::as_ptr(entry.get()), self.client.as_ptr())
        {
            entry.remove();
        }
        drop(clients);
        self.clients.0.freed.notify_waiters();
    }
}

/// The socket of shell, control or stdin.
pub(crate) struct Router {
    pub(crate) clients: Clients,
    /// Takes the messages.
    pub(crate) received: mpsc::Sender<Message>,
    pub(crate) channel: Channel,
    pub(crate) inspector: Arc<Inspector>,
    pub(crate) unverified: UnverifiedMemory,
    pub(crate) warnings: Warnings,
}

impl Service for Router {
    type Registration = Place;

    const SOCKET_TYPE: SocketType = SocketType::Router;

    async fn register(&self, client: Newcomer) -> Result<Place, CutOff> {
        self.clients.enter(client).await
    }

    async fn serve(&self, mut place: Place, client: Client) -> Result<(), CutOff> {
        let Client {
            mut reader,
            writer,
            closing,
        } = client;
        let Some(outgoing) = place.outgoing.take() else {
            return Ok(());
        };
        reader.set_limits(UNVERIFIED_LIMITS, Some(self.unverified.account()));
        outbox::serve(outgoing, writer, self.receive(&place, reader, closing)).await
    }
}

impl Router {
    /// Takes messages until the client is gone. Returns the reader if the connection closes.
    async fn receive(&self, place: &Place, mut reader: Reader, mut closing: Closing) -> Result<Option<Reader>, CutOff> {
        let mut pace = Pace::new();
        let mut is_verified = false;
        loop {
            let item = tokio::select! {
                item = reader.next() => item?,
                () = closing.wait() => return Ok(Some(reader)),
            };
            let mut frames = match item {
                Some(Item::Message(frames)) => frames,
                Some(Item::Command(body)) => {
                    answer_ping(&body, place).await?;
                    continue;
                }
                Some(Item::Greeting) => continue,
                None => return Ok(None),
            };
            frames.insert(0, place.identity.clone());
            let Some(message) = self.inspect(&frames) else {
                pace.keep().await;
                continue;
            };
            if !is_verified {
                is_verified = true;
                reader.set_limits(LIMITS, None);
            }
            let delivered = tokio::select! {
                delivered = self.received.send(message) => delivered,
                () = closing.wait() => return Ok(Some(reader)),
            };
            if delivered.is_err() {
                return Ok(Some(reader));
            }
        }
    }

    /// Verifies and reads a message. Logs why a message is dropped.
    fn inspect(&self, frames: &[Vec<u8>]) -> Option<Message> {
        let bytes: usize = frames.iter().map(Vec::len).sum();
        let inspected = if bytes < LARGE_BYTES {
            self.inspector.inspect(frames)
        } else {
            block_in_place(|| self.inspector.inspect(frames))
        };
        match inspected {
            Ok(message) => {
                debug!(
                    "{}: {} {}",
                    self.channel, message.header.msg_type, message.header.msg_id
                );
                Some(message)
            }
            Err(error) => {
                self.warnings.warn(format_args!("dropped a message: {error}"));
                None
            }
        }
    }
}

async fn answer_ping(body: &[u8], place: &Place) -> Result<(), CutOff> {
    if let Command::Ping { context } = Command::parse(body)?
        && let Some(client) = place.client.upgrade()
    {
        client.outbox.push(Arc::new(encode_pong(&context))).await;
    }
    Ok(())
}

/// Sends the replies of a socket until the connection closes.
pub(crate) async fn send_all(
    clients: Clients,
    mut replies: mpsc::Receiver<Message>,
    channel: Channel,
    signer: Signer,
    mut closing: Closing,
) {
    let mut open = true;
    loop {
        let reply = tokio::select! {
            reply = replies.recv() => reply,
            () = closing.wait(), if open => {
                // Queued replies still leave.
                open = false;
                replies.close();
                continue;
            }
        };
        match reply {
            Some(message) => clients.send(&wire::serialise(&message, &signer), channel),
            None => return clients.close(),
        }
    }
}
