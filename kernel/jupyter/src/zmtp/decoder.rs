//! Reads what a peer sends, in whatever pieces it comes.

use std::mem;

use super::ZmtpError;

/// Length of a greeting: signature, version, mechanism.
pub(super) const GREETING_BYTES: usize = 64;
/// How long a command may be.
const COMMAND_BYTES: u64 = 16 << 10;
/// The mechanism without encryption, as a greeting names it.
const NULL_MECHANISM: &[u8; 20] = b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

pub(super) const MORE: u8 = 1;
pub(super) const LONG: u8 = 2;
pub(super) const COMMAND: u8 = 4;

/// The largest message that is taken.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long all frames of a message may be together. Nobody has checked the signature yet.
    pub bytes: u64,
    /// How many frames a message may have.
    pub frames: usize,
}

impl Limits {
    /// The limits before the handshake is over: no message at all.
    pub const HANDSHAKE: Limits = Limits { bytes: 0, frames: 0 };
}

/// A whole thing that a peer has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The first 64 bytes.
    Greeting,
    /// The body of a command. [`Command::parse`](super::Command::parse) reads it.
    Command(Vec<u8>),
    /// The frames of a message.
    Message(Vec<Vec<u8>>),
}

/// Follows the bytes that one peer sends.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Frames of the current message so far.
    frames: Vec<Vec<u8>>,
    /// Bytes of the current message, as far as headers have announced them.
    announced: u64,
    /// Bytes of the current message's whole frames.
    whole: usize,
    limits: Limits,
}

#[derive(Debug)]
enum State {
    Greeting { bytes: Vec<u8> },
    Flags,
    Length { flags: u8, left: u32, length: u64 },
    Body { flags: u8, left: u64, body: Vec<u8> },
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder {
            state: State::Greeting { bytes: Vec::new() },
            frames: Vec::new(),
            announced: 0,
            whole: 0,
            limits: Limits::HANDSHAKE,
        }
    }
}

