//! The secret that opens the gates of one run.

use crate::hex::{self, HexError};
use serde::{Deserialize, Serialize};
use std::{fmt, io, str::FromStr};

/// The secret of one run, which all its hosts have. Without it, a gate answers no byte.
///
/// It does not protect the data, because launchers may carry it over a readable wire; the hosts' keys do. As text, and so
/// in JSON, it is 64 hexadecimal digits. `Debug` does not show it, and there is no `Display`, so that no log does either.
///
/// ```
/// use mosaic_net::RunSecret;
///
/// let secret = RunSecret::generate()?;
/// assert_eq!(secret.to_hex().parse::<RunSecret>()?, secret);
/// assert_eq!(format!("{secret:?}"), "RunSecret(..)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunSecret([u8; 32]);

impl RunSecret {
    /// Makes a secret of random bytes.
    ///
    /// ```
    /// use mosaic_net::RunSecret;
    ///
    /// assert_ne!(RunSecret::generate()?, RunSecret::generate()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The system has no random bytes.
    pub fn generate() -> io::Result<RunSecret> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(RunSecret(bytes))
    }

    /// Returns the secret as text, which is to be written only where no other user can read it.
    ///
    /// ```
    /// use mosaic_net::RunSecret;
    ///
    /// assert_eq!(RunSecret::generate()?.to_hex().len(), 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// Returns the bytes, the key of the codes in prefaces.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RunSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunSecret(..)")
    }
}

impl FromStr for RunSecret {
    type Err = HexError;

    fn from_str(text: &str) -> Result<RunSecret, HexError> {
        hex::decode(text).map(RunSecret)
    }
}

impl TryFrom<String> for RunSecret {
    type Error = HexError;

    fn try_from(text: String) -> Result<RunSecret, HexError> {
        text.parse()
    }
}

impl From<RunSecret> for String {
    fn from(secret: RunSecret) -> String {
        secret.to_hex()
    }
}
