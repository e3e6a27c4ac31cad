//! What handlers work with.

use std::{future::Future, sync::Arc};

use mosaic_evaluator::Evaluator;
use mosaic_jupyter::{Channel, ExecutionState, Header, IoPub, IoPubMessage, Message, Replies, Reply, Session};

use crate::{comm_registry::Comms, output::Output};

/// The parts of the kernel, as cheap handles.
#[derive(Clone)]
pub(crate) struct Context {
    /// The way out to one client.
    pub(crate) replies: Replies,
    /// The way out to all.
    pub(crate) iopub: IoPub,
    /// Our side of the conversation.
    pub(crate) session: Session,
    /// Evaluates cells.
    pub(crate) evaluator: Evaluator,
    /// What cells and workers say.
    pub(crate) output: Output,
    /// Which comms are open.
    pub(crate) comms: Arc<Comms>,
}

/// A request, with what is needed to answer it.
pub(crate) struct Asked {
    /// Where it came, and where its reply goes.
    pub(crate) channel: Channel,
    /// As it came.
    pub(crate) message: Message,
    /// Its header, the parent of all that it causes.
    pub(crate) parent: Arc<Header>,
}

impl Asked {
    /// A request that came on a channel.
    pub(crate) fn new(channel: Channel, message: Message) -> Self {
        let parent = Arc::new(message.header.clone());
        Asked {
            channel,
            message,
            parent,
        }
    }
}

impl Context {
    /// Answers a request that publishes nothing between busy and idle, so that these need not wait for what cells say.
    pub(crate) async fn answer(self, asked: Asked, reply: impl Future<Output = Reply>) {
        self.iopub
            .status_ahead(Some(asked.parent.clone()), ExecutionState::Busy);
        let reply = reply.await;
        self.reply(&asked, &reply).await;
        self.iopub
            .status_ahead(Some(asked.parent.clone()), ExecutionState::Idle);
    }

    /// Says that a request is being worked on.
    pub(crate) fn busy(&self, asked: &Asked) {
        self.iopub.status(Some(asked.parent.clone()), ExecutionState::Busy);
    }

    /// Says that a request is done with, behind all that it published.
    pub(crate) fn idle(&self, asked: &Asked) {
        self.iopub.status(Some(asked.parent.clone()), ExecutionState::Idle);
    }

    /// Sends the reply to the client that asked.
    pub(crate) async fn reply(&self, asked: &Asked, reply: &Reply) {
        let message = self.session.reply(&asked.message, reply);
        self.replies.send(asked.channel, message).await;
    }

    /// Publishes a message that a request causes.
    pub(crate) async fn publish(&self, asked: &Asked, message: &IoPubMessage) {
        self.iopub.publish(Some(asked.parent.clone()), message).await;
    }
}
