//! The variables that a user sees, with types and values as Rust writes them.

use crate::types::type_of;
use serde_json::Value;

/// Begins names of variables of the code around a cell.
const HIDDEN: [&str; 5] = ["evcxr_", "__mosaic", "__evcxr", "_task_context", "<null>"];
/// Begin types whose parts are the runtime's. lldb may take very long to read those.
const OPAQUE: [&str; 5] = ["mosaic::", "mosaic_", "tokio::", "core::task::", "ctx::__mosaic_"];
/// What lldb says of a container in place of its values, by `formatters.py` and by rustc's own formatters.
const SIZES: [(&str, &str); 2] = [("[…] (", ")"), ("size=", "")];
/// A variable, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The name: of a variable or field, or `[0]`.
    pub(crate) name: String,
    /// The value.
    pub(crate) value: String,
    /// The type as Rust writes it, where lldb knows it.
    pub(crate) type_name: String,
    /// The adapter's number for the parts; 0 if there are none.
    pub(crate) reference: u64,
    /// The expression of the variable for the adapter.
    pub(crate) expression: Option<String>,
}

/// Reads the variables of a reply to `variables`, without those of the code around a cell.
pub(crate) fn read(body: &Value) -> Vec<Variable> {
    let variables = body["variables"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = variables.map(|variable| Variable {
        name: text(&variable["name"]),
        value: without_address(variable["value"].as_str().unwrap_or_default()).to_owned(),
        type_name: type_of(
            variable["type"].as_str().unwrap_or_default(),
            variable["value"].as_str().unwrap_or_default(),
        ),
        reference: match is_opaque(variable["type"].as_str().unwrap_or_default()) {
            true => 0,
            false => variable["variablesReference"].as_u64().unwrap_or_default(),
        },
        expression: variable["evaluateName"].as_str().map(str::to_owned),
    });
    all.filter(|variable| !is_hidden(&variable.name)).collect()
}

/// Keeps the last of several variables with one name, which hides the others.
pub(crate) fn without_shadowed(variables: Vec<Variable>) -> Vec<Variable> {
    let mut kept: Vec<Variable> = Vec::new();
    for variable in variables {
        kept.retain(|it| it.name != variable.name);
        kept.push(variable);
    }
    kept
}

/// Removes the address of what a reference refers to, if the value follows: `0x00007fe17c005ee0 {count:0}`.
pub(crate) fn without_address(value: &str) -> &str {
    match value.split_once(' ') {
        Some((address, rest)) if address.starts_with("0x") && rest.starts_with(['{', '"', '(', '[']) => rest,
        _ => value,
    }
}

/// Reports whether the parts of a type are the runtime's.
fn is_opaque(type_name: &str) -> bool {
    let plain = type_name.trim_start_matches('&').trim_start_matches("mut ");
    OPAQUE.iter().any(|begin| plain.starts_with(begin))
}

fn is_hidden(name: &str) -> bool {
    HIDDEN.iter().any(|begin| name.starts_with(begin))
}

/// Returns the number of elements, if the value of a variable is that alone.
pub(crate) fn size(value: &str) -> Option<usize> {
    SIZES
        .iter()
        .find_map(|(begin, end)| value.strip_prefix(begin)?.strip_suffix(end)?.parse().ok())
}

/// Returns the value of a container of a `size` that begins with these `elements`.
pub(crate) fn list(elements: &[Variable], size: usize) -> String {
    let mut texts: Vec<&str> = elements.iter().map(|it| it.value.as_str()).collect();
    if elements.len() < size {
        texts.push("…");
    }
    format!("[{}] ({size})", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_variables_around_a_cell_are_hidden() {
        let variable =
            |name: &str, value: &str| json!({ "name": name, "value": value, "type": "int", "variablesReference": 0 });
        let body =
            json!({ "variables": [variable("x", "1"), variable("evcxr_variable_store", "2"), variable("x", "3")] });
        let read = without_shadowed(read(&body));
        let seen: Vec<_> = read.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
        assert_eq!(seen, [("x", "3")]);
    }

    #[test]
    fn the_runtimes_own_types_are_not_taken_apart() {
        for (type_name, reference) in [
            ("ctx::Point", 7),
            ("ctx::__mosaic_Counter::CounterProxy", 0),
            ("&mosaic::task::Task", 0),
        ] {
            let body =
                json!({ "variables": [{ "name": "x", "value": "", "type": type_name, "variablesReference": 7 }] });
            assert_eq!(read(&body)[0].reference, reference, "{type_name}");
        }
    }

    #[test]
    fn a_reference_shows_what_it_refers_to() {
        for (value, expected) in [
            ("0x00007fe1 {count:0}", "{count:0}"),
            ("0x00007fe1 [1, 2] (2)", "[1, 2] (2)"),
            ("0x00007fe1", "0x00007fe1"),
            ("1 {", "1 {"),
        ] {
            assert_eq!(without_address(value), expected);
        }
    }

    #[test]
    fn containers_show_their_elements() {
        for (value, expected) in [
            ("[…] (12)", Some(12)),
            ("size=12", Some(12)),
            ("12", None),
            ("size=x", None),
            ("[1, …] (12)", None),
        ] {
            assert_eq!(size(value), expected);
        }
        let elements =
            read(&json!({ "variables": [{ "name": "[0]", "value": "1" }, { "name": "[1]", "value": "2" }] }));
        assert_eq!(
            (list(&elements, 2), list(&elements, 3)),
            ("[1, 2] (2)".to_owned(), "[1, 2, …] (3)".to_owned())
        );
    }
}
