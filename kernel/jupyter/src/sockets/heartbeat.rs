//! The heartbeat, which sends back whatever it receives.

use super::{
    CutOff,
    client::Client,
    listener::{Newcomer, Service},
    pace::Pace,
};
use crate::zmtp::{Command, Item, Limits, SocketType, encode_message, encode_pong};

/// A client sends a few bytes. Nobody has to know the key.
const LIMITS: Limits = Limits {
    bytes: 64 << 10,
    frames: 8,
};

/// The socket of the heartbeat. It is a ROUTER, since a REP loses step with a client that vanishes between its question
/// and the answer. An answer goes back through the connection that its question came through.
pub(crate) struct Heartbeat;

impl Service for Heartbeat {
    type Registration = ();

    const SOCKET_TYPE: SocketType = SocketType::Router;

    async fn register(&self, _client: Newcomer) -> Result<(), CutOff> {
        Ok(())
    }

    async fn serve(&self, (): (), mut client: Client) -> Result<(), CutOff> {
        client.reader.set_limits(LIMITS, None);
        let mut pace = Pace::new();
        let beat = async {
            while let Some(item) = client.reader.next().await? {
                let answer = match item {
                    Item::Message(frames) => encode_message(&frames),
                    Item::Command(body) => match Command::parse(&body)? {
                        Command::Ping { context } => encode_pong(&context),
                        Command::Ready { .. } | Command::Other => continue,
                    },
                    Item::Greeting => continue,
                };
                if client.writer.write(&answer).await.is_err() {
                    break;
                }
                pace.keep().await;
            }
            Ok(())
        };
        tokio::select! {
            result = beat => result,
            () = client.closing.wait() => Ok(()),
        }
    }
}
