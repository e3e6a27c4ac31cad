//! The syntax of a cell: errors that are found before evcxr sees the cell, and the parts of a cell that parses.
//!
//! evcxr passes over some syntax errors in silence. Others, rustc would find in the code that evcxr wraps around the
//! cell.

use crate::source::{
    nesting,
    skip::{Skip, skip},
};
use proc_macro2::{TokenStream, TokenTree};
use std::ops::Range;
use syn::{Pat, PatIdent};

/// A syntax error in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) title: String,
    /// The place of the error, in bytes.
    pub(crate) range: Range<usize>,
    /// A label for the place.
    pub(crate) label: &'static str,
    /// The delimiter that is not closed because of the error.
    pub(crate) opened: Option<Range<usize>>,
}

/// Finds the first syntax error of a cell without commands, unless rustc explains it better.
pub(crate) fn check(code: &str) -> Option<SyntaxError> {
    let tokens = code.parse::<TokenStream>();
    let error = match tokens {
        Ok(tokens) => let_without_pattern(code, tokens),
        Err(_) => unbalanced(code).map(|unbalanced| unbalanced.error(code)),
    };
    proc_macro2::extra::invalidate_current_thread_spans();
    error
}

/// Delimiters, quotes or comments that are out of balance, so that a text has no tokens. Places are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unbalanced {
    /// A quote or a comment at `at` has no end. `open` delimiters are open around it.
    Unterminated { at: usize, open: usize },
    /// The closing delimiter at `at` closes nothing, or not the delimiter at `open`.
    Unexpected { at: usize, open: Option<usize> },
    /// `open` delimiters are open at the end of the text, the last of them at `at`.
    Unclosed { at: usize, open: usize },
}

impl Unbalanced {
    fn error(&self, code: &str) -> SyntaxError {
        let character = |at: usize| code[at..].chars().next().unwrap_or(' ');
        let one = |at: usize| at..at + character(at).len_utf8();
        match *self {
            Unbalanced::Unterminated { at, .. } => {
                let what = match &code[at..] {
                    text if text.starts_with("/*") => "block comment",
                    text if text.starts_with('\'') => "character literal",
                    _ => "string",
                };
                SyntaxError {
                    title: format!("unterminated {what}"),
                    range: one(at),
                    label: "it begins here",
                    opened: None,
                }
            }
            Unbalanced::Unexpected { at, open: None } => SyntaxError {
                title: format!("unexpected closing delimiter: `{}`", character(at)),
                range: one(at),
                label: "it closes nothing",
                opened: None,
            },
            Unbalanced::Unexpected { at, open: Some(open) } => SyntaxError {
                title: format!("mismatched closing delimiter: `{}`", character(at)),
                range: one(at),
                label: "mismatched closing delimiter",
                opened: Some(one(open)),
            },
            Unbalanced::Unclosed { at, .. } => SyntaxError {
                title: format!("unclosed delimiter: `{}`", character(at)),
                range: one(at),
                label: "it is not closed",
                opened: None,
            },
        }
    }
}

/// Finds where delimiters, quotes or comments of a text are out of balance.
pub(crate) fn unbalanced(code: &str) -> Option<Unbalanced> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut at = 0;
    while let Some(first) = code[at..].chars().next() {
        match skip(&code[at..]) {
            Skip::Unterminated => return Some(Unbalanced::Unterminated { at, open: open.len() }),
            Skip::Token(length) => {
                at += length;
                continue;
            }
            Skip::Nothing => {}
        }
        match first {
            '(' => open.push((at, ')')),
            '[' => open.push((at, ']')),
            '{' => open.push((at, '}')),
            ')' | ']' | '}' => match open.pop() {
                Some((_, close)) if close == first => {}
                other => {
                    let open = other.map(|(at, _)| at);
                    return Some(Unbalanced::Unexpected { at, open });
                }
            },
            _ => {}
        }
        at += first.len_utf8();
    }
    let (at, _) = *open.last()?;
    Some(Unbalanced::Unclosed { at, open: open.len() })
}

