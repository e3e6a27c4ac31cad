//! Parts that the contents of several messages share.

use serde::Serialize;
use serde_json::{Map, Value};

/// A value in several formats, as `execute_result`, `display_data` and `inspect_reply` carry it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MimeData {
    /// The value in each format, by MIME type. Binary formats are base64.
    pub data: Map<String, Value>,
    /// Hints about a format for front ends, such as the size of an image, by MIME type.
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

/// Converts the content of a message to JSON.
pub(crate) fn to_json(content: &impl Serialize) -> Value {
    serde_json::to_value(content).expect("all keys of a message's content are strings")
}
