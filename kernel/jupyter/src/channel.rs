//! What the tasks behind the sockets share: which socket is meant, and when it closes.

use std::fmt;

use tokio::sync::{mpsc, watch};

/// The sockets, by what the protocol calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Requests that are answered in order.
    Shell,
    /// Requests that must not wait: shutdown, interrupt.
    Control,
    /// The kernel's questions to the user.
    Stdin,
    /// What all clients see.
    IoPub,
    /// Is the kernel there?
    Heartbeat,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channel::Shell => "shell",
            Channel::Control => "control",
            Channel::Stdin => "stdin",
            Channel::IoPub => "iopub",
            Channel::Heartbeat => "heartbeat",
        })
    }
}

/// Held by each task of a connection as long as it runs, and by each client's relay.
#[derive(Clone)]
pub(crate) struct Closing {
    pub(crate) signal: watch::Receiver<bool>,
    pub(crate) _alive: mpsc::Sender<()>,
}

impl Closing {
    /// Returns when the connection closes.
    pub(crate) async fn wait(&mut self) {
        // Without the connection there is nobody to serve either.
        let _ = self.signal.wait_for(|closing| *closing).await;
    }
}
