//! The one TCP port of a host.

mod strangers;

use crate::{RunSecret, Target, io_error::with_context};
use rustix::{io::Errno, net::sockopt::set_ipv6_v6only};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};
use strangers::{Admitted, Limits, Strangers};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many connections the system keeps until the gate takes them.
const BACKLOG: u32 = 1024;
/// How long the gate waits for descriptors when this process or the machine has no more.
const WAIT_FOR_DESCRIPTORS: Duration = Duration::from_millis(100);

/// The one TCP port of a host. It lets in whoever knows the secret of the run, and answers nobody else.
///
/// A gate does not speak TLS. The process for which a connection is meant does, by [`accept`](crate::accept), so that no
/// other process lies on the way of its data.
///
/// ```
/// use mosaic_net::Gate;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let gate = Gate::listen("127.0.0.1".parse().unwrap(), None)?;
/// assert_ne!(gate.local_port(), 0);
/// # std::io::Result::Ok(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Gate {
    listener: TcpListener,
    port: u16,
    strangers: Strangers,
}

impl Gate {
    /// Listens on an address of this machine, on the first free port of `ports`, or else on a port that the system
    /// chooses. The address `::` stands for all addresses, also those of IPv4.
    ///
    /// ```
    /// use mosaic_net::Gate;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let gate = Gate::listen("127.0.0.1".parse().unwrap(), Some(47000..=47999))?;
    /// assert!((47000..=47999).contains(&gate.local_port()));
    /// # std::io::Result::Ok(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No port is free, the address is not one of this machine, or a port is not for this user.
    ///
    /// # Panics
    ///
    /// No tokio runtime runs.
    pub fn listen(address: IpAddr, ports: Option<RangeInclusive<u16>>) -> io::Result<Gate> {
        for port in ports.clone().unwrap_or(0..=0) {
            let address = SocketAddr::new(address, port);
            match listen(address).and_then(|listener| Ok((listener.local_addr()?.port(), listener))) {
                Ok((port, listener)) => {
                    let strangers = Strangers::new(Limits::DEFAULT);
                    return Ok(Gate {
                        listener,
                        port,
                        strangers,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(with_context(&error, format_args!("could not listen on {address}"))),
            }
        }
        let range = ports.map_or("any".to_owned(), |it| format!("{}-{}", it.start(), it.end()));
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("no port of {address} is free (ports {range}): give more ports in MOSAIC_PORTS"),
        ))
    }

    /// Returns the port on which this gate listens.
    ///
    /// ```
    /// use mosaic_net::{Gate, Settings};
    ///
    /// # fn f(settings: Settings) -> std::io::Result<()> {
    /// let gate: Gate = settings.listen()?;
    /// println!("open TCP port {} of the firewall", gate.local_port());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn local_port(&self) -> u16 {
        self.port
    }

    /// Waits for the next connection that begins with a right preface, and returns it with the target that the preface
    /// names. Nothing of TLS has been read. The stream is nonblocking, and its descriptor can go to another process.
    ///
    /// Strangers are read at the same time and each for 5 s at most. If 512 are waiting, a new one replaces the oldest.
    /// A wrong preface closes its connection without an answer. Dropping the future loses no connection.
    ///
    /// ```
    /// use mosaic_net::{Gate, RunSecret};
    ///
    /// async fn serve(mut gate: Gate, secret: RunSecret) -> std::io::Result<()> {
    ///     loop {
    ///         let (stream, target) = gate.accept(&secret).await?;
    ///         println!("pass {stream:?} to {target}");
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The system no longer lets this process accept connections.
    pub async fn accept(&mut self, secret: &RunSecret) -> io::Result<(std::net::TcpStream, Target)> {
        loop {
            tokio::select! {
                Admitted { stream, target } = self.strangers.next_admitted(), if !self.strangers.is_empty() => {
                    return Ok((stream.into_std()?, target));
                }
                accepted = self.listener.accept() => self.take(accepted, secret).await?,
            }
        }
    }

    async fn take(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>, secret: &RunSecret) -> io::Result<()> {
        match accepted {
            Ok((stream, address)) => self.strangers.add(stream, address, secret),
            Err(error) if is_lack_of_descriptors(&error) => {
                tracing::warn!(%error, "could not take a connection from another host");
                self.strangers.close_oldest();
                tokio::time::sleep(WAIT_FOR_DESCRIPTORS).await;
            }
            Err(error) if is_of_the_connection(&error) => tracing::debug!(%error, "a connection ended early"),
            Err(error) => return Err(with_context(&error, "could not accept connections from other hosts")),
        }
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, !address.ip().is_unspecified())?;
    }
    // A port is free as soon as its gate is gone, although the system still knows ended connections of it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_lack_of_descriptors(error: &io::Error) -> bool {
    let lacks = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|it| lacks.contains(&it))
}

/// Reports whether an error concerns one new connection: accept(2) says that these are to be treated like "try again".
fn is_of_the_connection(error: &io::Error) -> bool {
    let of_connection = [
        Errno::CONNABORTED,
        Errno::NETDOWN,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
        Errno::PERM,
    ];
    Errno::from_io_error(error).is_some_and(|it| of_connection.contains(&it))
}

#[cfg(test)]
mod tests;
