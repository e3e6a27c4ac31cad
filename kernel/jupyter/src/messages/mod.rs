//! Messages and their headers.

pub(crate) mod request;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::wire;

/// The version of the protocol that is spoken.
pub const PROTOCOL_VERSION: &str = "5.5";

/// The header of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Unique to the message.
    pub msg_id: String,
    /// Unique to the sender's session.
    #[serde(default)]
    pub session: String,
    /// Who sends.
    #[serde(default)]
    pub username: String,
    /// When, in ISO 8601.
    #[serde(default)]
    pub date: String,
    /// What the message is.
    pub msg_type: String,
    /// Version of the protocol.
    #[serde(default)]
    pub version: String,
    /// What else the sender put there (`subshell_id`, say): replies carry the whole header back as their parent.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A message, in or out.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Routing: the peers that it came through or goes to; on iopub the topic.
    pub identities: Vec<Vec<u8>>,
    /// What it is.
    pub header: Header,
    /// What it answers.
    pub parent_header: Option<Arc<Header>>,
    /// Anything beside the content.
    pub metadata: Map<String, Value>,
    /// A JSON object that depends on the type.
    pub content: Value,
    /// Binary parts.
    pub buffers: Vec<Vec<u8>>,
}

impl Message {
    /// The same message with binary parts.
    #[must_use]
    pub fn with_buffers(mut self, buffers: Vec<Vec<u8>>) -> Self {
        self.buffers = buffers;
        self
    }

    /// The same message with metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = metadata;
        self
    }
}

/// The kernel's own session: what goes into the headers of all its messages.
///
/// It differs from the clients' sessions; clients that see their own id in a kernel's header, or another kernel's,
/// drop the message.
#[derive(Debug, Clone)]
pub struct Session {
    id: Arc<str>,
}

impl Session {
    /// A new session.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each call gives another session")]
    pub fn new() -> Self {
        Session {
            id: Uuid::new_v4().to_string().into(),
        }
    }

    /// The session's unique id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A new message of this session.
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

    /// A new message that answers `request`: it goes to the client that asked.
    #[must_use]
    pub fn reply(&self, request: &Message, msg_type: &str, content: Value) -> Message {
        let parent = Some(Arc::new(request.header.clone()));
        Message {
            identities: request.identities.clone(),
            ..self.message(msg_type, parent, content)
        }
    }
}
