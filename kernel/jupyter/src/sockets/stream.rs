//! A connection by TCP or by a Unix socket, and the listeners of both.

use std::{io, time::Duration};

use rustix::net::sockopt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixListener, tcp, unix},
};
use tracing::debug;

use crate::connection_file::Address;

/// How soon and how often the system asks whether the machine of a probed client still has the connection.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// How many questions may stay without an answer.
const PROBES: u32 = 3;

/// Accepts connections at an address.
pub(super) enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    /// Binds the address. It is free as soon as an earlier kernel has ended.
    pub(super) async fn bind(address: &Address) -> io::Result<Self> {
        Ok(match address {
            Address::Tcp { host, port } => Acceptor::Tcp(TcpListener::bind((host.as_str(), *port)).await?),
            Address::Unix(path) => Acceptor::Unix(UnixListener::bind(path)?),
        })
    }

    /// Waits for the next connection.
    pub(super) async fn accept(&self) -> io::Result<(ReadHalf, WriteHalf)> {
        Ok(match self {
            Acceptor::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            Acceptor::Unix(listener) => {
                let (read, write) = listener.accept().await?.0.into_split();
                (ReadHalf::Unix(read), WriteHalf::Unix(write))
            }
        })
    }
}

/// The half of a connection from which a client's bytes come.
pub(super) enum ReadHalf {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
}

impl ReadHalf {
    /// Appends bytes to `buffer`; returns their number, which is 0 when the client is gone. Cancelling loses nothing.
    pub(super) async fn read(&mut self, buffer: &mut Vec<u8>) -> usize {
        let result = match self {
            ReadHalf::Tcp(half) => half.read_buf(buffer).await,
            ReadHalf::Unix(half) => half.read_buf(buffer).await,
        };
        // A client that was killed leaves with an error.
        result.unwrap_or_else(|error| {
            debug!("a client is gone: {error}");
            0
        })
    }

    /// Makes the system find out within seconds whether the client's machine still has the connection, or stops that.
    ///
    /// A machine that was switched off or has lost its network does not close its connections. Nothing is sent that
    /// the client's program sees.
    pub(super) fn probe(&self, on: bool) {
        // The system itself tells of the end of a process at the other end of a Unix socket.
        let ReadHalf::Tcp(half) = self else { return };
        let stream = half.as_ref();
        let unacknowledged = if on {
            PROBE_INTERVAL * (PROBES + 1)
        } else {
            Duration::ZERO
        };
        let milliseconds = u32::try_from(unacknowledged.as_millis()).unwrap_or_default();
        let set = sockopt::set_tcp_keepidle(stream, PROBE_INTERVAL)
            .and_then(|()| sockopt::set_tcp_keepintvl(stream, PROBE_INTERVAL))
            .and_then(|()| sockopt::set_tcp_keepcnt(stream, PROBES))
            .and_then(|()| sockopt::set_tcp_user_timeout(stream, milliseconds))
            .and_then(|()| sockopt::set_socket_keepalive(stream, on));
        if let Err(error) = set {
            debug!("cannot probe a connection: {error}");
        }
    }
}

/// The half of a connection through which a client is sent bytes.
pub(crate) enum WriteHalf {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

impl WriteHalf {
    /// Writes all bytes.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            WriteHalf::Tcp(half) => half.write_all(bytes).await,
            WriteHalf::Unix(half) => half.write_all(bytes).await,
        }
    }

    /// Tells the client that no more is coming.
    pub(super) async fn finish(&mut self) {
        let result = match self {
            WriteHalf::Tcp(half) => half.shutdown().await,
            WriteHalf::Unix(half) => half.shutdown().await,
        };
        if let Err(error) = result {
            debug!("a client is gone: {error}");
        }
    }
}
