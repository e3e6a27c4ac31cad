//! What rustc said of a cell that did not compile, for the next times that evcxr asks.
//!
//! evcxr compiles such a cell again with another way to show its last expression, if the error is in there, and once more
//! without the closure that catches panics, since borrowing is told better so. Names and types are the same in all of
//! them: where all errors are of these, they are told again with their lines moved.

use crate::{
    evcxr_text::rewrite::{DISPLAY_RESULT, RUN, TEXT},
    session::files::{self, FailedCell},
};
use serde_json::{Map, Value};
use std::{io, ops::Range, path::Path};

/// How evcxr begins and ends to catch panics.
const CATCHES: &str = "match std::panic::catch_unwind(\n  std::panic::AssertUnwindSafe(||{\n";
const CAUGHT: &str = "})) { \n  Ok(_) => {}\n  Err(_) => {\n    ::mosaic_cell::panicked();\n}}\n";
/// Errors that rustc finds before it looks at borrowing: what is not there, and what does not fit.
const OF_NAMES_AND_TYPES: [&str; 33] = [
    "E0023", "E0026", "E0027", "E0061", "E0063", "E0107", "E0277", "E0282", "E0283", "E0308", "E0369", "E0405",
    "E0412", "E0422", "E0423", "E0425", "E0432", "E0433", "E0531", "E0532", "E0560", "E0599", "E0600", "E0604",
    "E0605", "E0606", "E0607", "E0608", "E0609", "E0610", "E0614", "E0616", "E0618",
];

/// Those of them that say what the code around an expression leaves open.
const OF_WHAT_IS_AROUND: [&str; 2] = ["E0282", "E0283"];
/// How evcxr's second way to show a value begins and ends.
const PRINTS: &str = "evcxr_send_text_plain(&format!(\"{:?}\",&(";
const PRINTED: &str = ")));";

/// Keeps what rustc said of a text.
pub(super) fn keep(session: &Path, text: &str, messages: &[u8]) -> io::Result<()> {
    let messages = String::from_utf8_lossy(messages).into_owned();
    let text = text.to_owned();
    files::FAILED_CELL.write(session, &FailedCell { text, messages })
}

/// What rustc would say of a text, if that follows from what it said of the last.
pub(super) fn said_of(session: &Path, text: &str) -> Option<String> {
    let failed = files::FAILED_CELL.take(session)?;
    let change = Change::between(&failed.text, text)?;
    failed.messages.lines().map(|line| change.moved(line)).collect()
}

/// Whether code may leave the closure that it is in, and so depend on what that is.
fn can_leave(code: &str) -> bool {
    code.contains("return") || code.replace(":?}", "").replace(":#?}", "").contains('?')
}

/// Other text around the same code.
struct Change<'a> {
    /// Where it begins in the text before.
    begin: usize,
    /// The code, in the text before.
    kept: Range<usize>,
    /// What stood before the code, and what stands there now.
    opens: (&'a str, &'a str),
    /// Errors that it may be about.
    of_the_change: &'static [&'static str],
}

impl<'a> Change<'a> {
    fn between(before: &'a str, after: &'a str) -> Option<Change<'a>> {
        Change::of_catching(before, after).or_else(|| Change::of_showing(before, after))
    }

    /// Panics are no longer caught.
    fn of_catching(before: &'a str, after: &str) -> Option<Change<'a>> {
        let function = before.rfind(RUN)?;
        let begin = function + before[function..].find(CATCHES)?;
        let kept = begin + CATCHES.len()..before.rfind(CAUGHT)?;
        let code = before.get(kept.clone())?;
        let rest = &before[kept.end + CAUGHT.len()..];
        let is_it = [&before[..begin], code, rest].concat() == after;
        (is_it && !can_leave(code)).then_some(Change {
            begin,
            kept,
            opens: (CATCHES, ""),
            of_the_change: &[],
        })
    }

    /// The last expression is printed, and no longer shown in its own way.
    fn of_showing(before: &'a str, after: &'a str) -> Option<Change<'a>> {
        let end = before.rfind(&format!("\n{DISPLAY_RESULT}\n"))? + 1;
        let rest = &before[end + DISPLAY_RESULT.len()..];
        let shown = after.strip_suffix(rest)?.strip_suffix(PRINTED)?;
        let opened = shown.rfind(&format!("\n{PRINTS}\n"))? + 1;
        let code = &shown[opened + PRINTS.len() + 1..];
        let opens = before[..end].strip_suffix(code)?.strip_suffix("(\n")?;
        let defines = after.get(opens.len()..opened)?.strip_prefix(TEXT)?;
        let is_it = after.starts_with(opens) && defines.trim().is_empty();
        is_it.then(|| Change {
            begin: opens.len(),
            kept: end - code.len()..end,
            opens: ("(\n", &after[opens.len()..opened + PRINTS.len() + 1]),
            of_the_change: &OF_WHAT_IS_AROUND,
        })
    }

    /// A line of rustc's for the text before, if it is the same for the text after.
    fn moved(&self, line: &str) -> Option<String> {
        let mut message: Value = serde_json::from_str(line).ok()?;
        let is_summary = message["spans"].as_array().is_none_or(Vec::is_empty);
        let code = message["code"]["code"].as_str().unwrap_or_default();
        let is_known = OF_NAMES_AND_TYPES.contains(&code) && !self.of_the_change.contains(&code);
        if message["level"] == "error" && !is_summary && !is_known {
            return None;
        }
        self.move_spans(&mut message)?;
        Some(format!("{message}\n"))
    }

    fn move_spans(&self, value: &mut Value) -> Option<()> {
        match value {
            Value::Array(values) => values.iter_mut().try_for_each(|it| self.move_spans(it)),
            Value::Object(fields) => {
                if fields
                    .get("file_name")
                    .is_some_and(|name| name == files::CELL_SOURCE.name())
                {
                    self.move_span(fields)?;
                }
                fields.values_mut().try_for_each(|it| self.move_spans(it))
            }
            _ => Some(()),
        }
    }

    /// A span within the code moves, one before it stays, and others have no place in the text after.
    fn move_span(&self, span: &mut Map<String, Value>) -> Option<()> {
        let (begin, end) = (number(span, "byte_start")?, number(span, "byte_end")?);
        if end <= self.begin {
            return Some(());
        }
        if begin < self.kept.start || end > self.kept.end {
            return None;
        }
        let (before, after) = self.opens;
        let lines = |text: &str| text.matches('\n').count();
        for (name, before, after) in [
            ("byte_start", before.len(), after.len()),
            ("byte_end", before.len(), after.len()),
            ("line_start", lines(before), lines(after)),
            ("line_end", lines(before), lines(after)),
        ] {
            let moved = (number(span, name)? + after).checked_sub(before)?;
            span.insert(name.to_owned(), moved.into());
        }
        Some(())
    }
}

