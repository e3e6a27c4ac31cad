//! The clients at the other end of iopub: subscribers of the XPUB socket, or a queue in memory.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tracing::warn;

use super::patience::{FirstPatience, Patience};
use crate::{
    channel::Closing,
    messages::{
        iopub::{IoPubMessage, Welcome},
        message::Message,
        session::Session,
    },
    sockets::{
        CutOff,
        client::{Client, Reader},
        listener::{Newcomer, Service},
        outbox::{self, Encoded, NoRoom, Outbox, Outgoing},
        pace::Pace,
    },
    wire::{self, Signer},
    zmtp::{Command, Item, Limits, SocketType, encode_message, encode_pong},
};

/// A subscription is a frame that begins with a one, and a cancellation one that begins with a zero.
const LIMITS: Limits = Limits {
    bytes: 64 << 10,
    frames: 8,
};
/// How many topics a client may subscribe to. Most clients subscribe to all messages at once.
const TOPICS: usize = 64;
/// How long a topic may be. The kernel signs it in its welcome.
const TOPIC_BYTES: usize = 1024;
/// How many bytes may wait for a client to read.
const OUTBOX_BYTES: usize = 8 << 20;

/// Receives what the publisher sends.
pub(crate) trait Subscribers: Send + 'static {
    /// Sends the frames of a message to all subscribers. The first frame is the topic.
    fn send(&mut self, frames: Vec<Vec<u8>>) -> impl Future<Output = ()> + Send;

    /// Closes the connections to all subscribers, as soon as they have read everything.
    fn disconnect(self);
}

/// The XPUB socket; cheap to clone.
#[derive(Clone)]
pub(crate) struct XPub(Arc<State>);

struct State {
    session: Session,
    signer: Signer,
    clients: Mutex<Clients>,
    first_patience: Mutex<FirstPatience>,
}

#[derive(Default)]
struct Clients {
    by_number: HashMap<u64, Arc<Subscriber>>,
    last_number: u64,
}

/// A client that is connected.
struct Subscriber {
    outbox: Outbox,
    topics: Mutex<BTreeSet<Vec<u8>>>,
    account: Mutex<Account>,
}

/// What the publisher knows of a subscriber's reading.
#[derive(Clone, Copy)]
struct Account {
    patience: Patience,
    /// When the patience was accounted for.
    at: Instant,
    /// How many bytes the client had read then.
    read: u64,
}

impl XPub {
    /// Makes a socket without clients.
    pub(crate) fn new(session: Session, signer: Signer) -> Self {
        XPub(Arc::new(State {
            session,
            signer,
            clients: Mutex::default(),
            first_patience: Mutex::new(FirstPatience::new(Instant::now())),
        }))
    }

    /// Takes a client's messages until the client is gone. Returns the reader if the connection closes.
    async fn receive(&self, place: &Place, mut reader: Reader, mut closing: Closing) -> Result<Option<Reader>, CutOff> {
        let mut pace = Pace::new();
        loop {
            let item = tokio::select! {
                item = reader.next() => item?,
                () = closing.wait() => return Ok(Some(reader)),
            };
            let Some(subscriber) = place.subscriber.upgrade() else {
                return Ok(Some(reader));
            };
            match item {
                Some(Item::Message(frames)) => {
                    if let [frame] = &frames[..] {
                        self.take(&subscriber, frame).await?;
                    }
                }
                Some(Item::Command(body)) => {
                    if let Command::Ping { context } = Command::parse(&body)? {
                        subscriber.outbox.push(Arc::new(encode_pong(&context))).await;
                    }
                }
                Some(Item::Greeting) => {}
                None => return Ok(None),
            }
            drop(subscriber);
            pace.keep().await;
        }
    }

    async fn take(&self, subscriber: &Subscriber, frame: &[u8]) -> Result<(), CutOff> {
        match frame.split_first() {
            Some((1, topic)) => {
                subscriber.outbox.has_room().await;
                subscriber.subscribe(topic, || self.welcome(topic))
            }
            Some((0, topic)) => {
                lock(&subscriber.topics).remove(topic);
                Ok(())
            }
            // The kernel ignores other messages on iopub.
            _ => Ok(()),
        }
    }

