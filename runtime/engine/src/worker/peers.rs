//! Fetching results directly from other workers.

use super::results::Outcome;
use crate::{
    failures::{cannot_connect, is_shortage},
    id::Id,
    trim_memory::Trimmer,
    wire::{self, Coming, FromWorker, Network, Payload, Peer, Received, ToWorker, WorkerAddress, all_arrived, only},
};
use mosaic_abi::Failure;
use std::{cell::RefCell, collections::HashMap, io};
use tokio::{
    net::UnixStream,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::spawn_local,
};

/// A task of another worker whose outcome is wanted.
pub(super) struct Wanted {
    pub(super) task: Id,
    /// The head that submitted the task, or will.
    pub(super) head: Id,
    /// Whether the value is wanted, or only the end of the task.
    pub(super) value: bool,
}

/// A request to another worker.
enum PeerRequest {
    Fetch {
        wanted: Wanted,
        reply: oneshot::Sender<Outcome>,
    },
    /// Answered when the other worker knows of all requests before this one.
    Fence { reply: oneshot::Sender<()> },
}

/// Receives the answer to a request.
enum PeerReply {
    Fetch(oneshot::Sender<Outcome>),
    Fence(oneshot::Sender<()>),
}

/// The connections to other workers: one to each worker that something was fetched from. Only the I/O thread uses them.
pub(super) struct Peers {
    /// This worker's uid.
    uid: String,
    network: Network,
    trimmer: Trimmer,
    /// The ways to the tasks that converse with other workers, by uid. A closed channel belongs to a connection that
    /// ended.
    connections: RefCell<HashMap<String, UnboundedSender<PeerRequest>>>,
}

impl Peers {
    /// Makes an empty set of connections, for the worker `uid`.
    pub(super) fn new(uid: String, network: Network, trimmer: Trimmer) -> Peers {
        Peers {
            uid,
            network,
            trimmer,
            connections: RefCell::default(),
        }
    }

    /// Asks another worker at once for a task. The returned receiver gets the outcome, or an error if the connection
    /// ends.
    pub(super) fn fetch(&self, place: &WorkerAddress, wanted: Wanted) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        self.request(place, PeerRequest::Fetch { wanted, reply });
        outcome
    }

    /// Waits until the other workers know of everything that was asked of them.
    pub(super) async fn fence(&self) {
        let mut fences = Vec::new();
        for connection in self.connections.borrow().values() {
            let (reply, fenced) = oneshot::channel();
            // If the connection is gone, so is the worker, and `reply` is dropped.
            let _ = connection.send(PeerRequest::Fence { reply });
            fences.push(fenced);
        }
        for fenced in fences {
            let _ = fenced.await;
        }
    }

    fn request(&self, place: &WorkerAddress, request: PeerRequest) {
        let mut connections = self.connections.borrow_mut();
        let request = match connections.get(&place.uid) {
            // A connection that ended takes no more requests: the worker was not reachable, or another one has its uid
            // now.
            Some(connection) => match connection.send(request) {
                Ok(()) => return,
                Err(refused) => refused.0,
            },
            None => request,
        };
        let (connection, requests) = unbounded_channel();
        // Sending cannot fail: the other end of the channel is in `requests`.
        let _ = connection.send(request);
        connections.insert(place.uid.clone(), connection);
        let hello = Peer::Worker(WorkerAddress {
            uid: self.uid.clone(),
            ..place.clone()
        });
        let (place, network, trimmer) = (place.clone(), self.network.clone(), self.trimmer.clone());
        spawn_local(async move {
            match connect(&network, &place).await {
                Ok(connection) => {
                    if let Err(error) = converse(hello, connection, requests, trimmer).await {
                        tracing::debug!(%error, worker = place.uid, "a connection to another worker broke");
                    }
                }
                Err(error) if is_shortage(&error) => refuse(requests, &place.uid, &error),
                // The worker is gone, which those who asked learn when `requests` is dropped.
                Err(error) => tracing::debug!(%error, worker = place.uid, "another worker cannot be reached"),
            }
        });
    }
}

/// A connection to another worker.
type Connection = (wire::Sender<ToWorker>, wire::Receiver);

/// Connects to another worker.
async fn connect(network: &Network, place: &WorkerAddress) -> io::Result<Connection> {
    if network.is_elsewhere(place) {
        let (sender, unconnected) = wire::unconnected();
        return Ok((sender, unconnected.connect(network, place).await?));
    }
    let (sender, receiver, _) = wire::connect(UnixStream::connect(&place.socket).await?)?;
    Ok((sender, receiver))
}

/// Answers requests to a worker that cannot be connected to for a shortage.
fn refuse(mut requests: UnboundedReceiver<PeerRequest>, worker: &str, error: &io::Error) {
    requests.close();
    while let Ok(request) = requests.try_recv() {
        if let PeerRequest::Fetch { reply, .. } = request {
            // Whoever asked may have given up meanwhile.
            let _ = reply.send(Err(cannot_connect(worker, error)));
        }
    }
}

/// Waits for the payload of an answer, and passes it on.
async fn reply_later(
    reply: oneshot::Sender<Outcome>,
    outcome: Result<Vec<Payload>, Failure>,
    coming: Vec<Coming>,
    trimmer: Trimmer,
) {
    let arrived = all_arrived(outcome, coming).await.map(only);
    trimmer.note(arrived.as_ref().map_or(0, |value| value.len()));
    // Whoever asked may have given up meanwhile.
    let _ = reply.send(arrived);
}

/// Passes requests on and answers back until the connection ends. Requests that are open then are dropped.
async fn converse(
    hello: Peer,
    (sender, mut receiver): Connection,
    mut requests: UnboundedReceiver<PeerRequest>,
    trimmer: Trimmer,
) -> io::Result<()> {
    sender.send(ToWorker::Hello(hello));
    let open = RefCell::new(HashMap::new());
    let ask = async {
        for request in 0.. {
            let (message, reply) = match requests.recv().await {
                Some(PeerRequest::Fetch { wanted, reply }) => {
                    let Wanted { task, head, value } = wanted;
                    let message = ToWorker::Fetch {
                        request,
                        task,
                        head,
                        value,
                    };
                    (message, PeerReply::Fetch(reply))
                }
                Some(PeerRequest::Fence { reply }) => (ToWorker::Fence { request }, PeerReply::Fence(reply)),
                None => break,
            };
            open.borrow_mut().insert(request, reply);
            sender.send(message);
        }
    };
    let hear = async {
        while let Some(frame) = receiver.receive::<FromWorker>().await? {
            trimmer.note(frame.size());
            let Received {
                message,
                payloads,
                coming,
            } = frame;
            let (FromWorker::Fetched { request, .. } | FromWorker::Fenced { request }) = &message else {
                continue;
            };
            let reply = open.borrow_mut().remove(request);
            // Whoever asked may have given up meanwhile.
            match (reply, message) {
                (Some(PeerReply::Fetch(reply)), FromWorker::Fetched { outcome, .. }) => {
                    let outcome = outcome.map_err(|failure| *failure).and(payloads);
                    if coming.is_empty() {
                        let _ = reply.send(outcome.map(only));
                    } else {
                        spawn_local(reply_later(reply, outcome, coming, trimmer.clone()));
                    }
                }
                (Some(PeerReply::Fence(reply)), _) => {
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
