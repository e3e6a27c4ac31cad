//! Tells a console whether the text of a cell is complete.

use crate::source::{
    nesting,
    preamble::end_of_preamble,
    syntax::{Unbalanced, unbalanced},
};
use proc_macro2::TokenStream;

/// The answer to a console that asks whether it can execute a text or should wait for more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// The text can be executed.
    Complete,
    /// The text needs more lines.
    Incomplete {
        /// The spaces with which the next line should begin.
        indent: String,
    },
    /// No further line makes the text valid.
    Invalid,
}

/// Reports whether `code` is a complete cell.
///
/// ```
/// use mosaic_evaluator::{Completeness, is_complete};
/// assert_eq!(is_complete("let x = 1;"), Completeness::Complete);
/// assert_eq!(is_complete("fn f() {"), Completeness::Incomplete { indent: "    ".into() });
/// assert_eq!(is_complete("let )"), Completeness::Invalid);
/// ```
pub fn is_complete(code: &str) -> Completeness {
    let code = &code[end_of_preamble(code)..];
    if nesting::check(code).is_some() {
        // A console executes what is complete or invalid, and the cell's error then says what is too deep.
        return scan(code);
    }
    let judge = || {
        let complete = match code.parse::<TokenStream>() {
            Ok(_) => parse(code),
            Err(_) => scan(code),
        };
        proc_macro2::extra::invalidate_current_thread_spans();
        complete
    };
    nesting::on_large_stack(judge).unwrap_or_else(|| scan(code))
}

/// Judges code whose delimiters are in balance. It is incomplete only if the parser misses something at the end.
fn parse(code: &str) -> Completeness {
    // A cell may begin with attributes of the crate. A block may not.
    if code.contains("#![") {
        return Completeness::Complete;
    }
    let Err(error) = syn::parse_str::<syn::Block>(&format!("{{{code}\n}}")) else {
        return Completeness::Complete;
    };
    let at_end = error.span().start().line > code.lines().count();
    let awaits_more = error.to_string().starts_with("unexpected end of input") || at_end;
    let ends_a_statement = code.trim_end().ends_with([';', '}']);
    if awaits_more && !ends_a_statement {
        incomplete(0)
    } else {
        Completeness::Invalid
    }
}

fn incomplete(depth: usize) -> Completeness {
    Completeness::Incomplete {
        indent: "    ".repeat(depth.min(nesting::MAX_BRACKETS)),
    }
}

/// Judges code that has no tokens, by its delimiters, quotes and comments.
fn scan(code: &str) -> Completeness {
    match unbalanced(code) {
        Some(Unbalanced::Unterminated { open, .. } | Unbalanced::Unclosed { open, .. }) => incomplete(open),
        Some(Unbalanced::Unexpected { .. }) | None => Completeness::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completeness() {
        let complete = Completeness::Complete;
        let invalid = Completeness::Invalid;
        for (code, expected) in [
            ("", complete.clone()),
            ("1 + 1", complete.clone()),
            ("let x = 1;\nx", complete.clone()),
            (":dep rand = \"0.9\"\nlet x = 1;", complete.clone()),
            (":vars", complete.clone()),
            ("struct A { x: i32 }\nimpl A { fn f(&self) {} }", complete.clone()),
            ("#![allow(unused)]\nfn f() {}", complete.clone()),
            ("let s = \"}\";", complete.clone()),
            ("task.await?", complete),
            ("fn f() {\n    if x {", incomplete(2)),
            ("let s = \"abc", incomplete(0)),
            ("let v = [1,", incomplete(1)),
            ("let x =", incomplete(0)),
            ("1 +", incomplete(0)),
            ("{ // }", incomplete(1)),
            ("{ '}' r#\"}\"#", incomplete(1)),
            ("/* open", incomplete(0)),
            ("fn f<'a>(x: &'a str) {", incomplete(1)),
            ("let )", invalid.clone()),
            ("fn 1() {}", invalid.clone()),
            ("}", invalid),
        ] {
            assert_eq!(is_complete(code), expected, "{code:?}");
        }
    }
}
