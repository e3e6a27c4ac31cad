//! Missing variables: evcxr believes that they are stored, and they are not.
//!
//! When a cell begins, the cell process tells evcxr that the cell has ended, so that evcxr can answer questions
//! meanwhile. evcxr then takes the cell's new variables for stored, although a panic, a failed `?` or an interrupt may
//! keep the cell from storing them. When the process ends, all variables are gone.
//!
//! The kernel knows what is stored. It writes down the missing variables, and the wrapper compiles the next cell
//! without taking them out of the store. A cell that does not define such a variable has nothing of its name to store
//! at the end. For that cell the wrapper prints the error that rustc would print. evcxr then forgets the variable and
//! compiles the cell again.

use crate::{
    evcxr_text::{
        markers::{CHECK_BEGINS, PUT_VARIABLE, TAKE_VARIABLE},
        replacements::PANIC_CALL,
    },
    session::files,
};
use serde_json::json;
use std::{collections::BTreeSet, io, path::Path};

/// Tells the rustc wrapper which variables are missing.
pub(crate) fn tell(directory: &Path, names: &BTreeSet<String>) -> io::Result<()> {
    files::MISSING_VARIABLES.write(directory, names)
}

/// Removes the lines that check missing variables and take them out of the store; no line moves.
///
/// # Errors
///
/// The cell would store a missing variable again at its end: the errors that rustc would print.
pub(crate) fn without_loads(text: String, source: &Path) -> Result<String, Vec<String>> {
    // The source lies in `src`, and cargo starts rustc in its parent.
    let session = source.ancestors().nth(2).unwrap_or(Path::new(""));
    let names = files::MISSING_VARIABLES.read(session).unwrap_or_default();
    without(text, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn without(text: String, names: &[&str]) -> Result<String, Vec<String>> {
    if names.is_empty() {
        return Ok(text);
    }
    // After the report of a panic, evcxr stores the variables that the cell has not defined itself.
    let end = text
        .lines()
        .position(|line| line.trim() == PANIC_CALL)
        .unwrap_or(usize::MAX);
    let stored = |line: &str| {
        let is_store = line.trim_start().starts_with(PUT_VARIABLE);
        is_store.then(|| {
            names
                .iter()
                .find(|name| line.ends_with(&format!(">(stringify!({name}), {name});")))
        })?
    };
    let numbered = text.lines().enumerate().skip(end);
    let errors: Vec<String> = numbered
        .filter_map(|(index, line)| Some(not_found(stored(line)?, index + 1)))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let is_load = |line: &str| loaded_name(line).is_some_and(|name| names.contains(&name));
    let line = |line| if is_load(line) { "\n" } else { line };
    Ok(text.split_inclusive('\n').map(line).collect())
}

/// Returns the name of the variable that a line checks or takes out of the store, if the line does that.
pub(super) fn loaded_name(line: &str) -> Option<&str> {
    let is_check = line.starts_with(CHECK_BEGINS);
    let is_take = line.starts_with("let ")
        && line
            .match_indices(TAKE_VARIABLE)
            .any(|(at, _)| line[..at].ends_with(" = "));
    let call = line.strip_suffix("));\n").filter(|_| is_check || is_take)?;
    Some(call.rsplit_once(">(stringify!(")?.1)
}

/// Writes rustc's error that a name is not found. It has no suggestions, which evcxr would take for the error itself.
fn not_found(name: &str, line: usize) -> String {
    let message = format!("cannot find value `{name}` in this scope");
    json!({
        "$message_type": "diagnostic",
        "message": message,
        "code": { "code": "E0425", "explanation": null },
        "level": "error",
        "spans": [{
            "file_name": files::CELL_SOURCE.name(), "byte_start": 0, "byte_end": 0,
            "line_start": line, "line_end": line, "column_start": 1, "column_end": 1,
            "is_primary": true, "text": [], "label": null,
            "suggested_replacement": null, "suggestion_applicability": null, "expansion": null,
        }],
        "children": [],
        "rendered": format!("error[E0425]: {message}"),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loads_of_missing_variables_go_and_no_line_moves() {
        let load = |name: &str| {
            format!("let mut {name} = evcxr_variable_store.take_variable::<Vec<u8>>(stringify!({name}));\n")
        };
        let check = "vars_ok &= evcxr_variable_store.check_variable::<Vec<u8>>(stringify!(a));\n";
        let text = format!("fn f() {{}}\n{check}{}{}let ab = 1;\n", load("a"), load("ab"));
        assert_eq!(
            without(text.clone(), &["a", "c"]),
            Ok(format!("fn f() {{}}\n\n\n{}let ab = 1;\n", load("ab")))
        );
        assert_eq!(without(text.clone(), &[]), Ok(text));
    }

    #[test]
    fn a_cell_that_would_store_a_missing_variable_again_is_refused() {
        let put = "evcxr_variable_store.put_variable::<u8>(stringify!(a), a);\n";
        let defined = format!("{put}    {PANIC_CALL}\n}}}}\n");
        assert_eq!(without(defined.clone(), &["a"]), Ok(defined.clone()));
        let errors = without(format!("{defined}{put}"), &["a"]).unwrap_err();
        let error: serde_json::Value = serde_json::from_str(&errors[0]).unwrap();
        assert_eq!(
            (&error["code"]["code"], &error["spans"][0]["line_start"]),
            (&json!("E0425"), &json!(4))
        );
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn the_wrapper_reads_what_the_kernel_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let text = "let a = evcxr_variable_store.take_variable::<u8>(stringify!(a));\n";
        let source = directory.path().join("src/lib.rs");
        assert_eq!(without_loads(text.to_owned(), &source).as_deref(), Ok(text));
        tell(directory.path(), &BTreeSet::from(["a".to_owned()])).unwrap();
        assert_eq!(without_loads(text.to_owned(), &source).as_deref(), Ok("\n"));
    }
}
