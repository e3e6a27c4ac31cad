//! The door in front of each socket: it accepts clients, looks at what they send, and passes bytes on.
//!
//! The crate `zeromq` serves a socket of ours in a private directory; the gate stands at the address that clients know.
//! That buys three things that the crate does not have: what would end the process is [refused](super::zmtp_validator); a client
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
    time::{Instant, sleep, timeout},
};
use tracing::{debug, warn};

use super::zmtp_validator::Guard;
use crate::{Channel, channel::Closing, connection_file::Address};

/// How much is read at once.
const CHUNK: usize = 64 << 10;
/// How many chunks may wait for a client to read: 8 MiB.
const QUEUE: usize = 128;
/// How long a client whose queue is full may keep all others waiting.
const PATIENCE: Duration = Duration::from_secs(5);
/// A client that reads this many bytes a second is slow, but may keep others waiting.
const SLOW_BYTES_PER_SECOND: f64 = 256.0 * 1024.0;
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
    let mut patience = Patience::default();
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let arrived = Instant::now();
        if from.read_buf(&mut chunk).await? == 0 {
            return Ok(());
        }
        let (bytes, full) = (chunk.len(), Instant::now());
        match timeout(patience.left, queue.send(chunk)).await {
            Ok(Ok(())) => patience.account(full - arrived, bytes, full.elapsed()),
            Ok(Err(_)) => return Ok(()),
            Err(_) => {
                let message = format!("it does not read, and has kept others waiting for {PATIENCE:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        }
    }
}

/// How long a client may still keep others waiting. One that reads a little now and then uses it up as one that never
/// reads does; time in which nobody waits for it, and what it does read, give some back. No I/O.
#[derive(Debug)]
struct Patience {
    left: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { left: PATIENCE }
    }
}

impl Patience {
    /// For some time nobody waited; then others waited until there was room for so many bytes.
    fn account(&mut self, free: Duration, bytes: usize, waited: Duration) {
        let read = Duration::from_secs_f64(bytes as f64 / SLOW_BYTES_PER_SECOND);
        self.left = (self.left.saturating_sub(waited) + free + read).min(PATIENCE);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// For how long a client keeps others waiting that takes a chunk every so often.
    fn held_up(every: Duration) -> Duration {
        let mut patience = Patience::default();
        let mut total = Duration::ZERO;
        while every < patience.left && total < 100 * PATIENCE {
            patience.account(Duration::ZERO, CHUNK, every);
            total += every;
        }
        total
    }

    #[test]
    fn who_reads_a_little_now_and_then_does_not_hold_others_for_long() {
        for every in [500, 1000, 4900, 6000].map(Duration::from_millis) {
            assert!(held_up(every) <= 2 * PATIENCE, "{every:?}: {:?}", held_up(every));
        }
    }

    #[test]
    fn who_is_only_slow_is_waited_for() {
        assert!(held_up(Duration::from_millis(200)) >= 100 * PATIENCE);
    }

    #[test]
    fn a_pause_is_forgiven_later() {
        let mut patience = Patience::default();
        patience.account(Duration::ZERO, CHUNK, PATIENCE * 9 / 10);
        assert!(patience.left < PATIENCE / 5);
        patience.account(PATIENCE, CHUNK, Duration::ZERO);
        assert_eq!(patience.left, PATIENCE);
    }
}
