//! The hosts of a runtime, and the addresses of processes on them. No I/O here.

use serde::{Deserialize, Serialize};
use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// The monitor's host, as an environment variable holds it.
const MONITOR: &str = "monitor";

/// A host of the runtime, as the processes of others find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Host {
    /// The host of the monitor. In a runtime of one machine, every process is here. Where others reach it, each of them
    /// knows from its own host.
    #[default]
    Monitor,
    /// A host with a node process.
    Node {
        /// The number of the host, from 0.
        number: u32,
        /// The address of its gate.
        gate: SocketAddr,
    },
}

impl Host {
    /// Returns the number of a host with a node process.
    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Host::Monitor => None,
            Host::Node { number, .. } => Some(number),
        }
    }

    /// Returns whether both are the same host.
    pub(crate) fn is_same(self, other: Host) -> bool {
        self.number() == other.number()
    }
}

/// The host as an environment variable holds it: `monitor`, or a number and an address such as `1@10.0.0.2:7000`.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Monitor => f.write_str(MONITOR),
            Host::Node { number, gate } => write!(f, "{number}@{gate}"),
        }
    }
}

impl FromStr for Host {
    type Err = ();

    fn from_str(text: &str) -> Result<Host, ()> {
        if text == MONITOR {
            return Ok(Host::Monitor);
        }
        let (number, gate) = text.split_once('@').ok_or(())?;
        Ok(Host::Node {
            number: number.parse().map_err(drop)?,
            gate: gate.parse().map_err(drop)?,
        })
    }
}

/// A worker, the socket at which it listens, and the host on which that is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct WorkerAddress {
    pub(crate) uid: String,
    /// The worker's Unix socket, on its own host.
    pub(crate) socket: PathBuf,
    pub(crate) host: Host,
}

impl WorkerAddress {
    /// Returns the name of the socket: what a gate is asked for.
    pub(crate) fn socket_name(&self) -> String {
        let name = self.socket.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// Shows where the worker listens: its socket, or its host's gate and the name of its socket.
impl fmt::Display for WorkerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Monitor => write!(f, "{}", self.socket.display()),
            Host::Node { gate, .. } => write!(f, "{gate}/{}", self.socket_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_as_it_is_shown() {
        let gate = "[::1]:7000".parse().unwrap();
        for host in [Host::Monitor, Host::Node { number: 3, gate }] {
            assert_eq!(host.to_string().parse(), Ok(host));
        }
        for wrong in ["", "1", "1@", "@10.0.0.1:1", "x@10.0.0.1:1"] {
            assert_eq!(wrong.parse::<Host>(), Err(()), "{wrong}");
        }
    }
}
