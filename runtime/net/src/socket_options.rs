//! The options of every TCP connection between hosts.

use crate::io_error::with_context;
use rustix::{
    fd::AsFd,
    io::Errno,
    net::sockopt::{
        set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl, set_tcp_nodelay,
        set_tcp_thin_linear_timeouts, set_tcp_user_timeout,
    },
};
use std::{io, time::Duration};

/// How long a connection is idle before it is probed, and how long the system waits between probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBES: u32 = 3;
/// How long sent data may stay unacknowledged, in milliseconds. While data is in flight, keepalive notices nothing.
///
/// The system also ends a connection after this time if the other process reads nothing while much is sent to it. A busy
/// process must not be taken for a lost one, so the time is long. Heartbeats of the runtime find lost hosts sooner.
const USER_TIMEOUT: u32 = 60_000;

/// Sends small messages at once, and finds out within seconds that the other host cannot be reached while nothing is in
/// flight, and otherwise within a minute.
///
/// # Errors
///
/// The descriptor is no TCP socket, or its connection is broken.
pub(crate) fn set(socket: impl AsFd) -> io::Result<()> {
    let socket = socket.as_fd();
    let set = || {
        set_tcp_nodelay(socket, true)?;
        set_socket_keepalive(socket, true)?;
        set_tcp_keepidle(socket, PROBE_INTERVAL)?;
        set_tcp_keepintvl(socket, PROBE_INTERVAL)?;
        set_tcp_keepcnt(socket, PROBES)?;
        set_tcp_user_timeout(socket, USER_TIMEOUT)?;
        match set_tcp_thin_linear_timeouts(socket, true) {
            // It only lets a small message be sent again sooner.
            Err(Errno::NOPROTOOPT) => Ok(()),
            set => set,
        }
    };
    set().map_err(|error: Errno| with_context(&error.into(), "could not set the options of a connection"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::sockopt::{
        socket_keepalive, tcp_keepcnt, tcp_keepidle, tcp_keepintvl, tcp_nodelay, tcp_user_timeout,
    };
    use std::{
        net::{TcpListener, TcpStream},
        os::unix::net::UnixStream,
    };

    #[test]
    fn the_system_has_the_options_of_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set(&stream).unwrap();
        assert!(tcp_nodelay(&stream).unwrap() && socket_keepalive(&stream).unwrap());
        assert_eq!(tcp_keepidle(&stream).unwrap(), PROBE_INTERVAL);
        assert_eq!(tcp_keepintvl(&stream).unwrap(), PROBE_INTERVAL);
        assert_eq!(tcp_keepcnt(&stream).unwrap(), PROBES);
        assert_eq!(tcp_user_timeout(&stream).unwrap(), USER_TIMEOUT);
        assert!(set(UnixStream::pair().unwrap().0).is_err());
    }
}
