//! Connections: frames over a Unix socket, or over TLS between hosts.

use super::{
    frame::{Frame, Length, PREFIX, Payload, Prefix, encode_header, first_of},
    outbox::{Other, Outbox, Piece, Sender, Unwritten, outbox},
    received::{Coming, Received},
    remote::{Announced, Apart, read_large, read_payload},
};
use crate::{
    failures::failure,
    shared_memory::{self, Place, SegmentKind, Sent},
};
use mosaic_abi::{Buffer, FailureKind};
use mosaic_net::TlsStream;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, ReadBuf, ReadHalf, WriteHalf},
    net::UnixStream,
    sync::{mpsc::UnboundedSender, oneshot},
    task::{JoinHandle, coop::consume_budget},
};

/// The capacity that is kept for bytes that wait to be written.
const KEPT_CAPACITY: usize = 1 << 20;

/// The receiving half of a connection.
pub(crate) struct Receiver {
    reader: BufReader<Reader>,
    /// Tells who reads large payloads what to read, if they travel on a connection of their own.
    announce: Option<UnboundedSender<Announced>>,
    /// The shared memory for large payloads of another host that are part of a frame.
    kind: SegmentKind,
}

/// Where bytes come from.
enum Reader {
    Socket(shared_memory::Reader),
    Tls(ReadHalf<TlsStream>),
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Reader::Socket(socket) => Pin::new(socket).poll_read(context, into),
            Reader::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

/// Where bytes go.
enum Writer {
    Socket(shared_memory::Writer),
    Tls {
        stream: WriteHalf<TlsStream>,
        /// The way of large payloads, if these have a connection of their own.
        apart: Option<UnboundedSender<Payload>>,
    },
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
        let (mut payloads, mut coming, mut lost) = (Vec::with_capacity(lengths.len()), Vec::new(), None);
        let mut files = match lengths.iter().any(|length| matches!(length, Length::Shared(_))) {
            true => self.files(),
            false => Vec::new(),
        };
        for (index, length) in lengths.into_iter().enumerate() {
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
                Length::Apart(len) => match &self.announce {
                    Some(announce) => {
                        let (receiver, payload) = oneshot::channel();
                        // If nobody reads payloads any more, `payload` says so.
                        let _ = announce.send(Announced { len, receiver });
                        payloads.push(Payload::default());
                        coming.push(Coming { index, payload });
                    }
                    None => payloads.push(Arc::new(read_large(&mut self.reader, len, self.kind).await?)),
                },
            }
        }
        Ok(Some(Received {
            message,
            payloads: lost.map_or(Ok(payloads), Err),
            coming,
        }))
    }

    /// Returns the file descriptors of the next frame that has some. Call this once for each such frame, after it was
    /// received.
    pub(crate) fn files(&mut self) -> Vec<OwnedFd> {
        match self.reader.get_mut() {
            Reader::Socket(socket) => socket.files(),
            Reader::Tls(_) => Vec::new(),
        }
    }

    /// Reads a payload from the socket.
    async fn payload(&mut self, length: u64) -> io::Result<Buffer> {
        read_payload(&mut self.reader, length).await
    }

    /// Puts large payloads into memory that can be stored without a copy.
    pub(crate) fn storing(self) -> Receiver {
        Receiver {
            kind: SegmentKind::Storable,
            ..self
        }
    }
}

/// Splits a socket into its two halves. The returned task ends when everything is written or the connection is gone.
pub(crate) fn connect<M: Serialize + Send + 'static>(
    stream: UnixStream,
) -> io::Result<(Sender<M>, Receiver, JoinHandle<()>)> {
    let (read, write) = shared_memory::split(stream)?;
    let (sender, outbox) = outbox(Other::Here);
    let writer = begin_to_write(outbox, Writer::Socket(write));
    let reader = BufReader::with_capacity(shared_memory::Reader::BUFFER, Reader::Socket(read));
    let (announce, kind) = (None, SegmentKind::Nameless);
    let receiver = Receiver { reader, announce, kind };
    Ok((sender, receiver, writer))
}

