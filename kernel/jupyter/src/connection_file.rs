//! The connection file: where the client expects the kernel's sockets, and the key that signs messages.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use serde::Deserialize;

use crate::{
    channel::Channel,
    wire::{SignatureError, Signer},
};

/// How long a connection file may be. Jupyter writes some 300 bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The connection file that a Jupyter client writes before it starts a kernel.
///
/// See [Connection files](https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files).
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionFile {
    /// Address (TCP) or path prefix (IPC) of all sockets.
    pub ip: String,
    /// Transport of all sockets.
    #[serde(default)]
    pub transport: Transport,
    /// Port of the shell channel.
    pub shell_port: u16,
    /// Port of the control channel.
    pub control_port: u16,
    /// Port of the stdin channel.
    pub stdin_port: u16,
    /// Port of the iopub channel.
    pub iopub_port: u16,
    /// Port of the heartbeat.
    pub hb_port: u16,
    /// Key that signs messages. With an empty key, messages are not signed.
    #[serde(default)]
    pub key: String,
    /// Signature scheme; `hmac-sha256` is the only one in use.
    #[serde(default = "default_scheme")]
    pub signature_scheme: String,
}

/// Transport of a kernel's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP, with an address and a port for each socket.
    #[default]
    Tcp,
    /// Unix sockets. The port is a suffix of the path.
    Ipc,
}

/// The address of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Opens a file to read it. Opening a pipe without a writer would wait for one.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

fn default_scheme() -> String {
    "hmac-sha256".to_owned()
}

/// A connection file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionFileError {
    /// The file could not be read.
    #[error("cannot read the connection file {path}: {source}")]
    Read {
        /// Path of the file.
        path: String,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The file is no connection file.
    #[error("the connection file {path} is not one that jupyter writes: {source}")]
    Parse {
        /// Path of the file.
        path: String,
        /// The mistake and its place in the file.
        source: serde_json::Error,
    },
    /// The path names a directory, a pipe or a device.
    #[error("the connection file {path} is not a regular file")]
    NotAFile {
        /// Path of the file.
        path: String,
    },
    /// The file is longer than any connection file.
    #[error("the connection file {path} is not one that jupyter writes: it has more than {MOST_BYTES} bytes")]
    TooLong {
        /// Path of the file.
        path: String,
    },
    /// Another user can change the file, and may know the key.
    #[error(
        "the connection file {path} belongs to another user (uid {owner}), who could run code as you: \
         start the kernel with a file of your own"
    )]
    Foreign {
        /// Path of the file.
        path: String,
        /// Owner of the file.
        owner: u32,
    },
    /// The signature scheme is not supported.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl ConnectionFile {
    /// Reads the file that a client passed with `-f`. Does not wait, whatever the path names.
    ///
    /// # Errors
    /// When the file cannot be read, belongs to another user, or is not JSON of the expected shape.
    pub fn read(path: &Path) -> Result<Self, ConnectionFileError> {
        let name = || path.display().to_string();
        let cannot_read = |source| ConnectionFileError::Read { path: name(), source };
        let file = open(path).map_err(cannot_read)?;
        let metadata = file.metadata().map_err(cannot_read)?;
        if !metadata.is_file() {
            return Err(ConnectionFileError::NotAFile { path: name() });
        }
        let (owner, user) = (metadata.uid(), geteuid().as_raw());
        // root can read the files of all users, and starts kernels with them in containers.
        if owner != user && owner != 0 && user != 0 {
            return Err(ConnectionFileError::Foreign { path: name(), owner });
        }
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(ConnectionFileError::TooLong { path: name() });
        }
        Self::parse(&bytes).map_err(|source| ConnectionFileError::Parse { path: name(), source })
    }

    /// Reads the content of a connection file.
    ///
    /// # Errors
    /// When the bytes are not JSON of the expected shape.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Makes a signer with the file's key and scheme.
    ///
    /// # Errors
    /// When the scheme is not `hmac-sha256`.
    pub fn signer(&self) -> Result<Signer, ConnectionFileError> {
        Ok(Signer::new(&self.signature_scheme, self.key.as_bytes())?)
    }

    /// Returns whether messages are taken from everybody who can connect over the network.
    pub(crate) fn is_open_to_all(&self) -> bool {
        self.key.is_empty() && self.transport == Transport::Tcp
    }

    /// Returns the address at which clients expect a channel.
    pub(crate) fn address(&self, channel: Channel) -> Address {
        let port = self.port(channel);
        match self.transport {
            Transport::Ipc => Address::Unix(format!("{}-{port}", self.ip).into()),
            Transport::Tcp if self.ip == "*" => Address::Tcp {
                host: "0.0.0.0".to_owned(),
                port,
            },
            Transport::Tcp => Address::Tcp {
                host: self.ip.trim_matches(['[', ']']).to_owned(),
                port,
            },
        }
    }

    fn port(&self, channel: Channel) -> u16 {
        match channel {
            Channel::Shell => self.shell_port,
            Channel::Control => self.control_port,
            Channel::Stdin => self.stdin_port,
            Channel::IoPub => self.iopub_port,
            Channel::Heartbeat => self.hb_port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(extra: &str) -> ConnectionFile {
        let text = format!(
            r#"{{"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5,
                 "kernel_name": "rust-mosaic", {extra}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn tcp_addresses() {
        let tcp = |ip: &str| file(&format!(r#""ip": "{ip}", "transport": "tcp", "key": "k""#));
        assert_eq!(tcp("127.0.0.1").address(Channel::IoPub).to_string(), "127.0.0.1:2");
        let host = |ip: &str| match tcp(ip).address(Channel::Shell) {
            Address::Tcp { host, port: 1 } => host,
            other => panic!("{other}"),
        };
        assert_eq!(
            (host("*"), host("::1"), host("[::1]")),
            ("0.0.0.0".into(), "::1".into(), "::1".into())
        );
    }

    #[test]
    fn ipc_addresses_end_in_the_port() {
        let ipc = file(r#""ip": "/run/kernel-ipc", "transport": "ipc""#);
        assert_eq!(ipc.address(Channel::Control), Address::Unix("/run/kernel-ipc-4".into()));
    }

    #[test]
    fn who_may_send_messages() {
        for (transport, key, is_open) in [("tcp", "", true), ("tcp", "k", false), ("ipc", "", false)] {
            let file = file(&format!(r#""ip": "x", "transport": "{transport}", "key": "{key}""#));
            assert_eq!(file.is_open_to_all(), is_open, "{transport} {key:?}");
        }
    }

    #[test]
    fn what_is_no_connection_file() {
        for text in ["", "{", "[]", "null", "{}", r#"{"shell_port": 70000}"#, "\u{feff}{}"] {
            assert!(ConnectionFile::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(ConnectionFile::parse(b"\xff\xfe").is_err());
        let error = |path: &str| ConnectionFile::read(Path::new(path)).unwrap_err().to_string();
        assert!(error("/").contains("not a regular file"), "{}", error("/"));
        assert!(error("/dev/zero").contains("not a regular file"));
        assert!(error("/no/such/file").contains("No such file"));
    }

    #[test]
    fn an_unknown_scheme_is_refused() {
        let error = file(r#""ip": "127.0.0.1", "key": "k", "signature_scheme": "hmac-md5""#)
            .signer()
            .unwrap_err();
        assert!(error.to_string().contains("hmac-md5"), "{error}");
    }
}
