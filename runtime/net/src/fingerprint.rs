//! The fingerprint by which hosts know a host's key.

use crate::{
    TlsStream,
    hex::{self, HexError},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The SHA-256 of a host's certificate in DER, which identifies the host's key.
///
/// As text, and so in JSON, it is 64 hexadecimal digits.
///
/// ```
/// use mosaic_net::{Fingerprint, HostKey};
///
/// let fingerprint = HostKey::generate()?.fingerprint();
/// let text = fingerprint.to_string();
/// assert_eq!(text.parse::<Fingerprint>()?, fingerprint);
/// assert_eq!(serde_json::to_string(&fingerprint)?, format!("\"{text}\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Computes the fingerprint of a certificate in DER.
    ///
    /// ```
    /// use mosaic_net::{Fingerprint, HostKey};
    ///
    /// let key = HostKey::generate()?;
    /// assert_eq!(Fingerprint::of_certificate(key.certificate_der()), key.fingerprint());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn of_certificate(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }

    /// Returns the fingerprint of the host at the other end of a stream that [`connect`](crate::connect) or
    /// [`accept`](crate::accept) has returned. `None` only for a stream from elsewhere.
    ///
    /// ```
    /// use mosaic_net::{Fingerprint, TlsStream};
    ///
    /// fn comes_from(stream: &TlsStream, member: Fingerprint) -> bool {
    ///     Fingerprint::of_peer(stream) == Some(member)
    /// }
    /// ```
    #[must_use]
    pub fn of_peer(stream: &TlsStream) -> Option<Fingerprint> {
        let (_, connection) = stream.get_ref();
        let certificate = connection.peer_certificates()?.first()?;
        Some(Fingerprint::of_certificate(certificate))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Fingerprint, HexError> {
        hex::decode(text).map(Fingerprint)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = HexError;

    fn try_from(text: String) -> Result<Fingerprint, HexError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}
