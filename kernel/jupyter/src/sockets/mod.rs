//! The sockets that clients connect to.
//!
//! The kernel speaks ZMTP itself, since it has to decide things for each client that a ZeroMQ library decides for a
//! socket: who may have an identity, whom to wait for, and how much of a stranger's message to keep.
//!
//! | module | |
//! | --- | --- |
//! | `listener` | accepts clients, and bounds their number and the time of their handshakes |
//! | `stream` | the two transports, TCP and Unix sockets |
//! | `client` | one client: its handshake, and what it sends |
//! | `outbox` | the messages that wait for one client to read |
//! | `router` | shell, control and stdin, where each client has an identity |
//! | `heartbeat` | sends back what it receives |
//! | `unverified` | bounds the memory that unverified messages take |
//! | `pace` | slows down a client that asks for too much |
//! | `warnings` | bounds the number of warnings |

pub(crate) mod client;
pub(crate) mod heartbeat;
pub(crate) mod listener;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod router;
mod stream;
pub(crate) mod unverified;
pub(crate) mod warnings;

use std::time::Duration;

use crate::zmtp::ZmtpError;

/// How long a handshake may take.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Why the kernel ends the connection to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CutOff {
    #[error(transparent)]
    Zmtp(#[from] ZmtpError),
    #[error("its handshake took longer than {HANDSHAKE_TIME:?}")]
    SlowHandshake,
    #[error("it had not ended its handshake when many others connected")]
    Displaced,
    #[error("{0} clients are connected already")]
    Full(usize),
    #[error("another client has its identity")]
    IdentityInUse,
    #[error("it does not read what it is sent")]
    Stalled,
    #[error("too much memory is taken by messages of clients that have not shown that they know the key")]
    TooMuchUnverified,
    #[error("it subscribed to more than {topics} topics, or to one of more than {bytes} bytes")]
    Topics { topics: usize, bytes: usize },
}