/// Splits a TLS stream without a connection for large payloads into its two halves.
pub(crate) fn connect_tls<M>(stream: TlsStream) -> (Sender<M>, Receiver) {
    let (sender, outbox) = outbox(Other::ThereAlone);
    (sender, from_tls(stream, outbox, None))
}

/// Begins to write what is sent to a TLS stream, and returns what receives from it. `apart` are the ways of its large
/// payloads.
pub(super) fn from_tls(stream: TlsStream, outbox: Outbox, apart: Option<Apart>) -> Receiver {
    let (read, stream) = tokio::io::split(stream);
    let (announce, apart) = apart.unzip();
    begin_to_write(outbox, Writer::Tls { stream, apart });
    let reader = BufReader::with_capacity(shared_memory::Reader::BUFFER, Reader::Tls(read));
    let kind = SegmentKind::Nameless;
    Receiver { reader, announce, kind }
}

/// Passes the socket of a connection from another host on to the process that listens at `socket`.
///
/// # Errors
///
/// No process listens there.
pub(crate) async fn hand_over(message: &impl Serialize, stream: OwnedFd, socket: &Path) -> io::Result<()> {
    let (_, writer) = shared_memory::split(UnixStream::connect(socket).await?)?;
    let frame = Frame {
        message,
        payloads: Vec::new(),
    };
    let mut bytes = Vec::new();
    encode_header(&frame, |_, len| Length::Here(len), &mut bytes)?;
    writer.write(&bytes, &[stream.as_fd()]).await
}

/// Writes what is sent, in a task of its own.
fn begin_to_write(outbox: Outbox, writer: Writer) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = write_all(outbox, writer).await {
            tracing::debug!(%error, "a connection ended while it was written to");
        }
    })
}

/// Writes what is sent, until the last sender is dropped.
async fn write_all(outbox: Outbox, mut writer: Writer) -> io::Result<()> {
    let mut waiting = Unwritten::default();
    while outbox.take(&mut waiting).await {
        writer.begin(&mut waiting)?;
        let (mut begin, mut files) = (0, Vec::new());
        for (end, piece) in waiting.pieces.drain(..) {
            writer.write(&waiting.bytes[begin..end], &files).await?;
            (begin, files) = (end, Vec::new());
            match piece {
                Piece::Payload(payload) => writer.write(&payload, &[]).await?,
                Piece::Files(sent) => files = sent,
            }
        }
        writer.write(&waiting.bytes[begin..], &files).await?;
        writer.flush().await?;
        for told in waiting.flushed.drain(..) {
            // Whoever waits may have given up meanwhile.
            let _ = told.send(());
        }
        waiting.bytes.clear();
        waiting.bytes.shrink_to(KEPT_CAPACITY);
        // A sender that never pauses must not keep the thread from other tasks.
        consume_budget().await;
    }
    writer.end().await
}

impl Writer {
    /// Hands on the payloads that have a connection of their own.
    fn begin(&self, waiting: &mut Unwritten) -> io::Result<()> {
        if let Writer::Tls { apart: Some(apart), .. } = self {
            for payload in waiting.apart.drain(..) {
                apart.send(payload).map_err(|_| io::ErrorKind::BrokenPipe)?;
            }
        }
        Ok(())
    }

    /// Writes bytes, and file descriptors along with the first byte.
    async fn write(&mut self, bytes: &[u8], sent: &[Sent]) -> io::Result<()> {
        match self {
            Writer::Socket(socket) => {
                let files: Vec<_> = sent.iter().filter_map(Sent::file).collect();
                socket.write(bytes, &files).await
            }
            Writer::Tls { stream, .. } => stream.write_all(bytes).await,
        }
    }

    /// Has everything sent that was written.
    async fn flush(&mut self) -> io::Result<()> {
        match self {
            Writer::Socket(_) => Ok(()),
            Writer::Tls { stream, .. } => stream.flush().await,
        }
    }

    /// Tells the other side that nothing more will come.
    async fn end(self) -> io::Result<()> {
        match self {
            // Dropping the socket tells it.
            Writer::Socket(_) => Ok(()),
            Writer::Tls { mut stream, .. } => stream.shutdown().await,
        }
    }
}