    /// Makes the greeting of a new subscriber, on a topic that its subscription matches.
    fn welcome(&self, subscription: &[u8]) -> Encoded {
        let State { session, signer, .. } = &*self.0;
        let topic = format!("kernel.{}.iopub_welcome", session.id()).into_bytes();
        let topic = if topic.starts_with(subscription) {
            topic
        } else {
            subscription.to_vec()
        };
        let subscription = String::from_utf8_lossy(subscription).into_owned();
        let mut message = session.publication(None, &IoPubMessage::Welcome(Welcome { subscription }));
        message.identities = vec![topic];
        Arc::new(encode_message(&wire::serialise(&message, signer)))
    }
}

impl Subscriber {
    /// Subscribes to a topic. The welcome comes before all messages on the topic, and the client gets all messages
    /// that are published after it has the welcome.
    fn subscribe(&self, topic: &[u8], welcome: impl FnOnce() -> Encoded) -> Result<(), CutOff> {
        let mut topics = lock(&self.topics);
        if topics.contains(topic) {
            return Ok(());
        }
        if topics.len() >= TOPICS || topic.len() > TOPIC_BYTES {
            return Err(CutOff::Topics {
                topics: TOPICS,
                bytes: TOPIC_BYTES,
            });
        }
        self.outbox.push_now(welcome());
        topics.insert(topic.to_vec());
        Ok(())
    }

    fn wants(&self, topic: &[u8]) -> bool {
        lock(&self.topics).iter().any(|wanted| topic.starts_with(wanted))
    }

    /// Queues a message if there is room.
    fn try_push(&self, bytes: &Encoded) -> Result<(), NoRoom> {
        self.outbox.try_push(bytes)?;
        self.account_for(false);
        Ok(())
    }

    /// Queues a message when there is room. Returns whether the client read in time.
    async fn push(&self, bytes: Encoded) -> bool {
        // Everything until now was time in which nobody waited.
        let mut left = self.account_for(false);
        while timeout(left, self.outbox.has_room()).await.is_err() {
            left = self.account_for(true);
            if left.is_zero() {
                self.outbox.cut();
                return false;
            }
        }
        self.account_for(true);
        self.outbox.push_now(bytes);
        true
    }

    /// Accounts for the time since the last account; returns the patience that is left.
    fn account_for(&self, waited: bool) -> std::time::Duration {
        let mut account = lock(&self.account);
        let (now, read) = (Instant::now(), self.outbox.written());
        let time = now.saturating_duration_since(account.at);
        let (free, waited) = if waited {
            (Default::default(), time)
        } else {
            (time, Default::default())
        };
        let bytes = read.saturating_sub(account.read);
        account.patience.account(free, bytes, waited);
        (account.at, account.read) = (now, read);
        account.patience.left
    }
}

impl Subscribers for XPub {
    /// Waits for clients whose outboxes are full: for all of them at a time, so that many hold up others no longer than
    /// one does. Clients that do not read in time are cut off.
    async fn send(&mut self, frames: Vec<Vec<u8>>) {
        let topic = frames.first().map_or(&[][..], Vec::as_slice);
        let subscribers: Vec<Arc<Subscriber>> = lock(&self.0.clients)
            .by_number
            .values()
            .filter(|subscriber| subscriber.wants(topic))
            .cloned()
            .collect();
        if subscribers.is_empty() {
            return;
        }
        let bytes: Encoded = Arc::new(encode_message(&frames));
        let mut waiting = JoinSet::new();
        for subscriber in subscribers {
            if subscriber.try_push(&bytes) == Err(NoRoom) {
                let bytes = bytes.clone();
                waiting.spawn(async move { subscriber.push(bytes).await });
            }
        }
        while let Some(has_read) = waiting.join_next().await {
            if !has_read.unwrap_or(true) {
                lock(&self.0.first_patience).cut_off(Instant::now());
            }
        }
    }

    fn disconnect(self) {
        lock(&self.0.clients).by_number.clear();
    }
}

/// The place of a client among the subscribers. The client is forgotten when this is dropped.
pub(crate) struct Place {
    socket: XPub,
    number: u64,
    /// Dropped by [`Subscribers::disconnect`], which ends the outbox.
    subscriber: Weak<Subscriber>,
    /// Taken by the task that serves the client.
    outgoing: Option<Outgoing>,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.socket.0.clients).by_number.remove(&self.number);
    }
}

impl Service for XPub {
    type Registration = Place;

    const SOCKET_TYPE: SocketType = SocketType::XPub;

