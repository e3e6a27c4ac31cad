//! Messages of the Debug Adapter Protocol as bytes: a header `Content-Length`, an empty line, and JSON.

use serde_json::Value;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

const LENGTH: &str = "content-length";
/// The longest message that is read. `lldb-dap` sends less than a megabyte.
const LIMIT: usize = 256 << 20;

/// Returns a message as bytes.
pub(super) fn encode(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Reads a message. Returns `None` at the end of the stream.
///
/// # Errors
///
/// The stream fails, or what it carries is no message.
pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Value>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        match (line.split_once(':'), length) {
            (Some((name, value)), _) if name.eq_ignore_ascii_case(LENGTH) => {
                length = Some(value.trim().parse::<usize>().map_err(io::Error::other)?);
            }
            (None, Some(length)) if line.is_empty() => {
                if length > LIMIT {
                    return Err(io::Error::other("a message of the debug adapter is too long"));
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await?;
                return serde_json::from_slice(&body).map(Some).map_err(io::Error::other);
            }
            // Another header, or a line that something else has printed.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::io::BufReader;

    #[tokio::test]
    async fn messages_are_read_as_they_were_written() {
        let messages = [json!({ "seq": 1, "text": "é" }), json!({ "seq": 2 })];
        let mut bytes: Vec<u8> = messages.iter().flat_map(encode).collect();
        bytes.extend(b"CONTENT-LENGTH:2\r\nContent-Type: x\r\n\r\n{}");
        let mut stream = BufReader::new(&bytes[..]);
        for message in messages {
            assert_eq!(read(&mut stream).await.unwrap(), Some(message));
        }
        assert_eq!(read(&mut stream).await.unwrap(), Some(json!({})));
        assert_eq!(read(&mut stream).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_message_is_an_error() {
        for bytes in [
            &b"Content-Length: x\r\n\r\n"[..],
            b"Content-Length: 9\r\n\r\n{}",
            b"Content-Length: 1\r\n\r\n{",
        ] {
            assert!(read(&mut BufReader::new(bytes)).await.is_err());
        }
    }
}
