//! The connections of the host's processes, which want to speak to the monitor.

use super::event_loop::Event;
use crate::wire::{self, FromMonitor, Received, Sender, ToMonitor};
use std::time::Duration;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc::UnboundedSender,
    task::spawn_local,
    time::sleep,
};

/// The pause after a connection could not be accepted. Usually there are no file descriptors left, and some are freed
/// soon.
const RECOVERY: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the node process runs.
pub(super) async fn accept(listener: UnixListener, events: UnboundedSender<Event>) {
    for session in 0.. {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(serve(session, stream, events.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the node process cannot accept a connection");
                sleep(RECOVERY).await;
            }
        }
    }
}

/// Reports the messages of one connection, until it ends.
async fn serve(session: u64, stream: UnixStream, events: UnboundedSender<Event>) {
    let (sender, mut receiver, _) = match wire::connect::<FromMonitor>(stream) {
        Ok(connection) => connection,
        Err(error) => return tracing::warn!(%error, "the node process cannot use a connection"),
    };
    let Ok(Some(Received {
        message: ToMonitor::Hello(peer),
        ..
    })) = receiver.receive().await
    else {
        return tracing::warn!("a connection did not introduce itself");
    };
    let sender: Sender<FromMonitor> = sender;
    let _ = events.send(Event::Connected { session, peer, sender });
    while let Ok(Some(frame)) = receiver.receive::<ToMonitor>().await {
        let _ = events.send(Event::FromPeer { session, frame });
    }
    let _ = events.send(Event::Closed { session });
}
