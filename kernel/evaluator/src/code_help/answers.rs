//! Answers of rust-analyzer's to questions on a cell that is being typed: completions, documentation, types.
//!
//! The cell may be any text. Asking must have no effect on the notebook.

use crate::{
    code_help::{
        completions::{Completions, byte_offset},
        notebook::Notebook,
        project::Project,
        relevance::presentable,
    },
    evcxr_text::displayed_paths::as_written,
    mime_bundle::MimeBundle,
    source::{
        editions::{NEW_KEYWORD, RAW_NAME},
        identifiers::length_before_normalization,
        misread_code::misread,
        preamble::without_commands,
    },
};
use serde_json::Value;
use std::borrow::Cow;

/// Completes the name left of `cursor`, counted in code points.
pub(super) fn complete(project: &mut Project, notebook: &Notebook, code: &str, cursor: usize) -> Option<Completions> {
    let before = &code[..byte_offset(code, cursor)];
    let readable_before = notebook.with_readable_names(before);
    let cursor_in_readable = readable_before.chars().count();
    let mut readable = notebook.with_readable_names(code);
    if !readable.starts_with(&*readable_before) {
        // The cursor is within a name that has become another one.
        let after = notebook.with_readable_names(&code[before.len()..]);
        readable = Cow::Owned(format!("{readable_before}{after}"));
    }
    let found = complete_readable(project, notebook, &readable, cursor_in_readable)?;
    // The client counts in the code that it has, and the name at the cursor may have become a raw one.
    let added = match readable_before.ends_with(RAW_NAME) && !before.ends_with(RAW_NAME) {
        true => RAW_NAME.len() - NEW_KEYWORD.len(),
        false => 0,
    };
    let replaced = cursor_in_readable - found.cursor_start;
    let after = (found.cursor_end - found.cursor_start).saturating_sub(replaced);
    let replaced = replaced.saturating_sub(added);
    Some(Completions {
        cursor_start: cursor - length_before_normalization(before, replaced),
        cursor_end: cursor + after,
        ..found
    })
}

/// Completes a name in code whose names are as rust-analyzer reads them.
fn complete_readable(project: &mut Project, notebook: &Notebook, code: &str, cursor: usize) -> Option<Completions> {
    let at = byte_offset(code, cursor);
    let cell = ExpandedCell::new(code, misread_while_typed(notebook, code, at));
    let offset = cell.offset(code, at);
    let source = notebook.source_with(&cell.text);
    let (mut matches, replaced) = project.completions(&source.text, source.offset_of(offset))?;
    // Both ends are on the cursor's line, which is the same in the cell and in the source.
    let start = source.offset_in_cell(replaced.start)?.min(offset);
    let end = source.offset_in_cell(replaced.end)?.max(offset);
    let length = |from: usize, to: usize| cell.text.get(from..to).map_or(0, |text| text.chars().count());
    matches.retain(|it| !notebook.missing.contains(&it.text));
    Some(Completions {
        cursor_start: cursor - length(start, offset).min(cursor),
        cursor_end: cursor + length(offset, end),
        matches: presentable(matches),
    })
}

/// Returns the documentation of the name at `cursor`, counted in code points.
pub(super) fn inspect(project: &mut Project, notebook: &Notebook, code: &str, cursor: usize) -> Option<MimeBundle> {
    let before = notebook.with_readable_names(&code[..byte_offset(code, cursor)]);
    let cursor = before.chars().count();
    let code = &*notebook.with_readable_names(code);
    let cell = ExpandedCell::new(code, misread(code, |name| notebook.knows(name)));
    let end = end_of_name(&cell.text, cell.offset(code, byte_offset(code, cursor)));
    let source = notebook.source_with(&cell.text);
    let (text, markdown) = project.hover(&source.text, source.offset_of(end))?;
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&markdown));
    (!text.trim().is_empty()).then(|| {
        MimeBundle::from([
            ("text/plain".into(), Value::String(as_written(&text))),
            ("text/html".into(), Value::String(as_written(&html))),
        ])
    })
}

/// Returns the type of the variable whose name ends at a byte of a cell that has not run.
pub(super) fn type_of(project: &mut Project, notebook: &Notebook, cell: &str, end: usize) -> Option<String> {
    let cell = without_commands(cell);
    let begins = cell[..end]
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + 1);
    let source = notebook.source_with(&cell);
    let (shown, _) = project.hover(&source.text, source.offset_of(end))?;
    type_in(&shown, &cell[begins..end])
}

