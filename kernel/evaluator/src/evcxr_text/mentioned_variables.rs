//! The variables that a cell mentions, by any word of its code.
//!
//! evcxr has every cell take all variables out of the store and put them back, which costs the compiler more with each
//! variable. A variable that the cell does not mention can stay where it is. A procedural macro may name a variable
//! that no word of the cell does: rustc's error then says so, and the wrapper compiles the cell with all variables.

use crate::{
    evcxr_text::{
        early_return::stored_name, markers::TAKE_VARIABLE, missing_variables::loaded_name, store_calls::user_code,
    },
    source::syntax::words,
};
use std::collections::{BTreeSet, HashSet};

/// Returns the stored variables that the code of a cell's function does not mention.
pub(crate) fn unmentioned(function: &str) -> BTreeSet<String> {
    let Some((code, puts)) = user_code(function) else {
        return BTreeSet::new();
    };
    let taken = function.match_indices(TAKE_VARIABLE).filter_map(|(at, _)| {
        let (type_name, rest) = function[at..].split_once(">(stringify!(")?;
        // The calls of a variable with such a type take several lines each.
        (!type_name.contains('\n')).then_some(rest.split_once(')')?.0)
    });
    let is_set_anew = |name: &str| puts.contains(&format!(">(stringify!({name}), "));
    let mentioned = Mentioned::of(code);
    let unmentioned = taken.filter(|name| !mentioned.contains(name) && !is_set_anew(name));
    unmentioned.map(str::to_owned).collect()
}

/// The words of a code that may name a variable.
pub(crate) struct Mentioned<'a> {
    code: &'a str,
    words: HashSet<&'a str>,
}

impl<'a> Mentioned<'a> {
    pub(crate) fn of(code: &'a str) -> Mentioned<'a> {
        Mentioned {
            code,
            words: words(code).collect(),
        }
    }

    /// Reports whether the code mentions a variable.
    pub(crate) fn contains(&self, name: &str) -> bool {
        let plain = name.strip_prefix("r#").unwrap_or(name);
        // A mark of another script may stand within a name, and splits words.
        self.words.contains(plain) || !plain.is_ascii() && self.code.contains(plain)
    }
}

/// Removes the lines that check these variables, take them out of the store and put them back. No line moves.
pub(super) fn without_calls(function: &str, names: &BTreeSet<String>) -> String {
    let is_call = |line: &str| {
        let name = loaded_name(line).or_else(|| stored_name(line));
        name.is_some_and(|name| names.contains(name))
    };
    let line = |line| if is_call(line) { "\n" } else { line };
    match names.is_empty() {
        true => function.to_owned(),
        false => function.split_inclusive('\n').map(line).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evcxr_text::{markers::USER_CODE_ENDS, replacements::EXECUTOR_CALL};

    fn call(method: &str, name: &str, type_name: &str, more: &str) -> String {
        format!("evcxr_variable_store.{method}::<{type_name}>(stringify!({name}){more});\n")
    }

    /// Returns the function of a cell with some code, which sets the variables `new` and has the variables `old`.
    fn function(code: &str, old: &[(&str, &str)], new: &[&str]) -> String {
        let put = |name: &str, type_name: &str| call("put_variable", name, type_name, &format!(", {name}"));
        let checks: String = old
            .iter()
            .map(|(name, of)| format!("vars_ok &= {}", call("check_variable", name, of, "")))
            .collect();
        let loads: String = old
            .iter()
            .map(|(name, of)| format!("let mut {name} = {}", call("take_variable", name, of, "")))
            .collect();
        let set: String = new.iter().map(|name| put(name, "u8")).collect();
        let kept: String = old
            .iter()
            .filter(|it| !new.contains(&it.0))
            .map(|(name, of)| put(name, of))
            .collect();
        format!("{checks}{loads}{EXECUTOR_CALL}\n{code}\n{set}{USER_CODE_ENDS}\n}});\n{kept}evcxr_variable_store\n")
    }

    fn left_out(code: &str, old: &[&str], new: &[&str]) -> Vec<String> {
        let old: Vec<(&str, &str)> = old.iter().map(|name| (*name, "u8")).collect();
        unmentioned(&function(code, &old, new)).into_iter().collect()
    }

    #[test]
    fn a_variable_is_mentioned_by_any_word() {
        for (code, old, new, expected) in [
            ("a + b;", &["a", "b", "c"][..], &[][..], &["c"][..]),
            ("println!(\"{a:?}\"); // b", &["a", "b", "c"], &[], &["c"]),
            ("ab;", &["a", "b"], &[], &["a", "b"]),
            // Set anew, by a macro.
            ("make!();", &["a", "b"], &["a"], &["b"]),
            ("r#type + 1;", &["r#type", "r#fn"], &[], &["r#fn"]),
            // The mark in the middle splits words.
            ("क्ष + 1;", &["क्ष"], &[], &[]),
        ] {
            assert_eq!(left_out(code, old, new), expected, "{code}");
        }
        assert!(unmentioned("fn f() {}").is_empty());
    }

    #[test]
    fn the_calls_of_a_variable_go_and_no_line_moves() {
        let text = function("a;", &[("a", "u8"), ("b", "Vec<u8>"), ("c", "(u8,\nu8)")], &[]);
        // A type over several lines stays.
        let names = unmentioned(&text);
        assert_eq!(names, BTreeSet::from(["b".to_owned()]));
        let lean = without_calls(&text, &names);
        assert_eq!(
            lean,
            text.split_inclusive('\n')
                .map(|line| if line.contains("!(b)") { "\n" } else { line })
                .collect::<String>()
        );
        assert_eq!(lean.matches("!(a)").count(), 3);
        assert_eq!(without_calls(&text, &BTreeSet::new()), text);
    }
}
