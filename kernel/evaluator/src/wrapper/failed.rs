//! What rustc said of a cell that did not compile, for the second time that evcxr asks.
//!
//! evcxr compiles such a cell again without the closure that catches panics, since borrowing is told better so. Names and
//! types are the same in both: where all errors are of these, they are told again with their lines moved.

use super::generated::RUN;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{fs, io, ops::Range, path::Path};

/// In the session's directory.
const FILE: &str = "mosaic-failed.json";
/// How evcxr begins and ends to catch panics.
const CATCHES: &str = "match std::panic::catch_unwind(\n  std::panic::AssertUnwindSafe(||{\n";
const CAUGHT: &str = "})) { \n  Ok(_) => {}\n  Err(_) => {\n    ::mosaic_cell::panicked();\n}}\n";
/// Errors that rustc finds before it looks at borrowing: what is not there, and what does not fit.
const OF_NAMES_AND_TYPES: [&str; 33] = [
    "E0023", "E0026", "E0027", "E0061", "E0063", "E0107", "E0277", "E0282", "E0283", "E0308", "E0369", "E0405",
    "E0412", "E0422", "E0423", "E0425", "E0432", "E0433", "E0531", "E0532", "E0560", "E0599", "E0600", "E0604",
    "E0605", "E0606", "E0607", "E0608", "E0609", "E0610", "E0614", "E0616", "E0618",
];

#[derive(Debug, Serialize, Deserialize)]
struct Failed {
    text: String,
    messages: String,
}

/// Keeps what rustc said of a text.
pub(super) fn keep(session: &Path, text: &str, messages: &[u8]) -> io::Result<()> {
    let messages = String::from_utf8_lossy(messages).into_owned();
    let text = text.to_owned();
    fs::write(session.join(FILE), serde_json::to_vec(&Failed { text, messages })?)
}

/// What rustc would say of a text, if that follows from what it said of the last.
pub(super) fn said_of(session: &Path, text: &str) -> Option<String> {
    let failed = fs::read(session.join(FILE)).ok()?;
    let _ = fs::remove_file(session.join(FILE));
    let failed: Failed = serde_json::from_slice(&failed).ok()?;
    let catching = Catching::of(&failed.text)?;
    if catching.without(&failed.text) != text || can_leave(&failed.text[catching.caught.clone()]) {
        return None;
    }
    failed.messages.lines().map(|line| catching.moved(line)).collect()
}

/// Whether code may leave the closure that it is in, and so depend on what that is.
fn can_leave(code: &str) -> bool {
    code.contains("return") || code.replace(":?}", "").replace(":#?}", "").contains('?')
}

/// Where panics are caught in a text.
struct Catching {
    begin: usize,
    /// The code in which they are.
    caught: Range<usize>,
}

impl Catching {
    fn of(text: &str) -> Option<Catching> {
        let function = text.rfind(RUN)?;
        let begin = function + text[function..].find(CATCHES)?;
        let caught = begin + CATCHES.len()..text.rfind(CAUGHT)?;
        (caught.start <= caught.end).then_some(Catching { begin, caught })
    }

    fn without(&self, text: &str) -> String {
        let end = self.caught.end + CAUGHT.len();
        [&text[..self.begin], &text[self.caught.clone()], &text[end..]].concat()
    }

    /// A line of rustc's for the text without it, if it is the same there.
    fn moved(&self, line: &str) -> Option<String> {
        let mut message: Value = serde_json::from_str(line).ok()?;
        let is_summary = message["spans"].as_array().is_none_or(Vec::is_empty);
        let code = message["code"]["code"].as_str().unwrap_or_default();
        if message["level"] == "error" && !is_summary && !OF_NAMES_AND_TYPES.contains(&code) {
            return None;
        }
        self.move_spans(&mut message)?;
        Some(format!("{message}\n"))
    }

    fn move_spans(&self, value: &mut Value) -> Option<()> {
        match value {
            Value::Array(values) => values.iter_mut().try_for_each(|it| self.move_spans(it)),
            Value::Object(fields) => {
                if fields.get("file_name").is_some_and(|name| name == "src/lib.rs") {
                    self.move_span(fields)?;
                }
                fields.values_mut().try_for_each(|it| self.move_spans(it))
            }
            _ => Some(()),
        }
    }

    /// A span within the code moves, one before it stays, and others have no place in the text without it.
    fn move_span(&self, span: &mut Map<String, Value>) -> Option<()> {
        let at = |name: &str| usize::try_from(span.get(name)?.as_u64()?).ok();
        let (begin, end) = (at("byte_start")?, at("byte_end")?);
        if end <= self.begin {
            return Some(());
        }
        if begin < self.caught.start || end > self.caught.end {
            return None;
        }
        let lines = CATCHES.matches('\n').count();
        let bytes = CATCHES.len();
        for (name, by) in [
            ("byte_start", bytes),
            ("byte_end", bytes),
            ("line_start", lines),
            ("line_end", lines),
        ] {
            let moved = span.get(name)?.as_u64()?.checked_sub(by as u64)?;
            span.insert(name.to_owned(), moved.into());
        }
        Some(())
    }
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
    fn other_texts_are_compiled() {
        let session = tempfile::tempdir().unwrap();
        let text = catching("wrong();\n");
        for other in [text.as_str(), &plain("wrong(1);\n"), ""] {
            keep(session.path(), &text, error("E0425", &text, "wrong()").as_bytes()).unwrap();
            assert_eq!(said_of(session.path(), other), None, "{other}");
        }
    }
}
