//! What waits to be written to a connection. No I/O here.
//!
//! Who sends a message encodes it behind those that wait already, so that nothing of it has to be kept or handed on,
//! and all that has gathered while one write went on is the next one.

use super::frame::{Frame, Payload, encode_header};
use crate::shared::{self, Sent};
use serde::Serialize;
use std::{
    fmt, io,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, oneshot};

/// Payloads up to this many bytes are copied behind their header, which saves a system call.
const SMALL: usize = 16 << 10;

/// So many bytes are written at once also where what is sent may wait for more.
const ENOUGH: usize = 16 << 10;

/// Makes an empty outbox.
pub(super) fn outbox<M>() -> (Sender<M>, Outbox) {
    let shelf = Arc::new(Shelf::default());
    let sender = Sender {
        last: Arc::new(Last(shelf.clone())),
        messages: PhantomData,
    };
    (sender, Outbox(shelf))
}

/// The sending half of a connection. Sending never blocks; frames leave in the order in which they were sent. The
/// socket closes for writing when the last sender is dropped and all has been written.
pub(crate) struct Sender<M> {
    last: Arc<Last>,
    messages: PhantomData<fn(M)>,
}

/// What is sent and not yet written.
#[derive(Default)]
struct Shelf {
    waiting: Mutex<Waiting>,
    /// Told when there is something to write, or will be nothing more.
    changed: Notify,
}

/// The same, as the writer takes it.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) bytes: Vec<u8>,
    /// What is to be written where so many of the bytes have been.
    pub(super) pieces: Vec<(usize, Piece)>,
    /// To be told when all of this has been written.
    pub(super) flushed: Vec<oneshot::Sender<()>>,
    /// The writer will look by itself.
    told: bool,
    /// No more will be sent.
    ended: bool,
    /// No more will be written.
    closed: bool,
}

/// What is not among the bytes.
pub(super) enum Piece {
    Payload(Payload),
    /// Descriptors, to go with the next byte.
    Files(Vec<Sent>),
}

impl Shelf {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the writer look, unless it will by itself.
    fn tell(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let was_told = std::mem::replace(&mut waiting.told, true);
        drop(waiting);
        if !was_told {
            self.changed.notify_one();
        }
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        // Pieces are never without bytes before or behind them.
        self.bytes.is_empty() && self.flushed.is_empty()
    }

    fn push<M: Serialize>(&mut self, frame: &Frame<M>) -> io::Result<()> {
        let mut shared = share(&frame.payloads);
        let begin = self.bytes.len();
        let is_shared = |number: usize| matches!(shared.get(number), Some(Some(_)));
        if let Err(error) = encode_header(frame, is_shared, &mut self.bytes) {
            self.bytes.truncate(begin);
            return Err(error);
        }
        let files = self.pieces.len();
        for (number, payload) in frame.payloads.iter().enumerate() {
            if let Some(Some(sent)) = shared.get(number) {
                self.bytes.extend_from_slice(&sent.offset().to_le_bytes());
            } else if payload.len() <= SMALL {
                self.bytes.extend_from_slice(payload);
            } else {
                self.pieces.push((self.bytes.len(), Piece::Payload(payload.clone())));
            }
        }
        let sent: Vec<Sent> = shared.drain(..).flatten().collect();
        if !sent.is_empty() {
            // Descriptors come with the first byte of their frame.
            self.pieces.insert(files, (begin, Piece::Files(sent)));
        }
        Ok(())
    }
}

/// The payloads that lie in shared memory, in their places; nothing where there is none.
fn share(payloads: &[Payload]) -> Vec<Option<Sent>> {
    if payloads.iter().all(|payload| payload.len() < shared::LARGE) {
        return Vec::new();
    }
    let mut files = 0;
    let shared = payloads.iter().map(|payload| {
        let sent = if files < shared::AT_ONCE {
            shared::send(payload)
        } else {
            None
        };
        files += usize::from(sent.is_some());
        sent
    });
    shared.collect()
}

impl<M: Serialize> Sender<M> {
    /// Sends a frame. If the connection is gone, the receiving half says so; here the frame is dropped.
    pub(crate) fn send(&self, frame: impl Into<Frame<M>>) {
        let waiting = self.push(&frame.into());
        self.last.0.tell(waiting);
    }

    /// Sends a frame with the next one, when it is hurried, or when enough has gathered.
    pub(crate) fn send_later(&self, frame: impl Into<Frame<M>>) {
        let waiting = self.push(&frame.into());
        if waiting.ended || waiting.bytes.len() >= ENOUGH || !waiting.pieces.is_empty() {
            self.last.0.tell(waiting);
        }
    }

    fn push(&self, frame: &Frame<M>) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.last.0.waiting();
        if !waiting.closed
            && !waiting.ended
            && let Err(error) = waiting.push(frame)
        {
            tracing::debug!(%error, "a connection ends with what cannot be sent");
            waiting.ended = true;
        }
        waiting
    }
}

