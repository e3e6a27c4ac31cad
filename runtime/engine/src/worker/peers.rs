//! Fetching results from other workers, directly.

use super::stock::Outcome;
use crate::{
    id::Id,
    trim::Trimmer,
    wire::{self, Frame, FromWorker, Peer, Place, ToWorker},
};
use std::{cell::RefCell, collections::HashMap, io};
use tokio::{
    net::UnixStream,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::spawn_local,
};

/// A task of another worker.
pub(super) struct Wanted {
    pub(super) task: Id,
    /// The head that submitted it, or will.
    pub(super) head: Id,
    /// Whether its value is wanted, or only its end.
    pub(super) value: bool,
}

enum Request {
    Fetch {
        wanted: Wanted,
        reply: oneshot::Sender<Outcome>,
    },
    /// Answered when the worker knows of all requests before it.
    Fence { reply: oneshot::Sender<()> },
}

/// What a request is answered to.
enum Reply {
    Fetch(oneshot::Sender<Outcome>),
    Fence(oneshot::Sender<()>),
}

/// One connection to each worker that something was fetched from.
pub(super) struct Peers {
    uid: String,
    trimmer: Trimmer,
    connections: RefCell<HashMap<String, UnboundedSender<Request>>>,
}

impl Peers {
    pub(super) fn new(uid: String, trimmer: Trimmer) -> Peers {
        Peers {
            uid,
            trimmer,
            connections: RefCell::default(),
        }
    }

    /// Asks another worker for a task, at once; what is returned is told how it ended, or dropped with the connection.
    pub(super) fn fetch(&self, place: &Place, wanted: Wanted) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        self.request(place, Request::Fetch { wanted, reply });
        outcome
    }

    /// Waits until all that was asked for is known where it was asked for.
    pub(super) async fn fence(&self) {
        let mut fences = Vec::new();
        for connection in self.connections.borrow().values() {
            let (reply, fenced) = oneshot::channel();
            // If the connection is gone, so is the worker, and `reply` is dropped.
            let _ = connection.send(Request::Fence { reply });
            fences.push(fenced);
        }
        for fenced in fences {
            let _ = fenced.await;
        }
    }

    fn request(&self, place: &Place, request: Request) {
        let mut connections = self.connections.borrow_mut();
        let request = match connections.get(&place.uid) {
            // A connection that ended takes no more: perhaps the worker was not reachable, or another has its name now.
            Some(connection) => match connection.send(request) {
                Ok(()) => return,
                Err(refused) => refused.0,
            },
            None => request,
        };
        let (connection, requests) = unbounded_channel();
        // The channel is new; its other end follows.
        let _ = connection.send(request);
        connections.insert(place.uid.clone(), connection);
        let hello = Peer::Worker(Place {
            uid: self.uid.clone(),
            ..place.clone()
        });
        let (place, trimmer) = (place.clone(), self.trimmer.clone());
        spawn_local(async move {
            if let Err(error) = converse(hello, &place, requests, trimmer).await {
                tracing::debug!(%error, worker = place.uid, "another worker cannot be reached");
            }
        });
    }
}

/// Passes requests on and replies back, until the connection ends; then all that is open is dropped.
async fn converse(
    hello: Peer,
    place: &Place,
    mut requests: UnboundedReceiver<Request>,
    trimmer: Trimmer,
) -> io::Result<()> {
    let (sender, mut receiver, _) = wire::connect(UnixStream::connect(&place.address).await?)?;
    sender.send(ToWorker::Hello(hello));
    let open = RefCell::new(HashMap::new());
    let ask = async {
        for request in 0.. {
            let (message, reply) = match requests.recv().await {
                Some(Request::Fetch { wanted, reply }) => {
                    let Wanted { task, head, value } = wanted;
                    let message = ToWorker::Fetch {
                        request,
                        task,
                        head,
                        value,
                    };
                    (message, Reply::Fetch(reply))
                }
                Some(Request::Fence { reply }) => (ToWorker::Fence { request }, Reply::Fence(reply)),
                None => break,
            };
            open.borrow_mut().insert(request, reply);
            sender.send(message);
        }
    };
    let hear = async {
        while let Some(frame) = receiver.receive::<FromWorker>().await? {
            trimmer.note(frame.size());
            let Frame { message, payloads } = frame;
            let (FromWorker::Fetched { request, .. } | FromWorker::Fenced { request }) = &message else {
                continue;
            };
            let reply = open.borrow_mut().remove(request);
            // Whoever asked may have given up.
            match (reply, message) {
                (Some(Reply::Fetch(reply)), FromWorker::Fetched { outcome, .. }) => {
                    let outcome = outcome.map_err(|failure| *failure);
                    let _ = reply.send(outcome.map(|()| payloads.into_iter().next().unwrap_or_default()));
                }
                (Some(Reply::Fence(reply)), _) => {
                    let _ = reply.send(());
                }
                _ => {}
            }
        }
        io::Result::Ok(())
    };
    tokio::select! {
        () = ask => Ok(()),
        heard = hear => heard,
    }
}
