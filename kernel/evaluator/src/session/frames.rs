//! Frames, in which messages go through a socket: the length as a `u32` in little-endian order, then the encoding.

use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};

/// Sends a message.
///
/// # Errors
///
/// The message cannot be encoded, or the other end is gone.
pub(crate) fn send<T: Serialize>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    stream.write_all(&frame(message)?)
}

/// Encodes a message as a frame.
///
/// # Errors
///
/// The message cannot be encoded, or is too long.
pub(crate) fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let body = mosaic_abi::encode(message).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// Waits for a message.
///
/// # Errors
///
/// The other end is gone, or the message cannot be decoded.
pub(crate) fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    mosaic_abi::decode(&body).map_err(io::Error::other)
}
