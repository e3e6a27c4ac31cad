//! The hub's connections: who is at the other end, and what they say.

use super::event::Event;
use crate::id::Id;
use crate::wire::{self, Frame, FromHub, Peer, Sender, ToHub};
use std::{collections::HashMap, time::Duration};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc::UnboundedSender,
    time::sleep,
};

/// Where a connection cannot be accepted, it is usually for want of file descriptors, which take a while to be freed.
const RECOVERY: Duration = Duration::from_millis(100);

/// The connections that said who they are.
#[derive(Debug, Default)]
pub(super) struct Connections {
    heads: HashMap<u64, (Id, Sender<FromHub>)>,
    workers: HashMap<String, (u64, Sender<FromHub>)>,
}

impl Connections {
    pub(super) fn add(&mut self, session: u64, peer: &Peer, sender: Sender<FromHub>) {
        match peer {
            Peer::Head(head) => {
                self.heads.insert(session, (*head, sender));
            }
            Peer::Worker(place) => {
                self.workers.insert(place.uid.clone(), (session, sender));
            }
        }
    }

    pub(super) fn remove_head(&mut self, session: u64) {
        self.heads.remove(&session);
    }

    pub(super) fn remove_worker(&mut self, uid: &str) {
        self.workers.remove(uid);
    }

    /// The head whose connection `session` is.
    pub(super) fn head_of(&self, session: u64) -> Option<Id> {
        self.heads.get(&session).map(|(head, _)| *head)
    }

    /// Whether `session` is the connection of the worker that is called `uid` now.
    pub(super) fn is_worker(&self, uid: &str, session: u64) -> bool {
        self.workers.get(uid).is_some_and(|(of, _)| *of == session)
    }

    pub(super) fn to_head(&self, session: u64, message: FromHub) {
        if let Some((_, head)) = self.heads.get(&session) {
            head.send(message);
        }
    }

    pub(super) fn to_heads(&self, message: &FromHub) {
        for (_, head) in self.heads.values() {
            head.send(message.clone());
        }
    }

    pub(super) fn to_workers(&self, message: &FromHub) {
        for (_, worker) in self.workers.values() {
            worker.send(message.clone());
        }
    }

    pub(super) fn worker_uids(&self) -> impl Iterator<Item = String> {
        self.workers.keys().cloned()
    }

    /// The worker whose connection `session` is.
    pub(super) fn worker_of(&self, session: u64) -> Option<&str> {
        let found = self.workers.iter().find(|(_, (of, _))| *of == session);
        found.map(|(uid, _)| uid.as_str())
    }

    /// Sends to a worker; `false` if it never connected.
    pub(super) fn to_worker(&self, uid: &str, message: impl Into<Frame<FromHub>>) -> bool {
        match self.workers.get(uid) {
            Some((_, worker)) => {
                worker.send(message);
                true
            }
            None => false,
        }
    }
}

/// Accepts connections for as long as the hub runs.
pub(super) async fn accept(listener: UnixListener, events: UnboundedSender<Event>) {
    for session in 0.. {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(session, stream, events.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the hub cannot accept a connection");
                sleep(RECOVERY).await;
            }
        }
    }
}

async fn serve(session: u64, stream: UnixStream, events: UnboundedSender<Event>) {
    let (sender, mut receiver, _) = match wire::connect(stream) {
        Ok(connection) => connection,
        Err(error) => return tracing::warn!(%error, "the hub cannot use a connection"),
    };
    let Ok(Some(Frame {
        message: ToHub::Hello(peer),
        ..
    })) = receiver.receive().await
    else {
        tracing::warn!("a connection to the hub did not say who it is");
        return;
    };
    let _ = events.send(Event::Connected {
        session,
        peer: peer.clone(),
        sender,
    });
    loop {
        match receiver.receive::<ToHub>().await {
            Ok(Some(frame)) => {
                let _ = events.send(Event::Message { session, frame });
            }
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, ?peer, "a connection to the hub broke");
                break;
            }
        }
    }
    let _ = events.send(Event::Closed { session, peer });
}
