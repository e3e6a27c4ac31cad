//! Frames: a message and its payloads, in bytes. No I/O here.
//!
//! ```text
//! u32 length of the message | u32 number of payloads | u64 length of each payload | message | payloads
//! ```
//!
//! All numbers are little-endian. The message is encoded with postcard. Payloads are raw bytes, so that large values
//! are never copied through an encoder. A payload in shared memory is not even copied through the socket: the highest
//! bit of its length is set, a file descriptor travels with the frame, and instead of the payload's bytes the frame
//! holds three u64: the device and the inode of that memory, and the payload's offset in it.
//!
//! Between hosts, a large payload travels on a connection of its own, so that no message waits behind it: the second
//! highest bit of its length is set, and the frame holds nothing else of it. Where there is no other connection, it is
//! part of the frame. In both cases it is preceded by one byte: its address modulo 64, which it gets at the receiver, too,
//! so that numbers in it can be used where they lie.

use mosaic_abi::Buffer;
use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};
use std::{io, sync::Arc};

/// The bytes of a value, shared by all who send or keep them.
pub(crate) type Payload = Arc<Buffer>;

/// The longest message. Anything longer is garbage, since values travel as payloads.
const LONGEST_MESSAGE: usize = 64 << 20;
/// The largest number of payloads. Anything above is garbage, since there is one payload for each argument of a call.
const MOST_PAYLOADS: usize = 1 << 16;
/// Marks the length of a payload that lies in shared memory.
const SHARED: u64 = 1 << 63;
/// Marks the length of a large payload from another host.
const APART: u64 = 1 << 62;
/// The number of bytes of a frame's fixed part.
pub(crate) const PREFIX: usize = 8;

/// A message with its payloads.
#[derive(Clone, Debug)]
pub(crate) struct Frame<M> {
    pub(crate) message: M,
    pub(crate) payloads: Vec<Payload>,
}

impl<M> Frame<M> {
    /// Returns the number of bytes of the payloads.
    pub(crate) fn size(&self) -> usize {
        self.payloads.iter().map(|payload| payload.len()).sum()
    }
}

impl<M> From<M> for Frame<M> {
    fn from(message: M) -> Frame<M> {
        Frame {
            message,
            payloads: Vec::new(),
        }
    }
}

/// The fixed part of a frame: the length of the message and the number of payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    message: usize,
    payloads: usize,
}

impl Prefix {
    /// Reads the fixed part.
    ///
    /// # Errors
    ///
    /// The numbers are out of range.
    pub(crate) fn parse(bytes: [u8; PREFIX]) -> io::Result<Prefix> {
        let [a, b, c, d, e, f, g, h] = bytes;
        let prefix = Prefix {
            message: u32::from_le_bytes([a, b, c, d]) as usize,
            payloads: u32::from_le_bytes([e, f, g, h]) as usize,
        };
        if prefix.message > LONGEST_MESSAGE || prefix.payloads > MOST_PAYLOADS {
            return Err(garbage("its lengths are out of range"));
        }
        Ok(prefix)
    }

    /// Returns the number of bytes between the prefix and the payloads.
    pub(crate) fn header_len(self) -> usize {
        self.payloads * 8 + self.message
    }

    /// Reads the message, and the lengths of its payloads.
    ///
    /// # Errors
    ///
    /// The bytes are no such message.
    pub(crate) fn parse_header<M: DeserializeOwned>(self, header: &[u8]) -> io::Result<(M, Vec<Length>)> {
        Ok((self.message(header)?, self.lengths(header).collect()))
    }

    fn lengths(self, header: &[u8]) -> impl Iterator<Item = Length> + Clone {
        let lengths = header.as_chunks::<8>().0.iter().take(self.payloads);
        lengths.map(|length| Length::of(u64::from_le_bytes(*length)))
    }

    fn message<M: DeserializeOwned>(self, header: &[u8]) -> io::Result<M> {
        let message = header.get(self.payloads * 8..);
        let message = message.ok_or_else(|| garbage("it is too short"))?;
        postcard::from_bytes(message).map_err(|error| garbage(&error.to_string()))
    }
}

/// The length of a payload in bytes, and where the payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// The payload is part of the frame.
    Here(u64),
    /// The payload lies in shared memory.
    Shared(u64),
    /// The payload is large, and comes from another host.
    Apart(u64),
}

impl Length {
    fn of(coded: u64) -> Length {
        match (coded & SHARED, coded & APART) {
            (0, 0) => Length::Here(coded),
            (0, _) => Length::Apart(coded & !APART),
            _ => Length::Shared(coded & !SHARED),
        }
    }

    fn coded(self) -> u64 {
        match self {
            Length::Here(len) => len,
            Length::Shared(len) => len | SHARED,
            Length::Apart(len) => len | APART,
        }
    }
}

