//! Showing things.
//!
//! A value is shown richly where its type implements [`Rich`]: as the last expression of a cell, or with [`display`].
//!
//! ```no_run
//! use notebook::prelude::*;
//!
//! struct Matrix([[f64; 2]; 2]);
//!
//! impl Rich for Matrix {
//!     fn mime_bundle(&self) -> MimeBundle {
//!         let [[a, b], [c, d]] = self.0;
//!         MimeBundle::new()
//!             .with_text("text/plain", format!("{:?}", self.0))
//!             .with_text("text/latex", format!(r"$\begin{{pmatrix}} {a} & {b} \\ {c} & {d} \end{{pmatrix}}$"))
//!     }
//! }
//!
//! display(&Matrix([[1.0, 2.0], [3.0, 4.0]]));
//! ```

pub use mosaic_cell::message::{Content as MimeContent, MimeBundle, Rich};
use mosaic_cell::{
    ask,
    message::{Ask, Content},
};
use serde::Serialize;
use std::{
    fmt::Debug,
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Shows a value now, among what is printed. The handle replaces it later.
///
/// ```no_run
/// use notebook::prelude::*;
/// let shown = display(&Html("<i>0 %</i>"));
/// shown.update(&Html("<b>100 %</b>"));
/// ```
pub fn display(value: &(impl Rich + ?Sized)) -> DisplayHandle {
    let handle = DisplayHandle { id: unique_id() };
    tell(&Ask::Display {
        bundle: value.mime_bundle(),
        display_id: Some(handle.id.clone()),
    });
    handle
}

/// Removes what the cell has shown so far: now, or, where `wait` is set, as soon as it shows something else.
pub fn clear_output(wait: bool) {
    tell(&Ask::Clear { wait });
}

/// Something that is shown, wherever that is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it replaces what is shown; `let _ =` where that is not wanted"]
pub struct DisplayHandle {
    id: String,
}

impl DisplayHandle {
    /// Shows this value instead.
    pub fn update(&self, value: &(impl Rich + ?Sized)) {
        tell(&Ask::Update {
            bundle: value.mime_bundle(),
            display_id: self.id.clone(),
        });
    }

    /// The name that it is shown under, which is unique.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Where nothing can be shown, that is told and the cell goes on.
fn tell(message: &Ask) {
    if let Err(error) = ask(message) {
        eprintln!("this cannot be shown: {error}");
    }
}

/// 32 hexadecimal digits that no other process and no other call has.
pub(crate) fn unique_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos() as u64;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{now:016x}{:08x}{number:08x}", process::id())
}

/// Text of a type, which is shown as it is where the front end does not know it.
macro_rules! texts {
    ($($(#[$about:meta])* $name:ident: $mime:literal;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<T>(pub T);

        impl<T: AsRef<str>> Rich for $name<T> {
            fn mime_bundle(&self) -> MimeBundle {
                MimeBundle::new().with_text($mime, self.0.as_ref()).with_text("text/plain", self.0.as_ref())
            }
        }
    )*};
}

texts! {
    /// HTML.
    Html: "text/html";
    /// Markdown.
    Markdown: "text/markdown";
    /// LaTeX, with its dollar signs: `Latex(r"$e^{i\pi} = -1$")`.
    Latex: "text/latex";
    /// A picture in SVG.
    Svg: "image/svg+xml";
    /// Text as it is.
    Text: "text/plain";
}

/// Pictures, as the bytes of their files.
macro_rules! pictures {
    ($($(#[$about:meta])* $name:ident: $mime:literal;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<T>(pub T);

        impl<T: AsRef<[u8]>> Rich for $name<T> {
            fn mime_bundle(&self) -> MimeBundle {
                let bytes = self.0.as_ref();
                let text = concat!("<", $mime, ">");
                MimeBundle::new().with_bytes($mime, bytes).with_text("text/plain", text)
            }
        }
    )*};
}

pictures! {
    /// A picture in PNG, as the bytes of its file.
    Png: "image/png";
    /// A picture in JPEG, as the bytes of its file.
    Jpeg: "image/jpeg";
}

/// A value as JSON, which front ends show as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> Rich for Json<T> {
    fn mime_bundle(&self) -> MimeBundle {
        json_bundle("application/json", &self.0)
    }
}

/// A plot in Vega-Lite 5: any value that serialises to its specification.
///
/// ```no_run
/// use notebook::prelude::*;
/// display(&VegaLite(json!({
///     "data": { "values": [{ "x": 1, "y": 1 }, { "x": 2, "y": 4 }] },
///     "mark": "line",
///     "encoding": { "x": { "field": "x", "type": "quantitative" }, "y": { "field": "y", "type": "quantitative" } },
/// })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VegaLite<T>(pub T);

impl<T: Serialize> Rich for VegaLite<T> {
    fn mime_bundle(&self) -> MimeBundle {
        json_bundle("application/vnd.vegalite.v5+json", &self.0)
    }
}

fn json_bundle(mime: &str, value: &impl Serialize) -> MimeBundle {
    match serde_json::to_string(value) {
        Ok(json) => MimeBundle::new()
            .with_text("text/plain", &json)
            .with(mime, Content::Json(json)),
        Err(error) => MimeBundle::new().with_text("text/plain", format!("this has no JSON: {error}")),
    }
}

/// Any value, as `{:#?}` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pretty<T>(pub T);

impl<T: Debug> Rich for Pretty<T> {
    fn mime_bundle(&self) -> MimeBundle {
        MimeBundle::new().with_text("text/plain", format!("{:#?}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_text_beside_it() {
        let bundles = [
            Html("<b>").mime_bundle(),
            Svg("<svg/>").mime_bundle(),
            Png([137]).mime_bundle(),
            VegaLite(serde_json::json!({ "mark": "bar" })).mime_bundle(),
            Pretty(1).mime_bundle(),
        ];
        for bundle in bundles {
            assert!(bundle.mime_types().any(|mime| mime == "text/plain"), "{bundle:?}");
        }
        assert_eq!(
            Json([1, 2]).mime_bundle().into_parts().0["application/json"],
            Content::Json("[1,2]".into())
        );
    }

    #[test]
    fn ids_are_unique() {
        let (a, b) = (unique_id(), unique_id());
        assert!(a != b && a.len() == 32 && b.len() == 32, "{a} {b}");
    }
}
