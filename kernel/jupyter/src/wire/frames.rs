//! Converts messages to frames and back. No I/O here.
//!
//! The frames are `[identities…] <IDS|MSG> signature header parent_header metadata content [buffers…]`. See
//! [The wire protocol](https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol).

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

use super::signature::Signer;
use crate::messages::message::{Header, Message};

const DELIMITER: &[u8] = b"<IDS|MSG>";

/// Frames that could not be read as a message.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// No frame is `<IDS|MSG>`.
    #[error("no <IDS|MSG> among {0} frames")]
    NoDelimiter(usize),
    /// Fewer than five frames follow the delimiter.
    #[error("{0} frames after <IDS|MSG>, at least 5 were expected")]
    Truncated(usize),
    /// The signature does not fit the frames.
    #[error("bad signature; the sender does not know the key of the connection file")]
    BadSignature,
    /// A message with this signature was taken before.
    #[error("a repetition of an earlier message; somebody may be replaying what a client has sent")]
    Replayed,
    /// The message is the kernel's own.
    #[error("the kernel's own message; somebody may be sending back what the kernel has sent")]
    Reflected,
    /// A frame is not the JSON object that the protocol expects.
    #[error("frame {frame} is not as expected: {source}")]
    Json {
        /// Name of the frame.
        frame: &'static str,
        /// The mistake and its place in the frame.
        source: serde_json::Error,
    },
}

/// Verifies the signature of frames and reads the message.
///
/// # Errors
/// When the frames are truncated, not JSON, or signed with another key.
pub fn parse(frames: &[impl AsRef<[u8]>], signer: &Signer) -> Result<Message, FrameError> {
    let delimiter = frames
        .iter()
        .position(|frame| frame.as_ref() == DELIMITER)
        .ok_or(FrameError::NoDelimiter(frames.len()))?;
    let (identities, rest) = (&frames[..delimiter], &frames[delimiter + 1..]);
    let [signature, header, parent_header, metadata, content, buffers @ ..] = rest else {
        return Err(FrameError::Truncated(rest.len()));
    };
    let signed = [
        header.as_ref(),
        parent_header.as_ref(),
        metadata.as_ref(),
        content.as_ref(),
    ];
    if !signer.verify(signature.as_ref(), &signed) {
        return Err(FrameError::BadSignature);
    }
    Ok(Message {
        identities: owned(identities),
        header: json("header", signed[0])?,
        // Only an input_reply needs its parent, and some clients send odd ones. An odd one counts as none.
        parent_header: json::<Header>("parent_header", signed[1]).ok().map(Arc::new),
        metadata: json::<Map<String, Value>>("metadata", signed[2])?,
        content: Value::Object(json("content", signed[3])?),
        buffers: owned(buffers),
    })
}

/// Returns the frame that holds the signature.
pub(super) fn signature(frames: &[impl AsRef<[u8]>]) -> Option<&[u8]> {
    let delimiter = frames.iter().position(|frame| frame.as_ref() == DELIMITER)?;
    frames.get(delimiter + 1).map(AsRef::as_ref)
}

/// Writes a message as signed frames.
#[must_use]
pub fn serialise(message: &Message, signer: &Signer) -> Vec<Vec<u8>> {
    let parent_header = match &message.parent_header {
        Some(parent) => json!(**parent),
        None => json!({}),
    };
    let parts = [
        json!(message.header),
        parent_header,
        Value::Object(message.metadata.clone()),
        message.content.clone(),
    ]
    .map(|part| part.to_string().into_bytes());
    let signature = signer.sign(&parts.each_ref().map(Vec::as_slice));
    let mut frames = message.identities.clone();
    frames.push(DELIMITER.to_vec());
    frames.push(signature);
    frames.extend(parts);
    frames.extend(message.buffers.iter().cloned());
    frames
}

fn json<'a, T: Deserialize<'a>>(frame: &'static str, bytes: &'a [u8]) -> Result<T, FrameError> {
    serde_json::from_slice(bytes).map_err(|source| FrameError::Json { frame, source })
}

