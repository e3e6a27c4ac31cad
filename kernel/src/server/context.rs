//! What handlers work with.

use std::{future::Future, sync::Arc};

use mosaic_evaluator::Evaluator;
use mosaic_jupyter::{Channel, Header, IoPub, Message, Replies, Session};
use serde_json::{Value, json};

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
    pub(crate) async fn answer(self, asked: Asked, reply: impl Future<Output = Value>) {
        self.iopub.status_ahead(Some(asked.parent.clone()), "busy");
        let content = reply.await;
        self.reply(&asked, content).await;
        self.iopub.status_ahead(Some(asked.parent.clone()), "idle");
    }

    /// Says that a request is being worked on.
    pub(crate) fn busy(&self, asked: &Asked) {
        self.iopub.status(Some(asked.parent.clone()), "busy");
    }

    /// Says that a request is done with, behind all that it published.
    pub(crate) fn idle(&self, asked: &Asked) {
        self.iopub.status(Some(asked.parent.clone()), "idle");
    }

    /// Sends the reply to the client that asked. `x_request` is replied to with `x_reply`.
    pub(crate) async fn reply(&self, asked: &Asked, content: Value) {
        let request = asked.message.header.msg_type.as_str();
        let msg_type = format!("{}_reply", request.strip_suffix("_request").unwrap_or(request));
        let message = self.session.reply(&asked.message, &msg_type, content);
        self.replies.send(asked.channel, message).await;
    }

    /// Publishes a message that a request causes.
    pub(crate) async fn publish(&self, asked: &Asked, msg_type: &str, content: Value) {
        self.iopub.publish(msg_type, Some(asked.parent.clone()), content).await;
    }
}

/// The content of a reply that says what went wrong.
pub(crate) fn error_reply(ename: &str, evalue: &str, traceback: &[String]) -> Value {
    json!({ "status": "error", "ename": ename, "evalue": evalue, "traceback": traceback })
}
