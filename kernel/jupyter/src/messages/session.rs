//! The kernel's session, which makes its messages.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    content::to_json,
    iopub::IoPubMessage,
    message::{Header, Message, PROTOCOL_VERSION},
    reply::Reply,
    stdin::InputRequest,
};
use crate::wire;

/// The kernel's own session, which the headers of all its messages name.
///
/// Its id differs from those of the clients. A client drops a message whose header carries the client's own id, or the
/// id of another kernel.
#[derive(Debug, Clone)]
pub struct Session {
    id: Arc<str>,
}

impl Session {
    /// Makes a session with a new id.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each call gives another session")]
    pub fn new() -> Self {
        Session {
            id: Uuid::new_v4().to_string().into(),
        }
    }

    /// Returns the session's unique id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes a message of this session.
    #[must_use]
    pub fn message(&self, msg_type: &str, parent: Option<Arc<Header>>, content: Value) -> Message {
        Message {
            identities: Vec::new(),
            header: Header {
                msg_id: Uuid::new_v4().to_string(),
                session: self.id.to_string(),
                username: "kernel".to_owned(),
                date: wire::now(),
                msg_type: msg_type.to_owned(),
                version: PROTOCOL_VERSION.to_owned(),
                extra: Map::new(),
            },
            parent_header: parent,
            metadata: Map::new(),
            content,
            buffers: Vec::new(),
        }
    }

    /// Makes the reply to `request`, addressed to the client that sent it. The reply to an `x_request` is an `x_reply`.
    #[must_use]
    pub fn reply(&self, request: &Message, reply: &Reply) -> Message {
        let request_type = request.header.msg_type.as_str();
        let reply_type = format!(
            "{}_reply",
            request_type.strip_suffix("_request").unwrap_or(request_type)
        );
        self.to_sender_of(request, &reply_type, to_json(reply))
    }

    /// Makes an `input_request`, addressed to the client that sent `request`.
    #[must_use]
    pub fn input_request(&self, request: &Message, input: &InputRequest) -> Message {
        self.to_sender_of(request, "input_request", to_json(input))
    }

    /// Makes a message for iopub.
    #[must_use]
    pub fn publication(&self, parent: Option<Arc<Header>>, message: &IoPubMessage) -> Message {
        self.message(message.msg_type(), parent, to_json(message))
    }

    fn to_sender_of(&self, request: &Message, msg_type: &str, content: Value) -> Message {
        let parent = Some(Arc::new(request.header.clone()));
        Message {
            identities: request.identities.clone(),
            ..self.message(msg_type, parent, content)
        }
    }
}
