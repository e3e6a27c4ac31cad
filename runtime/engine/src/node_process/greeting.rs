//! How a node process and the monitor come to trust each other.
//!
//! The node process makes a key and prints its fingerprint. The monitor answers with its own, over the pipes of the
//! launcher. Then the node process connects to the monitor, and both prove to have these keys. So whoever can read the
//! pipes, or what the launcher carries them over, learns nothing that would let them in.

use crate::wire::{
    FromNode, MONITOR, NodeGreeting, NodeHello, NodeOrder, Receiver, Sender, connect_tls, credentials_in,
};
use mosaic_net::{Credentials, Fingerprint, Gate, HostKey, Settings, TlsStream};
use std::{
    io::{self, BufRead, Write},
    net::SocketAddr,
    path::Path,
};

/// The monitor, as a node process has met it.
pub(super) struct Monitor {
    pub(super) sender: Sender<FromNode>,
    pub(super) receiver: Receiver,
    /// The address of the gate of the monitor's host.
    pub(super) address: SocketAddr,
    pub(super) credentials: Credentials,
    /// The number of this host.
    pub(super) host: u32,
}

/// Opens this host's gate, and connects to the monitor.
///
/// # Errors
///
/// The monitor does not speak, cannot be reached, or is not the one that launched this process.
pub(super) async fn meet_monitor(run_dir: &Path) -> io::Result<(Monitor, Gate)> {
    let settings = Settings::from_environment().map_err(io::Error::other)?;
    let gate = settings.listen()?;
    let key = HostKey::generate()?;
    let fingerprint = key.fingerprint();
    let order = exchange(&NodeGreeting { fingerprint })?;
    let members = [fingerprint, order.monitor];
    let credentials = Credentials::create(&credentials_in(run_dir), &key, &order.secret, members)?;
    let (stream, address) = connect(&credentials, &order.addresses, order.monitor).await?;
    let (sender, receiver) = connect_tls(stream);
    sender.send(FromNode::Hello(NodeHello {
        host: order.host,
        pid: std::process::id(),
        address: settings.address,
        port: gate.local_port(),
    }));
    let monitor = Monitor {
        sender,
        receiver,
        address,
        credentials,
        host: order.host,
    };
    Ok((monitor, gate))
}

/// Prints a line, and reads the answer.
fn exchange(greeting: &NodeGreeting) -> io::Result<NodeOrder> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string(greeting)?)?;
    stdout.flush()?;
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(io::Error::other("the launcher has closed standard input"));
    }
    Ok(serde_json::from_str(&line)?)
}

/// Connects to the first address at which the monitor is.
async fn connect(
    credentials: &Credentials,
    addresses: &[SocketAddr],
    monitor: Fingerprint,
) -> io::Result<(TlsStream, SocketAddr)> {
    let mut errors = Vec::new();
    for address in addresses {
        match mosaic_net::connect_to_member(credentials, *address, MONITOR, monitor).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) => errors.push(format!("{address}: {error}")),
        }
    }
    let errors = errors.join("; ");
    Err(io::Error::other(format!(
        "the monitor cannot be reached at any of its addresses ({errors}): see that a firewall lets this host, or set \
         MOSAIC_ADDRESS and MOSAIC_PORTS where the notebook or program runs"
    )))
}
