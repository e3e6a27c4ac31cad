//! Messages on stdin: the kernel asks the user of a cell for input.
//!
//! See [Messages on the stdin channel](https://jupyter-client.readthedocs.io/en/stable/messaging.html#messages-on-the-stdin-router-dealer-channel).

use serde::Serialize;

use super::message::Message;

/// Content of an `input_request`: the kernel asks for a line of input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputRequest {
    /// Text that the user sees.
    pub prompt: String,
    /// Whether the front end hides what the user types.
    pub password: bool,
}

/// Content of an `input_reply`: the user's answer to an [`InputRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputReply {
    /// The line that the user entered; empty where the client sent none.
    pub value: String,
}

impl InputReply {
    /// Reads the content of a message; returns `None` if the message is no `input_reply`.
    #[must_use]
    pub fn read(message: &Message) -> Option<InputReply> {
        (message.header.msg_type == "input_reply").then(|| InputReply {
            value: message.content["value"].as_str().unwrap_or_default().to_owned(),
        })
    }
}
