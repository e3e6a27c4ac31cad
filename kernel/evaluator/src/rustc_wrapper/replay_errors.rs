//! rustc's errors on a cell that did not compile, replayed when evcxr compiles the cell again.
//!
//! evcxr compiles such a cell again with other code around it, see [`retries`](crate::evcxr_text::retries). Names and
//! types are the same each time. If all errors are about these, the wrapper prints the errors of the first time, their
//! lines moved.

use crate::{
    evcxr_text::retries::{Change, Retry},
    session::files::{self, FailedCell},
};
use serde_json::{Map, Value};
use std::{io, path::Path};

/// Errors on names and types, which rustc finds before it looks at borrowing.
const ON_NAMES_AND_TYPES: [&str; 33] = [
    "E0023", "E0026", "E0027", "E0061", "E0063", "E0107", "E0277", "E0282", "E0283", "E0308", "E0369", "E0405",
    "E0412", "E0422", "E0423", "E0425", "E0432", "E0433", "E0531", "E0532", "E0560", "E0599", "E0600", "E0604",
    "E0605", "E0606", "E0607", "E0608", "E0609", "E0610", "E0614", "E0616", "E0618",
];
/// Errors on types that the code around an expression leaves open.
const ON_OPEN_TYPES: [&str; 2] = ["E0282", "E0283"];

/// Keeps rustc's messages on the source of a cell.
pub(super) fn keep(session: &Path, text: &str, messages: &str) -> io::Result<()> {
    let (text, messages) = (text.to_owned(), messages.to_owned());
    files::FAILED_CELL.write(session, &FailedCell { text, messages })
}

/// Returns the messages of rustc on a source, if they follow from those on the last source that was kept.
pub(super) fn known_messages(session: &Path, text: &str) -> Option<String> {
    let failed = files::FAILED_CELL.take(session)?;
    let retry = Retry::between(&failed.text, text)?;
    failed.messages.lines().map(|line| moved(&retry, line)).collect()
}

/// Converts a message of rustc's on the first source to the message on the second. Returns `None` if the message does
/// not follow.
fn moved(retry: &Retry, line: &str) -> Option<String> {
    let mut message: Value = serde_json::from_str(line).ok()?;
    let is_summary = message["spans"].as_array().is_none_or(Vec::is_empty);
    let code = message["code"]["code"].as_str().unwrap_or_default();
    let depends_on_change = match retry.change {
        Change::NoCatch => false,
        Change::DebugFormat => ON_OPEN_TYPES.contains(&code),
    };
    let stays = ON_NAMES_AND_TYPES.contains(&code) && !depends_on_change;
    if message["level"] == "error" && !is_summary && !stays {
        return None;
    }
    move_spans(retry, &mut message)?;
    Some(format!("{message}\n"))
}

fn move_spans(retry: &Retry, value: &mut Value) -> Option<()> {
    match value {
        Value::Array(values) => values.iter_mut().try_for_each(|it| move_spans(retry, it)),
        Value::Object(fields) => {
            if fields
                .get("file_name")
                .is_some_and(|name| name == files::CELL_SOURCE.name())
            {
                move_span(retry, fields)?;
            }
            fields.values_mut().try_for_each(|it| move_spans(retry, it))
        }
        _ => Some(()),
    }
}

/// Moves a span within the code. A span before the change stays, and any other has no place in the second source.
fn move_span(retry: &Retry, span: &mut Map<String, Value>) -> Option<()> {
    let (begin, end) = (number(span, "byte_start")?, number(span, "byte_end")?);
    if end <= retry.begin {
        return Some(());
    }
    if begin < retry.code.start || end > retry.code.end {
        return None;
    }
    let (first, second) = (retry.first_opening, retry.second_opening);
    let lines = |text: &str| text.matches('\n').count();
    for (name, first, second) in [
        ("byte_start", first.len(), second.len()),
        ("byte_end", first.len(), second.len()),
        ("line_start", lines(first), lines(second)),
        ("line_end", lines(first), lines(second)),
    ] {
        let moved = (number(span, name)? + second).checked_sub(first)?;
        span.insert(name.to_owned(), moved.into());
    }
    Some(())
}

