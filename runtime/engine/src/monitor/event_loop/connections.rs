//! The monitor's connections: accepts them, reports their messages to the loop, and sends to heads and workers.

use super::event::Event;
use crate::{
    id::Id,
    wire::{self, Frame, FromMonitor, Peer, Received, Sender, ToMonitor, ToNode},
};
use std::{collections::HashMap, time::Duration};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc::UnboundedSender,
    time::sleep,
};

/// The pause after a connection could not be accepted. Usually there are no file descriptors left, and some are freed
/// soon.
const RECOVERY: Duration = Duration::from_millis(100);

/// The connections that said who they are.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// The heads, by session.
    heads: HashMap<u64, (Id, PeerSender)>,
    /// The workers, by uid, each with its session.
    workers: HashMap<String, (u64, PeerSender)>,
}

/// Sends to a head or a worker: directly, or through the node process of its host.
#[derive(Clone, Debug)]
pub(in super::super) enum PeerSender {
    Direct(Sender<FromMonitor>),
    Relayed {
        node: Sender<ToNode>,
        /// The number of the connection on its host.
        session: u64,
    },
}

impl PeerSender {
    fn send(&self, frame: impl Into<Frame<FromMonitor>>) {
        match self {
            PeerSender::Direct(sender) => sender.send(frame),
            PeerSender::Relayed { node, session } => {
                let Frame { message, payloads } = frame.into();
                let session = *session;
                node.send(Frame {
                    message: ToNode::Relay { session, message },
                    payloads,
                });
            }
        }
    }
}

impl Connections {
    /// Adds a connection that said who it is.
    pub(super) fn add(&mut self, session: u64, peer: &Peer, sender: PeerSender) {
        match peer {
            Peer::Head(head) => {
                self.heads.insert(session, (*head, sender));
            }
            Peer::Worker(place) => {
                self.workers.insert(place.uid.clone(), (session, sender));
            }
        }
    }

    /// Removes the connection of a head.
    pub(super) fn remove_head(&mut self, session: u64) {
        self.heads.remove(&session);
    }

    /// Removes the connection of a worker.
    pub(super) fn remove_worker(&mut self, uid: &str) {
        self.workers.remove(uid);
    }

    /// Returns the head whose connection `session` is.
    pub(super) fn head_of(&self, session: u64) -> Option<Id> {
        self.heads.get(&session).map(|(head, _)| *head)
    }

    /// Returns whether `session` is the connection of the worker that is called `uid` now.
    pub(super) fn is_worker(&self, uid: &str, session: u64) -> bool {
        self.workers.get(uid).is_some_and(|(of, _)| *of == session)
    }

    /// Sends a message to a head, if it is connected.
    pub(super) fn to_head(&self, session: u64, message: FromMonitor) {
        if let Some((_, head)) = self.heads.get(&session) {
            head.send(message);
        }
    }

    /// Sends a message to all heads.
    pub(super) fn to_heads(&self, message: &FromMonitor) {
        for (_, head) in self.heads.values() {
            head.send(message.clone());
        }
    }

    /// Sends a message to all workers.
    pub(super) fn to_workers(&self, message: &FromMonitor) {
        for (_, worker) in self.workers.values() {
            worker.send(message.clone());
        }
    }

    /// Returns the uids of the connected workers.
    pub(super) fn worker_uids(&self) -> impl Iterator<Item = String> {
        self.workers.keys().cloned()
    }

    /// Returns the worker whose connection `session` is.
    pub(super) fn worker_of(&self, session: u64) -> Option<&str> {
        let found = self.workers.iter().find(|(_, (of, _))| *of == session);
        found.map(|(uid, _)| uid.as_str())
    }

    /// Sends a message to a worker; `false` if the worker is not connected.
    pub(super) fn to_worker(&self, uid: &str, message: impl Into<Frame<FromMonitor>>) -> bool {
        match self.workers.get(uid) {
            Some((_, worker)) => {
                worker.send(message);
                true
            }
            None => false,
        }
    }
}

/// Accepts connections for as long as the monitor runs.
pub(super) async fn accept(listener: UnixListener, events: UnboundedSender<Event>) {
    for session in 0.. {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(session, stream, events.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the monitor cannot accept a connection");
                sleep(RECOVERY).await;
            }
        }
    }
}

/// Reports the messages of one connection, until it ends.
async fn serve(session: u64, stream: UnixStream, events: UnboundedSender<Event>) {
    let (sender, mut receiver, _) = match wire::connect(stream) {
        Ok(connection) => connection,
        Err(error) => return tracing::warn!(%error, "the monitor cannot use a connection"),
    };
    let Ok(Some(Received {
        message: ToMonitor::Hello(peer),
        ..
    })) = receiver.receive().await
    else {
        tracing::warn!("a connection to the monitor did not introduce itself");
        return;
    };
    let _ = events.send(Event::Connected {
        session,
        peer: peer.clone(),
        sender: PeerSender::Direct(sender),
    });
    loop {
        match receiver.receive::<ToMonitor>().await {
            Ok(Some(frame)) => {
                let _ = events.send(Event::Message { session, frame });
            }
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, ?peer, "a connection to the monitor broke");
                break;
            }
        }
    }
    let _ = events.send(Event::Closed { session, peer });
}
