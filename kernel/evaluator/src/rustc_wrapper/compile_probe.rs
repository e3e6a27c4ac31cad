//! A cell that is compiled for what rustc says of it, and not to be run: evcxr's analysis code.
//!
//! It is built from the same crates as the cell itself, while cargo's `check` would want its own of each.

use crate::{
    evcxr_text::rewrite::RUN,
    rustc_wrapper::{NOT_RUN, reachable_items::Items, rustc_call::without_codegen},
    session::files,
    type_probe,
};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs,
    path::Path,
    process::{Command, Stdio},
};
use syn::{ItemFn, spanned::Spanned};

/// What evcxr writes between the notebook's items and the cell.
const ITEMS_END: &str = "\nfn evcxr_variable_store<T: 'static>(_: T) {}\n";
/// How it has variables checked for what they borrow, and for whether they are still there.
const PACKED: &str = "evcxr_variable_store(";
/// The function that it has in place of the one that a cell's library is loaded for, with its variables as parameters, up to
/// where the cell begins. It names a type by a name to which the notebook may have given another meaning.
const FUNCTION: &str = "\nasync fn evcxr_analysis_wrapper(\n";
const RETURNS: &str = ") -> Result<(), EvcxrUserCodeError> {\n";
/// The function with its variables inside: among parameters of an asynchronous one a type may not leave a lifetime out, and
/// each that it leaves out would be another one.
const FUNCTION_ALONE: &str = "\nfn __mosaic_variable<T>() -> T { loop {} } \
     async fn evcxr_analysis_wrapper() -> ::std::result::Result<(), EvcxrUserCodeError> {\n";
/// rustc shortens paths unless it is told not to, by an option that only the printing of types knows. A stable compiler
/// takes it for the crate that this variable names.
const PERMIT: (&str, &str) = ("RUSTC_BOOTSTRAP", "ctx");
const WHOLE_PATHS: &str = "-Ztrim-diagnostic-paths=no";

/// Whether a text is analysis code.
pub(super) fn is_analysis(text: &str) -> bool {
    text.contains(FUNCTION) && !text.contains(RUN)
}

/// Has rustc say what is wrong with it and, if it is a probe, keeps the types of its variables for the kernel.
pub(super) fn run(
    rustc: &OsStr,
    arguments: &[OsString],
    (source, text): (&Path, &str),
    session: &Path,
    crates: &BTreeMap<String, String>,
) -> Result<()> {
    let (items, rest) = text.split_at(text.find(ITEMS_END).unwrap_or(0));
    let is_probe = type_probe::is_probe(text);
    let needed = Items::many(items).filter(|_| is_probe).map(|many| many.needed(rest));
    let rest = robust(rest);
    let rest = if is_probe { without_packing(&rest) } else { rest };
    let text = needed.as_deref().unwrap_or(items).to_owned() + &rest;
    fs::write(source, text).with_context(|| format!("cannot write {}", source.display()))?;
    let made = files::PROBE_OUTPUT.path(session);
    let mut rustc = Command::new(rustc);
    rustc.args(analysing(arguments, if is_probe { "mir" } else { "metadata" }, &made));
    if is_probe {
        rustc.arg(WHOLE_PATHS).env(PERMIT.0, PERMIT.1);
    }
    let status = rustc.stdin(Stdio::null()).status().context(NOT_RUN)?;
    if is_probe && status.success() {
        let names: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
        let mir = fs::read_to_string(&made).with_context(|| format!("cannot read {}", made.display()))?;
        type_probe::keep(session, &type_probe::types_in(&mir, items, &names))?;
    }
    Ok(())
}

/// The text without what would be wrong with it for no fault of the cell's. No line moves.
pub(super) fn robust(text: &str) -> String {
    let with_variables = || {
        let begin = text.find(FUNCTION)?;
        let (parameters, cell) = text[begin + FUNCTION.len()..].split_once(RETURNS)?;
        let variables = variables(parameters)?;
        Some(format!("{}{FUNCTION_ALONE}{variables}\n{cell}", &text[..begin]))
    };
    with_variables().unwrap_or_else(|| text.to_owned())
}

/// Parameters as variables, on the same lines.
fn variables(parameters: &str) -> Option<String> {
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

/// Without the calls that check variables, and without what they call, whose name a notebook may use. No line moves.
fn without_packing(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let is_call = |line: &str| line.starts_with(PACKED) && line.ends_with(");\n");
    let is_packing = |line: &str| is_call(line) || line == ITEMS_END.trim_start();
    let kept = lines.map(|line| if is_packing(line) { "\n" } else { line });
    kept.collect()
}

/// The arguments of a cell, to make something else of it.
fn analysing(arguments: &[OsString], what: &str, made: &Path) -> Vec<OsString> {
    let mut analysing = without_codegen(arguments.to_vec(), &["incremental="]);
    analysing.retain(|argument| !argument.as_encoded_bytes().starts_with(b"--emit="));
    let mut emit = OsString::from(format!("--emit={what}="));
    emit.push(made);
    analysing.push(emit);
    // Without optimisation no call is lost.
    analysing.extend(["-Copt-level=0", "-Cdebuginfo=0", "-Awarnings"].map(OsString::from));
    analysing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compiled_without_a_library() {
        let split = |text: &str| -> Vec<OsString> { text.split(' ').map(OsString::from).collect() };
        let arguments = split("--crate-name ctx src/lib.rs --emit=dep-info,link -C opt-level=2 -C incremental=/x");
        let expected = "--crate-name ctx src/lib.rs -C opt-level=2 --emit=mir=/s/made -Copt-level=0 -Cdebuginfo=0 \
             -Awarnings";
        assert_eq!(analysing(&arguments, "mir", Path::new("/s/made")), split(expected));
    }

    #[test]
    fn it_is_told_from_what_runs_and_checks_no_variable() {
        let text =
            format!("struct S;{ITEMS_END}{FUNCTION}x: S,\nmut y: (u8,\nCow<str>),\n{RETURNS}y;\n{PACKED}y);\n}}\n");
        assert!(is_analysis(&text) && !is_analysis(&format!("{text}{RUN}1(")) && !is_analysis("fn f() {}"));
        let robust = robust(&text);
        let variables = "let x: S = __mosaic_variable();\nlet mut y: (u8,\nCow<str>) = __mosaic_variable();\n\ny;\n";
        assert!(robust.contains(&format!("{FUNCTION_ALONE}{variables}")), "{robust}");
        let plain = without_packing(&robust);
        assert!(!plain.contains("evcxr_variable_store"), "{plain}");
        for text in [&robust, &plain] {
            assert_eq!(text.lines().position(|line| line == "y;"), Some(8), "{text}");
        }
    }
}
