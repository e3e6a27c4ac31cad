//! One client: its handshake, and what it sends.

use std::sync::Arc;

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    CutOff,
    listener::PROBE_TIME,
    stream::{ReadHalf, WriteHalf},
    unverified::Unverified,
};
use crate::{
    channel::Closing,
    zmtp::{Command, Decoder, GREETING, Item, Limits, SocketType, ZmtpError, encode_ready},
};

/// How many bytes are read at once.
const CHUNK: usize = 16 << 10;

/// A client whose handshake is over.
pub(crate) struct Client {
    pub(crate) reader: Reader,
    pub(crate) writer: WriteHalf,
    pub(crate) closing: Closing,
}

/// Reads what a client sends.
pub(crate) struct Reader {
    half: ReadHalf,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// How much of the buffer is decoded.
    decoded: usize,
    /// Notified to find out whether this client still has the connection.
    probe: Arc<Notify>,
    /// Notified to find out which clients of the socket still have their connections.
    probe_all: Arc<Notify>,
    /// When the probing ends.
    probed_until: Option<Instant>,
    /// What this client holds of the memory for unverified messages. `None` for a client that may use its own limits.
    unverified: Option<Unverified>,
}

impl Reader {
    pub(super) fn new(half: ReadHalf, probe: Arc<Notify>, probe_all: Arc<Notify>) -> Self {
        Reader {
            half,
            decoder: Decoder::default(),
            buffer: Vec::with_capacity(CHUNK),
            decoded: 0,
            probe,
            probe_all,
            probed_until: None,
            unverified: None,
        }
    }

    /// Sets how large a message may be, and counts what is held of an unfinished message in `unverified`.
    pub(crate) fn set_limits(&mut self, limits: Limits, unverified: Option<Unverified>) {
        self.decoder.set_limits(limits);
        self.unverified = unverified;
    }

    /// Returns the next item, or `None` when the client is gone. Cancelling this loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>, CutOff> {
        loop {
            let mut rest = &self.buffer[self.decoded..];
            let item = self.decoder.decode(&mut rest);
            self.decoded = self.buffer.len() - rest.len();
            if let Some(unverified) = &mut self.unverified {
                unverified.hold(self.decoder.held())?;
            }
            if let Some(item) = item? {
                return Ok(Some(item));
            }
            self.buffer.clear();
            self.decoded = 0;
            let until = self.probed_until;
            tokio::select! {
                count = self.half.read(&mut self.buffer) => if count == 0 {
                    return Ok(None);
                },
                () = self.probe.notified() => self.begin_probe(),
                () = self.probe_all.notified() => self.begin_probe(),
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => self.end_probe(),
            }
        }
    }

    /// Reads and drops everything until the client is gone.
    pub(super) async fn drain(&mut self) {
        loop {
            self.buffer.clear();
            if self.half.read(&mut self.buffer).await == 0 {
                return;
            }
        }
    }

    fn begin_probe(&mut self) {
        self.half.probe(true);
        self.probed_until = Some(Instant::now() + PROBE_TIME);
    }

    fn end_probe(&mut self) {
        self.half.probe(false);
        self.probed_until = None;
    }
}

/// Exchanges greetings, and reads the command by which the client introduces itself. Returns its identity, or `None`
/// when the client is gone.
pub(super) async fn introduce(
    reader: &mut Reader,
    writer: &mut WriteHalf,
    socket_type: SocketType,
) -> Result<Option<Vec<u8>>, CutOff> {
    if writer.write(&GREETING).await.is_err() {
        return Ok(None);
    }
    let Some(greeting) = reader.next().await? else {
        return Ok(None);
    };
    let Some(command) = reader.next().await? else {
        return Ok(None);
    };
    let (Item::Greeting, Item::Command(body)) = (greeting, command) else {
        return Err(ZmtpError::BadHandshake.into());
    };
    match Command::parse(&body)? {
        Command::Ready {
            socket_type: peer,
            identity,
        } if socket_type.accepts(&peer) => Ok(Some(identity)),
        Command::Ready { .. } => Err(ZmtpError::WrongSocketType.into()),
        Command::Ping { .. } | Command::Other => Err(ZmtpError::BadHandshake.into()),
    }
}

/// Ends the handshake: from now on the client sends messages. Returns whether the client is still there.
pub(super) async fn accept(writer: &mut WriteHalf, socket_type: SocketType) -> bool {
    writer.write(&encode_ready(socket_type)).await.is_ok()
}
