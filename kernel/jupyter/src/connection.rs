//! The connection file: where the client expects the kernel's sockets, and the key that signs.

use std::{fs, io, path::Path};

use serde::Deserialize;

use crate::{Channel, Signer, signature::SignatureError};

/// What a Jupyter client writes before it starts a kernel.
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionFile {
    /// Address (tcp) or path prefix (ipc) of all sockets.
    pub ip: String,
    /// How the sockets are reached.
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
    /// The key that signs messages; empty for none.
    #[serde(default)]
    pub key: String,
    /// How messages are signed; `hmac-sha256` is the only scheme in use.
    #[serde(default = "default_scheme")]
    pub signature_scheme: String,
}

/// How the sockets are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP: address and port.
    #[default]
    Tcp,
    /// Unix sockets: the port is a suffix of the path.
    Ipc,
}

fn default_scheme() -> String {
    "hmac-sha256".to_owned()
}

/// Why a connection file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionFileError {
    /// The file could not be read.
    #[error("cannot read the connection file {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what Jupyter writes.
    #[error("the connection file {path} is not one of jupyter's: {source}")]
    Parse {
        /// The file.
        path: String,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl ConnectionFile {
    /// Reads the file that a client passed with `-f`.
    ///
    /// # Errors
    /// When the file cannot be read or is not JSON of the expected shape.
    pub fn read(path: &Path) -> Result<Self, ConnectionFileError> {
        let name = || path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| ConnectionFileError::Read { path: name(), source })?;
        serde_json::from_str(&text).map_err(|source| ConnectionFileError::Parse { path: name(), source })
    }

    /// The signer that this file's key and scheme ask for.
    ///
    /// # Errors
    /// When the scheme is not `hmac-sha256`.
    pub fn signer(&self) -> Result<Signer, ConnectionFileError> {
        Ok(Signer::new(&self.signature_scheme, self.key.as_bytes())?)
    }

    /// The endpoint of a channel, in ZeroMQ's notation.
    pub fn endpoint(&self, channel: Channel) -> String {
        let port = self.port(channel);
        match self.transport {
            Transport::Ipc => format!("ipc://{}-{port}", self.ip),
            Transport::Tcp if self.ip == "*" => format!("tcp://0.0.0.0:{port}"),
            Transport::Tcp if self.ip.contains(':') && !self.ip.starts_with('[') => {
                format!("tcp://[{}]:{port}", self.ip)
            }
            Transport::Tcp => format!("tcp://{}:{port}", self.ip),
        }
    }

    /// The socket file of a channel, where the transport has one.
    pub fn socket_file(&self, channel: Channel) -> Option<String> {
        match self.transport {
            Transport::Ipc => Some(format!("{}-{}", self.ip, self.port(channel))),
            Transport::Tcp => None,
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
    fn tcp_endpoints() {
        let tcp = file(r#""ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256""#);
        assert_eq!(tcp.endpoint(Channel::IoPub), "tcp://127.0.0.1:2");
        assert_eq!(tcp.socket_file(Channel::IoPub), None);
        assert_eq!(file(r#""ip": "::1""#).endpoint(Channel::Shell), "tcp://[::1]:1");
        assert_eq!(file(r#""ip": "*""#).endpoint(Channel::Shell), "tcp://0.0.0.0:1");
    }

    #[test]
    fn ipc_endpoints_end_in_the_port() {
        let ipc = file(r#""ip": "/run/kernel-ipc", "transport": "ipc""#);
        assert_eq!(ipc.endpoint(Channel::Control), "ipc:///run/kernel-ipc-4");
        assert_eq!(ipc.socket_file(Channel::Control).as_deref(), Some("/run/kernel-ipc-4"));
    }

    #[test]
    fn an_unknown_scheme_is_refused() {
        let error = file(r#""ip": "127.0.0.1", "key": "k", "signature_scheme": "hmac-md5""#)
            .signer()
            .unwrap_err();
        assert!(error.to_string().contains("hmac-md5"), "{error}");
    }
}
