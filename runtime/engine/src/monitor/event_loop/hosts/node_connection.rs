//! The connections of node processes.

use super::super::event::Event;
use crate::wire::{FromNode, NodeHello, Received, Sender, ToNode, connect_tls};
use mosaic_net::{Credentials, Fingerprint};
use std::{fmt, io, net::IpAddr, os::fd::OwnedFd};
use tokio::sync::mpsc::UnboundedSender;

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

/// Reports what a node process says, until its connection ends.
pub(super) async fn serve_node(
    credentials: Credentials,
    stream: OwnedFd,
    events: UnboundedSender<Event>,
    run: u64,
) -> io::Result<()> {
    let stream = mosaic_net::accept(&credentials, stream).await?;
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
