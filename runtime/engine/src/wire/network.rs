//! What a process needs to reach the processes of other hosts.

use super::host::{Host, WorkerAddress};
use mosaic_net::{Credentials, TlsStream};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The name of the directory with a host's credentials, in its run directory.
const CREDENTIALS: &str = "net";

/// The name that a gate knows the monitor by: the connections of node processes.
pub(crate) const MONITOR: &str = "monitor";
/// The name that a gate knows its host's files by: code and stored values.
pub(crate) const FILES: &str = "files";

/// Returns the directory of a host's credentials.
pub(crate) fn credentials_in(run_dir: &Path) -> PathBuf {
    run_dir.join(CREDENTIALS)
}

/// The place of a process within the runtime's network.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// The host of this process.
    pub(crate) own: Host,
    /// The gate of the monitor's host, as this host reaches it; `None` on that host.
    pub(crate) monitor: Option<SocketAddr>,
    /// The run directory of this host.
    pub(crate) run_dir: PathBuf,
}

impl Network {
    /// Returns the network of a process on the monitor's host.
    pub(crate) fn of_monitor(run_dir: &Path) -> Network {
        Network {
            own: Host::Monitor,
            monitor: None,
            run_dir: run_dir.to_owned(),
        }
    }

    /// Returns whether a process is on another host.
    pub(crate) fn is_elsewhere(&self, place: &WorkerAddress) -> bool {
        !self.own.is_same(place.host)
    }

    /// Connects to a name behind the gate of another host.
    ///
    /// # Errors
    ///
    /// The host cannot be reached, or refuses this one, or is refused by this one.
    pub(crate) async fn connect(&self, host: Host, name: &str) -> io::Result<TlsStream> {
        let gate = match host {
            Host::Node { gate, .. } => Some(gate),
            Host::Monitor => self.monitor,
        };
        let gate = gate.ok_or_else(|| io::Error::other("this host does not know where the monitor's host is"))?;
        let connected = mosaic_net::connect(&self.credentials()?, gate, name).await;
        connected.map_err(|error| io::Error::new(error.kind(), format!("{gate}: {error}")))
    }

    /// Reads the credentials of this host.
    ///
    /// # Errors
    ///
    /// The files cannot be read: the runtime has no other host, or is off.
    pub(crate) fn credentials(&self) -> io::Result<Credentials> {
        Credentials::load(&credentials_in(&self.run_dir))
    }
}
