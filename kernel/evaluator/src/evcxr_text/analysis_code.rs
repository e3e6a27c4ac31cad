//! Analysis code: the source that evcxr has checked to learn about a cell, and never runs.

use crate::{
    evcxr_text::{
        early_return,
        markers::{
            ANALYSIS_CHECK_BEGINS, ANALYSIS_FUNCTION_BEGINS, ANALYSIS_FUNCTION_RETURNS, ANALYSIS_ITEMS_END,
            CELL_FUNCTION_BEGINS,
        },
        mentioned_variables::Mentioned,
    },
    source::syntax::bindings,
};
use syn::{FnArg, ItemFn, spanned::Spanned};

/// The function around the cell's code with the stored variables inside, and not as parameters. A parameter's type may
/// not leave a lifetime out in an asynchronous function, where each such lifetime would be another one.
const FUNCTION_WITHOUT_PARAMETERS: &str = " fn __mosaic_variable<T>() -> T { loop {} } \
     async fn evcxr_analysis_wrapper() -> ::std::result::Result<(), EvcxrUserCodeError> {\n";

/// Reports whether a source is analysis code, and not that of a cell to be run.
pub(crate) fn is_analysis(source: &str) -> bool {
    source.contains(ANALYSIS_FUNCTION_BEGINS) && !source.contains(CELL_FUNCTION_BEGINS)
}

/// Splits analysis code into the notebook's items and the rest.
pub(crate) fn split_items(source: &str) -> (&str, &str) {
    source.split_at(source.find(ANALYSIS_ITEMS_END).unwrap_or(0))
}

/// Makes the stored variables local variables, and names `Result` by its whole path. As evcxr writes it, the source may
/// not compile although the cell has no error: a notebook may give `Result` another meaning. No line moves.
///
/// Of the stored variables, a `probe` has those that it mentions, since it is compiled for the types of others.
pub(crate) fn with_local_variables(source: &str, is_probe: bool) -> String {
    let changed = || {
        let begin = source.find(ANALYSIS_FUNCTION_BEGINS)?;
        let rest = &source[begin + ANALYSIS_FUNCTION_BEGINS.len()..];
        let (parameters, cell) = rest.split_once(ANALYSIS_FUNCTION_RETURNS)?;
        let mentioned = is_probe.then(|| Mentioned::of(cell));
        let variables = local_variables(parameters, |name| mentioned.as_ref().is_none_or(|it| it.contains(name)))?;
        let before = &source[..begin];
        let early_return = early_return::definition(cell);
        Some(format!(
            "{before}\n{early_return}{FUNCTION_WITHOUT_PARAMETERS}{variables}\n{cell}"
        ))
    };
    changed().unwrap_or_else(|| source.to_owned())
}

/// Writes the parameters that are `wanted` as `let` statements, on the same lines.
fn local_variables(parameters: &str, wanted: impl Fn(&str) -> bool) -> Option<String> {
    const BEFORE: &str = "fn f(";
    let function: ItemFn = syn::parse_str(&format!("{BEFORE}{parameters}) {{}}")).ok()?;
    let mut variables = String::with_capacity(2 * parameters.len());
    let mut rest = 0;
    for parameter in &function.sig.inputs {
        let at = parameter.span().byte_range();
        let (begin, end) = (at.start.checked_sub(BEFORE.len())?, at.end.checked_sub(BEFORE.len())?);
        variables += &parameters[rest..begin].replace(',', "");
        let parameter_text = &parameters[begin..end];
        let is_wanted = match parameter {
            FnArg::Typed(typed) => bindings(&typed.pat).iter().any(|it| wanted(&it.ident.to_string())),
            FnArg::Receiver(_) => true,
        };
        match is_wanted {
            true => variables += &format!("let {parameter_text} = __mosaic_variable();"),
            false => variables += &"\n".repeat(parameter_text.matches('\n').count()),
        }
        rest = end;
    }
    proc_macro2::extra::invalidate_current_thread_spans();
    Some(variables + &parameters[rest..].replace(',', ""))
}

/// Removes the calls that check variables, and the function that they call. No line moves.
pub(crate) fn without_variable_checks(source: &str) -> String {
    let lines = source.split_inclusive('\n');
    let is_call = |line: &str| line.starts_with(ANALYSIS_CHECK_BEGINS) && line.ends_with(");\n");
    let is_check = |line: &str| is_call(line) || line == ANALYSIS_ITEMS_END.trim_start();
    let kept = lines.map(|line| if is_check(line) { "\n" } else { line });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_has_the_variables_that_it_mentions() {
        let text = format!(
            "{ANALYSIS_FUNCTION_BEGINS}x: S,\nmut y: (u8,\nu8),\nz: u8,\n{ANALYSIS_FUNCTION_RETURNS}let a = format!(\"{{z}}\");\n}}\n"
        );
        let changed = with_local_variables(&text, true);
        assert!(
            changed.contains("\n\n\nlet z: u8 = __mosaic_variable();\n"),
            "{changed}"
        );
        assert!(!changed.contains("let x") && !changed.contains("y:"), "{changed}");
        assert_eq!(
            changed.lines().count(),
            with_local_variables(&text, false).lines().count()
        );
    }

    #[test]
    fn it_is_told_from_what_runs_and_checks_no_variable() {
        let text = format!(
            "struct S;{ANALYSIS_ITEMS_END}{ANALYSIS_FUNCTION_BEGINS}x: S,\nmut y: (u8,\nCow<str>),\n\
             {ANALYSIS_FUNCTION_RETURNS}y;\n{ANALYSIS_CHECK_BEGINS}y);\n}}\n"
        );
        assert!(is_analysis(&text) && !is_analysis("fn f() {}"));
        assert!(!is_analysis(&format!("{text}{CELL_FUNCTION_BEGINS}1(")));
        assert_eq!(split_items(&text).0, "struct S;");
        let changed = with_local_variables(&text, false);
        let variables = "let x: S = __mosaic_variable();\nlet mut y: (u8,\nCow<str>) = __mosaic_variable();\n\ny;\n";
        assert!(
            changed.contains(&format!("{FUNCTION_WITHOUT_PARAMETERS}{variables}")),
            "{changed}"
        );
        let plain = without_variable_checks(&changed);
        assert!(!plain.contains("evcxr_variable_store"), "{plain}");
        for text in [&changed, &plain] {
            assert_eq!(text.lines().position(|line| line == "y;"), Some(8), "{text}");
        }
    }
}
