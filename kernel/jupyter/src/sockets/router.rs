//! The ROUTER sockets: shell, control and stdin, on which single clients are addressed, and the heartbeat.
//!
//! Each channel has a task that reads and a task that writes. The reader verifies the signature of each message. It
//! logs and drops what it cannot read, and goes on.

use tokio::sync::mpsc;
use tracing::{debug, warn};
use zeromq::{RouterRecvHalf, RouterSendHalf, RouterSocket, SocketRecv, SocketSend, ZmqMessage};

use crate::{
    channel::{Channel, Closing},
    messages::message::Message,
    wire::{self, Signer},
};

/// How many messages may wait in each direction.
pub(crate) const QUEUE: usize = 1024;

/// Starts the two tasks of a channel. Returns the queues for replies and for requests.
pub(crate) fn start(
    socket: RouterSocket,
    channel: Channel,
    signer: &Signer,
    closing: &Closing,
) -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
    let (write, read) = socket.split();
    let (replies, to_send) = mpsc::channel(QUEUE);
    let (received, requests) = mpsc::channel(QUEUE);
    tokio::spawn(send_all(write, to_send, channel, signer.clone(), closing.clone()));
    tokio::spawn(receive_all(read, received, channel, signer.clone(), closing.clone()));
    (replies, requests)
}

/// Starts the heartbeat, which sends back whatever it receives. The socket is a ROUTER, since a REP loses step with a
/// client that vanishes between its question and the answer.
pub(crate) fn start_heartbeat(socket: RouterSocket, mut closing: Closing) {
    let (mut write, mut read) = socket.split();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                beat = read.recv() => match beat {
                    Ok(beat) => send(&mut write, beat, Channel::Heartbeat).await,
                    Err(error) => debug!("heartbeat: {error}"),
                },
                () = closing.wait() => return,
            }
        }
    });
}

async fn receive_all(
    mut socket: RouterRecvHalf,
    requests: mpsc::Sender<Message>,
    channel: Channel,
    signer: Signer,
    mut closing: Closing,
) {
    loop {
        let received = tokio::select! {
            received = socket.recv() => received,
            () = closing.wait() => return,
        };
        let frames = match received {
            Ok(frames) => frames.into_vec(),
            Err(error) => {
                debug!("{channel}: {error}");
                continue;
            }
        };
        match wire::parse(&frames, &signer) {
            Ok(message) => {
                debug!("{channel}: {} {}", message.header.msg_type, message.header.msg_id);
                let delivered = tokio::select! {
                    delivered = requests.send(message) => delivered,
                    () = closing.wait() => return,
                };
                if delivered.is_err() {
                    return;
                }
            }
            Err(error) => warn!("{channel}: dropped a message: {error}"),
        }
    }
}

async fn send_all(
    mut socket: RouterSendHalf,
    mut replies: mpsc::Receiver<Message>,
    channel: Channel,
    signer: Signer,
    mut closing: Closing,
) {
    let mut open = true;
    loop {
        let reply = tokio::select! {
            reply = replies.recv() => reply,
            () = closing.wait(), if open => {
                // Queued replies still leave.
                open = false;
                replies.close();
                continue;
            }
        };
        match reply {
            Some(message) => send(&mut socket, to_zmq(&message, &signer), channel).await,
            None => return,
        }
    }
}

async fn send(socket: &mut RouterSendHalf, message: ZmqMessage, channel: Channel) {
    if let Err(error) = socket.send(message).await {
        // The client has gone, and nobody waits for the reply.
        debug!("{channel}: cannot deliver a reply: {error}");
    }
}

/// Writes a message as signed frames, in the type that sockets take.
pub(crate) fn to_zmq(message: &Message, signer: &Signer) -> ZmqMessage {
    let mut frames = wire::serialise(message, signer).into_iter();
    // There is at least one frame: the delimiter.
    let mut message = ZmqMessage::from(frames.next().unwrap_or_default());
    for frame in frames {
        message.push_back(frame.into());
    }
    message
}
