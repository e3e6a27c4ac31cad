//! `return` at the top level of a cell, which ends the cell as it ends `main`.
//!
//! A cell's code stands in a block that returns a `Result`. A plain `return` becomes the call of a macro as long, so that
//! no column moves. The rustc wrapper defines the macro. The error of `return Err(…)` is converted as that of `?` is.

use crate::source::{
    macro_arguments::{expressions, expressions_of_select},
    preamble::without_commands,
    syntax::block,
};
use std::{borrow::Cow, ops::Range};
use syn::{
    Expr, ExprAsync, ExprClosure, ExprReturn, Item, Macro,
    spanned::Spanned,
    visit::{self, Visit},
};

/// The keyword.
const RETURN: &str = "return";
/// The name of the macro that stands for a plain `return`.
pub(crate) const MACRO: &str = "__r";
/// The call that stands for a plain `return`, as long as the keyword.
pub(crate) const CALL: &str = "__r!()";

/// The call that stands for `return Ok(())`, as long as the text.
const PADDED_CALL: &str = "__r!()       ";

/// Returns a cell whose `return`s end it.
pub(crate) fn rewritten(cell: &str) -> Cow<'_, str> {
    if !cell.contains(RETURN) {
        return Cow::Borrowed(cell);
    }
    let mut changes = Changes::default();
    let parsed = block(&without_commands(cell));
    parsed.iter().for_each(|block| changes.visit_block(block));
    proc_macro2::extra::invalidate_current_thread_spans();
    let mut text = String::with_capacity(cell.len());
    let mut from = 0;
    for (range, replacement) in changes.found {
        // The block's opening brace comes before the cell.
        let (start, end) = (range.start.saturating_sub(1), range.end.saturating_sub(1));
        text += &cell[from..start];
        text += replacement;
        from = end;
    }
    Cow::Owned(text + &cell[from..])
}

/// The places where a cell is changed, in their order.
#[derive(Default)]
struct Changes {
    found: Vec<(Range<usize>, &'static str)>,
}

impl<'a> Visit<'a> for Changes {
    fn visit_expr_return(&mut self, returned: &'a ExprReturn) {
        match &returned.expr {
            None => self.found.push((returned.return_token.span.byte_range(), CALL)),
            Some(value) if is_nothing(value) => {
                let start = returned.return_token.span.byte_range().start;
                self.found.push((start..value.span().byte_range().end, PADDED_CALL));
            }
            Some(value) => {
                visit::visit_expr(self, value);
                if is_error_to_convert(value) {
                    let end = value.span().byte_range().end;
                    self.found.push((end..end, "?"));
                }
            }
        }
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        let arguments = expressions(call).or_else(|| expressions_of_select(call));
        for argument in arguments.iter().flatten() {
            Visit::visit_expr(self, argument);
        }
    }

    // A `return` in these returns from them.
    fn visit_expr_closure(&mut self, _: &'a ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'a ExprAsync) {}
    fn visit_item(&mut self, _: &'a Item) {}
}

/// Reports whether a returned value is written `Ok(())`, as far from `return` as usual.
fn is_nothing(value: &Expr) -> bool {
    let Expr::Call(call) = value else { return false };
    let is_ok = matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Ok"));
    let is_unit = matches!(call.args.first(), Some(Expr::Tuple(tuple)) if tuple.elems.is_empty());
    is_ok && is_unit
}

/// Reports whether a returned value is `Err(…)` with an error that is not converted yet.
fn is_error_to_convert(value: &Expr) -> bool {
    let Expr::Call(call) = value else { return false };
    let is_err =
        matches!(&*call.func, Expr::Path(path) if path.path.segments.last().is_some_and(|it| it.ident == "Err"));
    let is_converted = matches!(call.args.first(), Some(Expr::MethodCall(method)) if method.method == "into");
    is_err && !is_converted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_returns_of_the_cell_are_changed() {
        assert_eq!(CALL, format!("{MACRO}!()"));
        assert_eq!(CALL.len(), RETURN.len());
        for (cell, expected) in [
            ("return;", "__r!();"),
            ("let a = 1;\nif a > 0 { return }\n", "let a = 1;\nif a > 0 { __r!() }\n"),
            ("let Some(ä) = x else { return };", "let Some(ä) = x else { __r!() };"),
            (
                "for x in y { match x { 1 => return, _ => {} } }",
                "for x in y { match x { 1 => __r!(), _ => {} } }",
            ),
            ("let a = { return Ok(()); };", "let a = { __r!()       ; };"),
            ("return Ok(f());", "return Ok(f());"),
            ("return Err(\"no\");", "return Err(\"no\")?;"),
            ("return Err(e)?;", "return Err(e)?;"),
            ("return Err(e.into());", "return Err(e.into());"),
            ("return Result::Err(E { a: 1 });", "return Result::Err(E { a: 1 })?;"),
            (
                "return Err(if a { return } else { e });",
                "return Err(if a { __r!() } else { e })?;",
            ),
            ("fn f() { return; }", "fn f() { return; }"),
            ("let f = || { return; };", "let f = || { return; };"),
            ("async { return; }.await;", "async { return; }.await;"),
            ("// return\n\"return;\"", "// return\n\"return;\""),
            ("return )", "return )"),
            (
                "println!(\"{}\", if a { return } else { 1 });",
                "println!(\"{}\", if a { __r!() } else { 1 });",
            ),
            (
                "tokio::select! { _ = f() => return, x = g(|| { return; }) => { return; } }",
                "tokio::select! { _ = f() => __r!(), x = g(|| { return; }) => { __r!(); } }",
            ),
            ("quote! { return; };", "quote! { return; };"),
            (":dep a\nreturn;", ":dep a\n__r!();"),
        ] {
            assert_eq!(rewritten(cell), expected, "{cell}");
        }
    }
}
