//! Syntax errors that evcxr would pass over in silence.

use proc_macro2::{TokenStream, TokenTree};

/// Where a `let` of the cell itself has no pattern, as line and column of characters from 1. evcxr drops such a
/// statement without a word.
pub(crate) fn let_without_pattern(code: &str) -> Option<(usize, usize)> {
    if !code.contains("let") {
        return None;
    }
    let tokens: Vec<TokenTree> = code.parse::<TokenStream>().ok()?.into_iter().collect();
    let found = tokens.windows(2).find(|pair| {
        matches!(&pair[0], TokenTree::Ident(name) if name == "let")
            && matches!(&pair[1], TokenTree::Punct(mark) if "=;".contains(mark.as_char()))
    });
    let place = found.map(|pair| pair[1].span().start());
    proc_macro2::extra::invalidate_current_thread_spans();
    place.map(|place| (place.line, place.column + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_let_without_a_pattern_is_found() {
        for (code, expected) in [
            ("let = 3;", Some((1, 5))),
            ("let x = 1;\nlet ;", Some((2, 5))),
            ("let x = 3;", None),
            (
                "let _ = 3; let ::std::option::Option::Some(x) = y else { return };",
                None,
            ),
            ("\"let = 3\"", None),
            ("outlet = 3", None),
        ] {
            assert_eq!(let_without_pattern(code), expected, "{code}");
        }
    }
}
