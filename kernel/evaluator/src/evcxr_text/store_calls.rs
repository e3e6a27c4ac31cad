//! The calls by which a cell takes its variables out of the store and puts them back, as evcxr generates them.
//!
//! The wrapper tells the store the fingerprint of each variable's type, so that the store never hands out a value under
//! another type. A cell that redefines the type of a stored variable may not compile with the variable. If the wrapper
//! knows of the change, the cell drops the variable first.

use crate::{
    evcxr_text::{
        markers::{CHECK_VARIABLE, CHECKS_END, PUT_VARIABLE, STORE_BEGINS, TAKE_VARIABLE, USER_CODE_ENDS},
        mentioned_variables::without_calls,
        replacements::{END_FOR_DEBUGGER, EXECUTOR_CALL},
    },
    source::{
        fingerprint::changed,
        fingerprints::Definitions,
        syntax::{bindings, block},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};
use syn::Stmt;

/// A cell that has the store tell its variables' sizes.
pub(crate) const TELL_SIZES: &str = "evcxr_variable_store.tell_sizes();";

/// The fingerprints of the types of stored variables, by the variable's name.
pub(crate) type StoredTypes = BTreeMap<String, String>;

/// A call of the store for one variable.
#[derive(Debug)]
struct Call<'a> {
    range: Range<usize>,
    name: &'a str,
    type_name: &'a str,
    fingerprint: String,
}

/// Tells the store in a cell's function the fingerprints of its variables' types. Returns the function, and the types
/// of the variables that are stored once the cell has run.
///
/// Variables that are `left_out` stay in the store while the cell runs.
///
/// A variable whose stored type changed is dropped: in its place, if the cell sets it anew, or else before anything of
/// the cell runs. evcxr hears of the latter and compiles the cell again without the variable.
pub(crate) fn with_fingerprints(
    function: &str,
    definitions: &Definitions,
    stored: &StoredTypes,
    left_out: &BTreeSet<String>,
) -> Option<(String, StoredTypes)> {
    let begun = function.find(STORE_BEGINS)? + STORE_BEGINS.len();
    let checked = begun + function[begun..].find(CHECKS_END)?;
    let taken = calls(function, begun..checked, CHECK_VARIABLE, definitions);
    let put = calls(function, checked..function.len(), PUT_VARIABLE, definitions);
    let user_code_ends = function.rfind(USER_CODE_ENDS).unwrap_or(checked);
    let is_set_anew = |name: &str| {
        put.iter()
            .any(|call| call.name == name && call.range.start < user_code_ends)
    };
    let is_changed = |call: &&Call| {
        stored
            .get(call.name)
            .is_some_and(|old| !changed(old, &call.fingerprint).is_empty())
    };
    let (replaced, lost): (Vec<&Call>, Vec<&Call>) =
        taken.iter().filter(is_changed).partition(|it| is_set_anew(it.name));
    if !lost.is_empty() {
        let drops: String = lost.iter().map(|call| lose(call)).collect();
        let lines = "\n".repeat(function[begun..].matches('\n').count());
        return Some((
            format!("{}{drops} evcxr_variable_store }}{lines}", &function[..begun]),
            stored.clone(),
        ));
    }
    let mut text = function.to_owned();
    for call in &replaced {
        discard(&mut text, call, function.len() - checked);
    }
    let (idle, taken): (Vec<Call>, Vec<Call>) = taken.into_iter().partition(|it| left_out.contains(it.name));
    let (_, put): (Vec<Call>, Vec<Call>) = put.into_iter().partition(|it| left_out.contains(it.name));
    let new: BTreeSet<&str> = put
        .iter()
        .filter(|call| call.range.start < user_code_ends)
        .map(|call| call.name)
        .collect();
    text.insert_str(
        begun,
        &format!(
            " evcxr_variable_store.begin(&[{}], &[{}]); evcxr_variable_store.define(&{:?});",
            table(&taken),
            table(&put),
            in_order(function, &new)
        ),
    );
    let as_before = idle.into_iter().map(|call| {
        let fingerprint = stored.get(call.name).cloned().unwrap_or(call.fingerprint);
        (call.name.to_owned(), fingerprint)
    });
    let anew = put.into_iter().map(|call| (call.name.to_owned(), call.fingerprint));
    Some((without_calls(&text, left_out), as_before.chain(anew).collect()))
}

