//! The messages that wait for one client to read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tracing::debug;

use super::{CutOff, client::Reader, stream::WriteHalf};

/// How many bytes are written at once. Room is given back after each piece.
const PIECE: usize = 64 << 10;
/// How long a client has to close its end after the last message. A connection that is closed while bytes of the client
/// are unread loses the last messages.
const LINGER: Duration = Duration::from_millis(100);

/// An encoded message, which several clients may get.
pub(crate) type Encoded = Arc<Vec<u8>>;

/// The way to a client: a queue that is bounded by its bytes. A message is taken if there is any room, however large the
/// message is.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: mpsc::UnboundedSender<Queued>,
    room: Arc<Semaphore>,
    progress: Arc<Progress>,
}

#[derive(Debug)]
struct Queued {
    bytes: Encoded,
    /// The room that the message takes up; `None` for an answer that the client's own reader waited for.
    room: Option<OwnedSemaphorePermit>,
}

/// What the sender of messages and the task that writes them know of each other.
#[derive(Debug, Default)]
struct Progress {
    /// How many bytes have been written so far.
    written: AtomicU64,
    /// Notified to end the connection.
    cut: Notify,
}

/// The other end of an outbox.
pub(crate) struct Outgoing {
    queued: mpsc::UnboundedReceiver<Queued>,
    room: Arc<Semaphore>,
    progress: Arc<Progress>,
}

/// There is no room: the client does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Outbox {
    /// Makes an outbox of so many bytes, and its other end.
    pub(crate) fn new(bytes: usize) -> (Self, Outgoing) {
        let (queue, queued) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(bytes));
        let progress = Arc::<Progress>::default();
        let outgoing = Outgoing {
            queued,
            room: room.clone(),
            progress: progress.clone(),
        };
        (Outbox { queue, room, progress }, outgoing)
    }

    /// Queues a message if there is room. A message for a client that is gone is dropped.
    pub(crate) fn try_push(&self, bytes: &Encoded) -> Result<(), NoRoom> {
        if self.room.is_closed() {
            return Ok(());
        }
        let room = self.take_room(bytes.len()).ok_or(NoRoom)?;
        self.queue(bytes.clone(), Some(room));
        Ok(())
    }

    /// Queues a message as soon as there is room. A message for a client that is gone is dropped.
    pub(crate) async fn push(&self, bytes: Encoded) {
        // An error means that the client is gone.
        if let Ok(mut room) = self.room.clone().acquire_owned().await {
            if let Some(more) = self.take_room(bytes.len()) {
                room.merge(more);
            }
            self.queue(bytes, Some(room));
        }
    }

    /// Waits until there is room, or the client is gone.
    pub(crate) async fn has_room(&self) {
        let _ = self.room.acquire().await;
    }

    /// Queues a message whether there is room or not, for a caller that has waited for room.
    pub(crate) fn push_now(&self, bytes: Encoded) {
        let room = self.take_room(bytes.len());
        self.queue(bytes, room);
    }

    /// Returns how many bytes the client's system has taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.progress.written.load(Ordering::Relaxed)
    }

    /// Ends the connection to a client that does not read.
    pub(crate) fn cut(&self) {
        self.progress.cut.notify_one();
    }

    fn take_room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = bytes.min(self.room.available_permits()).max(1);
        self.room
            .clone()
            .try_acquire_many_owned(u32::try_from(wanted).unwrap_or(u32::MAX))
            .ok()
    }

    fn queue(&self, bytes: Encoded, room: Option<OwnedSemaphorePermit>) {
        // An error means that the client is gone.
        let _ = self.queue.send(Queued { bytes, room });
    }
}

impl Outgoing {
    /// Writes what is queued until the outbox is dropped, the client is gone, or the outbox [cuts](Outbox::cut) it off.
    async fn write(&mut self, writer: &mut WriteHalf) -> Result<(), CutOff> {
        let progress = self.progress.clone();
        tokio::select! {
            () = self.write_all(writer) => Ok(()),
            () = progress.cut.notified() => Err(CutOff::Stalled),
        }
    }

    async fn write_all(&mut self, writer: &mut WriteHalf) {
        while let Some(Queued { bytes, mut room }) = self.queued.recv().await {
            let mut left = bytes.len();
            for piece in bytes.chunks(PIECE) {
                if let Err(error) = writer.write(piece).await {
                    return debug!("a client is gone: {error}");
                }
                left -= piece.len();
                self.progress.written.fetch_add(piece.len() as u64, Ordering::Relaxed);
                if let Some(room) = &mut room {
                    drop(room.split(room.num_permits().saturating_sub(left)));
                }
            }
        }
        writer.finish().await;
    }
}

#[cfg(test)]
impl Outgoing {
    /// Drops everything that is queued; returns how many messages that was.
    pub(crate) fn discard(&mut self) -> usize {
        std::iter::from_fn(|| self.queued.try_recv().ok()).count()
    }
}

impl Drop for Outgoing {
    /// Tells those who wait for room that the client is gone.
    fn drop(&mut self) {
        self.room.close();
    }
}

/// Sends a client its messages while `read` takes what the client sends. Ends when either ends.
///
/// `read` gets the reader, and ends when the client is gone. It returns the reader when nothing more is to be read.
/// Messages that are queued still leave then.
pub(crate) async fn serve(
    mut outgoing: Outgoing,
    mut writer: WriteHalf,
    read: impl Future<Output = Result<Option<Reader>, CutOff>>,
) -> Result<(), CutOff> {
    let reader = {
        let write = outgoing.write(&mut writer);
        tokio::pin!(write);
        let reader = tokio::select! {
            read = read => read?,
            written = &mut write => return written,
        };
        let Some(reader) = reader else { return Ok(()) };
        write.await?;
        reader
    };
    linger(reader).await;
    Ok(())
}

async fn linger(mut reader: Reader) {
    // A client that keeps its end open has got everything anyway.
    let _ = timeout(LINGER, reader.drain()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Encoded {
        Arc::new(vec![0; length])
    }

    #[tokio::test]
    async fn a_message_is_taken_while_there_is_any_room() {
        let (outbox, mut outgoing) = Outbox::new(100);
        assert_eq!(outbox.try_push(&bytes(99)), Ok(()));
        assert_eq!(outbox.try_push(&bytes(1000)), Ok(()));
        assert_eq!(outbox.try_push(&bytes(1)), Err(NoRoom));
        outgoing.queued.recv().await.unwrap();
        assert_eq!(outbox.try_push(&bytes(98)), Ok(()));
        outbox.push(bytes(1)).await;
        assert_eq!(outbox.try_push(&bytes(1)), Err(NoRoom));
        outbox.push_now(bytes(1));
        drop(outgoing);
        outbox.has_room().await;
        outbox.push(bytes(1)).await;
        assert_eq!(outbox.try_push(&bytes(1)), Ok(()), "the client is gone");
    }
}
