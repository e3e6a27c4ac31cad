//! Analysis code: the source that evcxr has checked to learn about a cell, and never runs.

use crate::evcxr_text::{
    early_return,
    markers::{
        ANALYSIS_CHECK_BEGINS, ANALYSIS_FUNCTION_BEGINS, ANALYSIS_FUNCTION_RETURNS, ANALYSIS_ITEMS_END,
        CELL_FUNCTION_BEGINS,
    },
};
use syn::{ItemFn, spanned::Spanned};

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
pub(crate) fn with_local_variables(source: &str) -> String {
    let changed = || {
        let begin = source.find(ANALYSIS_FUNCTION_BEGINS)?;
        let rest = &source[begin + ANALYSIS_FUNCTION_BEGINS.len()..];
        let (parameters, cell) = rest.split_once(ANALYSIS_FUNCTION_RETURNS)?;
        let variables = local_variables(parameters)?;
        let before = &source[..begin];
        let early_return = early_return::definition(cell);
        Some(format!(
            "{before}\n{early_return}{FUNCTION_WITHOUT_PARAMETERS}{variables}\n{cell}"
        ))
    };
    changed().unwrap_or_else(|| source.to_owned())
}

/// Writes parameters as `let` statements, on the same lines.
fn local_variables(parameters: &str) -> Option<String> {
    const BEFORE: &str = "fn f(";
    let function: ItemFn = syn::parse_str(&format!("{BEFORE}{parameters}) {{}}")).ok()?;
    let mut variables = String::with_capacity(2 * parameters.len());
    let mut rest = 0;
    for parameter in &function.sig.inputs {
        let at = parameter.span().byte_range();
        let (begin, end) = (at.start.checked_sub(BEFORE.len())?, at.end.checked_sub(BEFORE.len())?);
        variables += &parameters[rest..begin].replace(',', "");
        variables += &format!("let {} = __mosaic_variable();", &parameters[begin..end]);
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
    fn it_is_told_from_what_runs_and_checks_no_variable() {
        let text = format!(
            "struct S;{ANALYSIS_ITEMS_END}{ANALYSIS_FUNCTION_BEGINS}x: S,\nmut y: (u8,\nCow<str>),\n\
             {ANALYSIS_FUNCTION_RETURNS}y;\n{ANALYSIS_CHECK_BEGINS}y);\n}}\n"
        );
        assert!(is_analysis(&text) && !is_analysis("fn f() {}"));
        assert!(!is_analysis(&format!("{text}{CELL_FUNCTION_BEGINS}1(")));
        assert_eq!(split_items(&text).0, "struct S;");
        let changed = with_local_variables(&text);
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
