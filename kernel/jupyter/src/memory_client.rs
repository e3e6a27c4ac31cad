//! The client's end of a connection in memory.

use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    channel::Channel,
    messages::{message::Message, session::Session},
};

/// The client's end of a [`Connection::memory`](crate::Connection::memory): what a client sends, and what it receives.
pub struct MemoryClient {
    /// The client's own session.
    pub session: Session,
    /// Sends on shell.
    pub shell: mpsc::Sender<Message>,
    /// Sends on control.
    pub control: mpsc::Sender<Message>,
    /// Sends on stdin.
    pub stdin: mpsc::Sender<Message>,
    /// Receives replies on shell.
    pub shell_replies: mpsc::Receiver<Message>,
    /// Receives replies on control.
    pub control_replies: mpsc::Receiver<Message>,
    /// Receives the kernel's questions on stdin.
    pub input_requests: mpsc::Receiver<Message>,
    /// Receives what the kernel publishes on iopub.
    pub published: mpsc::UnboundedReceiver<Message>,
}

impl MemoryClient {
    /// Sends a message on shell, control or stdin, and returns it.
    pub async fn send(&self, channel: Channel, msg_type: &str, content: Value) -> Message {
        let mut message = self.session.message(msg_type, None, content);
        message.identities = vec![self.session.id().as_bytes().to_vec()];
        let queue = match channel {
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
            Channel::Shell | Channel::IoPub | Channel::Heartbeat => &self.shell,
        };
        // The queue is closed when the kernel has ended.
        let _ = queue.send(message.clone()).await;
        message
    }
}