impl Decoder {
    /// Sets the limits of the messages from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Returns how many bytes of an unfinished message are held.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.state {
            State::Body { body, .. } => self.whole + body.len(),
            _ => self.whole,
        }
    }

    /// Takes bytes off the front of `input`. Returns the next item, or `None` when all bytes are taken.
    ///
    /// # Errors
    /// When the bytes are not ZMTP, or a header announces more than the limits allow. The connection is of no use then.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Item>, ZmtpError> {
        while let Some((&byte, rest)) = input.split_first() {
            match &mut self.state {
                State::Greeting { bytes } => {
                    *input = rest;
                    check_greeting(bytes.len(), byte)?;
                    bytes.push(byte);
                    if bytes.len() == GREETING_BYTES {
                        self.state = State::Flags;
                        return Ok(Some(Item::Greeting));
                    }
                }
                State::Flags => {
                    *input = rest;
                    self.state = flags(byte)?;
                }
                State::Length { flags, left, length } => {
                    *input = rest;
                    *length = *length << 8 | u64::from(byte);
                    *left -= 1;
                    if *left == 0 {
                        let (flags, length) = (*flags, *length);
                        if let Some(item) = self.begin_body(flags, length)? {
                            return Ok(Some(item));
                        }
                    }
                }
                State::Body { flags, left, body } => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    let (taken, rest) = input.split_at(count);
                    *input = rest;
                    body.extend_from_slice(taken);
                    *left -= count as u64;
                    if *left == 0 {
                        let (flags, body) = (*flags, mem::take(body));
                        if let Some(item) = self.end_frame(flags, body) {
                            return Ok(Some(item));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    fn begin_body(&mut self, flags: u8, length: u64) -> Result<Option<Item>, ZmtpError> {
        let Limits { bytes, frames } = self.limits;
        let too_large = if flags & COMMAND != 0 {
            length > COMMAND_BYTES
        } else {
            self.announced = self.announced.saturating_add(length);
            self.frames.len() >= frames || self.announced > bytes
        };
        if too_large {
            return Err(ZmtpError::TooLarge { bytes, frames });
        }
        let body = Vec::new();
        if length == 0 {
            return Ok(self.end_frame(flags, body));
        }
        self.state = State::Body {
            flags,
            left: length,
            body,
        };
        Ok(None)
    }

    fn end_frame(&mut self, flags: u8, body: Vec<u8>) -> Option<Item> {
        self.state = State::Flags;
        if flags & COMMAND != 0 {
            return Some(Item::Command(body));
        }
        self.whole += body.len();
        self.frames.push(body);
        if flags & MORE != 0 {
            return None;
        }
        (self.announced, self.whole) = (0, 0);
        Some(Item::Message(mem::take(&mut self.frames)))
    }
}

fn flags(flags: u8) -> Result<State, ZmtpError> {
    let is_known = flags & !(MORE | LONG | COMMAND) == 0;
    if !is_known || flags & (COMMAND | MORE) == COMMAND | MORE {
        return Err(ZmtpError::BadFlags);
    }
    Ok(State::Length {
        flags,
        left: if flags & LONG == 0 { 1 } else { 8 },
        length: 0,
    })
}

/// Checks one byte of a greeting, so that a stranger is known by its first bytes.
fn check_greeting(index: usize, byte: u8) -> Result<(), ZmtpError> {
    let fits = match index {
        0 => byte == 0xff,
        9 => byte == 0x7f,
        // The major version. A peer of a later version falls back to ours.
        10 => byte >= 3,
        12..32 => byte == NULL_MECHANISM[index - 12],
        _ => true,
    };
    if fits { Ok(()) } else { Err(ZmtpError::NotZmq) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::{GREETING, SocketType, encode_message, encode_ready};

    const LIMITS: Limits = Limits {
        bytes: 1000,
        frames: 10,
    };

    /// Decodes bytes behind the greeting, at once and byte by byte.
    fn decode(bytes: &[u8]) -> Result<Vec<Item>, ZmtpError> {
        let bytes = [&GREETING[..], bytes].concat();
        let in_pieces = |size: usize| {
            let (mut decoder, mut items) = (Decoder::default(), Vec::new());
            decoder.set_limits(LIMITS);
            for mut piece in bytes.chunks(size) {
                while let Some(item) = decoder.decode(&mut piece)? {
                    items.push(item);
                }
            }
            Ok(items)
        };
        let at_once = in_pieces(usize::MAX);
        assert_eq!(at_once, in_pieces(1));
        assert_eq!(at_once, in_pieces(7));
        at_once.map(|items| items[1..].to_vec())
    }

    fn too_large<T>() -> Result<T, ZmtpError> {
        let Limits { bytes, frames } = LIMITS;
        Err(ZmtpError::TooLarge { bytes, frames })
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for lengths in [&[0][..], &[1, 0, 2], &[254, 255, 256], &[1000], &[0; 10]] {
            let frames: Vec<Vec<u8>> = lengths.iter().map(|length| vec![7; *length]).collect();
            assert_eq!(decode(&encode_message(&frames)), Ok(vec![Item::Message(frames)]));
        }
        let ready = encode_ready(SocketType::XPub);
        assert_eq!(decode(&ready), Ok(vec![Item::Command(ready[2..].to_vec())]));
        assert!(ready.ends_with(b"\0\0\0\x04XPUB"));
    }

    #[test]
    fn limits_are_those_of_a_message() {
        let message = encode_message(&[[0; 100]; 10]);
        assert_eq!(decode(&message.repeat(5)).map(|items| items.len()), Ok(5));
        assert_eq!(decode(&encode_message(&[[0; 0]; 11])), too_large());
        assert_eq!(decode(&encode_message(&[[0; 501]; 2])), too_large());
        assert_eq!(
            decode(&[&[COMMAND | LONG][..], &(COMMAND_BYTES + 1).to_be_bytes()].concat()),
            too_large()
        );
    }

    #[test]
    fn an_announced_length_takes_no_memory() {
        for length in [1001, 1 << 42, u64::MAX] {
            assert_eq!(
                decode(&[&[LONG][..], &length.to_be_bytes()].concat()),
                too_large(),
                "{length}"
            );
            assert_eq!(
                decode(&[&[MORE, 1, 0, LONG][..], &length.to_be_bytes()].concat()),
                too_large()
            );
        }
        let mut decoder = Decoder::default();
        decoder.set_limits(Limits {
            bytes: 1 << 40,
            frames: 2,
        });
        let mut input = &[&GREETING[..], &[LONG, 0, 0, 0, 1, 0, 0, 0, 0, 9]].concat()[..];
        assert_eq!(decoder.decode(&mut input), Ok(Some(Item::Greeting)));
        assert_eq!(decoder.decode(&mut input), Ok(None));
        assert_eq!(decoder.held(), 1);
    }

    #[test]
    fn no_message_before_the_handshake_is_over() {
        let mut decoder = Decoder::default();
        let mut input = &[&GREETING[..], &[0, 0]].concat()[..];
        assert_eq!(decoder.decode(&mut input), Ok(Some(Item::Greeting)));
        assert!(decoder.decode(&mut input).is_err());
    }

    #[test]
    fn what_is_no_zmtp() {
        for flags in [8, 0x80, COMMAND | MORE, 0xff] {
            assert_eq!(decode(&[flags]), Err(ZmtpError::BadFlags));
        }
        assert_eq!(decode(&[COMMAND, 0]), Ok(vec![Item::Command(Vec::new())]));
        let changed = |index: usize, byte: u8| {
            let mut greeting = GREETING;
            greeting[index] = byte;
            Decoder::default().decode(&mut &greeting[..])
        };
        for (index, byte) in [(0, 0xfe), (9, 0), (10, 2), (12, b'P'), (31, 1)] {
            assert_eq!(changed(index, byte), Err(ZmtpError::NotZmq), "{index}");
        }
        for (index, byte) in [(10, 4), (11, 1), (32, 1), (63, 9)] {
            assert_eq!(changed(index, byte), Ok(Some(Item::Greeting)), "{index}");
        }
        assert_eq!(
            Decoder::default().decode(&mut &b"GET / HTTP/1.1"[..]),
            Err(ZmtpError::NotZmq)
        );
    }
}
