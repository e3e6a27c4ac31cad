//! The signals that interrupt or end the kernel.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// A request that comes as a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignalEvent {
    /// SIGINT: interrupt the running cell.
    Interrupt,
    /// SIGTERM or SIGHUP: end the kernel.
    Terminate,
}

/// Listens to signals from now on; returns the queue that they come through.
///
/// # Errors
/// When the system does not allow the kernel to handle a signal.
pub(crate) fn listen() -> io::Result<mpsc::UnboundedReceiver<SignalEvent>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (queue, events) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                _ = interrupt.recv() => SignalEvent::Interrupt,
                _ = terminate.recv() => SignalEvent::Terminate,
                _ = hang_up.recv() => SignalEvent::Terminate,
            };
            if queue.send(event).is_err() {
                // The server has ended.
                return;
            }
        }
    });
    Ok(events)
}
