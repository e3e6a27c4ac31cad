//! What waits to be written to a connection. No I/O here.
//!
//! The thread that sends a message encodes it behind the messages that wait already. So nothing of the message has to
//! be kept or handed on, and everything that gathers during one write is the next write.

use super::{
    frame::{Frame, Length, Payload, encode_header},
    remote::offset_of,
};
use crate::shared_memory::{self, Sent};
use serde::Serialize;
use std::{
    fmt, io,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, oneshot};

/// Payloads of at most this many bytes are copied behind their header, which saves a system call.
const SMALL_PAYLOAD: usize = 16 << 10;

/// Delayed messages are written once they have this number of bytes.
const ENOUGH_TO_WRITE: usize = 16 << 10;

/// Who is at the other end of a connection, which decides how large payloads travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Other {
    /// A process of this machine: large payloads travel as shared memory.
    #[default]
    Here,
    /// A process of another host: large payloads travel on a connection of their own.
    There,
    /// A process of another host with this connection alone.
    ThereAlone,
}

/// Makes an empty outbox.
pub(super) fn outbox<M>(other: Other) -> (Sender<M>, Outbox) {
    let shared_state = Arc::new(Shared {
        waiting: Mutex::new(Unwritten {
            other,
            ..Unwritten::default()
        }),
        changed: Notify::new(),
    });
    let sender = Sender {
        last: Arc::new(Last(shared_state.clone())),
        messages: PhantomData,
    };
    (sender, Outbox(shared_state))
}

/// The sending half of a connection.
///
/// Sending never blocks, and frames leave in the order in which they were sent. When the last sender is dropped and
/// everything is written, the socket is closed for writing.
pub(crate) struct Sender<M> {
    last: Arc<Last>,
    messages: PhantomData<fn(M)>,
}

/// What the senders and the writer share.
struct Shared {
    /// Locked while a frame is encoded or taken, never while the socket is written to.
    waiting: Mutex<Unwritten>,
    /// Notified when there is something to write, or when nothing more will be sent.
    changed: Notify,
}

/// What was sent and not written yet, in the form in which the writer takes it.
#[derive(Default)]
pub(super) struct Unwritten {
    /// Headers and small payloads, one after the other.
    pub(super) bytes: Vec<u8>,
    /// What is to be written once this number of the bytes was written.
    pub(super) pieces: Vec<(usize, Piece)>,
    /// What is to be written to the connection for large payloads, in this order.
    pub(super) apart: Vec<Payload>,
    /// Those who wait until all of this is written.
    pub(super) flushed: Vec<oneshot::Sender<()>>,
    /// Who is at the other end. It never changes.
    other: Other,
    /// Whether the writer was notified since it last looked.
    told: bool,
    /// Whether nothing more will be sent.
    ended: bool,
    /// Whether nothing more will be written.
    closed: bool,
}

/// Something that is written between the bytes, or along with them.
pub(super) enum Piece {
    /// A large payload.
    Payload(Payload),
    /// File descriptors, to travel with the next byte.
    Files(Vec<Sent>),
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Unwritten> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies the writer, unless it was notified and has not looked yet.
    fn tell(&self, mut waiting: MutexGuard<'_, Unwritten>) {
        let was_told = std::mem::replace(&mut waiting.told, true);
        drop(waiting);
        if !was_told {
            self.changed.notify_one();
        }
    }
}

impl Unwritten {
    fn is_empty(&self) -> bool {
        // There are always bytes before or behind a piece.
        self.bytes.is_empty() && self.flushed.is_empty()
    }

    /// Encodes a frame behind those that wait.
    fn push<M: Serialize>(&mut self, frame: &Frame<M>) -> io::Result<()> {
        let mut shared = match self.other {
            Other::Here => share(&frame.payloads),
            Other::There | Other::ThereAlone => Vec::new(),
        };
        let begin = self.bytes.len();
        let other = self.other;
        let is_apart = |len: usize| other != Other::Here && len >= shared_memory::THRESHOLD;
        let length = |index: usize, len: u64| match shared.get(index) {
            Some(Some(_)) => Length::Shared(len),
            _ if is_apart(frame.payloads[index].len()) => Length::Apart(len),
            _ => Length::Here(len),
        };
        if let Err(error) = encode_header(frame, length, &mut self.bytes) {
            self.bytes.truncate(begin);
            return Err(error);
        }
        let files = self.pieces.len();
        for (number, payload) in frame.payloads.iter().enumerate() {
            if let Some(Some(sent)) = shared.get(number) {
                self.bytes.extend_from_slice(&sent.place().to_bytes());
            } else if is_apart(payload.len()) && other == Other::There {
                self.apart.push(payload.clone());
            } else if payload.len() <= SMALL_PAYLOAD {
                self.bytes.extend_from_slice(payload);
            } else {
                if is_apart(payload.len()) {
                    self.bytes.push(offset_of(payload));
                }
                self.pieces.push((self.bytes.len(), Piece::Payload(payload.clone())));
            }
        }
        let sent: Vec<Sent> = shared.drain(..).flatten().collect();
        if !sent.is_empty() {
            // File descriptors travel with the first byte of their frame.
            self.pieces.insert(files, (begin, Piece::Files(sent)));
        }
        Ok(())
    }
}

/// Returns, for each payload, how it is sent if it lies in shared memory; nothing if none of them does.
fn share(payloads: &[Payload]) -> Vec<Option<Sent>> {
    if payloads.iter().all(|payload| payload.len() < shared_memory::THRESHOLD) {
        return Vec::new();
    }
    let mut files = 0;
    let shared = payloads.iter().map(|payload| {
        let sent = if files < shared_memory::AT_ONCE {
            shared_memory::send(payload)
        } else {
            None
        };
        files += usize::from(sent.is_some());
        sent
    });
    shared.collect()
}

