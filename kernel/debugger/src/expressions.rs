//! Evaluates the expressions of clients: variables, fields, elements and arithmetic.

use crate::{
    debugger::{Session, Shared},
    types,
    values::{plain_parts, with_elements},
    variables::{self, Variable},
};
use serde_json::{Value, json};

const NOTHING_STOPPED: &str = "nothing is stopped here: run a cell to evaluate an expression";
const ABILITIES: &str = "the debugger reads variables, fields and elements, and calls no Rust code";

impl Shared {
    /// Answers `evaluate`, in a frame or else in the place where clients look.
    pub(crate) async fn evaluate(&self, arguments: &Value) -> Result<Value, String> {
        let expression = arguments["expression"].as_str().unwrap_or_default().trim();
        let frame = arguments["frameId"].as_u64().and_then(|id| self.lock().ids.frame(id));
        let frame = frame.ok_or(NOTHING_STOPPED)?;
        let session = self.session(frame.session)?;
        let evaluated = match indexed_reference(&session, frame.frame, expression).await {
            Some(reference) => element(&session, &reference, expression).await?,
            None => read(expression, &ask(&session, frame.frame, expression).await?),
        };
        let variable = with_elements(&session, evaluated).await;
        let shown = self.show_all(&session, vec![variable]).pop().unwrap_or_default();
        Ok(json!({
            "result": shown["value"], "type": shown["type"], "variablesReference": shown["variablesReference"],
        }))
    }
}

/// A reference that an expression indexes.
struct IndexedReference<'e> {
    expression: &'e str,
    /// The adapter's number for its parts.
    parts: u64,
}

/// Finds a reference that the expression indexes. lldb would take it for a pointer into an array, as C does, and read
/// memory behind the container.
async fn indexed_reference<'e>(session: &Session, frame: u64, expression: &'e str) -> Option<IndexedReference<'e>> {
    for indexed in indexed(expression) {
        // What is no expression refuses the whole one, too.
        let Ok(body) = ask(session, frame, indexed).await else {
            continue;
        };
        if body["type"].as_str().is_some_and(|it| it.contains('*')) {
            return Some(IndexedReference {
                expression: indexed,
                parts: body["variablesReference"].as_u64().unwrap_or_default(),
            });
        }
    }
    None
}

/// Returns the element of a container that an expression names by a reference to the container.
async fn element(session: &Session, reference: &IndexedReference<'_>, expression: &str) -> Result<Variable, String> {
    let name = reference.expression;
    let index = expression.strip_prefix(name).and_then(index).ok_or_else(|| {
        format!("`{name}` is a reference, of which the debugger reads one element alone, such as `{name}[0]`")
    })?;
    let found = match reference.parts {
        0 => Vec::new(),
        parts => {
            let found = plain_parts(session, parts, index, Some(1)).await;
            found.map_err(|error| error.to_string())?
        }
    };
    let element = found.into_iter().find(|part| part.name == format!("[{index}]"));
    element.ok_or_else(|| format!("`{name}` has no element {index}"))
}

/// Has the adapter evaluate an expression.
async fn ask(session: &Session, frame: u64, expression: &str) -> Result<Value, String> {
    let arguments = json!({ "expression": expression, "frameId": frame, "context": "hover" });
    let body = session.adapter.request("evaluate", arguments).await;
    body.map_err(|error| format!("{error}: {ABILITIES}"))
}

fn read(expression: &str, body: &Value) -> Variable {
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    Variable {
        name: expression.to_owned(),
        value: variables::without_address(text("result")).to_owned(),
        type_name: types::type_of(text("type"), text("result")),
        reference: body["variablesReference"].as_u64().unwrap_or_default(),
        expression: None,
    }
}

/// Returns what an expression indexes, outermost last: `a` and `a[1].b` in `a[1].b[2]`.
fn indexed(expression: &str) -> Vec<&str> {
    let is_path = |it: char| it.is_alphanumeric() || "_.[]".contains(it);
    let brackets = expression.match_indices('[').map(|(at, _)| &expression[..at]);
    let paths = brackets.map(|before| {
        let start = before.rfind(|it| !is_path(it));
        start.map_or(before, |start| before[start..].trim_start_matches(|it| !is_path(it)))
    });
    paths.filter(|path| !path.is_empty()).collect()
}

/// Reads `[3]`.
fn index(text: &str) -> Option<usize> {
    text.strip_prefix('[')?.strip_suffix(']')?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_indexed_is_found() {
        for (expression, expected) in [
            ("a[1].b[2]", vec!["a", "a[1].b"]),
            ("1 + a[1]", vec!["a"]),
            ("a.b", vec![]),
            ("a[b[1]]", vec!["a", "a[b"]),
            ("é + ü[1]", vec!["ü"]),
            ("[1]", vec![]),
        ] {
            assert_eq!(indexed(expression), expected, "{expression}");
        }
        for (text, expected) in [
            ("[3]", Some(3)),
            ("[ 3 ]", Some(3)),
            ("[3].x", None),
            ("[i]", None),
            ("", None),
        ] {
            assert_eq!(index(text), expected, "{text}");
        }
    }
}