/// Finds the calls that begin with `method` in a part of the function.
fn calls<'a>(function: &'a str, within: Range<usize>, method: &str, definitions: &Definitions) -> Vec<Call<'a>> {
    let mut found = Vec::new();
    let mut at = within.start;
    while let Some(start) = function[at..within.end].find(method).map(|found| at + found) {
        let rest = &function[start + method.len()..];
        let Some((type_name, rest)) = rest.split_once(">(stringify!(") else {
            break;
        };
        let Some((name, rest)) = rest.split_once(')') else {
            break;
        };
        let Some(end) = rest.find(';') else { break };
        found.push(Call {
            range: start..function.len() - rest.len() + end + 1,
            name,
            type_name,
            fingerprint: definitions.fingerprint(type_name),
        });
        at = function.len() - rest.len();
    }
    found
}

/// Returns the names of variables that a cell defines, in the order of their definitions.
fn in_order<'a>(function: &str, names: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let mut ordered: Vec<&str> = names.iter().copied().collect();
    if ordered.len() > 1
        && let Some((code, _)) = user_code(function)
    {
        let parsed = block(code);
        let statements = parsed.iter().flat_map(|block| &block.stmts);
        let locals = statements.filter_map(|statement| match statement {
            Stmt::Local(local) => Some(bindings(&local.pat)),
            _ => None,
        });
        let defined: Vec<String> = locals.flatten().map(|it| it.ident.to_string()).collect();
        ordered.sort_by_key(|name| defined.iter().rposition(|it| it == name));
        proc_macro2::extra::invalidate_current_thread_spans();
    }
    ordered
}

/// Splits the code of a cell's function, from the user's first statement on, into the user's statements and the calls
/// that store the new variables.
pub(super) fn user_code(function: &str) -> Option<(&str, &str)> {
    let begin = function.rfind(EXECUTOR_CALL)? + EXECUTOR_CALL.len();
    let region = function.get(begin..function.rfind(USER_CODE_ENDS)?)?;
    let puts = region.lines().rev().take_while(|line| line.starts_with(PUT_VARIABLE));
    let length: usize = puts.map(|line| line.len() + 1).sum();
    Some(region.split_at(region.len() - length.min(region.len())))
}

/// Returns the source of a cell that calls [`END_FOR_DEBUGGER`] behind the user's code, before its variables are stored.
/// Returns nothing if there is no such place. No line moves.
pub(crate) fn with_end_for_debugger(source: &str) -> Option<String> {
    let end = source.rfind(USER_CODE_ENDS)?;
    let puts = source[..end]
        .lines()
        .rev()
        .take_while(|line| line.starts_with(PUT_VARIABLE));
    let length: usize = puts.map(|line| line.len() + 1).sum();
    let (before, after) = source.split_at(end - length.min(end));
    before
        .ends_with('\n')
        .then(|| format!("{before}{END_FOR_DEBUGGER}{after}"))
}

/// Writes the names and fingerprints of calls as elements of a constant array.
fn table(calls: &[Call]) -> String {
    let entries = calls
        .iter()
        .map(|call| format!("({:?},{:?}),", call.name, call.fingerprint));
    entries.collect()
}

/// Writes the call that drops a variable whose type changed, and tells the user.
fn lose(call: &Call) -> String {
    let (name, type_name, fingerprint) = (call.name, call.type_name, &call.fingerprint);
    format!(" evcxr_variable_store.lose_variable({name:?}, {type_name:?}, {fingerprint:?});")
}

