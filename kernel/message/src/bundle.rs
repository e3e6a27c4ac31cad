//! Values in several formats.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value in one format.
///
/// ```
/// use mosaic_message::{Content, MimeBundle};
/// let (contents, _) = MimeBundle::new().with_text("text/plain", "a map").into_parts();
/// assert_eq!(contents["text/plain"], Content::Text("a map".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Text, such as HTML.
    Text(String),
    /// Bytes, such as those of a PNG.
    Bytes(Vec<u8>),
    /// JSON, as text.
    Json(String),
}

/// A value in several formats, by MIME type. A front end shows the richest format that it knows.
///
/// ```
/// use mosaic_message::MimeBundle;
/// let bundle = MimeBundle::new().with_text("text/plain", "a map").with_text("text/html", "<img src='map.svg'>");
/// assert_eq!(bundle.mime_types().collect::<Vec<_>>(), ["text/html", "text/plain"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MimeBundle {
    contents: BTreeMap<String, Content>,
    /// Metadata by MIME type: JSON objects, as text.
    metadata: BTreeMap<String, String>,
}

impl MimeBundle {
    /// Makes a bundle without formats.
    ///
    /// ```
    /// assert_eq!(mosaic_message::MimeBundle::new().mime_types().count(), 0);
    /// ```
    pub fn new() -> MimeBundle {
        MimeBundle::default()
    }

    /// Adds a format, or replaces its content.
    ///
    /// ```
    /// use mosaic_message::{Content, MimeBundle};
    /// let bundle = MimeBundle::new().with("application/json", Content::Json("[1, 2]".to_owned()));
    /// assert_eq!(bundle.mime_types().next(), Some("application/json"));
    /// ```
    #[must_use]
    pub fn with(mut self, mime: impl Into<String>, content: Content) -> MimeBundle {
        self.contents.insert(mime.into(), content);
        self
    }

    /// Adds a format whose content is text.
    ///
    /// ```
    /// use mosaic_message::MimeBundle;
    /// let bundle = MimeBundle::new().with_text("text/html", "<b>300 K</b>").with_text("text/plain", "300 K");
    /// assert_eq!(bundle.mime_types().count(), 2);
    /// ```
    #[must_use]
    pub fn with_text(self, mime: impl Into<String>, text: impl Into<String>) -> MimeBundle {
        self.with(mime, Content::Text(text.into()))
    }

    /// Adds a format whose content is bytes, which the kernel encodes as base64.
    ///
    /// ```
    /// use mosaic_message::MimeBundle;
    /// let png = [0x89, b'P', b'N', b'G'];
    /// assert_eq!(MimeBundle::new().with_bytes("image/png", png).mime_types().next(), Some("image/png"));
    /// ```
    #[must_use]
    pub fn with_bytes(self, mime: impl Into<String>, bytes: impl Into<Vec<u8>>) -> MimeBundle {
        self.with(mime, Content::Bytes(bytes.into()))
    }

    /// Adds metadata of a format, such as `{"width": 400}`: a JSON object, as text.
    ///
    /// ```
    /// use mosaic_message::MimeBundle;
    /// let bundle = MimeBundle::new().with_bytes("image/png", [0x89]).with_metadata("image/png", r#"{"width": 400}"#);
    /// assert_eq!(bundle.into_parts().1["image/png"], r#"{"width": 400}"#);
    /// ```
    #[must_use]
    pub fn with_metadata(mut self, mime: impl Into<String>, json: impl Into<String>) -> MimeBundle {
        self.metadata.insert(mime.into(), json.into());
        self
    }

    /// Adds all formats and metadata of another bundle, which replace this one's.
    ///
    /// ```
    /// use mosaic_message::MimeBundle;
    /// let text = MimeBundle::new().with_text("text/plain", "a map");
    /// let bundle = text.merged(MimeBundle::new().with_text("text/html", "<img src='map.svg'>"));
    /// assert_eq!(bundle.mime_types().count(), 2);
    /// ```
    #[must_use]
    pub fn merged(mut self, other: MimeBundle) -> MimeBundle {
        self.contents.extend(other.contents);
        self.metadata.extend(other.metadata);
        self
    }

    /// Returns the MIME types of the formats, in alphabetical order.
    ///
    /// ```
    /// use mosaic_message::MimeBundle;
    /// let bundle = MimeBundle::new().with_text("text/plain", "a map");
    /// assert_eq!(bundle.mime_types().collect::<Vec<_>>(), ["text/plain"]);
    /// ```
    pub fn mime_types(&self) -> impl Iterator<Item = &str> {
        self.contents.keys().map(String::as_str)
    }

    /// Returns the contents and the metadata, each by MIME type. Metadata are JSON objects, as text.
    ///
    /// ```
    /// use mosaic_message::{Content, MimeBundle};
    /// let (contents, metadata) = MimeBundle::new().with_text("text/plain", "a map").into_parts();
    /// assert_eq!(contents["text/plain"], Content::Text("a map".to_owned()));
    /// assert!(metadata.is_empty());
    /// ```
    pub fn into_parts(self) -> (BTreeMap<String, Content>, BTreeMap<String, String>) {
        (self.contents, self.metadata)
    }
}

/// A type whose values a notebook shows in several formats: as a cell's last expression, or with `display`.
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
    /// Returns the value in all its formats. One of them should be `text/plain`, which any front end can show.
    fn mime_bundle(&self) -> MimeBundle;
}

impl Rich for MimeBundle {
    fn mime_bundle(&self) -> MimeBundle {
        self.clone()
    }
}