/// Appends everything of a frame except the bytes of its payloads. `length` says where a payload of this index and
/// number of bytes is.
///
/// # Errors
///
/// The message cannot be encoded, or is too long. `bytes` may end with a part of the frame then.
pub(crate) fn encode_header<M: Serialize>(
    frame: &Frame<M>,
    length: impl Fn(usize, u64) -> Length,
    bytes: &mut Vec<u8>,
) -> io::Result<()> {
    let payloads = u32::try_from(frame.payloads.len()).map_err(|_| garbage("it has too many payloads"))?;
    let begin = bytes.len();
    // Replaced by the length, once it is known.
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&payloads.to_le_bytes());
    for (index, payload) in frame.payloads.iter().enumerate() {
        let length = length(index, payload.len() as u64);
        bytes.extend_from_slice(&length.coded().to_le_bytes());
    }
    let before = bytes.len();
    postcard::serialize_with_flavor(&frame.message, Appending(bytes)).map_err(|error| garbage(&error.to_string()))?;
    let length = u32::try_from(bytes.len() - before).map_err(|_| garbage("it is too long"))?;
    bytes[begin..][..4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Lets postcard append a message to bytes.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Returns the frame at the beginning of `bytes`, and its number of bytes. Returns `None` if a part of it is missing or
/// is not part of the frame.
pub(crate) fn first_of<M: DeserializeOwned>(bytes: &[u8]) -> io::Result<Option<(Frame<M>, usize)>> {
    let Some((prefix, rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let prefix = Prefix::parse(*prefix)?;
    let Some((header, mut rest)) = rest.split_at_checked(prefix.header_len()) else {
        return Ok(None);
    };
    let lengths = prefix.lengths(header);
    let inside = |rest: usize, length| match length {
        Length::Here(len) => rest.checked_sub(usize::try_from(len).ok()?),
        Length::Shared(_) | Length::Apart(_) => None,
    };
    if lengths.clone().try_fold(rest.len(), inside).is_none() {
        return Ok(None);
    }
    let mut payloads = Vec::with_capacity(prefix.payloads);
    for length in lengths {
        if let Length::Here(len) = length {
            let (payload, behind) = rest.split_at(usize::try_from(len).unwrap_or(rest.len()));
            payloads.push(Arc::new(Buffer::from(payload.to_vec())));
            rest = behind;
        }
    }
    let message = prefix.message(header)?;
    Ok(Some((Frame { message, payloads }, bytes.len() - rest.len())))
}

/// Returns the error of a frame that cannot be read or written.
fn garbage(reason: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a frame cannot be read or written: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let frame = Frame {
            message: "hello".to_owned(),
            payloads: [0, 300, 500].map(|len| Arc::new(Buffer::from(vec![7; len]))).to_vec(),
        };
        let lengths = [Length::Here, Length::Shared, Length::Apart];
        let mut bytes = Vec::new();
        encode_header(&frame, |index, len| lengths[index](len), &mut bytes).unwrap();
        let (prefix, header) = bytes.split_at(PREFIX);
        let prefix = Prefix::parse(prefix.try_into().unwrap()).unwrap();
        assert_eq!(prefix.header_len(), header.len());
        let (message, lengths) = prefix.parse_header::<String>(header).unwrap();
        assert_eq!(
            (message.as_str(), lengths),
            ("hello", vec![Length::Here(0), Length::Shared(300), Length::Apart(500)])
        );
    }

    #[test]
    fn frames_that_are_there_are_read_and_others_are_not() {
        let mut bytes = Vec::new();
        for payloads in [vec![], vec![vec![], vec![7; 300]]] {
            let payloads: Vec<Payload> = payloads.into_iter().map(|it| Arc::new(Buffer::from(it))).collect();
            let message = "hello".to_owned();
            let frame = Frame { message, payloads };
            encode_header(&frame, |_, len| Length::Here(len), &mut bytes).unwrap();
            frame
                .payloads
                .iter()
                .for_each(|payload| bytes.extend_from_slice(payload));
        }
        let (first, len) = first_of::<String>(&bytes).unwrap().unwrap();
        assert_eq!((first.message.as_str(), first.payloads.len()), ("hello", 0));
        for end in 0..len {
            assert!(first_of::<String>(&bytes[..end]).unwrap().is_none());
        }
        let (second, rest) = first_of::<String>(&bytes[len..]).unwrap().unwrap();
        assert_eq!((second.size(), len + rest), (300, bytes.len()));
        assert!(first_of::<String>(&bytes[len..bytes.len() - 1]).unwrap().is_none());
        assert!(first_of::<String>(&[255; 16]).is_err());
        for elsewhere in [Length::Shared, Length::Apart] {
            bytes.clear();
            let length = |index, len| if index == 1 { elsewhere(len) } else { Length::Here(len) };
            encode_header(&second, length, &mut bytes).unwrap();
            bytes.resize(bytes.len() + 400, 0);
            assert!(first_of::<String>(&bytes).unwrap().is_none(), "one is elsewhere");
        }
    }

    #[test]
    fn garbage_is_refused() {
        assert!(Prefix::parse([255; PREFIX]).is_err());
        let prefix = Prefix {
            message: 3,
            payloads: 1,
        };
        assert!(prefix.parse_header::<String>(&[1, 2]).is_err());
        assert!(prefix.parse_header::<String>(&[255; 11]).is_err());
    }
}