/// Removes the check of a variable that the cell sets anew, and drops its old value in place of loading it.
fn discard(function: &mut String, call: &Call, after_checks: usize) {
    let (name, type_name) = (call.name, call.type_name);
    let check = format!("vars_ok &= {CHECK_VARIABLE}{type_name}>(stringify!({name}));");
    let checks_end = function.len() - after_checks;
    if let Some(start) = function[..checks_end].find(&check) {
        let lines = "\n".repeat(check.matches('\n').count());
        function.replace_range(start..start + check.len(), &lines);
    }
    let load = format!("{TAKE_VARIABLE}{type_name}>(stringify!({name}));");
    for binding in ["let ", "let mut "] {
        let load = format!("{binding}{name} = {load}");
        if let Some(start) = function.find(&load) {
            let lines = "\n".repeat(load.matches('\n').count());
            let discard = format!("evcxr_variable_store.discard_variable({name:?});{lines}");
            function.replace_range(start..start + load.len(), &discard);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(taken: &[(&str, &str)], new: &[(&str, &str)]) -> String {
        let call = |method: &str, (name, ty): &(&str, &str), more: &str| {
            format!("evcxr_variable_store.{method}::<{ty}>(stringify!({name}){more});\n")
        };
        let checks: String = taken
            .iter()
            .map(|it| format!("vars_ok &= {}", call("check_variable", it, "")))
            .collect();
        let loads: String = taken
            .iter()
            .map(|it| format!("let mut {} = {}", it.0, call("take_variable", it, "")))
            .collect();
        let put = |it: &(&str, &str)| call("put_variable", it, &format!(", {}", it.0));
        let set: String = new.iter().map(put).collect();
        let kept: String = taken
            .iter()
            .filter(|it| new.iter().all(|new| new.0 != it.0))
            .map(put)
            .collect();
        format!(
            "fn run() {{\n{STORE_BEGINS}\n{{let mut vars_ok = true;\n{checks}{CHECKS_END}\n{loads}user();\n{set}{USER_CODE_ENDS}\n}}\n\
             {kept}evcxr_variable_store\n}}\n"
        )
    }

    fn definitions(source: &str) -> Definitions {
        Definitions::new(source, BTreeMap::new())
    }

    #[test]
    fn fingerprints_are_handed_over_and_no_line_moves() {
        let old = definitions("struct P { a: i32 }");
        let text = cell(&[("n", "i32"), ("p", "Vec<P>")], &[("q", "P")]);
        let (rewritten, stored) = with_fingerprints(&text, &old, &StoredTypes::new(), &BTreeSet::new()).unwrap();
        assert!(rewritten.contains("evcxr_variable_store.begin(&[(\"n\",\"\"),(\"p\",\"P="));
        assert_eq!(rewritten.lines().count(), text.lines().count());
        assert_eq!(stored.keys().collect::<Vec<_>>(), ["n", "p", "q"]);
        assert_eq!(stored["p"], old.fingerprint("P"));
        // With the same definitions again, nothing is lost.
        let (again, _) = with_fingerprints(&text, &old, &stored, &BTreeSet::new()).unwrap();
        assert!(!again.contains("lose_variable"));
    }

    #[test]
    fn a_variable_of_a_redefined_type_is_dropped_before_the_cell_runs() {
        let text = cell(&[("n", "i32"), ("p", "P")], &[]);
        let stored = StoredTypes::from([("p".to_owned(), definitions("struct P { a: i32 }").fingerprint("P"))]);
        let new = definitions("struct P<T> { a: T }");
        let (rewritten, kept) = with_fingerprints(&text, &new, &stored, &BTreeSet::new()).unwrap();
        assert!(rewritten.contains("lose_variable(\"p\", \"P\"") && !rewritten.contains("user()"));
        assert!(!rewritten.contains("lose_variable(\"n\""));
        assert_eq!(kept, stored);
        assert_eq!(rewritten.matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn a_variable_that_the_cell_sets_anew_makes_way() {
        let text = cell(&[("p", "P")], &[("p", "P")]);
        let stored = StoredTypes::from([("p".to_owned(), definitions("struct P { a: i32 }").fingerprint("P"))]);
        let new = definitions("struct P { a: String }");
        let (rewritten, kept) = with_fingerprints(&text, &new, &stored, &BTreeSet::new()).unwrap();
        assert!(rewritten.contains("discard_variable(\"p\");") && rewritten.contains("user()"));
        assert!(!rewritten.contains("check_variable") && !rewritten.contains("take_variable"));
        assert_eq!(kept["p"], new.fingerprint("P"));
    }
}