fn number(span: &Map<String, Value>, name: &str) -> Option<usize> {
    usize::try_from(span.get(name)?.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HEAD: &str = "fn item() {}\n\npub extern \"C\" fn run_user_code_1(\n";

    fn catching(code: &str) -> String {
        format!("{HEAD}{CATCHES}{code}{CAUGHT}}}\n")
    }

    fn plain(code: &str) -> String {
        format!("{HEAD}{code}}}\n")
    }

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
    fn errors_of_names_and_types_are_told_where_they_are_without_the_closure() {
        let session = tempfile::tempdir().unwrap();
        let summary = format!("{}\n", json!({ "level": "error", "code": null, "spans": [] }));
        for (code, text, part, told) in [
            ("E0308", "let a = 1;\nwrong();\n", "wrong()", true),
            ("E0425", "wrong();\n", "wrong()", true),
            ("E0425", "wrong();\n", "item()", true),
            // Of borrowing, or of what is around the code.
            ("E0382", "wrong();\n", "wrong()", false),
            ("E0308", "wrong();\n", "catch_unwind", false),
            ("E0308", "wrong();\n", "panicked()", false),
            // What can leave the closure.
            ("E0308", "return wrong();\n", "wrong()", false),
            ("E0308", "wrong()?;\n", "wrong()", false),
            ("E0308", "format!(\"{:?}\", wrong());\n", "wrong()", true),
        ] {
            let (before, after) = (catching(text), plain(text));
            keep(
                session.path(),
                &before,
                (error(code, &before, part) + &summary).as_bytes(),
            )
            .unwrap();
            let expected = told.then(|| error(code, &after, part) + &summary);
            assert_eq!(said_of(session.path(), &after), expected, "{code} {text} {part}");
            // Once.
            assert_eq!(said_of(session.path(), &after), None);
        }
    }

    #[test]
    fn errors_of_a_last_expression_are_told_where_it_is_printed() {
        let session = tempfile::tempdir().unwrap();
        let shown = |code: &str| catching(&format!("let a = 1;\n(\n{code}\n{DISPLAY_RESULT}\n"));
        let printed = |code: &str| catching(&format!("let a = 1;\n{TEXT}\n\n\n{PRINTS}\n{code}\n{PRINTED}\n"));
        for (code, text, part, told) in [
            ("E0425", "wrong(a)", "wrong", true),
            ("E0308", "f(\n(\n1\n)\n)", "1", true),
            ("E0425", "wrong(a)", "item()", true),
            ("E0308", "wrong(a)", "let a = 1;", true),
            // Of how it is shown, or of what that leaves open.
            ("E0599", "wrong(a)", "evcxr_display", false),
            ("E0282", "wrong(a)", "wrong", false),
            ("E0382", "wrong(a)", "wrong", false),
        ] {
            let (before, after) = (shown(text), printed(text));
            keep(session.path(), &before, error(code, &before, part).as_bytes()).unwrap();
            let expected = told.then(|| error(code, &after, part));
            assert_eq!(said_of(session.path(), &after), expected, "{code} {text} {part}");
        }
        let (before, other) = (shown("wrong(a)"), printed("wrong(b)"));
        keep(session.path(), &before, error("E0425", &before, "wrong").as_bytes()).unwrap();
        assert_eq!(said_of(session.path(), &other), None);
    }

    #[test]
    fn other_texts_are_compiled() {
        let session = tempfile::tempdir().unwrap();
        let text = catching("wrong();\n");
        for other in [text.as_str(), &plain("wrong(1);\n"), ""] {
            keep(session.path(), &text, error("E0425", &text, "wrong()").as_bytes()).unwrap();
            assert_eq!(said_of(session.path(), other), None, "{other}");
        }
    }
}