fn number(span: &Map<String, Value>, name: &str) -> Option<usize> {
    usize::try_from(span.get(name)?.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evcxr_text::{
        markers::DISPLAY_METHOD,
        retries::sources::{catching, plain, printed, shown},
    };
    use serde_json::json;

    /// An error on a part of a text.
    fn error(code: &str, text: &str, part: &str) -> String {
        let begin = text.find(part).unwrap();
        let line = text[..begin].matches('\n').count() + 1;
        let span = json!({
            "file_name": "src/lib.rs", "byte_start": begin, "byte_end": begin + part.len(), "line_start": line,
            "line_end": line, "column_start": 1, "column_end": 2, "expansion": null,
        });
        let help = json!({ "level": "help", "spans": [span] });
        let message = json!({
            "level": "error", "code": { "code": code }, "spans": [span], "children": [help],
        });
        format!("{message}\n")
    }

    #[test]
    fn errors_on_names_and_types_are_replayed_without_the_closure() {
        let session = tempfile::tempdir().unwrap();
        let summary = format!("{}\n", json!({ "level": "error", "code": null, "spans": [] }));
        for (code, text, part, replayed) in [
            ("E0308", "let a = 1;\nwrong();\n", "wrong()", true),
            ("E0425", "wrong();\n", "wrong()", true),
            ("E0425", "wrong();\n", "item()", true),
            // About borrowing, or about code around the user's.
            ("E0382", "wrong();\n", "wrong()", false),
            ("E0308", "wrong();\n", "catch_unwind", false),
            ("E0308", "wrong();\n", "unwound(", false),
            // In code that can leave the closure.
            ("E0308", "return wrong();\n", "wrong()", false),
            ("E0308", "wrong()?;\n", "wrong()", false),
            ("E0308", "format!(\"{:?}\", wrong());\n", "wrong()", true),
        ] {
            let (before, after) = (catching(text), plain(text));
            keep(session.path(), &before, &(error(code, &before, part) + &summary)).unwrap();
            let expected = replayed.then(|| error(code, &after, part) + &summary);
            assert_eq!(known_messages(session.path(), &after), expected, "{code} {text} {part}");
            // Messages are replayed once.
            assert_eq!(known_messages(session.path(), &after), None);
        }
    }

    #[test]
    fn errors_in_a_last_expression_are_replayed_where_it_is_printed() {
        let session = tempfile::tempdir().unwrap();
        for (code, text, part, replayed) in [
            ("E0425", "wrong(a)", "wrong", true),
            ("E0308", "f(\n(\n1\n)\n)", "1", true),
            ("E0425", "wrong(a)", "item()", true),
            ("E0308", "wrong(a)", "let a = 1;", true),
            // About how the expression is shown, or about types that this leaves open.
            ("E0599", "wrong(a)", DISPLAY_METHOD, false),
            ("E0282", "wrong(a)", "wrong", false),
            ("E0382", "wrong(a)", "wrong", false),
        ] {
            let (before, after) = (shown(text), printed(text));
            keep(session.path(), &before, &error(code, &before, part)).unwrap();
            let expected = replayed.then(|| error(code, &after, part));
            assert_eq!(known_messages(session.path(), &after), expected, "{code} {text} {part}");
        }
        let (before, other) = (shown("wrong(a)"), printed("wrong(b)"));
        keep(session.path(), &before, &error("E0425", &before, "wrong")).unwrap();
        assert_eq!(known_messages(session.path(), &other), None);
    }

    #[test]
    fn other_texts_are_compiled() {
        let session = tempfile::tempdir().unwrap();
        let text = catching("wrong();\n");
        for other in [text.as_str(), &plain("wrong(1);\n"), ""] {
            keep(session.path(), &text, &error("E0425", &text, "wrong()")).unwrap();
            assert_eq!(known_messages(session.path(), other), None, "{other}");
        }
    }
}
