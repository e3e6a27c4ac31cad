//! What whoever connects sends first, before TLS. It opens the gate.
//!
//! ```text
//! "MOSAIC"  version  length of target  target            nonce     HMAC-SHA256 of all before, with the run's secret
//! 6 bytes   1 byte   1 byte            1 to 64 bytes     16 bytes  32 bytes
//! ```
//!
//! Whoever reads the wire could send a preface again. The gate would let them in, and the handshake of TLS would not.

use crate::RunSecret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt, io};
use tokio::io::{AsyncRead, AsyncReadExt};

const MAGIC: [u8; 6] = *b"MOSAIC";
const VERSION: u8 = 1;
/// The bytes up to the length of the target.
const HEAD: usize = MAGIC.len() + 2;
const LONGEST_TARGET: usize = 64;
const NONCE: usize = 16;
const CODE: usize = 32;

/// The name of the socket on a host that a connection is meant for, such as `node` or `worker-1-3.sock`.
///
/// It has 1 to 64 letters, digits, `-`, `_` and `.`, and does not begin with `.`. So it is a file name and never a path.
///
/// ```
/// use mosaic_net::Target;
///
/// assert_eq!("worker-1-3.sock".parse::<Target>()?.as_str(), "worker-1-3.sock");
/// assert!("../monitor.sock".parse::<Target>().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target(String);

impl Target {
    /// Returns the name.
    ///
    /// ```
    /// use mosaic_net::Target;
    ///
    /// assert_eq!("node".parse::<Target>()?.as_str(), "node");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Target {
    type Err = io::Error;

    fn from_str(name: &str) -> io::Result<Target> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        match (1..=LONGEST_TARGET).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_allowed) {
            true => Ok(Target(name.to_owned())),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{name:?} names no socket of a host: use 1 to {LONGEST_TARGET} letters, digits, `-`, `_` and `.`, \
                     without `.` at the beginning"
                ),
            )),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a gate closes a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The first bytes are not the magic ones.
    #[error("it speaks something else")]
    Magic,
    /// Another version of this crate speaks.
    #[error("it speaks version {0} of the protocol between hosts, and this host speaks version {VERSION}")]
    Version(u8),
    /// The code is not made with the secret of this run.
    #[error("it does not know the secret of this run")]
    Secret,
    /// The preface has the right code, and no name of a socket.
    #[error("it names no socket")]
    Target,
    /// The stranger has closed the connection, or it broke.
    #[error("the preface ends early: {0}")]
    Io(#[from] io::Error),
}

/// Makes a preface.
pub(crate) fn write(secret: &RunSecret, target: &Target) -> io::Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce)?;
    Ok(signed(secret, VERSION, target.as_str().as_bytes(), nonce))
}

/// Reads exactly the bytes of a preface, so that those of TLS are still to be read, and checks them.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), secret: &RunSecret) -> Result<Target, Refusal> {
    let mut preface = [0; HEAD + LONGEST_TARGET + NONCE + CODE];
    stream.read_exact(&mut preface[..HEAD]).await?;
    if preface[..MAGIC.len()] != MAGIC {
        return Err(Refusal::Magic);
    }
    if preface[HEAD - 2] != VERSION {
        return Err(Refusal::Version(preface[HEAD - 2]));
    }
    let length = usize::from(preface[HEAD - 1]);
    if length > LONGEST_TARGET {
        return Err(Refusal::Target);
    }
    let end = HEAD + length + NONCE;
    stream.read_exact(&mut preface[HEAD..end + CODE]).await?;
    // Compares in constant time.
    code(secret, &preface[..end])
        .verify_slice(&preface[end..end + CODE])
        .map_err(|_| Refusal::Secret)?;
    let target = std::str::from_utf8(&preface[HEAD..HEAD + length]).map_err(|_| Refusal::Target)?;
    target.parse().map_err(|_| Refusal::Target)
}