/// Finds the line of code that would be taken for a command, in a cell that is being typed. The name at the cursor may
/// become any known name that begins like it.
fn misread_while_typed(notebook: &Notebook, code: &str, at: usize) -> Option<usize> {
    let (before, after) = code.split_at(at);
    // A name belongs behind a dot.
    let name = if before.ends_with(['.', ':']) { "name" } else { "" };
    misread(&[before, name, after].concat(), |name| {
        notebook.knows_beginning_of(name)
    })
}

/// A cell as rust-analyzer is to see it: without commands, and with its tesserae expanded. No line moves.
struct ExpandedCell {
    text: String,
    /// The byte of the code before which the text has a space more.
    misread: Option<usize>,
}

impl ExpandedCell {
    /// Makes the text of a cell. evcxr would take the line at `misread` for a command.
    fn new(code: &str, misread: Option<usize>) -> ExpandedCell {
        let kept = misread.map(|at| format!("{} {}", &code[..at], &code[at..]));
        let code = without_commands(kept.as_deref().unwrap_or(code));
        let expansion = mosaic_expand::expand_cell(&code).ok().flatten();
        ExpandedCell {
            text: expansion.map_or(code, |it| it.source().to_owned()),
            misread,
        }
    }

    /// Returns where a byte of the cell's code is in the text: on the same line, as far from the line's beginning.
    fn offset(&self, code: &str, at: usize) -> usize {
        let before = &code[..at];
        let is_after_space = |space: &usize| *space <= at && !code[*space..at].contains('\n');
        let space = usize::from(self.misread.as_ref().is_some_and(is_after_space));
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, str::len);
        let begin: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut offset = (begin + column + space).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// Returns the end of the name around a byte of a text. Clients ask anywhere in a name, and rust-analyzer wants its
/// end.
fn end_of_name(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    from + rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

/// Reads a variable's type from its documentation, whose last line is like `let x: impl Fn(i32) -> i32 = value`.
fn type_in(shown: &str, name: &str) -> Option<String> {
    let begins = [format!("let {name}: "), format!("let mut {name}: ")];
    let lines = shown.lines().map(str::trim);
    let found = lines
        .filter_map(|line| begins.iter().find_map(|begin| line.strip_prefix(&**begin)))
        .next_back()?;
    let is_associated = |at: usize| {
        let count = |part: &str| found[..at].matches(part).count();
        count("<") + count("->") > count(">")
    };
    let mut ends = found.match_indices(" = ").map(|(at, _)| at);
    let end = ends.find(|at| !is_associated(*at)).unwrap_or(found.len());
    Some(found[..end].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_no_letter_follows() {
        assert_eq!(end_of_name("vec.push(1)", 5), 8);
    }

    #[test]
    fn commands_are_not_analysed_and_places_stay() {
        let code = ":restart\n!lß\nlet x = 1;\nx.";
        let cell = ExpandedCell::new(code, None);
        assert_eq!(cell.text, "        \n    \nlet x = 1;\nx.");
        assert_eq!(cell.offset(code, code.len()), cell.text.len());
        let code = "#[tessera]\nimpl A { fn new() -> A { A } }\nA::";
        let cell = ExpandedCell::new(code, None);
        assert!(cell.text.len() > code.len());
        assert_eq!(cell.offset(code, code.len()), cell.text.len());
        let code = "!ls\n!ready;\nready";
        let cell = ExpandedCell::new(code, Some(4));
        assert_eq!(cell.text, "   \n !ready;\nready");
        assert!(cell.text[cell.offset(code, 5)..].starts_with("ready;"));
        assert_eq!(cell.offset(code, code.len()), cell.text.len());
    }

    #[test]
    fn types_are_read_from_documentation() {
        let shown = "```rust\nlet add: impl Fn(i32) -> i32\n```\n---\nsize = 0";
        assert_eq!(type_in(shown, "add").as_deref(), Some("impl Fn(i32) -> i32"));
        assert_eq!(type_in("let mut n: i32 = 5 (0x5)", "n").as_deref(), Some("i32"));
        let later = "let later: impl FnOnce() -> impl Future<Output = u8> = 5";
        assert_eq!(
            type_in(later, "later").as_deref(),
            Some("impl FnOnce() -> impl Future<Output = u8>")
        );
        assert_eq!(type_in("fn add()", "add"), None);
    }
}
