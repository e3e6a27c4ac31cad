//! Displays of values.
//!
//! A value whose type implements [`Rich`] is shown richly: as the last expression of a cell, or with [`display`].
//!
//! ```
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
//! let _ = display(&Matrix([[1.0, 2.0], [3.0, 4.0]]));
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

/// Shows a value now, in order with printed output, and returns a handle that can replace it.
///
/// ```
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

/// Removes what the cell has shown so far: now or, if `wait` is set, when it shows something else.
///
/// ```
/// use notebook::prelude::*;
/// for percent in [0, 50, 100] {
///     clear_output(true);
///     println!("{percent} %");
/// }
/// ```
pub fn clear_output(wait: bool) {
    tell(&Ask::Clear { wait });
}

/// A handle of a value that is shown. Made by [`display`].
///
/// ```
/// use notebook::prelude::*;
/// let shown: DisplayHandle = display(&Text("waiting"));
/// shown.update(&Text("done"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it replaces what is shown; `let _ =` where that is not wanted"]
pub struct DisplayHandle {
    id: String,
}

impl DisplayHandle {
    /// Shows another value instead, in the same display.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let shown = display(&Text("waiting"));
    /// shown.update(&Text("done"));
    /// ```
    pub fn update(&self, value: &(impl Rich + ?Sized)) {
        tell(&Ask::Update {
            bundle: value.mime_bundle(),
            display_id: self.id.clone(),
        });
    }

    /// Returns the display's unique name.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// assert_eq!(display(&Text("waiting")).id().len(), 32);
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Sends a request. If nothing can be shown, says so on standard error, and the cell goes on.
fn tell(message: &Ask) {
    if let Err(error) = ask(message) {
        eprintln!("this cannot be shown: {error}");
    }
}

/// Returns 32 hexadecimal digits that no other process and no other call returns.
pub(crate) fn unique_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos() as u64;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{now:016x}{:08x}{number:08x}", process::id())
}

// A new format is a line in `texts!` or `pictures!` below, and a name in `prelude.rs`.

/// Text of a MIME type. A front end that does not know the type shows the text itself.
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
    /// Text that is shown as HTML.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let _ = display(&Html("<b>300 K</b>"));
    /// ```
    Html: "text/html";
    /// Text that is shown as Markdown.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let _ = display(&Markdown("**300 K**"));
    /// ```
    Markdown: "text/markdown";
    /// Text that is shown as LaTeX, including its dollar signs.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let _ = display(&Latex(r"$e^{i\pi} = -1$"));
    /// ```
    Latex: "text/latex";
    /// An SVG picture.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let _ = display(&Svg("<svg viewBox='0 0 2 2'><circle cx='1' cy='1' r='1'/></svg>"));
    /// ```
    Svg: "image/svg+xml";
    /// Text that is shown as it is.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let _ = display(&Text("300 K"));
    /// ```
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
    /// A PNG picture, as the bytes of its file.
    ///
    /// ```no_run
    /// use notebook::prelude::*;
    /// let _ = display(&Png(std::fs::read("map.png")?));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    Png: "image/png";
    /// A JPEG picture, as the bytes of its file.
    ///
    /// ```no_run
    /// use notebook::prelude::*;
    /// let _ = display(&Jpeg(std::fs::read("map.jpeg")?));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    Jpeg: "image/jpeg";
}

/// A value as JSON, which front ends show as a tree.
///
/// ```
/// use notebook::prelude::*;
/// let _ = display(&Json(json!({ "temperature": { "value": 300, "unit": "K" } })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> Rich for Json<T> {
    fn mime_bundle(&self) -> MimeBundle {
        json_bundle("application/json", &self.0)
    }
}

/// A Vega-Lite 5 plot: any value that serialises to its specification.
///
/// ```
/// use notebook::prelude::*;
/// let _ = display(&VegaLite(json!({
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

/// A value as `{:#?}` shows it.
///
/// ```
/// use notebook::{display::{Pretty, display}, json};
/// let _ = display(&Pretty(vec![(1, 2), (3, 4)]));
/// ```
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
