//! Values as Jupyter shows them.

use std::collections::BTreeMap;

/// A value in several formats, from the MIME type of a format to the content.
///
/// ```
/// use mosaic_evaluator::MimeBundle;
///
/// let bundle = MimeBundle::from([("text/plain".to_owned(), "42".into())]);
/// assert_eq!(bundle["text/plain"], "42");
/// ```
pub type MimeBundle = BTreeMap<String, serde_json::Value>;
