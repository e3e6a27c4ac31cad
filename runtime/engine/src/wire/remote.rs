//! Connections between processes of different hosts: a pair of TLS streams, one for messages and one for large payloads,
//! so that no message waits behind an array.
//!
//! Each stream begins with its [`Half`]. The stream for large payloads then has them as `frame` describes it.

use super::{
    connection::{Receiver, from_tls},
    frame::Payload,
    host::WorkerAddress,
    network::Network,
    outbox::{Other, Outbox, Sender, outbox},
    payload_thread::payload_thread,
};
use crate::shared_memory::{self, SegmentKind};
use mosaic_abi::Buffer;
use mosaic_net::TlsStream;
use serde::Serialize;
use std::{
    cell::RefCell,
    collections::HashMap,
    io::{self, ErrorKind},
    os::fd::OwnedFd,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::{spawn, spawn_local},
    time::sleep,
};
use uuid::Uuid;

/// The alignment that a large payload keeps.
const ALIGNMENT: usize = 64;
/// How long one stream of a pair waits for the other.
const OTHER_HALF: Duration = Duration::from_secs(10);
/// The largest number of bytes that are allocated when a payload is announced. A longer payload grows as it arrives.
const MOST_RESERVED: u64 = 1 << 30;

/// The first bytes of a stream: which stream of a pair it is, and the number of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Half {
    is_for_payloads: bool,
    pair: u128,
}

impl Half {
    const LEN: usize = 17;

    fn to_bytes(self) -> [u8; Half::LEN] {
        let mut bytes = [u8::from(self.is_for_payloads); Half::LEN];
        bytes[1..].copy_from_slice(&self.pair.to_le_bytes());
        bytes
    }

    fn from_bytes([kind, pair @ ..]: [u8; Half::LEN]) -> Half {
        Half {
            is_for_payloads: kind != 0,
            pair: u128::from_le_bytes(pair),
        }
    }
}

/// A connection to another host that is not made yet. What is sent meanwhile waits.
pub(crate) struct Unconnected<M> {
    outbox: Outbox,
    messages: std::marker::PhantomData<fn(M)>,
}

/// Makes the sending half of a connection to another host, which is made later.
pub(crate) fn unconnected<M>() -> (Sender<M>, Unconnected<M>) {
    let (sender, outbox) = outbox(Other::There);
    let messages = std::marker::PhantomData;
    (sender, Unconnected { outbox, messages })
}

impl<M: Serialize + Send + 'static> Unconnected<M> {
    /// Connects to a process of another host, and sends what waits.
    ///
    /// # Errors
    ///
    /// The host or the process cannot be reached.
    pub(crate) async fn connect(self, network: &Network, place: &WorkerAddress) -> io::Result<Receiver> {
        let pair = Uuid::new_v4().as_u128();
        let name = place.socket_name();
        let half = async |is_for_payloads| {
            let mut stream = network.connect(place.host, &name).await?;
            let half = Half { is_for_payloads, pair };
            stream.write_all(&half.to_bytes()).await?;
            stream.flush().await?;
            io::Result::Ok(stream)
        };
        let (messages, payloads) = tokio::try_join!(half(false), half(true))?;
        Ok(join(messages, payloads, self.outbox))
    }
}

/// Begins to write what is sent to a pair of streams, and returns what receives from it.
fn join(messages: TlsStream, payloads: TlsStream, outbox: Outbox) -> Receiver {
    let (announce, announced) = unbounded_channel();
    let (write_apart, unwritten) = unbounded_channel();
    payload_thread().spawn(async move {
        if let Err(error) = carry_payloads(payloads, announced, unwritten).await {
            tracing::debug!(%error, "a connection for large payloads broke");
        }
    });
    from_tls(messages, outbox, Some((announce, write_apart)))
}

/// A payload that a message announced.
pub(super) struct Announced {
    pub(super) len: u64,
    pub(super) receiver: oneshot::Sender<Payload>,
}

/// Writes and reads payloads until the connection ends in both directions, or breaks.
async fn carry_payloads(
    mut stream: TlsStream,
    announced: UnboundedReceiver<Announced>,
    unwritten: UnboundedReceiver<Payload>,
) -> io::Result<()> {
    mosaic_net::move_to_this_runtime(&mut stream)?;
    let (read, write) = tokio::io::split(stream);
    // Two tasks: one direction goes on when the other one has broken, and neither polls the other.
    let writing = spawn(write_payloads(write, unwritten));
    let read = read_payloads(read, announced).await;
    let written = writing.await.map_err(io::Error::other)?;
    read.and(written)
}

/// Writes payloads until no more will come.
async fn write_payloads(mut stream: WriteHalf<TlsStream>, mut unwritten: UnboundedReceiver<Payload>) -> io::Result<()> {
    while let Some(payload) = unwritten.recv().await {
        stream.write_all(&[offset_of(&payload)]).await?;
        stream.write_all(&payload).await?;
        stream.flush().await?;
    }
    stream.shutdown().await
}

