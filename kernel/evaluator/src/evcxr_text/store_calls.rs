//! The calls by which a cell takes its variables out of the store and puts them back, as evcxr generates them.
//!
//! They are told what the variables' types are made of, so that the store never hands out a value as what it is not. A
//! variable whose type the cell redefines may not even compile any more; where that is known, it is dropped first.

use crate::source::{fingerprint::changed, fingerprints::Definitions};
use std::{collections::BTreeMap, ops::Range};

const STORE: &str = "let evcxr_variable_store = unsafe {&mut *evcxr_variable_store};";
const CHECKED: &str = "if !vars_ok {return evcxr_variable_store;}}";
const USER_CODE_ENDS: &str = "Ok::<(), EvcxrUserCodeError>(())";

/// What variables were when they were last stored: the fingerprints of their types, by name.
pub(crate) type Stored = BTreeMap<String, String>;

/// A call for one variable.
#[derive(Debug)]
struct Call<'a> {
    range: Range<usize>,
    name: &'a str,
    type_name: &'a str,
    fingerprint: String,
}

/// The cell from its generated function on, with fingerprints; and what will be stored when it has run.
pub(crate) fn fingerprinted(cell: &str, definitions: &Definitions, stored: &Stored) -> Option<(String, Stored)> {
    let begun = cell.find(STORE)? + STORE.len();
    let checked = begun + cell[begun..].find(CHECKED)?;
    let taken = calls(cell, begun..checked, "check_variable", definitions);
    let put = calls(cell, checked..cell.len(), "put_variable", definitions);
    let user_code_ends = cell.rfind(USER_CODE_ENDS).unwrap_or(checked);
    let is_set_anew = |name: &str| {
        put.iter()
            .any(|call| call.name == name && call.range.start < user_code_ends)
    };

    let is_lost = |call: &&Call| {
        stored
            .get(call.name)
            .is_some_and(|old| !changed(old, &call.fingerprint).is_empty())
    };
    let (replaced, lost): (Vec<&Call>, Vec<&Call>) = taken.iter().filter(is_lost).partition(|it| is_set_anew(it.name));
    if !lost.is_empty() {
        // evcxr hears of it and compiles the cell again without them.
        let drops: String = lost.iter().map(|call| lose(call)).collect();
        let lines = "\n".repeat(cell[begun..].matches('\n').count());
        return Some((
            format!("{}{drops} evcxr_variable_store }}{lines}", &cell[..begun]),
            stored.clone(),
        ));
    }
    let mut text = cell.to_owned();
    for call in &replaced {
        discard(&mut text, call, cell.len() - checked);
    }
    text.insert_str(
        begun,
        &format!(" evcxr_variable_store.begin(&[{}], &[{}]);", table(&taken), table(&put)),
    );
    let stored = put.into_iter().map(|call| (call.name.to_owned(), call.fingerprint));
    Some((text, stored.collect()))
}

fn calls<'a>(cell: &'a str, within: Range<usize>, method: &str, definitions: &Definitions) -> Vec<Call<'a>> {
    let begins = format!("evcxr_variable_store.{method}::<");
    let mut found = Vec::new();
    let mut at = within.start;
    while let Some(start) = cell[at..within.end].find(&begins).map(|found| at + found) {
        let rest = &cell[start + begins.len()..];
        let Some((type_name, rest)) = rest.split_once(">(stringify!(") else {
            break;
        };
        let Some((name, rest)) = rest.split_once(')') else {
            break;
        };
        let Some(end) = rest.find(';') else { break };
        found.push(Call {
            range: start..cell.len() - rest.len() + end + 1,
            name,
            type_name,
            fingerprint: definitions.fingerprint(type_name),
        });
        at = cell.len() - rest.len();
    }
    found
}

fn table(calls: &[Call]) -> String {
    let entries = calls
        .iter()
        .map(|call| format!("({:?},{:?}),", call.name, call.fingerprint));
    entries.collect()
}

fn lose(call: &Call) -> String {
    let (name, type_name, fingerprint) = (call.name, call.type_name, &call.fingerprint);
    format!(" evcxr_variable_store.lose_variable({name:?}, {type_name:?}, {fingerprint:?});")
}

/// Takes out the check of a variable that the cell sets anew, and drops its old value in the place of loading it.
fn discard(text: &mut String, call: &Call, after_checks: usize) {
    let name = call.name;
    let check = format!(
        "vars_ok &= evcxr_variable_store.check_variable::<{}>(stringify!({name}));",
        call.type_name
    );
    let checks_end = text.len() - after_checks;
    if let Some(start) = text[..checks_end].find(&check) {
        text.replace_range(start..start + check.len(), &"\n".repeat(check.matches('\n').count()));
    }
    let load = format!(
        "evcxr_variable_store.take_variable::<{}>(stringify!({name}));",
        call.type_name
    );
    for binding in ["let ", "let mut "] {
        let load = format!("{binding}{name} = {load}");
        if let Some(start) = text.find(&load) {
            let lines = "\n".repeat(load.matches('\n').count());
            let discard = format!("evcxr_variable_store.discard_variable({name:?});{lines}");
            text.replace_range(start..start + load.len(), &discard);
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
            "fn run() {{\n{STORE}\n{{let mut vars_ok = true;\n{checks}{CHECKED}\n{loads}user();\n{set}{USER_CODE_ENDS}\n}}\n\
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
        let (rewritten, stored) = fingerprinted(&text, &old, &Stored::new()).unwrap();
        assert!(rewritten.contains("evcxr_variable_store.begin(&[(\"n\",\"\"),(\"p\",\"P="));
        assert_eq!(rewritten.lines().count(), text.lines().count());
        assert_eq!(stored.keys().collect::<Vec<_>>(), ["n", "p", "q"]);
        assert_eq!(stored["p"], old.fingerprint("P"));
        // The same definitions again: nothing is lost.
        let (again, _) = fingerprinted(&text, &old, &stored).unwrap();
        assert!(!again.contains("lose_variable"));
    }

    #[test]
    fn a_variable_of_a_redefined_type_is_dropped_before_the_cell_runs() {
        let text = cell(&[("n", "i32"), ("p", "P")], &[]);
        let stored = Stored::from([("p".to_owned(), definitions("struct P { a: i32 }").fingerprint("P"))]);
        let new = definitions("struct P<T> { a: T }");
        let (rewritten, kept) = fingerprinted(&text, &new, &stored).unwrap();
        assert!(rewritten.contains("lose_variable(\"p\", \"P\"") && !rewritten.contains("user()"));
        assert!(!rewritten.contains("lose_variable(\"n\""));
        assert_eq!(kept, stored);
        assert_eq!(rewritten.matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn a_variable_that_the_cell_sets_anew_makes_way() {
        let text = cell(&[("p", "P")], &[("p", "P")]);
        let stored = Stored::from([("p".to_owned(), definitions("struct P { a: i32 }").fingerprint("P"))]);
        let new = definitions("struct P { a: String }");
        let (rewritten, kept) = fingerprinted(&text, &new, &stored).unwrap();
        assert!(rewritten.contains("discard_variable(\"p\");") && rewritten.contains("user()"));
        assert!(!rewritten.contains("check_variable") && !rewritten.contains("take_variable"));
        assert_eq!(kept["p"], new.fingerprint("P"));
    }
}
