//! A cell that is compiled for what rustc says of it, and not to be run: evcxr's analysis code.
//!
//! It is built from the same crates as the cell itself, while cargo's `check` would want its own of each.

use crate::{
    evcxr_text::{
        analysis_code::{split_items, with_local_variables, without_variable_checks},
        markers::CELL_CRATE,
    },
    rustc_wrapper::{NOT_RUN, reachable_items::Items, rustc_call::without_codegen},
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

/// In the session's directory: what rustc makes of it.
const MADE: &str = "mosaic-analysis.out";
/// rustc shortens paths unless it is told not to, by an option that only the printing of types knows. A stable compiler
/// takes it for the crate that this variable names.
const PERMIT: (&str, &str) = ("RUSTC_BOOTSTRAP", CELL_CRATE);
const WHOLE_PATHS: &str = "-Ztrim-diagnostic-paths=no";

/// Has rustc say what is wrong with it and, if it is a probe, keeps the types of its variables for the kernel.
pub(super) fn run(
    rustc: &OsStr,
    arguments: &[OsString],
    (source, text): (&Path, &str),
    session: &Path,
    crates: &BTreeMap<String, String>,
) -> Result<()> {
    let (items, rest) = split_items(text);
    let is_probe = type_probe::is_probe(text);
    let needed = Items::many(items).filter(|_| is_probe).map(|many| many.needed(rest));
    let rest = with_local_variables(rest);
    let rest = if is_probe { without_variable_checks(&rest) } else { rest };
    let text = needed.as_deref().unwrap_or(items).to_owned() + &rest;
    fs::write(source, text).with_context(|| format!("cannot write {}", source.display()))?;
    let made = session.join(MADE);
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
}
