//! Guesses, from the tokens of code alone, whether the code leaves a variable where it is.
//!
//! The guess decides only what is tried first: rustc checks the code that follows from it.

use proc_macro2::{TokenStream, TokenTree};

/// Macros that borrow all of their arguments.
const BORROWING_MACROS: [&str; 14] = [
    "print",
    "println",
    "eprint",
    "eprintln",
    "format",
    "write",
    "writeln",
    "panic",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
];
/// Methods that mostly take their object, beside those whose names begin with `into_` and `unwrap`.
const TAKING_METHODS: [&str; 30] = [
    "and_then",
    "await",
    "block_on",
    "build",
    "chain",
    "collect",
    "copied",
    "cloned",
    "context",
    "enumerate",
    "err",
    "expect",
    "filter",
    "finish",
    "fold",
    "join",
    "map",
    "map_err",
    "ok",
    "ok_or",
    "ok_or_else",
    "or_else",
    "rev",
    "skip",
    "spawn",
    "sum",
    "take",
    "then",
    "with_context",
    "zip",
];

/// Reports whether code seems to only borrow a variable, and not to move it or to set it anew.
pub(crate) fn only_lends(code: &TokenStream, name: &str) -> bool {
    lends(code, name, false)
}

fn lends(code: &TokenStream, name: &str, is_in_borrowing_macro: bool) -> bool {
    let trees: Vec<TokenTree> = code.clone().into_iter().collect();
    (0..trees.len()).all(|index| match &trees[index] {
        TokenTree::Group(group) => {
            let borrows = is_punct(before(&trees, index, 1), '!')
                && matches!(before(&trees, index, 2), Some(TokenTree::Ident(it)) if BORROWING_MACROS.iter().any(|name| it == name));
            lends(&group.stream(), name, borrows)
        }
        TokenTree::Ident(ident) if ident == name => is_lent(&trees, index, is_in_borrowing_macro),
        _ => true,
    })
}

/// Reports whether the variable at a place among tokens is only borrowed there.
fn is_lent(trees: &[TokenTree], index: usize, is_in_borrowing_macro: bool) -> bool {
    let next = trees.get(index + 1);
    // A field or a method of something else, or a part of a path, has the variable's name.
    if is_punct(before(trees, index, 1), '.') || is_punct(before(trees, index, 1), ':') && !is_type_end(trees, index) {
        return true;
    }
    if is_punct(next, '.') {
        return match trees.get(index + 2) {
            Some(TokenTree::Ident(method)) => {
                let method = method.to_string();
                let is_call = trees
                    .get(index + 3)
                    .is_some_and(|it| matches!(it, TokenTree::Group(_)) || is_punct(Some(it), ':'));
                let takes =
                    TAKING_METHODS.contains(&&*method) || method.starts_with("into_") || method.starts_with("unwrap");
                is_call && !takes
            }
            _ => false,
        };
    }
    let is_borrowed = is_punct(before(trees, index, 1), '&')
        || is_ident(before(trees, index, 1), "mut") && is_punct(before(trees, index, 2), '&');
    let is_indexed =
        matches!(next, Some(TokenTree::Group(group)) if group.delimiter() == proc_macro2::Delimiter::Bracket);
    let is_changed =
        is_punct(trees.get(index + 2), '=') && ['+', '-', '*', '/', '%'].iter().any(|it| is_punct(next, *it));
    is_borrowed || is_indexed || is_changed || is_in_borrowing_macro
}

/// Reports whether the colon before a place ends a name such as that of a field, and not a part of a path.
fn is_type_end(trees: &[TokenTree], index: usize) -> bool {
    !is_punct(before(trees, index, 2), ':')
}

fn before(trees: &[TokenTree], index: usize, distance: usize) -> Option<&TokenTree> {
    trees.get(index.checked_sub(distance)?)
}

fn is_punct(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_used_by_reference_is_lent() {
        for (code, expected) in [
            ("v.len();", true),
            ("f(&v, &mut v); v[0] += 1;", true),
            ("println!(\"{} {v}\", v);", true),
            ("for x in &v { g(v.first()); }", true),
            ("v.push::<u8>(1);", true),
            ("n += 1; other.v; module::v();", true),
            ("v += 1;", true),
            ("", true),
            ("drop(v);", false),
            ("for x in v {}", false),
            ("v.into_iter();", false),
            ("v.await;", false),
            ("let w = v;", false),
            ("S { f: v };", false),
            ("v = g();", false),
            ("drop(v.field);", false),
            ("vec![v];", false),
            ("dbg!(v);", false),
            ("{ f({ v }); }", false),
        ] {
            let code_tokens: TokenStream = code.parse().unwrap();
            assert_eq!(only_lends(&code_tokens, "v"), expected, "{code}");
        }
    }
}