/// Reads the payloads that messages announce, in their order.
async fn read_payloads(mut stream: ReadHalf<TlsStream>, mut announced: UnboundedReceiver<Announced>) -> io::Result<()> {
    while let Some(Announced { len, receiver }) = announced.recv().await {
        let payload = read_large(&mut stream, len, SegmentKind::Nameless).await?;
        // Whoever waited may have given up meanwhile.
        let _ = receiver.send(Arc::new(payload));
    }
    Ok(())
}

/// Returns the address of a payload modulo 64.
pub(super) fn offset_of(payload: &[u8]) -> u8 {
    (payload.as_ptr() as usize % ALIGNMENT) as u8
}

/// Reads a large payload and the byte before it, into shared memory of this kind where there is some.
pub(super) async fn read_large(
    stream: &mut (impl AsyncReadExt + Unpin),
    len: u64,
    kind: SegmentKind,
) -> io::Result<Buffer> {
    let offset = usize::from(stream.read_u8().await?);
    let size = usize::try_from(len).map_err(|_| ErrorKind::OutOfMemory)?;
    let prefix = (ALIGNMENT - offset % ALIGNMENT) % ALIGNMENT;
    if let Some(mut buffer) = shared_memory::allocate(kind, size, prefix) {
        // SAFETY: the buffer was allocated here, and nobody else has it yet.
        stream.read_exact(unsafe { buffer.as_mut_slice() }).await?;
        return Ok(buffer);
    }
    read_payload(stream, len).await
}

/// Reads a payload into memory of this process.
pub(super) async fn read_payload(stream: &mut (impl AsyncReadExt + Unpin), len: u64) -> io::Result<Buffer> {
    let mut bytes = mosaic_abi::large_vec(usize::try_from(len.min(MOST_RESERVED)).unwrap_or(0));
    stream.take(len).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 != len {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Buffer::from(bytes))
}

/// Accepts the connections of other hosts that the gate of this host has passed on. Only one thread uses it.
#[derive(Clone)]
pub(crate) struct Acceptor {
    network: Network,
    /// The streams whose other half has not arrived, by pair.
    halves: Rc<RefCell<HashMap<u128, (Half, TlsStream)>>>,
}

impl Acceptor {
    /// Makes an acceptor for a process of this network.
    pub(crate) fn new(network: Network) -> Acceptor {
        Acceptor {
            network,
            halves: Rc::default(),
        }
    }

    /// Takes over a socket. Returns a connection with the second stream of each pair, and `None` with the first.
    ///
    /// # Errors
    ///
    /// The other side does not prove to be a host of this runtime, or is gone.
    pub(crate) async fn accept<M: Serialize + Send + 'static>(
        &self,
        socket: OwnedFd,
    ) -> io::Result<Option<(Sender<M>, Receiver)>> {
        let mut stream = mosaic_net::accept(&self.network.credentials()?, socket).await?;
        let mut half = [0; Half::LEN];
        stream.read_exact(&mut half).await?;
        let half = Half::from_bytes(half);
        let Some((first_half, first)) = self.halves.borrow_mut().remove(&half.pair) else {
            self.keep(half, stream);
            return Ok(None);
        };
        let (messages, payloads) = match (first_half.is_for_payloads, half.is_for_payloads) {
            (false, true) => (first, stream),
            (true, false) => (stream, first),
            _ => return Err(ErrorKind::InvalidData.into()),
        };
        let (sender, outbox) = outbox(Other::There);
        Ok(Some((sender, join(messages, payloads, outbox))))
    }

    /// Keeps a stream until its other half arrives, but not for ever.
    fn keep(&self, half: Half, stream: TlsStream) {
        self.halves.borrow_mut().insert(half.pair, (half, stream));
        let halves = self.halves.clone();
        spawn_local(async move {
            sleep(OTHER_HALF).await;
            halves.borrow_mut().remove(&half.pair);
        });
    }
}

/// The ways of the large payloads of a connection: those that messages announce, and those that are to be written.
pub(super) type Apart = (UnboundedSender<Announced>, UnboundedSender<Payload>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_read_as_it_was_written() {
        for is_for_payloads in [false, true] {
            let half = Half {
                is_for_payloads,
                pair: 0x0123_4567_89ab_cdef,
            };
            assert_eq!(Half::from_bytes(half.to_bytes()), half);
        }
    }

    /// Reads what is there, which never waits.
    fn read_now(mut sent: &[u8], len: u64) -> io::Result<Buffer> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read_large(&mut sent, len, SegmentKind::Nameless))
    }

    #[test]
    fn a_payload_keeps_its_alignment_and_its_bytes() {
        let _alone = shared_memory::alone();
        let sent: Vec<u8> = (0..=255).cycle().take(shared_memory::THRESHOLD + 8).collect();
        let len = sent.len() as u64 - 1;
        for offset in [0, 3, 8, 63] {
            let sent = [&[offset], &sent[1..]].concat();
            let read = read_now(&sent, len).unwrap();
            assert_eq!(offset_of(&read), offset);
            assert!(*read == sent[1..]);
        }
        assert!(read_now(&sent[..10], len).is_err());
    }
}
