//! A connection from process to process: TCP, the preface, and TLS in both directions.

use crate::{
    Credentials, Fingerprint, RunSecret, Target,
    io_error::with_context,
    preface, socket_options,
    tls::{is_refused, is_stranger},
};
use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// An encrypted connection whose two ends are members of the run.
///
/// It buffers what is written: call `flush` after a message. A process that ends without `shutdown` ends the stream with an
/// error of the kind `UnexpectedEof`, not with an end of file.
///
/// ```
/// use mosaic_net::TlsStream;
/// use tokio::io::AsyncWriteExt;
///
/// async fn say(stream: &mut TlsStream, text: &str) -> std::io::Result<()> {
///     stream.write_all(text.as_bytes()).await?;
///     stream.flush().await
/// }
/// ```
pub type TlsStream = tokio_rustls::TlsStream<TcpStream>;

/// How long a TCP connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// What the accepting end sends first. In TLS 1.3, the connecting end has no other way to know that it was accepted.
const WELCOME: u8 = 1;

/// Connects to a socket of another host: `address` is that of the host's [`Gate`](crate::Gate).
///
/// When the stream is returned, each end has accepted the other's key. The other end may be any member of the run. To
/// reach one host and no other, use [`connect_to_member`].
///
/// ```
/// use mosaic_net::{Credentials, TlsStream, connect};
/// use std::net::SocketAddr;
///
/// async fn reach_node(credentials: &Credentials, gate: SocketAddr) -> std::io::Result<TlsStream> {
///     connect(credentials, gate, "node").await
/// }
/// ```
///
/// # Errors
///
/// - `InvalidInput`: `target` is no [`Target`].
/// - `TimedOut`: the host did not answer within 5 s, or its handshake took longer than 5 s.
/// - `PermissionDenied`: one of the two hosts does not have the other's key on its list of members.
/// - `UnexpectedEof`, `ConnectionReset`, `BrokenPipe`: the gate has closed the connection. It does not know the run's
///   secret, speaks another version, or has no such target.
/// - Others: what the system says, such as `ConnectionRefused`.
pub async fn connect(credentials: &Credentials, address: SocketAddr, target: &str) -> io::Result<TlsStream> {
    let target: Target = target.parse()?;
    let tcp = in_time(CONNECT_LIMIT, TcpStream::connect(address))
        .await
        .map_err(|error| with_context(&error, format_args!("could not connect to {address} ({target})")))?;
    let shake = in_time(HANDSHAKE_LIMIT, shake_hands(credentials, tcp, address, &target));
    shake
        .await
        .map_err(|error| explained(error, format_args!("{address} ({target})")))
}

/// Connects as [`connect`] does, and checks that the other end is the one member `member`.
///
/// Two hosts may have the same address in networks of their own, such as the bridge of a container engine. Then the
/// address leads to the wrong host, which may be a member as well.
///
/// ```
/// use mosaic_net::{Credentials, Fingerprint, TlsStream, connect_to_member};
/// use std::net::SocketAddr;
///
/// async fn reach(
///     credentials: &Credentials, gate: SocketAddr, host: Fingerprint,
/// ) -> std::io::Result<TlsStream> {
///     connect_to_member(credentials, gate, "node", host).await
/// }
/// ```
///
/// # Errors
///
/// As for [`connect`]; also `PermissionDenied` if another member answers.
pub async fn connect_to_member(
    credentials: &Credentials,
    address: SocketAddr,
    target: &str,
    member: Fingerprint,
) -> io::Result<TlsStream> {
    let stream = connect(credentials, address, target).await?;
    match Fingerprint::of_peer(&stream) {
        Some(peer) if peer == member => Ok(stream),
        _ => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{address} leads to another host of this run than the one with the key {member}"),
        )),
    }
}

/// Accepts a connection that [`Gate::accept`](crate::Gate::accept) has let in, in this or another process of the host.
///
/// ```
/// use mosaic_net::{Credentials, Gate, TlsStream, accept};
///
/// async fn next(gate: &mut Gate, credentials: &Credentials) -> std::io::Result<TlsStream> {
///     let (stream, target) = gate.accept(credentials.secret()).await?;
///     println!("for {target}");
///     accept(credentials, stream).await
/// }
/// ```
///
/// # Errors
///
/// - `TimedOut`: the handshake took longer than 5 s.
/// - `PermissionDenied`: one of the two hosts does not have the other's key on its list of members.
/// - Others: the descriptor is no TCP connection, the connection broke, or the other end does not speak TLS 1.3.
pub async fn accept(credentials: &Credentials, stream: impl Into<OwnedFd>) -> io::Result<TlsStream> {
    let stream = std::net::TcpStream::from(stream.into());
    socket_options::set(&stream)?;
    let address = stream.peer_addr()?;
    stream.set_nonblocking(true)?;
    let stream = TcpStream::from_std(stream)?;
    let acceptor = TlsAcceptor::from(credentials.server_config());
    let handshake = async {
        let mut stream = acceptor.accept(stream).await?;
        stream.write_all(&[WELCOME]).await?;
        stream.flush().await?;
        Ok(stream.into())
    };
    in_time(HANDSHAKE_LIMIT, handshake)
        .await
        .map_err(|error| explained(error, format_args!("{address}")))
}

/// Moves a connection to the tokio runtime in which this function is called: that runtime wakes who reads and writes.
///
/// ```
/// use mosaic_net::{TlsStream, move_to_this_runtime};
///
/// fn take_over(mut stream: TlsStream, runtime: &tokio::runtime::Handle) -> std::io::Result<TlsStream> {
///     let _entered = runtime.enter();
///     move_to_this_runtime(&mut stream)?;
///     Ok(stream)
/// }
/// ```
///
/// # Errors
///
/// There is no room for another file descriptor.
///
/// # Panics
///
/// There is no tokio runtime.
pub fn move_to_this_runtime(stream: &mut TlsStream) -> io::Result<()> {
    let (tcp, _) = stream.get_mut();
    // A runtime forgets a socket only when the socket is dropped, and the state of TLS cannot leave its stream.
    let again = tcp.as_fd().try_clone_to_owned()?;
    *tcp = TcpStream::from_std(again.into())?;
    Ok(())
}

async fn shake_hands(
    credentials: &Credentials,
    mut tcp: TcpStream,
    address: SocketAddr,
    target: &Target,
) -> io::Result<TlsStream> {
    socket_options::set(&tcp)?;
    let secret: &RunSecret = credentials.secret();
    tcp.write_all(&preface::write(secret, target)?).await?;
    let connector = TlsConnector::from(credentials.client_config());
    let mut stream = connector.connect(address.ip().into(), tcp).await?;
    match stream.read_u8().await? {
        WELCOME => Ok(stream.into()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| {
        let text = format!("no answer within {} s", limit.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

/// Says what a failed handshake with `peer` means.
fn explained(error: io::Error, peer: impl fmt::Display) -> io::Error {
    let denied = |text| io::Error::new(io::ErrorKind::PermissionDenied, text);
    if is_stranger(&error) {
        return denied(format!("the key of {peer} is not that of a member of this run"));
    }
    if is_refused(&error) {
        return denied(format!(
            "{peer} has refused the key of this host: it is not on the list of members there"
        ));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => with_context(
            &error,
            format_args!(
                "{peer} has closed the connection: it has another secret or another version, or no such process runs there"
            ),
        ),
        _ => with_context(&error, format_args!("the handshake with {peer} failed")),
    }
}
