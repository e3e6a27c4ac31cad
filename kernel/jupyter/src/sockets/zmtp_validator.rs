//! Checks that a client speaks ZeroMQ's protocol, ZMTP, before the crate `zeromq` sees the bytes. No I/O here.
//!
//! Three mistakes in the crate let anyone who can connect end the process, without knowing the key. It allocates the
//! length that a frame's header announces, so that nine bytes are enough. It recurses for each frame of a message. It
//! panics on an empty command.

/// How long all frames of a message may be together. Nobody has checked the signature yet.
const MESSAGE_BYTES: u64 = 256 << 20;
/// How many frames a message may have. A Jupyter message has six, and its identities and buffers.
const MESSAGE_FRAMES: usize = 1000;
/// How long the handshake's command may be.
const COMMAND_BYTES: u64 = 16 << 10;
/// Length of the handshake's first part: signature, version, mechanism.
const GREETING_BYTES: usize = 64;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Why a client is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("it does not speak ZeroMQ 3")]
    NotZmq,
    #[error("its handshake is not ZeroMQ's")]
    BadHandshake,
    #[error("it sent a command where only messages are expected")]
    UnexpectedCommand,
    #[error("it sent a frame header with unknown flags")]
    BadFlags,
    #[error("it announced a message of more than {MESSAGE_BYTES} bytes or {MESSAGE_FRAMES} frames")]
    TooLarge,
}

/// Follows the bytes that one client sends.
#[derive(Debug)]
pub(super) struct ZmtpValidator {
    state: State,
    /// Whether the handshake's command has been seen.
    ready: bool,
    /// Frames of the current message so far.
    frames: usize,
    /// Bytes of the current message so far.
    bytes: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Greeting { seen: usize },
    Flags,
    Length { flags: u8, left: u32, length: u64 },
    Body { flags: u8, left: u64 },
}

impl ZmtpValidator {
    /// Makes a validator for a new connection.
    pub(super) fn new() -> Self {
        ZmtpValidator {
            state: State::Greeting { seen: 0 },
            ready: false,
            frames: 0,
            bytes: 0,
        }
    }

    /// Checks the next bytes. After an error, none of them may be passed on.
    pub(super) fn check(&mut self, mut input: &[u8]) -> Result<(), Refused> {
        while let Some((&byte, rest)) = input.split_first() {
            input = rest;
            self.state = match self.state {
                State::Greeting { seen } => greeting(seen, byte)?,
                State::Flags => self.flags(byte)?,
                State::Length { flags, left, length } => {
                    let length = length << 8 | u64::from(byte);
                    if left > 1 {
                        State::Length {
                            flags,
                            left: left - 1,
                            length,
                        }
                    } else {
                        self.body(flags, length)?
                    }
                }
                State::Body { flags, left } => {
                    // Skip the rest of the frame, as far as it has come.
                    let more = usize::try_from(left - 1).unwrap_or(usize::MAX).min(input.len());
                    input = &input[more..];
                    match left - 1 - more as u64 {
                        0 => self.end_of_frame(flags),
                        left => State::Body { flags, left },
                    }
                }
            };
        }
        Ok(())
    }

    fn flags(&self, flags: u8) -> Result<State, Refused> {
        if flags & !(MORE | LONG | COMMAND) != 0 {
            return Err(Refused::BadFlags);
        }
        match (self.ready, flags & COMMAND != 0) {
            (false, true) if flags & MORE == 0 => {}
            (false, _) => return Err(Refused::BadHandshake),
            (true, true) => return Err(Refused::UnexpectedCommand),
            (true, false) => {}
        }
        Ok(State::Length {
            flags,
            left: if flags & LONG == 0 { 1 } else { 8 },
            length: 0,
        })
    }

    fn body(&mut self, flags: u8, length: u64) -> Result<State, Refused> {
        if flags & COMMAND != 0 {
            if !(1..=COMMAND_BYTES).contains(&length) {
                return Err(Refused::BadHandshake);
            }
        } else {
            self.frames += 1;
            self.bytes = self.bytes.saturating_add(length);
            if self.frames > MESSAGE_FRAMES || self.bytes > MESSAGE_BYTES {
                return Err(Refused::TooLarge);
            }
        }
        Ok(if length == 0 {
            self.end_of_frame(flags)
        } else {
            State::Body { flags, left: length }
        })
    }

    fn end_of_frame(&mut self, flags: u8) -> State {
        self.ready = true;
        if flags & MORE == 0 {
            (self.frames, self.bytes) = (0, 0);
        }
        State::Flags
    }
}

fn greeting(seen: usize, byte: u8) -> Result<State, Refused> {
    let fits = match seen {
        0 => byte == 0xff,
        9 => byte == 0x7f,
        // The major version. A client of a later version falls back to ours.
        10 => byte >= 3,
        _ => true,
    };
    match seen + 1 {
        _ if !fits => Err(Refused::NotZmq),
        GREETING_BYTES => Ok(State::Flags),
        seen => Ok(State::Greeting { seen }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake() -> Vec<u8> {
        let mut bytes = vec![0; GREETING_BYTES];
        (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
        bytes.extend(b"\x04\x06\x05READY");
        bytes
    }

    fn check(after_handshake: &[u8]) -> Result<(), Refused> {
        let bytes = [handshake(), after_handshake.to_vec()].concat();
        let mut single = ZmtpValidator::new();
        let byte_by_byte = bytes.iter().try_for_each(|byte| single.check(&[*byte]));
        let at_once = ZmtpValidator::new().check(&bytes);
        assert_eq!(at_once, byte_by_byte);
        at_once
    }

    #[test]
    fn messages_pass() {
        assert_eq!(check(b""), Ok(()));
        assert_eq!(check(b"\x01\x02ab\x01\x00\x02\0\0\0\0\0\0\0\x03abc\x00\x01x"), Ok(()));
    }

    #[test]
    fn others_do_not() {
        assert_eq!(ZmtpValidator::new().check(b"GET / HTTP/1.1"), Err(Refused::NotZmq));
        let mut old = handshake();
        old[10] = 1;
        assert_eq!(ZmtpValidator::new().check(&old), Err(Refused::NotZmq));
        let mut no_command = handshake();
        no_command[GREETING_BYTES] = 0;
        assert_eq!(ZmtpValidator::new().check(&no_command), Err(Refused::BadHandshake));
        let mut empty_command = handshake();
        empty_command[GREETING_BYTES + 1] = 0;
        assert_eq!(ZmtpValidator::new().check(&empty_command), Err(Refused::BadHandshake));
    }

    #[test]
    fn what_the_crate_would_not_survive() {
        for length in [1 << 30, 1 << 42, 1 << 63, u64::MAX] {
            let header = [&[LONG][..], &length.to_be_bytes()].concat();
            assert_eq!(check(&header), Err(Refused::TooLarge), "{length}");
        }
        assert_eq!(check(&b"\x01\x00".repeat(MESSAGE_FRAMES + 1)), Err(Refused::TooLarge));
        assert_eq!(check(b"\x04\x00"), Err(Refused::UnexpectedCommand));
        assert_eq!(check(b"\xf0\x00"), Err(Refused::BadFlags));
    }

    #[test]
    fn limits_are_per_message() {
        assert_eq!(check(&b"\x01\x00\x00\x01x".repeat(MESSAGE_FRAMES)), Ok(()));
    }
}
