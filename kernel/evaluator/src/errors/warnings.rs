//! Warnings of rustc's on cells that ran.
//!
//! rustc compiles the items of all cells with each cell, and warns of them each time. The rustc wrapper writes the
//! warnings to a file of the session. The kernel reads the file, and shows the warnings on the text of the cell itself
//! that it has not shown before.

use crate::{
    errors::unstorable,
    session::files::{self, CompilerWarnings},
};
use serde_json::Value;
use std::{collections::HashSet, io, path::Path};

/// Lints that are never shown: they are about the code that evcxr makes of a cell, or about names that formulas use.
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

/// A warning on the text of a cell. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) title: String,
    /// The name of the lint, such as `unused_must_use`.
    pub(crate) lint: String,
    pub(crate) labels: Vec<Label>,
    pub(crate) help: Vec<String>,
}

/// A labelled part of a line of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) line: usize,
    pub(crate) columns: std::ops::Range<usize>,
    pub(crate) text: String,
    /// The warning is about this part.
    pub(crate) primary: bool,
}

/// Reads a line that rustc prints. Returns nothing unless it is a warning that may be shown.
pub(crate) fn warning(line: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(line).ok()?;
    let lint = message["code"]["code"].as_str()?;
    (message["level"] == "warning" && !QUIET.contains(&lint)).then_some(message)
}

/// Writes the warnings of a compilation for the kernel.
pub(crate) fn keep(session: &Path, source: &str, messages: Vec<Value>) -> io::Result<()> {
    if messages.is_empty() {
        return files::WARNINGS.remove(session);
    }
    let source = source.to_owned();
    files::WARNINGS.write(session, &CompilerWarnings { source, messages })
}

/// The warnings that have been shown in a session, as their titles and the lines that they are on.
#[derive(Debug, Default)]
pub(crate) struct ShownWarnings(HashSet<(String, String)>);

impl ShownWarnings {
    /// Takes the warnings of the last compilation that are on the text of the cell and have not been shown.
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

/// Returns whether a warning says that nothing uses a variable of the cell. The next cell may use it.
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

/// Translates a warning to the text of the cell. Returns nothing if the warning is on other text.
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

/// Translates a span of rustc's to the text of the cell.
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
        // A span of several lines is cut to its first.
        false => source.lines().nth(line - 1)?.chars().count() + 1,
    };
    Some(Label {
        line: here,
        columns: start + shift..end + shift,
        text: span["label"].as_str().unwrap_or_default().to_owned(),
        primary: span["is_primary"] == true,
    })
}

/// Finds the line of the cell that a line of the source was taken from. Returns its number, and how many characters its
/// text was moved to the left, since evcxr puts each statement at the beginning of a line. Several lines may have the
/// same text: the one is taken whose neighbours have the same text as well.
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
        let mut shown = ShownWarnings::default();
        let keep = |line| keep(session.path(), source, vec![message("unused_must_use", line, (1, 4))]).unwrap();
        keep(4);
        let warnings = shown.take_new(session.path(), cell);
        assert_eq!(warnings.len(), 1);
        assert_eq!(
            (warnings[0].labels[0].line, warnings[0].labels[0].columns.clone()),
            (1, 12..15)
        );
        assert_eq!(warnings[0].help, ["use it: `let _ =`"]);
        // A warning is shown once.
        keep(4);
        assert!(shown.take_new(session.path(), cell).is_empty());
        // The warning is on an item of an earlier cell.
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
