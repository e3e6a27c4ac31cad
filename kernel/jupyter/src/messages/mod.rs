//! Jupyter's messages: the envelope that all of them share, and one type for the content of each.
//!
//! A new message type has one home:
//!
//! - [`request`]: a client sends it, on shell or control;
//! - [`reply`]: the kernel answers a request with it;
//! - [`iopub`]: the kernel publishes it to all clients;
//! - [`stdin`]: the kernel asks the user for input with it, or a client answers.
//!
//! [Messaging in Jupyter](https://jupyter-client.readthedocs.io/en/stable/messaging.html) is the protocol's reference.

pub(crate) mod iopub;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod stdin;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::wire;
use iopub::IoPubMessage;
use reply::Reply;
use stdin::InputRequest;

/// The version of the protocol that the kernel speaks.
pub const PROTOCOL_VERSION: &str = "5.5";

/// The header of a message.
///
/// See [Message header](https://jupyter-client.readthedocs.io/en/stable/messaging.html#message-header).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Unique id of the message.
    pub msg_id: String,
    /// Unique id of the sender's session.
    #[serde(default)]
    pub session: String,
    /// Name of the sender.
    #[serde(default)]
    pub username: String,
    /// Time at which the message was made, in ISO 8601.
    #[serde(default)]
    pub date: String,
    /// Type of the message, such as `execute_request`.
    pub msg_type: String,
    /// Version of the protocol.
    #[serde(default)]
    pub version: String,
    /// Further fields of the sender's, such as `subshell_id`. A reply carries the whole header back as its parent.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A message, in or out.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Routing: the client that the message came from or goes to. On iopub, the topic.
    pub identities: Vec<Vec<u8>>,
    /// Header of the message itself.
    pub header: Header,
    /// Header of the request that caused the message.
    pub parent_header: Option<Arc<Header>>,
    /// Information beside the content.
    pub metadata: Map<String, Value>,
    /// A JSON object whose fields depend on the message's type.
    pub content: Value,
    /// Binary parts.
    pub buffers: Vec<Vec<u8>>,
}

impl Message {
    /// Replaces the message's binary parts.
    #[must_use]
    pub fn with_buffers(mut self, buffers: Vec<Vec<u8>>) -> Self {
        self.buffers = buffers;
        self
    }

    /// Replaces the message's metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = metadata;
        self
    }
}

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

/// The content of a message as JSON.
fn to_json(content: &impl Serialize) -> Value {
    serde_json::to_value(content).expect("all keys of a message's content are strings")
}

/// A value in several formats, as `execute_result`, `display_data` and `inspect_reply` carry it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MimeData {
    /// The value in each format, by MIME type. Binary formats are base64.
    pub data: Map<String, Value>,
    /// What a front end should know of a format, such as the size of an image, by MIME type.
    pub metadata: Map<String, Value>,
}

impl MimeData {
    /// Returns the value as plain text.
    #[must_use]
    pub fn plain_text(&self) -> Option<&str> {
        self.data.get("text/plain").and_then(Value::as_str)
    }
}

/// The description of an error, as error replies and the `error` on iopub carry it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorContent {
    /// Kind of the error.
    pub ename: String,
    /// The error in one line.
    pub evalue: String,
    /// Text that front ends show, with ANSI colours.
    pub traceback: Vec<String>,
}
