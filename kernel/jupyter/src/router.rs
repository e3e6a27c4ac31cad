//! The channels on which clients ask and get replies: shell, control and stdin, each a ROUTER; and the heartbeat.
//!
//! Each has a task that reads and one that writes. What is read is verified here; what is no message of ours is
//! logged and dropped, and the channel goes on.

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};
use tracing::{debug, warn};
use zeromq::{RouterRecvHalf, RouterSendHalf, RouterSocket, SocketRecv, SocketSend, ZmqMessage};

use crate::{Channel, Message, Signer, frames};

/// How many messages may wait in each direction.
const QUEUE: usize = 1024;
/// How long a client may take to read a reply before it loses it: without a limit, one that is stopped would hold up
/// the replies to all others.
const SEND_TIME: Duration = Duration::from_secs(5);

/// Starts the two tasks of a channel.
pub(crate) fn start(
    socket: RouterSocket,
    channel: Channel,
    signer: &Signer,
) -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
    let (write, read) = socket.split();
    let (replies, to_send) = mpsc::channel(QUEUE);
    let (received, requests) = mpsc::channel(QUEUE);
    tokio::spawn(send_all(write, to_send, channel, signer.clone()));
    tokio::spawn(receive_all(read, received, channel, signer.clone()));
    (replies, requests)
}

/// Starts the heartbeat: whatever comes goes back as it is. A ROUTER, unlike a REP, does not lose step with a client
/// that vanishes between its question and the answer.
pub(crate) fn start_heartbeat(socket: RouterSocket) {
    let (mut write, mut read) = socket.split();
    tokio::spawn(async move {
        loop {
            match read.recv().await {
                Ok(beat) => send(&mut write, beat, Channel::Heartbeat).await,
                Err(error) => debug!("heartbeat: {error}"),
            }
        }
    });
}

async fn receive_all(mut socket: RouterRecvHalf, requests: mpsc::Sender<Message>, channel: Channel, signer: Signer) {
    loop {
        let frames = match socket.recv().await {
            Ok(frames) => frames.into_vec(),
            Err(error) => {
                debug!("{channel}: {error}");
                continue;
            }
        };
        match frames::parse(&frames, &signer) {
            Ok(message) => {
                debug!("{channel}: {} {}", message.header.msg_type, message.header.msg_id);
                if requests.send(message).await.is_err() {
                    return;
                }
            }
            Err(error) => warn!("{channel}: dropped a message: {error}"),
        }
    }
}

async fn send_all(mut socket: RouterSendHalf, mut replies: mpsc::Receiver<Message>, channel: Channel, signer: Signer) {
    while let Some(message) = replies.recv().await {
        send(&mut socket, to_zmq(&message, &signer), channel).await;
    }
}

async fn send(socket: &mut RouterSendHalf, message: ZmqMessage, channel: Channel) {
    match timeout(SEND_TIME, socket.send(message)).await {
        Ok(Ok(())) => {}
        // The client has gone: nobody is left to want the reply.
        Ok(Err(error)) => debug!("{channel}: a reply has no taker: {error}"),
        Err(_) => warn!("{channel}: a client does not read its replies"),
    }
}

/// Signed frames, as the socket wants them.
pub(crate) fn to_zmq(message: &Message, signer: &Signer) -> ZmqMessage {
    let mut frames = frames::serialise(message, signer).into_iter();
    // There are always frames: the delimiter at least.
    let mut message = ZmqMessage::from(frames.next().unwrap_or_default());
    for frame in frames {
        message.push_back(frame.into());
    }
    message
}
