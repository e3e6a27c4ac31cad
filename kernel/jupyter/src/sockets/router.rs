//! The channels on which clients ask and get replies: shell, control and stdin, each a ROUTER; and the heartbeat.
//!
//! Each has a task that reads and one that writes. What is read is verified here; what is no message of ours is
//! logged and dropped, and the channel goes on.

use tokio::sync::mpsc;
use tracing::{debug, warn};
use zeromq::{RouterRecvHalf, RouterSendHalf, RouterSocket, SocketRecv, SocketSend, ZmqMessage};

use crate::{Channel, Message, Signer, channel::Closing, wire};

/// How many messages may wait in each direction.
const QUEUE: usize = 1024;

/// Starts the two tasks of a channel.
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

/// Starts the heartbeat: whatever comes goes back as it is. A ROUTER, unlike a REP, does not lose step with a client
/// that vanishes between its question and the answer.
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
                // What is queued still goes out.
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
        // The client has gone: nobody is left to want the reply.
        debug!("{channel}: a reply has no taker: {error}");
    }
}

/// Signed frames, as the socket wants them.
pub(crate) fn to_zmq(message: &Message, signer: &Signer) -> ZmqMessage {
    let mut frames = wire::serialise(message, signer).into_iter();
    // There are always frames: the delimiter at least.
    let mut message = ZmqMessage::from(frames.next().unwrap_or_default());
    for frame in frames {
        message.push_back(frame.into());
    }
    message
}
