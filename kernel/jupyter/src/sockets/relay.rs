//! The relay in front of each socket: it accepts clients, checks what they send, and passes bytes on.
//!
//! The crate `zeromq` serves a socket in a private directory. The relay listens at the address that clients know. It
//! adds three things that the crate lacks:
//!
//! - It [refuses](super::zmtp_validator) bytes that would end the process.
//! - It cuts off a client that does not read, instead of letting all others wait for it.
//! - When the kernel ends, messages that were sent still reach the clients that read.

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

use super::zmtp_validator::ZmtpValidator;
use crate::{
    channel::{Channel, Closing},
    connection_file::Address,
};

/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;
/// How many chunks may wait for a client to read: 8 MiB.
const QUEUE: usize = 128;
/// How long a client whose queue is full may hold up all others.
const PATIENCE: Duration = Duration::from_secs(5);
/// Speed, in bytes a second, at which a slow client may hold up others for as long as it reads.
const SLOW_BYTES_PER_SECOND: f64 = 256.0 * 1024.0;
/// How long to wait when no connection can be accepted. The usual cause is a lack of file descriptors, and the system
/// does not tell when there are some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener at the address that clients know.
pub(crate) enum Relay {
    Tcp(TcpListener),
    Unix(UnixListener),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type Client = Box<dyn Stream>;

impl Relay {
    /// Binds the address. It is free as soon as an earlier kernel has ended.
    pub(crate) async fn bind(address: &Address) -> io::Result<Self> {
        Ok(match address {
            Address::Tcp { host, port } => Relay::Tcp(TcpListener::bind((host.as_str(), *port)).await?),
            Address::Unix(path) => Relay::Unix(UnixListener::bind(path)?),
        })
    }

    /// Connects clients to the socket at `inner`, until the connection closes.
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
                        // `Connection::close` waits until all of these are dropped.
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
            Relay::Tcp(listener) => {
                let (client, _) = listener.accept().await?;
                client.set_nodelay(true)?;
                Ok(Box::new(client))
            }
            Relay::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// Passes bytes in both directions until the socket closes the connection, or the client is cut off.
async fn relay(client: Client, inner: PathBuf) -> io::Result<()> {
    let (from_socket, to_socket) = UnixStream::connect(inner).await?.into_split();
    let (from_client, to_client) = tokio::io::split(client);
    let (queue, queued) = mpsc::channel(QUEUE);
    let inward = async {
        pass_in(from_client, to_socket).await?;
        // The client sends no more. The socket notices that and ends the other direction.
        std::future::pending().await
    };
    tokio::select! {
        refused = inward => refused,
        passed = async { tokio::try_join!(fill(from_socket, queue), pass_out(queued, to_client)) } => passed.map(|_| ()),
    }
}

/// Checks what the client sends and writes it to the socket.
async fn pass_in(mut from: ReadHalf<Client>, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut validator = ZmtpValidator::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(count) => count,
            // A client that was killed leaves like this.
            Err(error) => {
                debug!("a client is gone: {error}");
                0
            }
        };
        if count == 0 {
            return ignore_gone(to.shutdown().await);
        }
        validator.check(&buffer[..count]).map_err(io::Error::other)?;
        ignore_gone(to.write_all(&buffer[..count]).await)?;
    }
}

/// Reads from the socket into the client's queue.
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
                let message = format!("it does not read, and has held up other clients for {PATIENCE:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        }
    }
}

/// The time for which a client may still hold up others. No I/O.
///
/// Waiting for the client uses the time up. Time in which nobody waits gives some of it back, and so do bytes that the
/// client reads. A client that reads only a little now and then still runs out of time.
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
    /// Accounts for one read: nobody waited for the time `free`, and then others waited for the time `waited` until the
    /// client's queue could take `bytes`.
    fn account(&mut self, free: Duration, bytes: usize, waited: Duration) {
        let read = Duration::from_secs_f64(bytes as f64 / SLOW_BYTES_PER_SECOND);
        self.left = (self.left.saturating_sub(waited) + free + read).min(PATIENCE);
    }
}

/// Writes the client's queue to the client.
async fn pass_out(mut queued: mpsc::Receiver<Vec<u8>>, mut to: WriteHalf<Client>) -> io::Result<()> {
    while let Some(chunk) = queued.recv().await {
        if let Err(error) = to.write_all(&chunk).await {
            debug!("a client is gone: {error}");
            return Ok(());
        }
    }
    ignore_gone(to.shutdown().await)
}

/// Turns the error that the other side has gone into success.
fn ignore_gone(result: io::Result<()>) -> io::Result<()> {
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

    /// Returns for how long a client holds up others if it reads one chunk in each period.
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
