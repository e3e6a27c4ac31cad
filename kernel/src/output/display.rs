//! Messages of iopub that have their place among the text: displays, and what goes through comms.

use base64::{Engine, prelude::BASE64_STANDARD};
use mosaic_jupyter::{ClearOutput, DisplayData, IoPubMessage, MimeData, Transient};
use mosaic_message::{Content, MimeBundle};
use serde_json::{Map, Value};

/// A message to be published, all but its parent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// Its content.
    pub(crate) content: IoPubMessage,
    /// Its metadata.
    pub(crate) metadata: Map<String, Value>,
    /// Its binary parts.
    pub(crate) buffers: Vec<Vec<u8>>,
}

impl Shown {
    /// A message without metadata of its own and binary parts.
    pub(crate) fn new(content: IoPubMessage) -> Shown {
        Shown {
            content,
            metadata: Map::new(),
            buffers: Vec::new(),
        }
    }

    /// A value in several formats; one with a name can be replaced.
    pub(crate) fn display(bundle: MimeBundle, display_id: Option<String>) -> Shown {
        Shown::new(IoPubMessage::DisplayData(display_data(bundle, display_id)))
    }

    /// What replaces the value of this name.
    pub(crate) fn update(bundle: MimeBundle, display_id: String) -> Shown {
        Shown::new(IoPubMessage::UpdateDisplayData(display_data(bundle, Some(display_id))))
    }

    /// Removes what the cell has shown, now or when something else is shown.
    pub(crate) fn clear(wait: bool) -> Shown {
        Shown::new(IoPubMessage::ClearOutput(ClearOutput { wait }))
    }
}

fn display_data(bundle: MimeBundle, display_id: Option<String>) -> DisplayData {
    DisplayData {
        value: mime_data(bundle),
        transient: Transient { display_id },
    }
}

/// A bundle as the protocol has it: contents and their metadata, each by MIME type.
pub(crate) fn mime_data(bundle: MimeBundle) -> MimeData {
    let (contents, metadata) = bundle.into_parts();
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
