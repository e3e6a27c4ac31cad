//! Paths in texts of rust-analyzer and evcxr, as the user writes them.

use crate::evcxr_text::markers::{CELL_CRATE, CELL_CRATE_PATH};

/// Returns the name that a text begins with.
pub(crate) fn name_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Shortens paths to those that the user writes: without the crate that evcxr compiles, and without the modules in
/// which the expansion of a tessera lies.
pub(crate) fn as_written(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("__mosaic_") {
        let end = at + name_of(&rest[at..]).len();
        let path = rest[end..].strip_prefix("::");
        let before = rest[..at].strip_suffix("::").filter(|_| path.is_none());
        written += before.unwrap_or(&rest[..at]);
        rest = path.unwrap_or(&rest[end..]);
    }
    written += rest;
    let shown = written
        .replace("::mosaic::__private::", "mosaic::")
        .replace("::mosaic::", "mosaic::")
        .replace(
            &format!("<pre><code class=\"language-rust\">{CELL_CRATE}\n</code></pre>\n"),
            "",
        )
        .replace(CELL_CRATE_PATH, "");
    shown
        .strip_prefix(CELL_CRATE)
        .and_then(|rest| rest.strip_prefix('\n'))
        .map_or(shown.as_str(), str::trim_start)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_the_user_knows() {
        for (text, written) in [
            ("ctx::__mosaic_Solver1::Solver1Proxy", "Solver1Proxy"),
            ("ctx::__mosaic_Solver1\n\nimpl X", "impl X"),
            ("x::__mosaic_A", "x"),
            (
                "f(impl ::mosaic::__private::IntoArg<u8>) -> ::mosaic::TaskProxy<u8>",
                "f(impl mosaic::IntoArg<u8>) -> mosaic::TaskProxy<u8>",
            ),
            ("ctx::inner\n\nfn f()", "inner\n\nfn f()"),
            ("plain", "plain"),
        ] {
            assert_eq!(as_written(text), written);
        }
    }
}
