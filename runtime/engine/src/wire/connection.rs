//! Connections: frames over a Unix socket.

use super::{
    frame::{Frame, Length, PREFIX, Prefix, first_of},
    outbox::{Outbox, Piece, Sender, Waiting, outbox},
};
use crate::shared::{self, Sent, Writer};
use mosaic_abi::Buffer;
use serde::{Serialize, de::DeserializeOwned};
use std::{io, pin::Pin, sync::Arc};
use tokio::{
    io::{AsyncBufRead, AsyncReadExt, BufReader},
    net::UnixStream,
    task::{JoinHandle, coop::consume_budget},
};

/// Room for so many bytes that wait to be written is kept.
const KEPT: usize = 1 << 20;
/// What is set aside at once for a payload that is announced; a longer one grows as it arrives.
const RESERVE: u64 = 1 << 30;

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Receiver {
    reader: BufReader<shared::Reader>,
}

impl Receiver {
    /// The next frame, if all of it was read already.
    pub(crate) fn received<M: DeserializeOwned>(&mut self) -> io::Result<Option<Frame<M>>> {
        let first = first_of(self.reader.buffer())?;
        Ok(first.map(|(frame, len)| {
            Pin::new(&mut self.reader).consume(len);
            frame
        }))
    }

    /// The next frame, or `None` where the other side closed the connection between two.
    pub(crate) async fn receive<M: DeserializeOwned>(&mut self) -> io::Result<Option<Frame<M>>> {
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
        let mut payloads = Vec::with_capacity(lengths.len());
        for length in lengths {
            payloads.push(Arc::new(match length {
                Length::Here(len) => self.payload(len).await?,
                Length::Shared(len) => {
                    let offset = self.reader.read_u64_le().await?;
                    shared::receive(self.reader.get_mut().file()?, offset, len)?
                }
            }));
        }
        Ok(Some(Frame { message, payloads }))
    }

    async fn payload(&mut self, length: u64) -> io::Result<Buffer> {
        let mut bytes = mosaic_abi::large_vec(usize::try_from(length.min(RESERVE)).unwrap_or(0));
        (&mut self.reader).take(length).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Buffer::from(bytes))
    }
}

/// Splits `stream` into its two halves. The returned task ends when all has been written or the connection is gone.
pub(crate) fn connect<M: Serialize + Send + 'static>(
    stream: UnixStream,
) -> io::Result<(Sender<M>, Receiver, JoinHandle<()>)> {
    let (read, write) = shared::split(stream)?;
    let (sender, outbox) = outbox();
    let writer = tokio::spawn(async move {
        if let Err(error) = write_all(outbox, write).await {
            tracing::debug!(%error, "a connection ended while it was written to");
        }
    });
    let reader = BufReader::with_capacity(shared::Reader::BUFFER, read);
    Ok((sender, Receiver { reader }, writer))
}

async fn write_all(outbox: Outbox, socket: Writer) -> io::Result<()> {
    let mut waiting = Waiting::default();
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
            // Whoever waited may have given up.
            let _ = told.send(());
        }
        waiting.bytes.clear();
        waiting.bytes.shrink_to(KEPT);
        // Who sends all the time must not keep this thread.
        consume_budget().await;
    }
    Ok(())
}

/// Writes bytes, and descriptors with the first of them.
async fn write_part(socket: &Writer, bytes: &[u8], sent: &[Sent]) -> io::Result<()> {
    let files: Vec<_> = sent.iter().filter_map(Sent::file).collect();
    socket.write(bytes, &files).await
}
