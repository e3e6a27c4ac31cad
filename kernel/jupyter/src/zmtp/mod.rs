//! ZMTP 3.0, the protocol between ZeroMQ sockets, as far as a kernel needs it. No I/O here.
//!
//! A connection begins with a [greeting](GREETING) of 64 bytes and a `READY` command from each side. Then both sides
//! send messages of one or more frames. See [ZMTP](https://rfc.zeromq.org/spec/23/).
//!
//! Everything here reads bytes of strangers. Memory grows with the bytes that have come, never with a length that a
//! frame's header announces.

mod command;
mod decoder;
mod encoder;

pub use command::{Command, SocketType};
pub use decoder::{Decoder, Item, Limits};
pub use encoder::{GREETING, encode_message, encode_pong, encode_ready};

/// Why bytes are not those of a peer to talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ZmtpError {
    /// The first bytes are not a greeting of ZMTP 3 without encryption.
    #[error("it does not speak ZeroMQ 3 without encryption")]
    NotZmq,
    /// The peer sent something other than `READY` after its greeting, or a `READY` that cannot be read.
    #[error("its handshake is not ZeroMQ's")]
    BadHandshake,
    /// The peer's socket has a type that cannot talk to this one.
    #[error("its socket is of a type that cannot talk to this one")]
    WrongSocketType,
    /// A frame's flags have bits that ZMTP does not define, or a command that has more frames.
    #[error("it sent a frame header with unknown flags")]
    BadFlags,
    /// A command is empty, or its name does not fit.
    #[error("it sent a malformed command")]
    BadCommand,
    /// A frame's header announces more than the limits allow.
    #[error("it announced a message of more than {bytes} bytes or {frames} frames, or a command that is too long")]
    TooLarge {
        /// Limit of the bytes of a message.
        bytes: u64,
        /// Limit of the frames of a message.
        frames: usize,
    },
}
