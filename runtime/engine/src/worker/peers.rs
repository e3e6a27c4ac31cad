//! Fetching results from other workers, directly.

use super::stock::Outcome;
use crate::{
    failures::worker_lost,
    id::Id,
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

struct Request {
    task: Id,
    value: bool,
    reply: oneshot::Sender<Outcome>,
}

/// One connection to each worker that something was ever fetched from.
pub(super) struct Peers {
    uid: String,
    connections: RefCell<HashMap<String, UnboundedSender<Request>>>,
}

impl Peers {
    pub(super) fn new(uid: String) -> Peers {
        Peers {
            uid,
            connections: RefCell::default(),
        }
    }

    /// Waits for a task of another worker, and gets its value if `value` is set.
    pub(super) async fn fetch(&self, place: &Place, task: Id, value: bool) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let request = Request { task, value, reply };
        let connection = self.connection(place);
        // If the connection is gone, the request is dropped, and so is `reply`.
        let _ = connection.send(request);
        outcome
            .await
            .unwrap_or_else(|_| Err(worker_lost(&place.uid, "its connection closed")))
    }

    fn connection(&self, place: &Place) -> UnboundedSender<Request> {
        let mut connections = self.connections.borrow_mut();
        if let Some(connection) = connections.get(&place.uid) {
            return connection.clone();
        }
        let (connection, requests) = unbounded_channel();
        connections.insert(place.uid.clone(), connection.clone());
        let hello = Peer::Worker(Place {
            uid: self.uid.clone(),
            ..place.clone()
        });
        let place = place.clone();
        spawn_local(async move {
            if let Err(error) = converse(hello, &place, requests).await {
                tracing::debug!(%error, worker = place.uid, "another worker cannot be reached");
            }
        });
        connection
    }
}

/// Passes requests on and replies back, until the connection ends; then all that is open is dropped.
async fn converse(hello: Peer, place: &Place, mut requests: UnboundedReceiver<Request>) -> io::Result<()> {
    let (sender, mut receiver, _) = wire::connect(UnixStream::connect(&place.address).await?);
    sender.send(ToWorker::Hello(hello));
    let open = RefCell::new(HashMap::new());
    let ask = async {
        for number in 0.. {
            let Some(Request { task, value, reply }) = requests.recv().await else {
                break;
            };
            open.borrow_mut().insert(number, reply);
            sender.send(ToWorker::Fetch {
                request: number,
                task,
                value,
            });
        }
    };
    let hear = async {
        while let Some(Frame { message, payloads }) = receiver.receive::<FromWorker>().await? {
            let FromWorker::Fetched { request, outcome } = message else {
                continue;
            };
            if let Some(reply) = open.borrow_mut().remove(&request) {
                // Whoever asked may have given up.
                let _ = reply.send(outcome.map(|()| payloads.into_iter().next().unwrap_or_default()));
            }
        }
        io::Result::Ok(())
    };
    tokio::select! {
        () = ask => Ok(()),
        heard = hear => heard,
    }
}
