//! The file of a part of a cell: its text as it stands in the cell, and the way back for places in the file.

use crate::{
    rustc_wrapper::edits::Edits,
    session::placed_code::{Jump, Place},
};
use serde_json::{Map, Value};

/// The file of a part.
#[derive(Debug)]
pub(super) struct PartFile {
    pub(super) path: String,
    /// The text without insertions.
    pub(super) content: String,
    /// What is inserted into the text.
    pub(super) insertions: Edits,
    /// The sections of the part, in their order.
    pub(super) sections: Vec<Section>,
}

/// A stretch of text that is the same in the file and in the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// The beginning in the file.
    pub(super) here: Position,
    /// The beginning in the source.
    pub(super) there: Position,
}

/// A place in a text. Lines and columns count from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) byte: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl PartFile {
    /// Inserts a text at a place of the source, in bytes.
    pub(super) fn insert(&mut self, at: usize, text: &str) {
        let section = *self
            .sections
            .iter()
            .rfind(|it| it.there.byte <= at)
            .unwrap_or(&self.sections[0]);
        self.insertions
            .insert(at - section.there.byte + section.here.byte, text);
    }

    /// Returns the byte of the source for one of the file without insertions.
    pub(super) fn in_source(&self, at: usize) -> usize {
        let section = self.section(|it| it.here.byte <= at);
        (at + section.there.byte).saturating_sub(section.here.byte)
    }

    /// Moves a span from the file to the source.
    pub(super) fn restore(&self, lines: &[&str], span: &mut Map<String, Value>) {
        let number = |value: &Value| value.as_u64().and_then(|it| usize::try_from(it).ok());
        let line_start = span.get("line_start").and_then(number);
        for (line, column) in [("line_start", "column_start"), ("line_end", "column_end")] {
            if let (Some(at), Some(in_line)) = (span.get(line).and_then(number), span.get(column).and_then(number)) {
                let (at, in_line) = self.moved(at, in_line);
                span.insert(line.to_owned(), at.into());
                span.insert(column.to_owned(), in_line.into());
            }
        }
        for place in ["byte_start", "byte_end"] {
            if let Some(at) = span.get(place).and_then(number) {
                span.insert(place.to_owned(), self.in_source(at).into());
            }
        }
        let texts = span.get_mut("text").and_then(Value::as_array_mut);
        for (line, text) in (line_start.unwrap_or(1)..).zip(texts.into_iter().flatten()) {
            let mut at = line;
            for column in ["highlight_end", "highlight_start"] {
                if let Some(it) = number(&text[column]) {
                    let (moved, column_there) = self.moved(line, it);
                    at = moved;
                    text[column] = column_there.into();
                }
            }
            if let Some(original) = at.checked_sub(1).and_then(|at| lines.get(at)) {
                text["text"] = (*original).into();
            }
        }
    }

    /// Moves a line and a column from the file to the source.
    fn moved(&self, line: usize, column: usize) -> (usize, usize) {
        let Section { here, there } = self.section(|it| (it.here.line, it.here.column) <= (line, column));
        let in_first_line = line == here.line;
        let column = if in_first_line {
            (column + there.column).saturating_sub(here.column)
        } else {
            column
        };
        ((line + there.line).saturating_sub(here.line), column)
    }

    /// Returns the last section that is not behind a place.
    fn section(&self, is_before: impl Fn(&Section) -> bool) -> Section {
        let before = self.sections.iter().rev().find(|it| is_before(it));
        *before.unwrap_or(&self.sections[0])
    }
}

/// Lays out a part, which begins at a place of the source, as it stands in its cell.
pub(super) fn laid_out(text: &str, place: Place, jump: Option<Jump>, there: Position) -> (String, Vec<Section>) {
    let mut content = "\n".repeat(place.line - 1) + &" ".repeat(place.column - 1);
    let here = Position {
        byte: content.len(),
        line: place.line,
        column: place.column,
    };
    let mut sections = vec![Section { here, there }];
    let mut significant = text.char_indices().filter(|(_, it)| !it.is_whitespace());
    let rest = jump.and_then(|jump| Some((jump, significant.nth(jump.after)?.0)));
    let Some((jump, at)) = rest else {
        return (content + text, sections);
    };
    let header = text[..at].trim_end();
    if header.contains('\n') {
        return (content + text, sections);
    }
    content += header;
    let (mut line, mut column) = (place.line, place.column + header.chars().count());
    if jump.line > line {
        content += &"\n".repeat(jump.line - line);
        (line, column) = (jump.line, 1);
    }
    content += &" ".repeat(jump.column.saturating_sub(column));
    let before = &text[..at];
    sections.push(Section {
        here: Position {
            byte: content.len(),
            line,
            column: column.max(jump.column),
        },
        there: Position {
            byte: there.byte + at,
            line: there.line + before.matches('\n').count(),
            column: match before.rfind('\n') {
                None => there.column + before.chars().count(),
                Some(end) => before[end..].chars().count(),
            },
        },
    });
    (content + &text[at..], sections)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in crate::rustc_wrapper) const FILE: &str = "/s/cell";

    /// A span of rustc's on a part of a text.
    pub(in crate::rustc_wrapper) fn span(file: &str, text: &str, part: &str) -> Value {
        let begin = text.find(part).unwrap();
        let place = |at: usize| {
            let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
            (
                text[..at].matches('\n').count() + 1,
                text[start..at].chars().count() + 1,
            )
        };
        let ((line, column), (last, end)) = (place(begin), place(begin + part.len()));
        let first = text.lines().nth(line - 1).unwrap();
        let highlighted = if last == line { end } else { first.chars().count() + 1 };
        json!({
            "file_name": file, "byte_start": begin, "byte_end": begin + part.len(), "line_start": line, "line_end": last,
            "column_start": column, "column_end": end,
            "text": [{ "text": first, "highlight_start": column, "highlight_end": highlighted }],
        })
    }

    #[test]
    fn a_member_stands_at_its_place_behind_the_header() {
        let source = "impl S { fn f() {\n  g()\n} }";
        let place = Place {
            part: 0,
            line: 2,
            column: 3,
        };
        let there = Position {
            byte: 0,
            line: 1,
            column: 1,
        };
        for (line, column, expected) in [
            (4, 5, "\n  impl S {\n\n    fn f() {\n  g()\n} }"),
            (2, 15, "\n  impl S {    fn f() {\n  g()\n} }"),
        ] {
            let jump = Jump { after: 6, line, column };
            let (content, sections) = laid_out(source, place, Some(jump), there);
            assert_eq!(content, expected);
            let part = PartFile {
                path: FILE.to_owned(),
                content: content.clone(),
                insertions: Edits::default(),
                sections,
            };
            for text in ["impl", "S", "fn", "f()", "g()"] {
                let mut moved = span(FILE, &content, text);
                let lines: Vec<&str> = source.split('\n').collect();
                part.restore(&lines, moved.as_object_mut().unwrap());
                assert_eq!(moved, span(FILE, source, text), "{text}");
            }
        }
    }
}
