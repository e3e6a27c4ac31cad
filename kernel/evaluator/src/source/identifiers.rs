//! Names in Unicode's normal form C. rustc takes two spellings of a name for one if they have the same normal form, and
//! so do evcxr and the kernel once a cell is normalised.

use crate::source::skip::{Skip, skip};
use icu_normalizer::ComposingNormalizerBorrowed;
use std::borrow::Cow;

/// Returns a cell with its identifiers in normal form C. Literals and comments stay as they are.
pub(crate) fn normalized(cell: &str) -> Cow<'_, str> {
    if cell.is_ascii() {
        return Cow::Borrowed(cell);
    }
    let mut written = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(first) = rest.chars().next() {
        let length = match skip(rest) {
            Skip::Token(length) => length,
            // The cell does not parse, and rustc or the kernel says why.
            Skip::Unterminated => rest.len(),
            Skip::Nothing => {
                let word = rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len());
                if word > 0 {
                    written += &normalized_name(&rest[..word]);
                    rest = &rest[word..];
                    continue;
                }
                first.len_utf8()
            }
        };
        written += &rest[..length];
        rest = &rest[length..];
    }
    Cow::Owned(written)
}

/// Returns a name in normal form C.
pub(crate) fn normalized_name(name: &str) -> Cow<'_, str> {
    match name.is_ascii() {
        true => Cow::Borrowed(name),
        false => ComposingNormalizerBorrowed::new_nfc().normalize(name),
    }
}

/// Reports whether a character may belong to a name. Marks that combine with a letter do.
fn is_of_a_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || !character.is_ascii() && !character.is_whitespace()
}

/// Returns how many code points at the end of a text become the last `length` code points in normal form C.
pub(crate) fn length_before_normalization(text: &str, length: usize) -> usize {
    let begins = text.char_indices().rev().map(|(at, _)| at);
    let is_within = |begin: &usize| normalized(&text[*begin..]).chars().count() <= length;
    begins.take_while(is_within).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSED: &str = "\u{e9}";
    const DECOMPOSED: &str = "e\u{301}";

    #[test]
    fn names_are_normalised_and_literals_are_not() {
        for (cell, expected) in [
            ("let e\u{301}t = 1; e\u{301}t + x", "let \u{e9}t = 1; \u{e9}t + x"),
            ("\"e\u{301}\" // e\u{301}", "\"e\u{301}\" // e\u{301}"),
            (
                "'\u{e9}' f(r#\"e\u{301}\"#, e\u{301})",
                "'\u{e9}' f(r#\"e\u{301}\"#, \u{e9})",
            ),
            ("let x = \"e\u{301}", "let x = \"e\u{301}"),
            ("plain", "plain"),
        ] {
            assert_eq!(normalized(cell), expected);
        }
        assert_eq!(normalized_name(DECOMPOSED), COMPOSED);
    }

    #[test]
    fn a_length_is_found_again() {
        let text = format!("x.{DECOMPOSED}t");
        assert_eq!(
            [0, 1, 2].map(|length| length_before_normalization(&text, length)),
            [0, 1, 3]
        );
        assert_eq!(length_before_normalization("ab", 9), 2);
    }
}