fn signed(secret: &RunSecret, version: u8, target: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
    let length = u8::try_from(target.len()).expect("targets are short");
    let mut preface = [&MAGIC[..], &[version, length], target, &nonce].concat();
    let code = code(secret, &preface).finalize().into_bytes();
    preface.extend_from_slice(&code);
    preface
}

fn code(secret: &RunSecret, preface: &[u8]) -> Hmac<Sha256> {
    let code = Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("a key of any length will do");
    code.chain_update(preface)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Prefaces that no gate may answer, each with what is wrong with it.
    pub(crate) fn wrong_prefaces(secret: &RunSecret) -> Vec<(&'static str, Vec<u8>)> {
        let nonce = [7; NONCE];
        let right = signed(secret, VERSION, b"node", nonce);
        let changed = |index: usize| {
            let mut changed = right.clone();
            changed[index] ^= 1;
            changed
        };
        let long = [b'x'; 255];
        vec![
            (
                "another secret",
                signed(&RunSecret::generate().unwrap(), VERSION, b"node", nonce),
            ),
            ("another version", signed(secret, VERSION + 1, b"node", nonce)),
            ("an older version", signed(secret, 0, b"node", nonce)),
            ("another target than the signed one", changed(HEAD)),
            ("another nonce than the signed one", changed(HEAD + 4)),
            ("another code", changed(right.len() - 1)),
            ("no target", signed(secret, VERSION, b"", nonce)),
            ("a target too long", signed(secret, VERSION, &long[..65], nonce)),
            ("the longest target", signed(secret, VERSION, &long, nonce)),
            ("a path", signed(secret, VERSION, b"../node", nonce)),
            ("a hidden file", signed(secret, VERSION, b".node", nonce)),
            ("a target with a null byte", signed(secret, VERSION, b"node\0", nonce)),
            (
                "a target that is no text",
                signed(secret, VERSION, b"\xffnode\xff", nonce),
            ),
            ("HTTP", b"GET / HTTP/1.1\r\nHost: node\r\n\r\n".repeat(8)),
            ("TLS", [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[9; 500]].concat()),
            ("zeros", vec![0; 1000]),
            ("lowercase magic", right.to_ascii_lowercase()),
        ]
    }

    async fn read_from(bytes: &[u8], secret: &RunSecret) -> (Result<Target, Refusal>, usize) {
        let mut unread = bytes;
        let read = read(&mut unread, secret).await;
        (read, unread.len())
    }

    #[tokio::test]
    async fn a_right_preface_is_read_to_its_last_byte_and_no_further() {
        let secret = RunSecret::generate().unwrap();
        for target in ["node", "worker-1-3.sock", "a", &"x".repeat(64)] {
            let mut bytes = write(&secret, &target.parse().unwrap()).unwrap();
            bytes.extend(b"TLS");
            let (read, unread) = read_from(&bytes, &secret).await;
            assert_eq!((read.unwrap().as_str(), unread), (target, 3));
        }
        let target = "node".parse().unwrap();
        assert_ne!(write(&secret, &target).unwrap(), write(&secret, &target).unwrap());
    }

    #[tokio::test]
    async fn wrong_and_truncated_prefaces_are_refused() {
        let secret = RunSecret::generate().unwrap();
        for (name, bytes) in wrong_prefaces(&secret) {
            let (read, _) = read_from(&bytes, &secret).await;
            assert!(
                read.is_err() && !matches!(read, Err(Refusal::Io(_))),
                "{name}: {read:?}"
            );
        }
        let right = write(&secret, &"node".parse().unwrap()).unwrap();
        for length in 0..right.len() {
            let (read, _) = read_from(&right[..length], &secret).await;
            assert!(matches!(read, Err(Refusal::Io(_))), "{length}: {read:?}");
        }
    }

    #[test]
    fn names_of_files_are_targets_and_paths_are_not() {
        let long = "x".repeat(65);
        for name in ["", ".", "..", ".x", "a/b", "/a", "a b", "a\0", "a\n", "ä", &long] {
            let error = name.parse::<Target>().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
        }
    }
}
