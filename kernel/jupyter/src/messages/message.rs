//! The envelope that all messages share: headers, metadata, content, buffers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