impl<M> Sender<M> {
    /// Has what was to be sent later be written now.
    pub(crate) fn hurry(&self) {
        let waiting = self.last.0.waiting();
        if !waiting.is_empty() {
            self.last.0.tell(waiting);
        }
    }

    /// Waits until all that was sent before has been written, or the connection is gone.
    pub(crate) async fn flush(&self) {
        let (told, flushed) = oneshot::channel();
        {
            let mut waiting = self.last.0.waiting();
            if waiting.closed {
                return;
            }
            waiting.flushed.push(told);
            self.last.0.tell(waiting);
        }
        let _ = flushed.await;
    }

    /// Whether the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.last.0.waiting().closed
    }
}

impl<M> Clone for Sender<M> {
    fn clone(&self) -> Sender<M> {
        Sender {
            last: self.last.clone(),
            messages: PhantomData,
        }
    }
}

impl<M> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Dropped with the last sender.
struct Last(Arc<Shelf>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.waiting().ended = true;
        self.0.changed.notify_one();
    }
}

/// The writer's side. What is sent after it was dropped goes nowhere.
pub(super) struct Outbox(Arc<Shelf>);

impl Outbox {
    /// Waits for something to write, and exchanges it for `taken`, which must be empty; `false` if there will be no
    /// more.
    pub(super) async fn take(&self, taken: &mut Waiting) -> bool {
        loop {
            {
                let mut waiting = self.0.waiting();
                waiting.told = false;
                if !waiting.is_empty() {
                    std::mem::swap(&mut waiting.bytes, &mut taken.bytes);
                    std::mem::swap(&mut waiting.pieces, &mut taken.pieces);
                    std::mem::swap(&mut waiting.flushed, &mut taken.flushed);
                    return true;
                }
                if waiting.ended {
                    return false;
                }
            }
            self.0.changed.notified().await;
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        let left = std::mem::take(&mut *waiting);
        waiting.closed = true;
        drop(waiting);
        // Outside of the lock: values may be large.
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_abi::Buffer;
    use std::time::Duration;
    use tokio::time::timeout;

    fn frame(payload: usize) -> Frame<u8> {
        Frame {
            message: 7,
            payloads: vec![Arc::new(Buffer::from(vec![1; payload]))],
        }
    }

    #[tokio::test]
    async fn what_gathers_is_taken_at_once_and_in_order() {
        let (sender, outbox) = outbox::<u8>();
        for payload in [1, SMALL + 1, 2] {
            sender.send(frame(payload));
        }
        let mut taken = Waiting::default();
        assert!(outbox.take(&mut taken).await);
        let header = 8 + 8 + 1;
        let places: Vec<usize> = taken.pieces.iter().map(|(place, _)| *place).collect();
        assert_eq!((places, taken.bytes.len()), (vec![2 * header + 1], 3 * header + 3));
        drop(sender);
        assert!(!outbox.take(&mut Waiting::default()).await);
    }

    #[tokio::test]
    async fn nothing_is_kept_for_a_connection_that_is_gone() {
        let (sender, outbox) = outbox::<u8>();
        sender.send(frame(1));
        assert!(!sender.is_closed());
        drop(outbox);
        sender.send(frame(1));
        sender.flush().await;
        assert!(sender.is_closed() && sender.last.0.waiting().is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_encoded_ends_the_connection_after_what_was_sent() {
        struct Stubborn;
        impl Serialize for Stubborn {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        let (sender, outbox) = outbox::<Result<u8, Stubborn>>();
        sender.send(Ok(1));
        sender.send(Err(Stubborn));
        sender.send(Ok(2));
        let mut taken = Waiting::default();
        assert!(outbox.take(&mut taken).await);
        assert_eq!(taken.bytes.len(), 8 + 2);
        assert!(!outbox.take(&mut Waiting::default()).await);
    }
    #[tokio::test]
    async fn what_is_sent_later_is_written_with_what_follows_when_hurried_or_when_it_is_enough() {
        let (sender, outbox) = outbox::<u8>();
        let told = async || {
            let mut taken = Waiting::default();
            let writing = timeout(Duration::ZERO, outbox.0.changed.notified()).await.is_ok();
            if writing {
                outbox.take(&mut taken).await;
            }
            taken.bytes.len()
        };
        let one = 8 + 1;
        sender.send_later(7);
        assert_eq!(told().await, 0);
        sender.send(7);
        assert_eq!(told().await, 2 * one);
        sender.hurry();
        assert_eq!(told().await, 0);
        sender.send_later(7);
        sender.hurry();
        assert_eq!(told().await, one);
        sender.send_later(frame(ENOUGH));
        assert!(told().await > ENOUGH);
        sender.send_later(7);
        drop(sender);
        assert_eq!(told().await, one);
    }
}
