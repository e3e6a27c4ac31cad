//! Empty statements at the top level of a cell, such as the second `;` of `struct Point {};` and of `f();;`.
//!
//! They do nothing in a function. evcxr, which puts a cell's items outside of its function, would leave them where no
//! statement can stand.

use crate::source::{preamble::without_commands, syntax::block};
use std::borrow::Cow;
use syn::{Expr, Stmt, spanned::Spanned};

/// Returns a cell with spaces in place of its empty statements.
pub(crate) fn blanked(cell: &str) -> Cow<'_, str> {
    if !cell.contains(';') {
        return Cow::Borrowed(cell);
    }
    let parsed = block(&without_commands(cell));
    let statements = parsed.iter().flat_map(|block| &block.stmts);
    let empty = statements.filter(|it| is_empty(it));
    // The block's opening brace comes before the cell.
    let places: Vec<usize> = empty
        .filter_map(|it| it.span().byte_range().start.checked_sub(1))
        .collect();
    proc_macro2::extra::invalidate_current_thread_spans();
    if places.is_empty() {
        return Cow::Borrowed(cell);
    }
    let mut text = cell.to_owned();
    for at in places {
        text.replace_range(at..=at, " ");
    }
    Cow::Owned(text)
}

/// Reports whether a statement is a `;` alone.
pub(crate) fn is_empty(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Expr(Expr::Verbatim(tokens), Some(_)) if tokens.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_statements_are_blanked() {
        for (cell, expected) in [
            (";", " "),
            ("struct S {};", "struct S {} "),
            ("let ä = 1;;\n; ä", "let ä = 1; \n  ä"),
            ("f(); /* ; */ ; // ;", "f(); /* ; */   // ;"),
            (":dep a\nmod b {}\n;\n", ":dep a\nmod b {}\n \n"),
            ("if a {} else {};", "if a {} else {};"),
            ("fn f() { ; }", "fn f() { ; }"),
            ("f();", "f();"),
            ("f( ;;", "f( ;;"),
        ] {
            assert_eq!(blanked(cell), expected, "{cell}");
        }
    }
}
