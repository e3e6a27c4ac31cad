//! `:bench`.

use crate::{
    errors::cell_error::CellError,
    evaluation::commands::command::{CommandCode, Runner},
    prebuilt::requested_dependency::Versions,
    source::nesting,
};
use syn::{Expr, visit::Visit};

/// Begins the code of `:bench`: the macro of `mosaic-cell` that measures an expression.
const BENCH: &str = "Bench!(";

/// Decides on `:bench`, which stands for a macro around an expression.
pub(super) fn bench(arguments: Option<&str>, _: &Versions) -> Result<Runner, String> {
    let Some(expression) = arguments else {
        return Err("`:bench` wants an expression, such as `:bench data.iter().sum::<f64>()`".to_owned());
    };
    if nesting::check(expression).is_some() {
        return Err("this expression is nested too deep for `:bench`: put it into a function".to_owned());
    }
    let parsed = syn::parse_str::<Expr>(expression);
    proc_macro2::extra::invalidate_current_thread_spans();
    // `let` is an expression only in conditions.
    let Some(parsed) = parsed.ok().filter(|it| !matches!(it, Expr::Let(_))) else {
        return Err(
            "`:bench` wants an expression on its line, and this is no expression: put statements into braces, or into a \
             function"
                .to_owned(),
        );
    };
    // A comment may end the line of the expression.
    let ends = if awaits(&parsed) { "\n; await);" } else { "\n);" };
    Ok(Runner::Code(CommandCode { begins: BENCH, ends }))
}

/// rustc's titles of errors that come from the repetition, with what to do about them.
const OF_REPETITION: [(&str, &str); 3] = [
    (
        "cannot move out of",
        "`:bench` runs the expression many times, so it must not move a variable: pass a reference, or a clone",
    ),
    (
        "use of moved value",
        "`:bench` runs the expression many times, so it must not move a variable: pass a reference, or a clone",
    ),
    (
        "the `?` operator",
        "the expression of `:bench` must not return early: use `.unwrap()` in place of `?`",
    ),
];

/// Adds to the error of a text of a cell what `:bench` has to do with it, if the text is that of a `:bench`.
pub(crate) fn explained(mut error: CellError, text: &str) -> CellError {
    if text.trim_start().starts_with(BENCH) {
        for shown in &mut error.traceback {
            let title = shown.lines().next().unwrap_or_default();
            if let Some((_, help)) = OF_REPETITION.iter().find(|(part, _)| title.contains(part)) {
                shown.push_str(&format!("\n  \x1b[1m\x1b[94m= \x1b[0m\x1b[1mhelp\x1b[0m: {help}"));
            }
        }
    }
    error
}

/// Reports whether an expression has an `.await` of its own, and not only inside an async block or closure.
fn awaits(expression: &Expr) -> bool {
    let mut search = Awaits(false);
    search.visit_expr(expression);
    search.0
}

/// Whether an `.await` was found.
struct Awaits(bool);

impl<'ast> Visit<'ast> for Awaits {
    fn visit_expr_await(&mut self, _: &'ast syn::ExprAwait) {
        self.0 = true;
    }

    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}

    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::error_name::ErrorName;

    #[test]
    fn the_code_keeps_the_column_of_the_expression() {
        assert_eq!(BENCH.len(), ":bench ".len());
    }

    #[test]
    fn errors_of_the_repetition_are_explained() {
        let shown = |title: &str, text: &str| {
            let mut error = CellError::new(ErrorName::Compilation, title);
            error.traceback = vec![title.to_owned()];
            explained(error, text).traceback.concat()
        };
        assert!(shown("cannot move out of `v`, a captured variable", "\n Bench!(drop(v)\n);").contains("a clone"));
        assert!(shown("the `?` operator can only be used", "Bench!(f()?\n);").contains("unwrap"));
        assert_eq!(shown("mismatched types", "Bench!(f(1)\n);"), "mismatched types");
        assert_eq!(shown("cannot move out of `v`", "drop(v)"), "cannot move out of `v`");
    }

    #[test]
    fn only_awaits_of_the_expression_itself_count() {
        for (expression, expected) in [
            ("f(x)", false),
            ("f(x).await", true),
            ("g(f(x).await + 1)", true),
            ("{ let a = f().await; a }", true),
            ("drop(async { f().await })", false),
            ("drop(async || f().await)", false),
        ] {
            assert_eq!(awaits(&syn::parse_str(expression).unwrap()), expected, "{expression}");
        }
    }
}
