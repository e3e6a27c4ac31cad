//! Connections: frames over a Unix socket.

use super::frame::{Frame, Length, PREFIX, Payload, Prefix, encode_header};
use crate::shared::{self, Sent};
use mosaic_abi::Buffer;
use serde::{Serialize, de::DeserializeOwned};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::OwnedWriteHalf},
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::JoinHandle,
};

/// How many frames the writer takes at a time, and so writes with one system call if they are small.
const BATCH: usize = 64;
/// Payloads up to this many bytes are copied behind their header, which saves a system call.
const SMALL: usize = 16 << 10;
/// What is set aside at once for a payload that is announced; a longer one grows as it arrives.
const RESERVE: u64 = 1 << 30;

/// The sending half of a connection. Sending never blocks; frames leave in the order in which they were sent. The
/// socket closes for writing when the last sender is dropped and all has been written.
#[derive(Debug)]
pub(crate) struct Sender<M>(UnboundedSender<Outgoing<M>>);

#[derive(Debug)]
enum Outgoing<M> {
    Frame(Frame<M>),
    /// To be told when all before it has been written.
    Flush(oneshot::Sender<()>),
}

impl<M> Clone for Sender<M> {
    fn clone(&self) -> Sender<M> {
        Sender(self.0.clone())
    }
}

impl<M> Sender<M> {
    /// Sends a frame. If the connection is gone, the receiving half says so; here the frame is dropped.
    pub(crate) fn send(&self, frame: impl Into<Frame<M>>) {
        let _ = self.0.send(Outgoing::Frame(frame.into()));
    }

    /// Waits until all that was sent before has been written, or the connection is gone.
    pub(crate) async fn flush(&self) {
        let (told, flushed) = oneshot::channel();
        if self.0.send(Outgoing::Flush(told)).is_ok() {
            let _ = flushed.await;
        }
    }

    /// Whether the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Receiver {
    reader: BufReader<shared::Reader>,
}

impl Receiver {
    /// The next frame, or `None` where the other side closed the connection between two.
    pub(crate) async fn receive<M: DeserializeOwned>(&mut self) -> io::Result<Option<Frame<M>>> {
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
        let mut bytes = mosaic_abi::room(usize::try_from(length.min(RESERVE)).unwrap_or(0));
        (&mut self.reader).take(length).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Buffer::from(bytes))
    }
}

/// Splits `stream` into its two halves. The returned task ends when all has been written or the connection is gone.
pub(crate) fn connect<M: Serialize + Send + 'static>(stream: UnixStream) -> (Sender<M>, Receiver, JoinHandle<()>) {
    let (read, write) = stream.into_split();
    let (sender, frames) = unbounded_channel();
    let writer = tokio::spawn(async move {
        if let Err(error) = write_all(frames, write).await {
            tracing::debug!(%error, "a connection ended while it was written to");
        }
    });
    let reader = BufReader::with_capacity(shared::Reader::BUFFER, shared::Reader::new(read));
    (Sender(sender), Receiver { reader }, writer)
}

async fn write_all<M: Serialize>(
    mut frames: UnboundedReceiver<Outgoing<M>>,
    mut socket: OwnedWriteHalf,
) -> io::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut bytes = Vec::new();
    let mut flushed = Vec::new();
    while frames.recv_many(&mut batch, BATCH).await > 0 {
        for outgoing in batch.drain(..) {
            let frame = match outgoing {
                Outgoing::Frame(frame) => frame,
                Outgoing::Flush(told) => {
                    flushed.push(told);
                    continue;
                }
            };
            write_frame(frame, &mut bytes, &mut socket).await?;
        }
        socket.write_all(&bytes).await?;
        for told in flushed.drain(..) {
            // Whoever waited may have given up.
            let _ = told.send(());
        }
        bytes.clear();
        bytes.shrink_to(SMALL * BATCH);
    }
    Ok(())
}

/// Writes a frame, or leaves it at the end of `bytes` if it is small.
async fn write_frame<M: Serialize>(
    frame: Frame<M>,
    bytes: &mut Vec<u8>,
    socket: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let shared = share(&frame.payloads);
    let files: Vec<_> = shared.iter().flatten().filter_map(Sent::file).collect();
    if !files.is_empty() {
        // Descriptors come with the first byte of their frame.
        socket.write_all(bytes).await?;
        bytes.clear();
    }
    let is_shared = |number: usize| matches!(shared.get(number), Some(Some(_)));
    encode_header(&frame, is_shared, bytes)?;
    if !files.is_empty() {
        shared::write(socket, bytes, &files).await?;
        bytes.clear();
    }
    for (number, payload) in frame.payloads.iter().enumerate() {
        if let Some(Some(sent)) = shared.get(number) {
            bytes.extend_from_slice(&sent.offset().to_le_bytes());
        } else if payload.len() <= SMALL {
            bytes.extend_from_slice(payload);
        } else {
            socket.write_all(bytes).await?;
            bytes.clear();
            socket.write_all(payload).await?;
        }
    }
    Ok(())
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
