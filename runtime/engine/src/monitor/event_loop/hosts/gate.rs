//! Connections from other hosts.

use super::super::event::Event;
use crate::{
    code::CodeStore,
    files,
    warehouse::StoreDirs,
    wire::{FILES, FromNode, MONITOR, NodeHello, Received, Sender, ToNode, ToWorker, connect_tls, hand_over},
};
use mosaic_net::{Credentials, Fingerprint, Gate};
use std::{
    fmt, io,
    net::IpAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{sync::mpsc::UnboundedSender, time::sleep};

/// The pause after a connection could not be accepted.
const RECOVERY: Duration = Duration::from_millis(100);

/// A node process that has connected.
pub(in super::super::super) struct NodeConnection {
    pub(in super::super::super) hello: NodeHello,
    pub(in super::super::super) sender: Sender<ToNode>,
    /// The address from which it came.
    pub(in super::super::super) address: IpAddr,
    /// The key with which it has proved that it belongs to the run.
    pub(in super::super::super) fingerprint: Option<Fingerprint>,
}

impl fmt::Debug for NodeConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeConnection({:?}, {})", self.hello, self.address)
    }
}

/// Accepts connections from other hosts, for as long as the run lasts.
pub(super) async fn accept_hosts(
    mut gate: Gate,
    credentials: Credentials,
    run_dir: PathBuf,
    store_dirs: StoreDirs,
    events: UnboundedSender<Event>,
    run: u64,
) {
    let code = CodeStore::in_run_dir(&run_dir);
    loop {
        let (stream, target) = match gate.accept(credentials.secret()).await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection from another host cannot be accepted");
                sleep(RECOVERY).await;
                continue;
            }
        };
        let (credentials, events, target) = (credentials.clone(), events.clone(), target.as_str().to_owned());
        let (run_dir, code, store_dirs) = (run_dir.clone(), code.clone(), store_dirs.clone());
        tokio::spawn(async move {
            let served = match &*target {
                MONITOR => serve_node(&credentials, stream.into(), &events, run).await,
                FILES => serve_files(&credentials, stream.into(), code, store_dirs).await,
                socket => pass_on(stream.into(), &run_dir, socket).await,
            };
            if let Err(error) = served {
                tracing::warn!(%error, target, "a connection from another host ended");
            }
        });
    }
}

/// Sends files to another host.
pub(crate) async fn serve_files(
    credentials: &Credentials,
    stream: OwnedFd,
    code: CodeStore,
    store_dirs: StoreDirs,
) -> io::Result<()> {
    let stream = mosaic_net::accept(credentials, stream).await?;
    files::serve(stream, code, store_dirs).await;
    Ok(())
}

/// Passes a connection on to the process that listens at a socket of the run directory.
pub(crate) async fn pass_on(stream: OwnedFd, run_dir: &Path, socket: &str) -> io::Result<()> {
    let is_name = !socket.contains('/') && socket.ends_with(".sock");
    if !is_name {
        return Err(io::Error::other(format!("`{socket}` is no socket of a worker")));
    }
    hand_over(&ToWorker::Adopt, stream, &run_dir.join(socket)).await
}

/// Reports what a node process says, until its connection ends.
async fn serve_node(
    credentials: &Credentials,
    stream: OwnedFd,
    events: &UnboundedSender<Event>,
    run: u64,
) -> io::Result<()> {
    let stream = mosaic_net::accept(credentials, stream).await?;
    let address = stream.get_ref().0.peer_addr()?.ip().to_canonical();
    let fingerprint = Fingerprint::of_peer(&stream);
    let (sender, mut receiver) = connect_tls(stream);
    let Some(Received {
        message: FromNode::Hello(hello),
        ..
    }) = receiver.receive().await?
    else {
        return Err(io::Error::other("a node process did not introduce itself"));
    };
    let host = hello.host;
    let connection = Box::new(NodeConnection {
        hello,
        sender,
        address,
        fingerprint,
    });
    let _ = events.send(Event::NodeConnected { run, connection });
    let reason = loop {
        match receiver.receive::<FromNode>().await {
            Ok(Some(frame)) => {
                let _ = events.send(Event::Node { run, host, frame });
            }
            Ok(None) => break "its node process ended".to_owned(),
            Err(error) => break format!("the connection to its node process broke: {error}"),
        }
    };
    let _ = events.send(Event::NodeClosed { run, host, reason });
    Ok(())
}
