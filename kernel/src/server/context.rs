//! The parts of the kernel that handlers work with, and the messages that they answer.

use std::sync::Arc;

use mosaic_debugger::Debugger;
use mosaic_jupyter::{Channel, ExecutionState, Header, IoPub, IoPubMessage, Message, Replies, Reply, Session};

use super::debugging::DebuggedNotebook;
use crate::{comm_registry::CommRegistry, output::Output};

/// The parts of the kernel, as cheap handles.
#[derive(Clone)]
pub(crate) struct Context<E> {
    /// Sends replies to single clients.
    pub(crate) replies: Replies,
    /// Publishes to all clients.
    pub(crate) iopub: IoPub,
    /// The kernel's own session.
    pub(crate) session: Session,
    /// Evaluates cells.
    pub(crate) evaluator: E,
    /// Shows what cells and workers say.
    pub(crate) output: Output,
    /// Knows which comms are open.
    pub(crate) comms: Arc<CommRegistry>,
    /// Debugs cells and workers.
    pub(crate) debugger: Debugger,
    /// What the debugger knows of the kernel.
    pub(crate) debugging: DebuggedNotebook<E>,
}

/// A client's message, with what is needed to answer it.
pub(super) struct Incoming {
    /// Channel that the message came on. Its reply goes the same way.
    pub(super) channel: Channel,
    /// The message as it came.
    pub(super) message: Message,
    /// Header of the message, which is the parent of everything that it causes.
    pub(super) header: Arc<Header>,
}

impl Incoming {
    /// Takes a message that came on a channel.
    pub(super) fn new(channel: Channel, message: Message) -> Self {
        let header = Arc::new(message.header.clone());
        Incoming {
            channel,
            message,
            header,
        }
    }
}

impl<E> Context<E> {
    /// Answers a request that publishes nothing between busy and idle. These states go ahead of what cells say.
    pub(super) async fn answer(self, incoming: Incoming, reply: impl Future<Output = Reply>) {
        let parent = || Some(incoming.header.clone());
        self.iopub.status_ahead(parent(), ExecutionState::Busy);
        let reply = reply.await;
        self.reply(&incoming, &reply).await;
        self.iopub.status_ahead(parent(), ExecutionState::Idle);
    }

    /// Publishes that the kernel works on a message.
    pub(super) fn busy(&self, incoming: &Incoming) {
        self.iopub.status(Some(incoming.header.clone()), ExecutionState::Busy);
    }

    /// Publishes that the kernel has done with a message, behind everything that the message caused.
    pub(super) fn idle(&self, incoming: &Incoming) {
        self.iopub.status(Some(incoming.header.clone()), ExecutionState::Idle);
    }

    /// Sends the reply to the client that sent the request.
    pub(super) async fn reply(&self, incoming: &Incoming, reply: &Reply) {
        let message = self.session.reply(&incoming.message, reply);
        self.replies.send(incoming.channel, message).await;
    }

    /// Publishes a message that a client's message caused.
    pub(super) async fn publish(&self, incoming: &Incoming, message: &IoPubMessage) {
        self.iopub.publish(Some(incoming.header.clone()), message).await;
    }
}
