//! The door in front of each socket: it accepts clients, looks at what they send, and passes bytes on.
//!
//! The crate `zeromq` serves a socket of ours in a private directory; the gate stands at the address that clients know.
//! That buys three things that the crate does not have: what would end the process is [refused](crate::guard); a client
//! that does not read is cut off instead of holding up what all others wait for; and when the kernel ends, what was
//! sent still reaches those who do read.

use std::{io, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::{
        TcpListener, UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{Channel, connection::Address, guard::Guard, sockets::Closing};

/// How much is read at once.
const CHUNK: usize = 64 << 10;
/// How many chunks may wait for a client to read: 8 MiB.
const QUEUE: usize = 128;
/// How long a client whose queue is full may go without reading anything.
const STUCK_TIME: Duration = Duration::from_secs(5);
/// How long to wait when no connection can be accepted: mostly for want of file descriptors, and nothing tells when
/// there are some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where clients arrive.
pub(crate) enum Gate {
    Tcp(TcpListener),
    Unix(UnixListener),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type Client = Box<dyn Stream>;

impl Gate {
    /// Takes the address. It can be taken again as soon as an earlier kernel has gone.
    pub(crate) async fn bind(address: &Address) -> io::Result<Self> {
        Ok(match address {
            Address::Tcp { host, port } => Gate::Tcp(TcpListener::bind((host.as_str(), *port)).await?),
            Address::Unix(path) => Gate::Unix(UnixListener::bind(path)?),
        })
    }

    /// Passes clients on to the socket at `inner`, until the connection closes.
    pub(crate) async fn serve(self, channel: Channel, inner: PathBuf, mut closing: Closing) {
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = closing.wait() => return,
            };
            match accepted {
                Ok(client) => {
                    let (inner, closing) = (inner.clone(), closing.clone());
                    tokio::spawn(async move {
                        if let Err(error) = relay(client, inner).await {
                            warn!("{channel}: a client was cut off: {error}");
                        }
                        // Whoever closes the connection waits for all of these.
                        drop(closing);
                    });
                }
                Err(error) => {
                    warn!("{channel}: cannot accept a client: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<Client> {
        match self {
            Gate::Tcp(listener) => {
                let (client, _) = listener.accept().await?;
                client.set_nodelay(true)?;
                Ok(Box::new(client))
            }
            Gate::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// Passes bytes in both directions until the socket lets go of the client, or the client is cut off.
async fn relay(client: Client, inner: PathBuf) -> io::Result<()> {
    let (from_socket, to_socket) = UnixStream::connect(inner).await?.into_split();
    let (from_client, to_client) = tokio::io::split(client);
    let (queue, queued) = mpsc::channel(QUEUE);
    let inward = async {
        pass_in(from_client, to_socket).await?;
        // The client has said all; the socket notices, and ends the other direction.
        std::future::pending().await
    };
    tokio::select! {
        refused = inward => refused,
        passed = async { tokio::try_join!(fill(from_socket, queue), pass_out(queued, to_client)) } => passed.map(|_| ()),
    }
}

async fn pass_in(mut from: ReadHalf<Client>, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut guard = Guard::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(count) => count,
            // Killed clients leave like this.
            Err(error) => {
                debug!("a client is gone: {error}");
                0
            }
        };
        if count == 0 {
            return gone(to.shutdown().await);
        }
        guard.check(&buffer[..count]).map_err(io::Error::other)?;
        gone(to.write_all(&buffer[..count]).await)?;
    }
}

async fn fill(mut from: OwnedReadHalf, queue: mpsc::Sender<Vec<u8>>) -> io::Result<()> {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        if from.read_buf(&mut chunk).await? == 0 {
            return Ok(());
        }
        match timeout(STUCK_TIME, queue.send(chunk)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(()),
            Err(_) => {
                let waited = format!("it has not read anything for {STUCK_TIME:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, waited));
            }
        }
    }
}

async fn pass_out(mut queued: mpsc::Receiver<Vec<u8>>, mut to: WriteHalf<Client>) -> io::Result<()> {
    while let Some(chunk) = queued.recv().await {
        if let Err(error) = to.write_all(&chunk).await {
            debug!("a client is gone: {error}");
            return Ok(());
        }
    }
    gone(to.shutdown().await)
}

/// That the other side has gone is not an error of a relay.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected | io::ErrorKind::ConnectionReset
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}