    async fn register(&self, _client: Newcomer) -> Result<Place, CutOff> {
        let (outbox, outgoing) = Outbox::new(OUTBOX_BYTES);
        let now = Instant::now();
        let subscriber = Arc::new(Subscriber {
            outbox,
            topics: Mutex::default(),
            account: Mutex::new(Account {
                patience: lock(&self.0.first_patience).now(now),
                at: now,
                read: 0,
            }),
        });
        let mut clients = lock(&self.0.clients);
        clients.last_number += 1;
        let number = clients.last_number;
        let weak = Arc::downgrade(&subscriber);
        clients.by_number.insert(number, subscriber);
        Ok(Place {
            socket: self.clone(),
            number,
            subscriber: weak,
            outgoing: Some(outgoing),
        })
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
        reader.set_limits(LIMITS, None);
        outbox::serve(outgoing, writer, self.receive(&place, reader, closing)).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One subscriber in the same process, for tests.
pub(crate) struct InMemory {
    /// Reads the frames back.
    pub(crate) signer: Signer,
    /// Receives all messages.
    pub(crate) messages: mpsc::UnboundedSender<Message>,
}

impl Subscribers for InMemory {
    async fn send(&mut self, frames: Vec<Vec<u8>>) {
        match wire::parse(&frames, &self.signer) {
            // The test may have dropped the receiver.
            Ok(message) => drop(self.messages.send(message)),
            Err(error) => warn!("cannot read a published message: {error}"),
        }
    }

    fn disconnect(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    fn xpub() -> XPub {
        XPub::new(Session::new(), Signer::none())
    }

    /// Connects a client that wants all messages and does not read.
    async fn connect(xpub: &XPub) -> Place {
        let newcomer = Newcomer {
            identity: Vec::new(),
            probe: Arc::new(Notify::new()),
        };
        let place = xpub.register(newcomer).await.unwrap();
        xpub.take(&place.subscriber.upgrade().unwrap(), b"\x01").await.unwrap();
        place
    }

    fn message(text: &str) -> Vec<Vec<u8>> {
        vec![b"topic".to_vec(), text.as_bytes().to_vec()]
    }

    /// Returns how many messages wait for the client, and makes room.
    fn read(place: &mut Place) -> usize {
        place.outgoing.as_mut().map_or(0, Outgoing::discard)
    }

    #[tokio::test]
    async fn a_welcome_is_for_the_new_subscriber_alone() {
        let xpub = xpub();
        let (mut first, mut second) = (connect(&xpub).await, connect(&xpub).await);
        assert_eq!((read(&mut first), read(&mut second)), (1, 1));
        let subscriber = second.subscriber.upgrade().unwrap();
        for topic in [&b"\x01"[..], b"\x01", b"\x00", b"\x02x", b""] {
            xpub.take(&subscriber, topic).await.unwrap();
        }
        assert_eq!(
            (read(&mut first), read(&mut second)),
            (0, 0),
            "it had subscribed already"
        );
    }

    #[tokio::test]
    async fn topics_are_bounded() {
        let xpub = xpub();
        let place = connect(&xpub).await;
        let subscriber = place.subscriber.upgrade().unwrap();
        let refused = Err(CutOff::Topics {
            topics: TOPICS,
            bytes: TOPIC_BYTES,
        });
        assert_eq!(xpub.take(&subscriber, &[1; TOPIC_BYTES + 2]).await, refused);
        for number in 1..TOPICS {
            let topic = format!("\x01{number}");
            assert_eq!(xpub.take(&subscriber, topic.as_bytes()).await, Ok(()));
        }
        assert_eq!(xpub.take(&subscriber, b"\x01more").await, refused);
        xpub.take(&subscriber, b"\x001").await.unwrap();
        assert_eq!(xpub.take(&subscriber, b"\x01more").await, Ok(()));
    }

    #[tokio::test]
    async fn who_does_not_read_holds_up_nobody_who_does() {
        let mut xpub = xpub();
        let mut places = Vec::new();
        for _ in 0..9 {
            places.push(connect(&xpub).await);
        }
        // The outboxes of all clients are full.
        xpub.send(message(&"x".repeat(OUTBOX_BYTES))).await;
        let sending = tokio::spawn(async move { xpub.send(message("next")).await });
        let mut stalled = places.pop().unwrap();
        for place in &mut places {
            let mut count = read(place);
            // The welcome, the long message, and the next one.
            while count < 3 {
                tokio::task::yield_now().await;
                count += read(place);
            }
        }
        assert!(!sending.is_finished(), "the last client still has time");
        read(&mut stalled);
        sending.await.unwrap();
    }
}
