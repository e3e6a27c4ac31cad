//! What rustc warns of in a cell that ran.
//!
//! rustc warns of all items in every cell, since it compiles them again. The wrapper keeps what it says, and the kernel
//! looks which of it is about the text of the cell itself, as the user wrote it, and has not been told before.

use crate::{
    errors::unstorable,
    session::files::{self, CompilerWarnings},
};
use serde_json::Value;
use std::{collections::HashSet, io, path::Path};

/// Lints that are about what evcxr makes of a cell, or about names that are what formulas call things.
const QUIET: [&str; 9] = [
    "dead_code",
    "unused_imports",
    "unused_mut",
    "unused_parens",
    "unused_braces",
    "unused_macros",
    "non_snake_case",
    "non_upper_case_globals",
    "static_mut_refs",
];

/// A warning on the text of a cell. Lines and columns are from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) title: String,
    pub(crate) lint: String,
    pub(crate) labels: Vec<Label>,
    pub(crate) help: Vec<String>,
}

/// A part of a cell's text, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) line: usize,
    pub(crate) columns: std::ops::Range<usize>,
    pub(crate) text: String,
    pub(crate) primary: bool,
}

/// A line that rustc prints, if it is a warning worth keeping.
pub(crate) fn warning(line: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(line).ok()?;
    let lint = message["code"]["code"].as_str()?;
    (message["level"] == "warning" && !QUIET.contains(&lint)).then_some(message)
}

/// Keeps the warnings of a compilation for the kernel.
pub(crate) fn keep(session: &Path, source: &str, messages: Vec<Value>) -> io::Result<()> {
    if messages.is_empty() {
        return files::WARNINGS.remove(session);
    }
    let source = source.to_owned();
    files::WARNINGS.write(session, &CompilerWarnings { source, messages })
}

/// The warnings that have been shown in a session.
#[derive(Debug, Default)]
pub(crate) struct Shown(HashSet<(String, String)>);

impl Shown {
    /// The new warnings of the last compilation on the text of a cell.
    pub(crate) fn take_new(&mut self, session: &Path, cell: &str) -> Vec<Warning> {
        let kept = files::WARNINGS.take(session).unwrap_or_default();
        let found = kept
            .messages
            .iter()
            .filter_map(|message| locate(message, &kept.source, cell));
        let kept = found.filter(|warning| !is_on_variable(warning, cell));
        let new = kept.filter(|warning| {
            let line = warning
                .labels
                .iter()
                .find(|label| label.primary)
                .map(|label| label.line);
            let text = line.and_then(|line| cell.lines().nth(line - 1)).unwrap_or_default();
            self.0.insert((warning.title.clone(), text.trim().to_owned()))
        });
        new.collect()
    }
}

/// Whether it says that nothing uses a variable of the cell itself, which the next cell may.
fn is_on_variable(warning: &Warning, cell: &str) -> bool {
    let is_on_use = ["unused_variables", "unused_assignments"].contains(&&*warning.lint);
    let mut primary = warning.labels.iter().filter(|label| label.primary);
    is_on_use
        && primary.any(|label| {
            let before: usize = cell.split_inclusive('\n').take(label.line - 1).map(str::len).sum();
            let column = cell[before..].char_indices().nth(label.columns.start - 1);
            column.is_some_and(|(at, _)| unstorable::is_variable_at(cell, before + at))
        })
}

