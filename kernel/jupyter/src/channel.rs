//! The channels of the protocol, and the signal that closes them.

use std::fmt;

use tokio::sync::{mpsc, watch};

/// A channel of the protocol. Each channel has a socket.
///
/// See [Introduction](https://jupyter-client.readthedocs.io/en/stable/messaging.html#introduction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Requests about code.
    Shell,
    /// Requests that do not wait for a running cell: interrupt, shutdown.
    Control,
    /// The kernel's questions to the user.
    Stdin,
    /// Messages to all clients.
    IoPub,
    /// Echo, by which clients see that the kernel lives.
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

/// Tells a task that the connection closes, and tells the connection that the task has ended.
///
/// Each task of a connection holds one while it runs, and so does the task of each client.
#[derive(Clone)]
pub(crate) struct Closing {
    /// Whether the connection closes.
    pub(crate) signal: watch::Receiver<bool>,
    /// Keeps the connection's receiver open as long as the task runs.
    pub(crate) _alive: mpsc::Sender<()>,
}

impl Closing {
    /// Waits until the connection closes.
    pub(crate) async fn wait(&mut self) {
        // An error means that the connection was dropped, and then there is nobody to serve.
        let _ = self.signal.wait_for(|closing| *closing).await;
    }
}
