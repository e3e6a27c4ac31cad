//! Connections: frames over a Unix socket.

use super::{
    frame::{Length, PREFIX, Prefix, Received, first_of},
    outbox::{Outbox, Piece, Sender, Unwritten, outbox},
};
use crate::{
    failures::failure,
    shared_memory::{self, Place, Sent, Writer},
};
use mosaic_abi::{Buffer, FailureKind};
use serde::{Serialize, de::DeserializeOwned};
use std::{io, pin::Pin, sync::Arc};
use tokio::{
    io::{AsyncBufRead, AsyncReadExt, BufReader},
    net::UnixStream,
    task::{JoinHandle, coop::consume_budget},
};

/// The capacity that is kept for bytes that wait to be written.
const KEPT_CAPACITY: usize = 1 << 20;
/// The largest number of bytes that is allocated when a payload is announced. A longer payload grows as it arrives.
const MOST_RESERVED: u64 = 1 << 30;

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Receiver {
    reader: BufReader<shared_memory::Reader>,
}

impl Receiver {
    /// Returns the next frame, if all of it was read from the socket already.
    ///
    /// # Errors
    ///
    /// The bytes are no frame.
    pub(crate) fn received<M: DeserializeOwned>(&mut self) -> io::Result<Option<Received<M>>> {
        let first = first_of(self.reader.buffer())?;
        Ok(first.map(|(frame, len)| {
            Pin::new(&mut self.reader).consume(len);
            frame.into()
        }))
    }

    /// Waits for the next frame. Returns `None` if the other side closed the connection after a whole frame.
    ///
    /// # Errors
    ///
    /// The connection broke, or the bytes are no frame.
    pub(crate) async fn receive<M: DeserializeOwned>(&mut self) -> io::Result<Option<Received<M>>> {
        if let Some(frame) = self.received()? {
            return Ok(Some(frame));
        }
        let mut prefix = [0; PREFIX];
        match self.reader.read_exact(&mut prefix).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let prefix = Prefix::parse(prefix)?;
        let mut header = vec![0; prefix.header_len()];
        self.reader.read_exact(&mut header).await?;
        let (message, lengths) = prefix.parse_header(&header)?;
        let (mut payloads, mut lost) = (Vec::with_capacity(lengths.len()), None);
        let mut files = match lengths.iter().any(|length| matches!(length, Length::Shared(_))) {
            true => self.reader.get_mut().files(),
            false => Vec::new(),
        };
        for length in lengths {
            match length {
                Length::Here(len) => payloads.push(Arc::new(self.payload(len).await?)),
                Length::Shared(len) => {
                    let mut place = [0; Place::LEN];
                    self.reader.read_exact(&mut place).await?;
                    match shared_memory::receive(&mut files, Place::from_bytes(place), len) {
                        Ok(payload) => payloads.push(Arc::new(payload)),
                        Err(error) => lost = Some(failure(FailureKind::Runtime, error.to_string())),
                    }
                }
            }
        }
        let payloads = lost.map_or(Ok(payloads), Err);
        Ok(Some(Received { message, payloads }))
    }

    /// Reads a payload from the socket.
    async fn payload(&mut self, length: u64) -> io::Result<Buffer> {
        let mut bytes = mosaic_abi::large_vec(usize::try_from(length.min(MOST_RESERVED)).unwrap_or(0));
        (&mut self.reader).take(length).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Buffer::from(bytes))
    }
}

/// Splits a socket into its two halves. The returned task ends when everything is written or the connection is gone.
pub(crate) fn connect<M: Serialize + Send + 'static>(
    stream: UnixStream,
) -> io::Result<(Sender<M>, Receiver, JoinHandle<()>)> {
    let (read, write) = shared_memory::split(stream)?;
    let (sender, outbox) = outbox();
    let writer = tokio::spawn(async move {
        if let Err(error) = write_all(outbox, write).await {
            tracing::debug!(%error, "a connection ended while it was written to");
        }
    });
    let reader = BufReader::with_capacity(shared_memory::Reader::BUFFER, read);
    Ok((sender, Receiver { reader }, writer))
}

/// Writes what is sent, until the last sender is dropped.
async fn write_all(outbox: Outbox, socket: Writer) -> io::Result<()> {
    let mut waiting = Unwritten::default();
    while outbox.take(&mut waiting).await {
        let (mut begin, mut files) = (0, Vec::new());
        for (end, piece) in waiting.pieces.drain(..) {
            write_part(&socket, &waiting.bytes[begin..end], &files).await?;
            (begin, files) = (end, Vec::new());
            match piece {
                Piece::Payload(payload) => socket.write(&payload, &[]).await?,
                Piece::Files(sent) => files = sent,
            }
        }
        write_part(&socket, &waiting.bytes[begin..], &files).await?;
        for told in waiting.flushed.drain(..) {
            // Whoever waits may have given up meanwhile.
            let _ = told.send(());
        }
        waiting.bytes.clear();
        waiting.bytes.shrink_to(KEPT_CAPACITY);
        // A sender that never pauses must not keep the thread from other tasks.
        consume_budget().await;
    }
    Ok(())
}

/// Writes bytes, and file descriptors along with the first byte.
async fn write_part(socket: &Writer, bytes: &[u8], sent: &[Sent]) -> io::Result<()> {
    let files: Vec<_> = sent.iter().filter_map(Sent::file).collect();
    socket.write(bytes, &files).await
}
