//! Decides which messages are taken: well-formed, signed with the key, by somebody else, and for the first time.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use super::{FrameError, Signer, frames};
use crate::messages::message::Message;

/// How many signatures are remembered, as by jupyter_client.
const REMEMBERED: usize = 1 << 16;

/// Inspects the messages of all channels.
pub(crate) struct Inspector {
    signer: Signer,
    /// Id of the kernel's own session.
    own_session: String,
    seen: Mutex<Signatures>,
}

impl Inspector {
    /// Makes an inspector that has seen no message.
    pub(crate) fn new(signer: Signer, own_session: &str) -> Self {
        Inspector {
            signer,
            own_session: own_session.to_owned(),
            seen: Mutex::default(),
        }
    }

    /// Verifies and reads a message.
    ///
    /// Whoever listens to a client or to iopub has messages with good signatures. So a message that was taken before
    /// is refused, and so is a message of the kernel itself.
    ///
    /// # Errors
    /// When the message is malformed, signed with another key, the kernel's own, or a repetition.
    pub(crate) fn inspect(&self, frames: &[impl AsRef<[u8]>]) -> Result<Message, FrameError> {
        let message = frames::parse(frames, &self.signer)?;
        if message.header.session == self.own_session {
            return Err(FrameError::Reflected);
        }
        if self.signer.signs()
            && let Some(signature) = frames::signature(frames)
            // The case of hexadecimal digits says nothing.
            && !self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(signature.to_ascii_lowercase())
        {
            return Err(FrameError::Replayed);
        }
        Ok(message)
    }
}

/// The last signatures.
#[derive(Debug, Default)]
struct Signatures {
    known: HashSet<Vec<u8>>,
    /// The same, the oldest first.
    order: VecDeque<Vec<u8>>,
}

impl Signatures {
    /// Remembers a signature; returns whether it is new.
    fn note(&mut self, signature: Vec<u8>) -> bool {
        if !self.known.insert(signature.clone()) {
            return false;
        }
        self.order.push_back(signature);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Session, wire::serialise};
    use serde_json::json;

    #[test]
    fn a_message_is_taken_once() {
        let kernel = Session::new();
        for (key, again_is_refused) in [("secret", true), ("", false)] {
            let signer = Signer::new("hmac-sha256", key.as_bytes()).unwrap();
            let inspector = Inspector::new(signer.clone(), kernel.id());
            let frames = serialise(&Session::new().message("execute_request", None, json!({})), &signer);
            assert!(inspector.inspect(&frames).is_ok());
            let again = inspector.inspect(&frames);
            assert_eq!(matches!(again, Err(FrameError::Replayed)), again_is_refused);
            // Neither the case of the digits nor unsigned frames make it another message.
            let changed = [
                &[b"other".to_vec()],
                &frames[..1],
                &[frames[1].to_ascii_uppercase()],
                &frames[2..],
                &[vec![1]],
            ];
            let changed = inspector.inspect(&changed.concat());
            assert_eq!(matches!(changed, Err(FrameError::Replayed)), again_is_refused);
        }
    }

    #[test]
    fn a_message_with_a_bad_signature_is_not_remembered() {
        let signer = Signer::new("hmac-sha256", b"secret").unwrap();
        let inspector = Inspector::new(signer.clone(), "kernel");
        let frames = serialise(&Session::new().message("execute_request", None, json!({})), &signer);
        let mut forged = frames.clone();
        forged[5] = b"{\"other\": 1}".to_vec();
        assert!(matches!(inspector.inspect(&forged), Err(FrameError::BadSignature)));
        assert!(inspector.inspect(&frames).is_ok());
    }

    #[test]
    fn the_kernels_own_messages_are_refused() {
        let kernel = Session::new();
        for key in ["secret", ""] {
            let signer = Signer::new("hmac-sha256", key.as_bytes()).unwrap();
            let inspector = Inspector::new(signer.clone(), kernel.id());
            let frames = serialise(&kernel.message("comm_msg", None, json!({})), &signer);
            assert!(matches!(inspector.inspect(&frames), Err(FrameError::Reflected)));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = Signatures::default();
        for number in 0..=REMEMBERED {
            assert!(seen.note(number.to_be_bytes().to_vec()));
        }
        assert_eq!((seen.known.len(), seen.order.len()), (REMEMBERED, REMEMBERED));
        assert!(!seen.note(1usize.to_be_bytes().to_vec()));
        assert!(seen.note(0usize.to_be_bytes().to_vec()), "the oldest is forgotten");
    }
}