/// Finds a `let` without a pattern among the cell's own statements. evcxr drops such a statement in silence.
fn let_without_pattern(code: &str, tokens: TokenStream) -> Option<SyntaxError> {
    if !code.contains("let") {
        return None;
    }
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let found = tokens.windows(2).find(|pair| {
        matches!(&pair[0], TokenTree::Ident(name) if name == "let")
            && matches!(&pair[1], TokenTree::Punct(mark) if "=;".contains(mark.as_char()))
    });
    found.map(|pair| SyntaxError {
        title: "expected a pattern after `let`".to_owned(),
        range: pair[1].span().byte_range(),
        label: "expected pattern",
        opened: None,
    })
}

/// Returns the place of a cell's last expression, in bytes, if its value is shown.
pub(crate) fn last_expression(code: &str) -> Option<Range<usize>> {
    let block = block(code)?;
    let Some(syn::Stmt::Expr(expression, None)) = block.stmts.last() else {
        return None;
    };
    let range = syn::spanned::Spanned::span(expression).byte_range();
    proc_macro2::extra::invalidate_current_thread_spans();
    // The block's opening brace comes before the cell.
    Some(range.start.checked_sub(1)?..range.end.checked_sub(1)?)
}

/// Parses a cell without commands as a block. Its spans are one byte further on, behind the block's brace.
pub(crate) fn block(code: &str) -> Option<syn::Block> {
    // The text may begin at a command, which the check of the cell leaves out.
    if nesting::check(code).is_some() {
        return None;
    }
    syn::parse_str(&format!("{{{code}\n}}")).ok()
}

/// Yields all words of a text that may be names, those in literals too: formats and attributes name things there.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// Returns the variables that a pattern binds.
pub(crate) fn bindings(pattern: &Pat) -> Vec<&PatIdent> {
    let mut found = Vec::new();
    find_bindings(pattern, &mut found);
    found
}

fn find_bindings<'a>(pattern: &'a Pat, found: &mut Vec<&'a PatIdent>) {
    match pattern {
        Pat::Ident(name) => {
            found.push(name);
            name.subpat.iter().for_each(|(_, it)| find_bindings(it, found));
        }
        Pat::Paren(inner) => find_bindings(&inner.pat, found),
        Pat::Type(typed) => find_bindings(&typed.pat, found),
        Pat::Tuple(tuple) => tuple.elems.iter().for_each(|it| find_bindings(it, found)),
        Pat::TupleStruct(tuple) => tuple.elems.iter().for_each(|it| find_bindings(it, found)),
        Pat::Struct(record) => record.fields.iter().for_each(|it| find_bindings(&it.pat, found)),
        Pat::Reference(reference) => find_bindings(&reference.pat, found),
        Pat::Slice(slice) => slice.elems.iter().for_each(|it| find_bindings(it, found)),
        // Every alternative binds the same names.
        Pat::Or(cases) => cases.cases.iter().take(1).for_each(|it| find_bindings(it, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_where_they_are() {
        for (code, expected) in [
            ("let = 3;", Some(("expected a pattern after `let`", "="))),
            ("let x = 1;\nlet ;", Some(("expected a pattern after `let`", ";"))),
            ("let x = 3;", None),
            (
                "let _ = 3; let ::std::option::Option::Some(x) = y else { return };",
                None,
            ),
            ("\"let = 3\"", None),
            ("outlet = 3", None),
            (
                "fn f() {\n    if x {\n}",
                Some(("unclosed delimiter: `{`", "{\n    if")),
            ),
            ("}", Some(("unexpected closing delimiter: `}`", "}"))),
            ("let x = (1, 2;\nfoo]", Some(("mismatched closing delimiter: `]`", "]"))),
            ("let ä = \"abc", Some(("unterminated string", "\"abc"))),
            ("let a = 1; /* open", Some(("unterminated block comment", "/* open"))),
            ("'}' \"{\" // {", None),
            // The text has tokens, so rustc explains the error.
            ("let x = 5 let y = 6;", None),
        ] {
            let found = check(code);
            assert_eq!(found.as_ref().map(|it| &*it.title), expected.map(|it| it.0), "{code}");
            if let (Some(error), Some((_, at))) = (found, expected) {
                assert!(code[error.range.start..].starts_with(at), "{code}: {error:?}");
            }
        }
    }

    #[test]
    fn the_last_expression_is_found() {
        for (code, expected) in [
            ("let x = 1;\n  x + 1", Some("x + 1")),
            ("x;", None),
            ("struct P;\nP", Some("P")),
            ("let x = 1", None),
        ] {
            assert_eq!(last_expression(code).map(|range| &code[range]), expected, "{code}");
        }
    }
}