/// The warning, if it is on the cell's text.
fn locate(message: &Value, source: &str, cell: &str) -> Option<Warning> {
    let spans = message["spans"].as_array()?;
    let labels: Vec<Label> = spans.iter().filter_map(|span| label(span, source, cell)).collect();
    labels.iter().find(|label| label.primary)?;
    let children = message["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    let help = children
        .iter()
        .filter(|child| child["level"] == "help")
        .filter_map(|child| {
            let text = child["message"].as_str()?;
            let suggested = child["spans"][0]["suggested_replacement"].as_str().map(str::trim);
            Some(match suggested.filter(|text| !text.is_empty()) {
                Some(suggested) => format!("{text}: `{suggested}`"),
                None => text.to_owned(),
            })
        });
    Some(Warning {
        title: message["message"].as_str()?.to_owned(),
        lint: message["code"]["code"].as_str()?.to_owned(),
        labels,
        help: help.collect(),
    })
}

fn label(span: &Value, source: &str, cell: &str) -> Option<Label> {
    let number = |name: &str| span[name].as_u64().and_then(|it| usize::try_from(it).ok());
    if !span["file_name"].as_str()?.ends_with("lib.rs") {
        let mut outer = label(&span["expansion"]["span"], source, cell)?;
        outer.primary |= span["is_primary"] == true;
        return Some(outer);
    }
    let (line, start) = (number("line_start")?, number("column_start")?);
    let (here, shift) = line_of_cell(line, source, cell)?;
    let end = match number("line_end")? == line {
        true => number("column_end")?,
        // Of several lines, the first.
        false => source.lines().nth(line - 1)?.chars().count() + 1,
    };
    Some(Label {
        line: here,
        columns: start + shift..end + shift,
        text: span["label"].as_str().unwrap_or_default().to_owned(),
        primary: span["is_primary"] == true,
    })
}

/// The line of the cell that a line of the source was taken from, and how far its text was moved to the left: evcxr puts
/// each statement at the beginning of a line. Of several lines that read the same, it is the one whose neighbours do.
fn line_of_cell(line: usize, source: &str, cell: &str) -> Option<(usize, usize)> {
    let source: Vec<&str> = source.lines().collect();
    let cell: Vec<&str> = cell.lines().collect();
    let text = *source.get(line - 1)?;
    if !text.contains(char::is_alphanumeric) {
        return None;
    }
    let same = |there: Option<usize>, here: Option<usize>| {
        let (there, here) = (there.and_then(|it| source.get(it)), here.and_then(|it| cell.get(it)));
        there
            .zip(here)
            .is_some_and(|(there, here)| here.contains(there.trim_end()))
    };
    let score = |here: usize| {
        let at = line - 1;
        let before = (1..)
            .take_while(|by| same(at.checked_sub(*by), here.checked_sub(*by)))
            .count();
        let after = (1..)
            .take_while(|by| same(at.checked_add(*by), here.checked_add(*by)))
            .count();
        before + after
    };
    let found = (0..cell.len()).filter(|here| cell[*here].contains(text.trim_end()));
    let here = found.max_by_key(|here| (score(*here), std::cmp::Reverse(*here)))?;
    let moved = cell[here].find(text.trim_end())?;
    Some((here + 1, cell[here][..moved].chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(lint: &str, line: u64, columns: (u64, u64)) -> Value {
        json!({
            "level": "warning",
            "message": "unused result",
            "code": { "code": lint },
            "spans": [{
                "file_name": "src/lib.rs", "line_start": line, "line_end": line, "is_primary": true,
                "column_start": columns.0, "column_end": columns.1, "label": "here",
            }],
            "children": [{ "level": "help", "message": "use it", "spans": [{ "suggested_replacement": "let _ = " }] }],
        })
    }

    #[test]
    fn only_warnings_that_mean_the_user_are_kept() {
        assert!(warning(&message("unused_must_use", 1, (1, 2)).to_string()).is_some());
        assert!(warning(&message("dead_code", 1, (1, 2)).to_string()).is_none());
        assert!(warning("{}").is_none() && warning("no JSON").is_none());
    }

    #[test]
    fn warnings_are_shown_where_the_cell_has_them_and_once() {
        let session = tempfile::tempdir().unwrap();
        let source = "fn old() { f(); }\nmod x {}\nlet a = 1;\nf();\n";
        let cell = "let a = 1; f();\n";
        let mut shown = Shown::default();
        let keep = |line| keep(session.path(), source, vec![message("unused_must_use", line, (1, 4))]).unwrap();
        keep(4);
        let warnings = shown.take_new(session.path(), cell);
        assert_eq!(warnings.len(), 1);
        assert_eq!(
            (warnings[0].labels[0].line, warnings[0].labels[0].columns.clone()),
            (1, 12..15)
        );
        assert_eq!(warnings[0].help, ["use it: `let _ =`"]);
        // Once.
        keep(4);
        assert!(shown.take_new(session.path(), cell).is_empty());
        // Of an earlier item.
        keep(1);
        assert!(shown.take_new(session.path(), cell).is_empty());
        // Nothing new was compiled.
        assert!(shown.take_new(session.path(), cell).is_empty());
    }

    #[test]
    fn of_equal_lines_the_one_with_equal_neighbours_is_meant() {
        let source = "x\ng();\ny();\ng();\nz();";
        let cell = "    y();\n    g();\n    z();\n\n    x\n    g();\n    y();";
        assert_eq!(line_of_cell(4, source, cell), Some((2, 4)));
        assert_eq!(line_of_cell(2, source, cell), Some((6, 4)));
    }
}
