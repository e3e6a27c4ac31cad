//! Signatures of messages: HMAC-SHA256 of the four JSON frames, in hexadecimal.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

type HmacSha256 = Hmac<Sha256>;

/// No signer could be made.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The connection file names a scheme other than `hmac-sha256`.
    #[error("signature scheme {0:?} is not supported; jupyter's default is \"hmac-sha256\"")]
    UnknownScheme(String),
}

/// Signs outgoing and verifies incoming messages.
#[derive(Clone)]
pub struct Signer {
    /// The keyed digest, which is cloned for each message. `None` if messages are not signed.
    keyed: Option<HmacSha256>,
}

/// Shows whether messages are signed, but not the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("signs", &self.keyed.is_some())
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Makes a signer for a scheme and a key. An empty key turns signatures off.
    ///
    /// # Errors
    /// When the scheme is neither `hmac-sha256` nor empty.
    pub fn new(scheme: &str, key: &[u8]) -> Result<Self, SignatureError> {
        if !matches!(scheme, "hmac-sha256" | "") {
            return Err(SignatureError::UnknownScheme(scheme.to_owned()));
        }
        // HMAC takes keys of any length, so this cannot fail.
        let keyed = (!key.is_empty())
            .then(|| HmacSha256::new_from_slice(key).ok())
            .flatten();
        Ok(Signer { keyed })
    }

    /// Makes a signer that signs nothing and accepts everything.
    pub(crate) fn none() -> Self {
        Signer { keyed: None }
    }

    /// Returns whether messages are signed.
    pub(crate) fn signs(&self) -> bool {
        self.keyed.is_some()
    }

    /// Returns the signature of the frames in hexadecimal, or nothing if the key is empty.
    pub fn sign(&self, frames: &[&[u8]]) -> Vec<u8> {
        match self.digest(frames) {
            Some(mac) => to_hex(&mac.finalize().into_bytes()),
            None => Vec::new(),
        }
    }

    /// Returns whether `signature`, in hexadecimal, is the signature of the frames. The comparison takes the same time
    /// wherever the two differ.
    pub fn verify(&self, signature: &[u8], frames: &[&[u8]]) -> bool {
        match self.digest(frames) {
            Some(mac) => from_hex(signature).is_some_and(|bytes| mac.verify_slice(&bytes).is_ok()),
            None => true,
        }
    }

    fn digest(&self, frames: &[&[u8]]) -> Option<HmacSha256> {
        let mut mac = self.keyed.clone()?;
        for frame in frames {
            mac.update(frame);
        }
        Some(mac)
    }
}

fn to_hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .collect()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        // RFC 4231, test case 2.
        let signer = Signer::new("hmac-sha256", b"Jefe").unwrap();
        let expected = b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signer.sign(&[b"what do ya want ", b"for nothing?"]), expected);
        assert!(signer.verify(expected, &[b"what do ya want for nothing?"]));
        assert!(!signer.verify(expected, &[b"what do ya want for something?"]));
    }

    #[test]
    fn signatures_that_are_none() {
        let signer = Signer::new("hmac-sha256", b"Jefe").unwrap();
        for signature in [&b""[..], b"5b", b"5bd", b"not hexadecimal", &[0xff; 64]] {
            assert!(!signer.verify(signature, &[b"x"]), "{signature:?}");
        }
    }

    #[test]
    fn an_empty_key_signs_nothing() {
        let signer = Signer::new("hmac-sha256", b"").unwrap();
        assert_eq!(signer.sign(&[b"x"]), b"");
        assert!(signer.verify(b"", &[b"x"]));
    }
}