impl<M: Serialize> Sender<M> {
    /// Sends a frame. If the connection is gone, the frame is dropped, and the receiving half reports the end.
    pub(crate) fn send(&self, frame: impl Into<Frame<M>>) {
        let waiting = self.push(&frame.into());
        self.last.0.tell(waiting);
    }

    /// Sends a frame later: together with the next frame, at [`Sender::send_delayed`], or when enough bytes have
    /// gathered.
    pub(crate) fn send_later(&self, frame: impl Into<Frame<M>>) {
        let waiting = self.push(&frame.into());
        if waiting.ended || waiting.bytes.len() >= ENOUGH_TO_WRITE || !waiting.pieces.is_empty() {
            self.last.0.tell(waiting);
        }
    }

    fn push(&self, frame: &Frame<M>) -> MutexGuard<'_, Unwritten> {
        let mut waiting = self.last.0.waiting();
        if !waiting.closed
            && !waiting.ended
            && let Err(error) = waiting.push(frame)
        {
            tracing::debug!(%error, "a connection ends because a message cannot be encoded");
            waiting.ended = true;
        }
        waiting
    }
}

impl<M> Sender<M> {
    /// Writes the frames that were to be sent later.
    pub(crate) fn send_delayed(&self) {
        let waiting = self.last.0.waiting();
        if !waiting.is_empty() {
            self.last.0.tell(waiting);
        }
    }

    /// Waits until everything that was sent before is written, or the connection is gone.
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

    /// Returns whether the connection is gone.
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

/// Notes the end of sending when the last sender is dropped.
struct Last(Arc<Shared>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.waiting().ended = true;
        self.0.changed.notify_one();
    }
}

/// The writer's side. Once it is dropped, nothing more is written.
pub(super) struct Outbox(Arc<Shared>);

impl Outbox {
    /// Waits for something to write, and swaps it with `taken`, which must be empty; `false` if nothing more will be
    /// sent.
    pub(super) async fn take(&self, taken: &mut Unwritten) -> bool {
        loop {
            {
                let mut waiting = self.0.waiting();
                waiting.told = false;
                if !waiting.is_empty() {
                    std::mem::swap(&mut waiting.bytes, &mut taken.bytes);
                    std::mem::swap(&mut waiting.pieces, &mut taken.pieces);
                    std::mem::swap(&mut waiting.apart, &mut taken.apart);
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
        // After the lock is released, because dropping large values takes a while.
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
    async fn frames_that_gather_are_taken_at_once_and_in_order() {
        let (sender, outbox) = outbox::<u8>(Other::Here);
        for payload in [1, SMALL_PAYLOAD + 1, 2] {
            sender.send(frame(payload));
        }
        let mut taken = Unwritten::default();
        assert!(outbox.take(&mut taken).await);
        let header = 8 + 8 + 1;
        let places: Vec<usize> = taken.pieces.iter().map(|(place, _)| *place).collect();
        assert_eq!((places, taken.bytes.len()), (vec![2 * header + 1], 3 * header + 3));
        drop(sender);
        assert!(!outbox.take(&mut Unwritten::default()).await);
    }

    #[tokio::test]
    async fn large_payloads_for_another_host_wait_apart() {
        for (other, apart) in [(Other::There, 1), (Other::ThereAlone, 0)] {
            let (sender, outbox) = outbox::<u8>(other);
            sender.send(frame(shared_memory::THRESHOLD));
            sender.send(frame(shared_memory::THRESHOLD - 1));
            let mut taken = Unwritten::default();
            assert!(outbox.take(&mut taken).await);
            assert_eq!((taken.apart.len(), taken.pieces.len()), (apart, 2 - apart));
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_for_a_connection_that_is_gone() {
        let (sender, outbox) = outbox::<u8>(Other::Here);
        sender.send(frame(1));
        assert!(!sender.is_closed());
        drop(outbox);
        sender.send(frame(1));
        sender.flush().await;
        assert!(sender.is_closed() && sender.last.0.waiting().is_empty());
    }

    #[tokio::test]
    async fn a_frame_that_cannot_be_encoded_ends_the_connection_after_the_frames_before_it() {
        struct Stubborn;
        impl Serialize for Stubborn {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        let (sender, outbox) = outbox::<Result<u8, Stubborn>>(Other::Here);
        sender.send(Ok(1));
        sender.send(Err(Stubborn));
        sender.send(Ok(2));
        let mut taken = Unwritten::default();
        assert!(outbox.take(&mut taken).await);
        assert_eq!(taken.bytes.len(), 8 + 2);
        assert!(!outbox.take(&mut Unwritten::default()).await);
    }

    #[tokio::test]
    async fn a_delayed_frame_is_written_with_the_next_on_request_or_when_enough_has_gathered() {
        let (sender, outbox) = outbox::<u8>(Other::Here);
        let told = async || {
            let mut taken = Unwritten::default();
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
        sender.send_delayed();
        assert_eq!(told().await, 0);
        sender.send_later(7);
        sender.send_delayed();
        assert_eq!(told().await, one);
        sender.send_later(frame(ENOUGH_TO_WRITE));
        assert!(told().await > ENOUGH_TO_WRITE);
        sender.send_later(7);
        drop(sender);
        assert_eq!(told().await, one);
    }
}
