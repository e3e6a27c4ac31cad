//! Messages that have their place among the text of cells: displays and comm messages.
//!
//! [`mime_data`] converts the formats of a value to Jupyter's.

use base64::{Engine, prelude::BASE64_STANDARD};
use mosaic_jupyter::{ClearOutput, DisplayData, IoPubMessage, MimeData, Transient};
use mosaic_message::{Content, MimeBundle, PROFILE};
use serde_json::{Map, Value};

/// A message to publish, without its parent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutputMessage {
    /// Type and content of the message.
    pub(crate) content: IoPubMessage,
    /// Metadata of the message.
    pub(crate) metadata: Map<String, Value>,
    /// Binary parts of the message.
    pub(crate) buffers: Vec<Vec<u8>>,
}

impl OutputMessage {
    /// Makes a message without metadata and binary parts.
    pub(crate) fn new(content: IoPubMessage) -> OutputMessage {
        OutputMessage {
            content,
            metadata: Map::new(),
            buffers: Vec::new(),
        }
    }

    /// Makes a `display_data`. With an id, the display can be replaced later.
    pub(crate) fn display(bundle: MimeBundle, display_id: Option<String>) -> OutputMessage {
        OutputMessage::new(IoPubMessage::DisplayData(display_data(bundle, display_id)))
    }

    /// Makes an `update_display_data`, which replaces the display of this id.
    pub(crate) fn update(bundle: MimeBundle, display_id: String) -> OutputMessage {
        OutputMessage::new(IoPubMessage::UpdateDisplayData(display_data(bundle, Some(display_id))))
    }

    /// Makes a `clear_output`, which removes the cell's output: at once, or with the next output if it waits.
    pub(crate) fn clear(wait: bool) -> OutputMessage {
        OutputMessage::new(IoPubMessage::ClearOutput(ClearOutput { wait }))
    }
}

fn display_data(bundle: MimeBundle, display_id: Option<String>) -> DisplayData {
    DisplayData {
        value: mime_data(bundle),
        transient: Transient { display_id },
    }
}

/// Converts a value in several formats to Jupyter's form: bytes become base64, and texts of JSON become JSON.
pub(crate) fn mime_data(bundle: MimeBundle) -> MimeData {
    let (mut contents, metadata) = bundle.into_parts();
    if let Some(Content::Bytes(profile)) = contents.remove(PROFILE) {
        // Cells and workers have no code to draw a profile.
        contents.extend(mosaic_evaluator::show_profile(&profile).into_parts().0);
    }
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let value = |content| match content {
        Content::Text(text) => Value::String(text),
        Content::Bytes(bytes) => Value::String(BASE64_STANDARD.encode(bytes)),
        Content::Json(text) => json(text),
    };
    let data = contents.into_iter().map(|(mime, content)| (mime, value(content)));
    let metadata = metadata.into_iter().map(|(mime, text)| (mime, json(text)));
    MimeData {
        data: data.collect(),
        metadata: metadata.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bundles_become_json() {
        let bundle = MimeBundle::new()
            .with_text("text/html", "<b>")
            .with_bytes("image/png", [137, 80, 78, 71])
            .with("application/json", Content::Json("[1]".into()))
            .with("application/x+json", Content::Json("no JSON".into()))
            .with_metadata("image/png", r#"{"width": 3}"#);
        let MimeData { data, metadata } = mime_data(bundle);
        assert_eq!(
            Value::Object(data),
            json!({
                "text/html": "<b>",
                "image/png": "iVBORw==",
                "application/json": [1],
                "application/x+json": "no JSON",
            })
        );
        assert_eq!(Value::Object(metadata), json!({ "image/png": { "width": 3 } }));
    }
}