fn owned(frames: &[impl AsRef<[u8]>]) -> Vec<Vec<u8>> {
    frames.iter().map(|frame| frame.as_ref().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InterruptReply, Reply, Session};

    fn signer(key: &str) -> Signer {
        Signer::new("hmac-sha256", key.as_bytes()).unwrap()
    }

    fn message() -> Message {
        let session = Session::new();
        let mut request = session.message("execute_request", None, json!({ "code": "1 + 1 // ‽" }));
        request.identities = vec![vec![0, 1, 2], b"<IDS|MSG".to_vec()];
        request.with_buffers(vec![vec![0xff, 0, 0xfe], vec![]])
    }

    #[test]
    fn round_trip() {
        for key in ["", "secret"] {
            let message = message();
            assert_eq!(
                parse(&serialise(&message, &signer(key)), &signer(key)).unwrap(),
                message
            );
        }
    }

    #[test]
    fn numbers_arrive_to_the_last_bit() {
        for number in [
            6.666_666_666_666_667e41,
            0.1 + 0.2,
            5e-324,
            f64::MAX,
            9_007_199_254_740_993.0,
        ] {
            let sent = Session::new().message("comm_msg", None, json!({ "data": number }));
            let parsed = parse(&serialise(&sent, &signer("k")), &signer("k")).unwrap();
            assert_eq!(
                parsed.content["data"].as_f64().map(f64::to_bits),
                Some(number.to_bits())
            );
        }
    }

    #[test]
    fn the_parent_comes_back_whole() {
        let mut request = message();
        request.header.extra.insert("subshell_id".into(), json!("abc"));
        let reply = Session::new().reply(&request, &Reply::Interrupt(InterruptReply {}));
        let parsed = parse(&serialise(&reply, &signer("k")), &signer("k")).unwrap();
        assert_eq!(parsed.parent_header.as_deref(), Some(&request.header));
        assert_eq!(parsed.identities, request.identities);
    }

    #[test]
    fn no_parent_is_an_empty_object() {
        let frames = serialise(&message(), &signer(""));
        assert_eq!(frames[5], b"{}");
        assert_eq!(frames[6], b"{}");
    }

    #[test]
    fn bad_signatures() {
        let frames = serialise(&message(), &signer("mine"));
        assert!(matches!(
            parse(&frames, &signer("theirs")),
            Err(FrameError::BadSignature)
        ));
        let mut changed = frames.clone();
        changed[7].push(b' ');
        assert!(matches!(
            parse(&changed, &signer("mine")),
            Err(FrameError::BadSignature)
        ));
        // Buffers are not signed, by the protocol.
        let mut buffers = frames;
        buffers.push(vec![1]);
        assert!(parse(&buffers, &signer("mine")).is_ok());
    }

    #[test]
    fn truncated_frames() {
        let frames = serialise(&message(), &signer("k"));
        for length in 0..8 {
            let error = parse(&frames[..length], &signer("k")).unwrap_err();
            assert!(
                matches!(error, FrameError::NoDelimiter(_) | FrameError::Truncated(_)),
                "{length}: {error}"
            );
        }
    }

    #[test]
    fn garbage() {
        let garbage: [&[u8]; 7] = [b"", b"<IDS|MSG>", b"", b"\xff\xfe", b"[]", b"null", b"{"];
        assert!(matches!(parse(&garbage, &signer("k")), Err(FrameError::BadSignature)));
        assert!(matches!(
            parse(&garbage, &signer("")),
            Err(FrameError::Json { frame: "header", .. })
        ));
        let no_object: [&[u8]; 6] = [
            b"<IDS|MSG>",
            b"",
            br#"{"msg_id": "1", "msg_type": "x"}"#,
            b"{}",
            b"{}",
            b"[1]",
        ];
        assert!(matches!(
            parse(&no_object, &signer("")),
            Err(FrameError::Json { frame: "content", .. })
        ));
    }
}
