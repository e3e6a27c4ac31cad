//! Messages of iopub that have their place among the text: displays, and what goes through comms.

use base64::{Engine, prelude::BASE64_STANDARD};
use mosaic_message::{Content, MimeBundle};
use serde_json::{Map, Value, json};

/// A message to be published, all but its parent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// Its type.
    pub(crate) msg_type: &'static str,
    /// Its content.
    pub(crate) content: Value,
    /// Its metadata.
    pub(crate) metadata: Map<String, Value>,
    /// Its binary parts.
    pub(crate) buffers: Vec<Vec<u8>>,
}

impl Shown {
    /// A message without metadata of its own and binary parts.
    pub(crate) fn new(msg_type: &'static str, content: Value) -> Shown {
        Shown {
            msg_type,
            content,
            metadata: Map::new(),
            buffers: Vec::new(),
        }
    }

    /// A value in several formats; one with a name can be replaced.
    pub(crate) fn display(bundle: MimeBundle, display_id: Option<String>) -> Shown {
        Shown::new("display_data", display_content(bundle, display_id))
    }

    /// What replaces the value of this name.
    pub(crate) fn update(bundle: MimeBundle, display_id: String) -> Shown {
        Shown::new("update_display_data", display_content(bundle, Some(display_id)))
    }

    /// Removes what the cell has shown, now or when something else is shown.
    pub(crate) fn clear(wait: bool) -> Shown {
        Shown::new("clear_output", json!({ "wait": wait }))
    }
}

fn display_content(bundle: MimeBundle, display_id: Option<String>) -> Value {
    let (data, metadata) = data_and_metadata(bundle);
    let transient = display_id.map_or_else(|| json!({}), |id| json!({ "display_id": id }));
    json!({ "data": data, "metadata": metadata, "transient": transient })
}

/// A bundle as the protocol has it: contents and their metadata, each by MIME type.
pub(crate) fn data_and_metadata(bundle: MimeBundle) -> (Map<String, Value>, Map<String, Value>) {
    let (contents, metadata) = bundle.into_parts();
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let value = |content| match content {
        Content::Text(text) => Value::String(text),
        Content::Bytes(bytes) => Value::String(BASE64_STANDARD.encode(bytes)),
        Content::Json(text) => json(text),
    };
    (
        contents
            .into_iter()
            .map(|(mime, content)| (mime, value(content)))
            .collect(),
        metadata.into_iter().map(|(mime, text)| (mime, json(text))).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_become_json() {
        let bundle = MimeBundle::new()
            .with_text("text/html", "<b>")
            .with_bytes("image/png", [137, 80, 78, 71])
            .with("application/json", Content::Json("[1]".into()))
            .with("application/x+json", Content::Json("no JSON".into()))
            .with_metadata("image/png", r#"{"width": 3}"#);
        let (data, metadata) = data_and_metadata(bundle);
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
