//! Writes the kernel's side of ZMTP.

use super::{
    command::SocketType,
    decoder::{COMMAND, GREETING_BYTES, LONG, MORE},
};

/// The kernel's greeting: signature, version 3.0, no encryption.
pub const GREETING: [u8; GREETING_BYTES] = {
    let mut bytes = [0; GREETING_BYTES];
    (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
    let (mechanism, mut index) = (*b"NULL", 0);
    while index < mechanism.len() {
        bytes[12 + index] = mechanism[index];
        index += 1;
    }
    bytes
};

/// Writes the command that ends the handshake.
#[must_use]
pub fn encode_ready(socket_type: SocketType) -> Vec<u8> {
    let name = socket_type.name();
    let mut body = b"\x05READY\x0bSocket-Type\0\0\0".to_vec();
    body.push(u8::try_from(name.len()).unwrap_or_default());
    body.extend_from_slice(name);
    let mut bytes = Vec::new();
    encode_frame(&mut bytes, COMMAND, &body);
    bytes
}

/// Writes the answer to a `PING`.
#[must_use]
pub fn encode_pong(context: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_frame(&mut bytes, COMMAND, &[b"\x04PONG", context].concat());
    bytes
}

/// Writes a message.
#[must_use]
pub fn encode_message(frames: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let length: usize = frames.iter().map(|frame| frame.as_ref().len() + 9).sum();
    let mut bytes = Vec::with_capacity(length);
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        encode_frame(&mut bytes, more, frame.as_ref());
    }
    bytes
}

fn encode_frame(bytes: &mut Vec<u8>, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(length) => bytes.extend_from_slice(&[flags, length]),
        Err(_) => {
            bytes.push(flags | LONG);
            bytes.extend_from_slice(&(body.len() as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(body);
}
