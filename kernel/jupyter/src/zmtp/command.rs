//! The commands of ZMTP.

use super::ZmtpError;

/// A command of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ends the handshake.
    Ready {
        /// Type of the peer's socket, such as `DEALER`.
        socket_type: Vec<u8>,
        /// Name that the peer gives itself for replies. May be empty.
        identity: Vec<u8>,
    },
    /// Asks whether the connection is alive.
    Ping {
        /// Bytes that the answer has to repeat.
        context: Vec<u8>,
    },
    /// A command that asks for nothing.
    Other,
}

/// The type of a kernel's socket, which decides who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketType {
    /// Addresses single peers.
    Router,
    /// Publishes to subscribers.
    XPub,
}

impl SocketType {
    /// Returns the name that a handshake uses.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            SocketType::Router => b"ROUTER",
            SocketType::XPub => b"XPUB",
        }
    }

    /// Returns whether a socket of the type that the peer names may connect.
    #[must_use]
    pub fn accepts(self, peer: &[u8]) -> bool {
        match self {
            SocketType::Router => matches!(peer, b"DEALER" | b"REQ" | b"ROUTER"),
            SocketType::XPub => matches!(peer, b"SUB" | b"XSUB"),
        }
    }
}

impl Command {
    /// Reads the body of a command frame.
    ///
    /// # Errors
    /// When the command has no name, or is a `READY` or `PING` that cannot be read.
    pub fn parse(body: &[u8]) -> Result<Command, ZmtpError> {
        let (name, rest) = short(body)
            .filter(|(name, _)| !name.is_empty())
            .ok_or(ZmtpError::BadCommand)?;
        match name {
            b"READY" => ready(rest).ok_or(ZmtpError::BadHandshake),
            // Two bytes say how long the connection may be silent.
            b"PING" => match rest.split_at_checked(2) {
                Some((_, context)) => Ok(Command::Ping {
                    context: context.to_vec(),
                }),
                None => Err(ZmtpError::BadCommand),
            },
            _ => Ok(Command::Other),
        }
    }
}

fn ready(mut rest: &[u8]) -> Option<Command> {
    let (mut socket_type, mut identity) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let (name, behind) = short(rest)?;
        let (length, behind) = behind.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (value, behind) = behind.split_at_checked(length)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            socket_type = value.to_vec();
        } else if name.eq_ignore_ascii_case(b"Identity") {
            identity = value.to_vec();
        }
        rest = behind;
    }
    // ZMTP: an identity has at most 255 bytes.
    (identity.len() <= 255).then_some(Command::Ready { socket_type, identity })
}

/// Splits off bytes that their length, one byte, precedes.
fn short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let ready = |socket_type: &[u8], identity: &[u8]| {
            Ok(Command::Ready {
                socket_type: socket_type.to_vec(),
                identity: identity.to_vec(),
            })
        };
        let long_identity = [&b"\x05READY\x08Identity\0\0\x01\0"[..], &[b'x'; 256]].concat();
        let cases: [(&[u8], Result<Command, ZmtpError>); 14] = [
            (b"\x05READY", ready(b"", b"")),
            (b"\x05READY\x0bSocket-Type\0\0\0\x03SUB", ready(b"SUB", b"")),
            (
                b"\x05READY\x08identity\0\0\0\x02me\x01X\0\0\0\0\x0bSOCKET-TYPE\0\0\0\x06DEALER",
                ready(b"DEALER", b"me"),
            ),
            (b"\x05READY\x08Identity\0\0\0\xffme", Err(ZmtpError::BadHandshake)),
            (b"\x05READY\x08Identity\xff\xff\xff\xff", Err(ZmtpError::BadHandshake)),
            (b"\x05READY\xff", Err(ZmtpError::BadHandshake)),
            (&long_identity, Err(ZmtpError::BadHandshake)),
            (
                b"\x04PING\0\x01abc",
                Ok(Command::Ping {
                    context: b"abc".to_vec(),
                }),
            ),
            (b"\x04PING\0", Err(ZmtpError::BadCommand)),
            (b"\x04PONGabc", Ok(Command::Other)),
            (b"\x05ERROR\x03why", Ok(Command::Other)),
            (b"", Err(ZmtpError::BadCommand)),
            (b"\0", Err(ZmtpError::BadCommand)),
            (b"\x09READY", Err(ZmtpError::BadCommand)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(
                Command::parse(bytes),
                expected,
                "{:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn who_may_connect() {
        let types = [
            &b"DEALER"[..],
            b"REQ",
            b"ROUTER",
            b"SUB",
            b"XSUB",
            b"PUB",
            b"PAIR",
            b"dealer",
            b"",
        ];
        let accepted = |by: SocketType| types.iter().filter(|it| by.accepts(it)).count();
        assert_eq!((accepted(SocketType::Router), accepted(SocketType::XPub)), (3, 2));
    }
}
