//! A value in several formats.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value in one format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A text, such as HTML.
    Text(String),
    /// Bytes, such as those of a PNG.
    Bytes(Vec<u8>),
    /// JSON, as its text.
    Json(String),
}

/// A value in several formats, by MIME type: a front end shows the richest that it knows.
///
/// ```
/// use mosaic_message::MimeBundle;
/// let bundle = MimeBundle::new().with_text("text/plain", "a map").with_text("text/html", "<img src='map.svg'>");
/// assert_eq!(bundle.mime_types().collect::<Vec<_>>(), ["text/html", "text/plain"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MimeBundle {
    contents: BTreeMap<String, Content>,
    /// JSON objects as texts, by MIME type.
    metadata: BTreeMap<String, String>,
}

impl MimeBundle {
    /// A value in no format yet.
    pub fn new() -> MimeBundle {
        MimeBundle::default()
    }

    /// The same with one more format, or another content in this one.
    #[must_use]
    pub fn with(mut self, mime: impl Into<String>, content: Content) -> MimeBundle {
        self.contents.insert(mime.into(), content);
        self
    }

    /// The same with a text.
    #[must_use]
    pub fn with_text(self, mime: impl Into<String>, text: impl Into<String>) -> MimeBundle {
        self.with(mime, Content::Text(text.into()))
    }

    /// The same with bytes, which the kernel encodes as base64.
    #[must_use]
    pub fn with_bytes(self, mime: impl Into<String>, bytes: impl Into<Vec<u8>>) -> MimeBundle {
        self.with(mime, Content::Bytes(bytes.into()))
    }

    /// The same with what a front end is to know of one format, such as `{"width": 400}`: a JSON object, as its text.
    #[must_use]
    pub fn with_metadata(mut self, mime: impl Into<String>, json: impl Into<String>) -> MimeBundle {
        self.metadata.insert(mime.into(), json.into());
        self
    }

    /// The same with all formats of another one.
    #[must_use]
    pub fn merged(mut self, other: MimeBundle) -> MimeBundle {
        self.contents.extend(other.contents);
        self.metadata.extend(other.metadata);
        self
    }

    /// The formats.
    pub fn mime_types(&self) -> impl Iterator<Item = &str> {
        self.contents.keys().map(String::as_str)
    }

    /// The contents by MIME type, and the metadata as texts of JSON objects.
    pub fn into_parts(self) -> (BTreeMap<String, Content>, BTreeMap<String, String>) {
        (self.contents, self.metadata)
    }
}

/// A value that a notebook shows richly: as the last expression of a cell, or where it is displayed.
///
/// ```
/// use mosaic_message::{MimeBundle, Rich};
///
/// struct Temperature(f64);
///
/// impl Rich for Temperature {
///     fn mime_bundle(&self) -> MimeBundle {
///         MimeBundle::new()
///             .with_text("text/plain", format!("{} K", self.0))
///             .with_text("text/latex", format!("${}\\,\\mathrm{{K}}$", self.0))
///     }
/// }
/// assert_eq!(Temperature(300.0).mime_bundle().mime_types().count(), 2);
/// ```
pub trait Rich {
    /// The value in all formats that it has. One of them should be `text/plain`, which any front end can show.
    fn mime_bundle(&self) -> MimeBundle;
}

impl Rich for MimeBundle {
    fn mime_bundle(&self) -> MimeBundle {
        self.clone()
    }
}
