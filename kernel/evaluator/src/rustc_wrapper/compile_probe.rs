//! Compiles analysis code, which evcxr has checked and never runs.
//!
//! The crates are those of the cells that run, while cargo's `check` would build others of its own.

use crate::{
    evcxr_text::{
        analysis_code::{split_items, with_local_variables, without_variable_checks},
        error_conversion,
        markers::CELL_CRATE,
    },
    rustc_wrapper::{
        reachable_items::ManyItems,
        rustc::{Run, Rustc},
        rustc_call::RustcCall,
        shared_crates::hidden,
    },
    session::files::{self, Type},
    source::syntax::words,
    type_probe,
};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Stdio,
};

/// Has rustc print whole paths of types, which it shortens otherwise.
const WHOLE_PATHS: &str = "-Ztrim-diagnostic-paths=no";
/// Has a stable rustc accept [`WHOLE_PATHS`] for the cell's crate.
const ALLOW_UNSTABLE_OPTIONS: (&str, &str) = ("RUSTC_BOOTSTRAP", CELL_CRATE);

/// Has rustc print the errors of analysis code. If the code is a probe, keeps the types of its variables for the
/// kernel.
pub(super) fn compile(rustc: &Rustc, text: &str, session: &Path, crates: &BTreeMap<String, String>) -> Result<()> {
    let text = error_conversion::for_analysis(text);
    let (items, rest) = split_items(&text);
    let is_probe = type_probe::is_probe(&text);
    let reachable = ManyItems::of(items)
        .filter(|_| is_probe)
        .map(|items| items.reachable_from(rest));
    let rest = with_local_variables(rest, is_probe);
    let rest = if is_probe { without_variable_checks(&rest) } else { rest };
    let text = reachable.as_deref().unwrap_or(items).to_owned() + &rest;
    rustc.write_source(&text)?;
    let output = files::PROBE_OUTPUT.path(session);
    let kind = if is_probe { "mir" } else { "metadata" };
    let call = rustc.call.of_checked_cell(kind, &output);
    let run = Run {
        prepare: &|command| {
            command.stdin(Stdio::null());
            if is_probe {
                let (variable, value) = ALLOW_UNSTABLE_OPTIONS;
                command.arg(WHOLE_PATHS).env(variable, value);
            }
        },
        ..Run::of(&call)
    };
    let compiled = rustc.run(&run)?;
    compiled.messages.iter().for_each(|line| eprintln!("{line}"));
    if is_probe && compiled.status.success() {
        let mir = fs::read_to_string(&output).with_context(|| format!("cannot read {}", output.display()))?;
        type_probe::keep(session, &types(rustc.call, &mir, items, session, crates)?)?;
    }
    Ok(())
}

/// Reads the types of a probe's variables. If some come from a crate that the user has not added, later cells link the
/// crate.
fn types(
    call: &RustcCall,
    mir: &str,
    items: &str,
    session: &Path,
    crates: &BTreeMap<String, String>,
) -> Result<Vec<Option<Type>>> {
    let mut names: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    let types = type_probe::types_in(mir, items, &names);
    if types.iter().all(Option::is_some) {
        return Ok(types);
    }
    let hidden = hidden::hidden_crates(call);
    names.extend(hidden.keys().map(String::as_str));
    let types = type_probe::types_in(mir, items, &names);
    let written = types.iter().flatten().filter_map(Type::written);
    let used = written.flat_map(words).filter(|word| hidden.contains_key(*word));
    let used: BTreeSet<String> = used.map(str::to_owned).collect();
    if !used.is_empty() {
        hidden::use_from_now_on(session, used).context("cannot note which crates the cells link")?;
    }
    Ok(types)
}
