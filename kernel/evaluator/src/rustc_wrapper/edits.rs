//! Text that the wrapper inserts into a source for rustc alone, and the way back for rustc's messages.
//!
//! evcxr and the kernel know the source without the insertions. So the wrapper compiles the edited source, and
//! [`Original::restore`] moves every place in a message of rustc's to the source as it was. An insertion has no line
//! break, so no line moves.

use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::Range};

/// Insertions into a source, in the order of their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits(Vec<Insertion>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Insertion {
    /// The place in the source without insertions, in bytes.
    at: usize,
    text: String,
}

impl Edits {
    /// Inserts a text at a place of the source, in bytes, behind the texts that are inserted there already. The text
    /// has no line break.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        let text = text.into();
        debug_assert!(!text.contains('\n'), "an insertion moves lines: {text}");
        let index = self.0.partition_point(|it| it.at <= at);
        self.0.insert(index, Insertion { at, text });
    }

    /// Yields the insertions at the bytes of a range, with their places.
    pub(super) fn within(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &str)> {
        let inside = self.0.iter().filter(move |it| range.contains(&it.at));
        inside.map(|it| (it.at, it.text.as_str()))
    }

    /// Reports whether nothing is inserted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the source with the insertions.
    pub(super) fn apply(&self, source: &str) -> String {
        let length: usize = self.0.iter().map(|it| it.text.len()).sum();
        let mut edited = String::with_capacity(source.len() + length);
        let mut from = 0;
        for Insertion { at, text } in &self.0 {
            edited += &source[from..*at];
            edited += text;
            from = *at;
        }
        edited + &source[from..]
    }

    /// Returns the way back from places in the edited source to places in `source`, which the insertions belong to.
    pub(super) fn original<'a>(&'a self, source: &'a str) -> Original<'a> {
        let mut columns: BTreeMap<usize, Vec<Shift>> = BTreeMap::new();
        let mut insertions = self.0.iter().peekable();
        let mut line_start = 0;
        for (line, text) in (1..).zip(source.split('\n')) {
            let line_end = line_start + text.len();
            while let Some(it) = insertions.next_if(|it| it.at <= line_end) {
                columns.entry(line).or_default().push(Shift {
                    at: source[line_start..it.at].chars().count(),
                    length: it.text.chars().count(),
                });
            }
            line_start = line_end + 1;
        }
        let bytes = self.0.iter().map(|it| Shift {
            at: it.at,
            length: it.text.len(),
        });
        let lines = source.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        Original {
            lines: lines.collect(),
            bytes: bytes.collect(),
            columns,
        }
    }
}

/// An insertion, in bytes of the source or in characters of a line.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// The place without insertions, from 0.
    at: usize,
    length: usize,
}

/// The way from places in an edited source to places in the source without insertions.
#[derive(Debug)]
pub(super) struct Original<'a> {
    lines: Vec<&'a str>,
    bytes: Vec<Shift>,
    /// The insertions of each line that has some, by the line's number, from 1.
    columns: BTreeMap<usize, Vec<Shift>>,
}

impl Original<'_> {
    /// Moves all places in a message of rustc's that are in `file`: those of its parts, notes, macros and suggestions,
    /// and the lines of source. The rendered text stays, since the kernel renders errors itself.
    pub(super) fn restore(&self, file: &str, message: &mut Value) {
        match message {
            Value::Array(values) => values.iter_mut().for_each(|it| self.restore(file, it)),
            Value::Object(fields) => {
                if fields.get("file_name").is_some_and(|name| name == file) {
                    self.restore_span(fields);
                }
                fields.values_mut().for_each(|it| self.restore(file, it));
            }
            _ => {}
        }
    }

    /// Returns the place of the insertion that an error is about, in bytes of the source, if a message of rustc's is an
    /// error whose main place is in an inserted text.
    pub(super) fn insertion_of_error(&self, file: &str, message: &Value) -> Option<usize> {
        let is_main = |span: &&Value| span["is_primary"] == true && span["file_name"] == file;
        let mut main = message["spans"].as_array()?.iter().filter(is_main);
        let inserted = main.find_map(|span| number(&span["byte_start"]).filter(|at| is_inserted(*at, &self.bytes)));
        inserted
            .filter(|_| message["level"] == "error")
            .map(|at| without_insertions(at, &self.bytes))
    }

    fn restore_span(&self, span: &mut Map<String, Value>) {
        for (line, column) in [("line_start", "column_start"), ("line_end", "column_end")] {
            let line = span.get(line).and_then(number);
            if let (Some(line), Some(column)) = (line, span.get_mut(column)) {
                self.restore_column(line, column);
            }
        }
        for place in ["byte_start", "byte_end"] {
            if let Some(value) = span.get_mut(place)
                && let Some(at) = number(value)
            {
                *value = without_insertions(at, &self.bytes).into();
            }
        }
        let first = span.get("line_start").and_then(number);
        let texts = span.get_mut("text").and_then(Value::as_array_mut);
        let (Some(first), Some(texts)) = (first, texts) else {
            return;
        };
        for (line, text) in (first..).zip(texts) {
            if let Some(original) = self.lines.get(line - 1) {
                text["text"] = (*original).into();
            }
            for column in ["highlight_start", "highlight_end"] {
                self.restore_column(line, &mut text[column]);
            }
        }
    }

    /// Moves a column, which counts characters from 1.
    fn restore_column(&self, line: usize, value: &mut Value) {
        let shifts = self.columns.get(&line).map(Vec::as_slice).unwrap_or_default();
        if let Some(column) = number(value).and_then(|column| column.checked_sub(1)) {
            *value = (without_insertions(column, shifts) + 1).into();
        }
    }
}

/// Moves a place to where it is without insertions. A place in an insertion becomes the place of the insertion.
fn without_insertions(edited: usize, shifts: &[Shift]) -> usize {
    let mut inserted = 0;
    for shift in shifts.iter().take_while(|shift| shift.at < edited) {
        if edited < shift.at + inserted {
            break;
        }
        inserted += shift.length.min(edited - inserted - shift.at);
    }
    edited - inserted
}

/// Reports whether the character at a place is inserted.
fn is_inserted(edited: usize, shifts: &[Shift]) -> bool {
    without_insertions(edited, shifts) == without_insertions(edited + 1, shifts)
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = "src/lib.rs";

    fn edits(insertions: &[(usize, &str)]) -> Edits {
        let mut edits = Edits::default();
        insertions.iter().for_each(|(at, text)| edits.insert(*at, *text));
        edits
    }

    /// A span of rustc's on the bytes from `begin` to `end` of a source.
    fn span(source: &str, begin: usize, end: usize) -> Value {
        let place = |at: usize| {
            let before = &source[..at];
            let line_start = before.rfind('\n').map_or(0, |it| it + 1);
            (
                before.matches('\n').count() + 1,
                before[line_start..].chars().count() + 1,
            )
        };
        let ((line_start, column_start), (line_end, column_end)) = (place(begin), place(end));
        let texts = source
            .split('\n')
            .zip(1..)
            .filter(|(_, line)| (line_start..=line_end).contains(line));
        let texts = texts.map(|(text, line)| {
            let start = if line == line_start { column_start } else { 1 };
            let end = if line == line_end {
                column_end
            } else {
                text.chars().count() + 1
            };
            json!({ "text": text, "highlight_start": start, "highlight_end": end })
        });
        json!({
            "file_name": FILE, "byte_start": begin, "byte_end": end, "line_start": line_start, "line_end": line_end,
            "column_start": column_start, "column_end": column_end, "text": texts.collect::<Vec<_>>(),
        })
    }

    #[test]
    fn texts_are_inserted_at_their_places() {
        for (source, insertions, expected) in [
            ("", &[][..], ""),
            ("", &[(0, "a")], "a"),
            ("äb\nc", &[(4, "2"), (0, "1"), (5, "4"), (4, "3")], "1äb\n23c4"),
            ("ab", &[(1, "x"), (1, "y")], "axyb"),
        ] {
            let edits = edits(insertions);
            assert_eq!(edits.apply(source), expected);
            assert_eq!(edits.is_empty(), insertions.is_empty());
        }
    }

    #[test]
    fn every_span_of_the_edited_source_becomes_that_of_the_original() {
        for (source, insertions) in [
            (
                "fn ä() {}\nlet é = 1;\n",
                &[(0, "ü "), (3, "[x]"), (9, "!"), (11, "ö"), (22, "e")][..],
            ),
            (
                "ab\n\ncd",
                &[(0, "1"), (2, "22"), (3, "333"), (4, "4"), (5, "5"), (6, "66")],
            ),
            ("ab\n", &[(3, "behind")]),
            ("one line", &[(4, "ß"), (4, "more ")]),
            ("unchanged\n", &[]),
        ] {
            let edits = edits(insertions);
            let edited = edits.apply(source);
            let original = edits.original(source);
            // Where each boundary of the edited source lies in the original.
            let boundary = |at: usize| {
                let mut inserted = 0;
                for (place, text) in insertions {
                    let begin = place + inserted;
                    if at <= begin {
                        break;
                    }
                    if at < begin + text.len() {
                        return *place;
                    }
                    inserted += text.len();
                }
                at - inserted
            };
            let places: Vec<usize> = edited.char_indices().map(|(at, _)| at).chain([edited.len()]).collect();
            for &begin in &places {
                for &end in places.iter().filter(|end| **end >= begin) {
                    let mut message = json!({ "spans": [span(&edited, begin, end)] });
                    original.restore(FILE, &mut message);
                    let expected = span(source, boundary(begin), boundary(end));
                    assert_eq!(message["spans"][0], expected, "{edited:?} {begin}..{end}");
                }
            }
        }
    }

    #[test]
    fn notes_macros_and_suggestions_are_moved_and_other_files_stay() {
        let source = "static A: u8 = m!();";
        let edits = edits(&[(0, "#[x] ")]);
        let edited = edits.apply(source);
        let at = edited.find("m!").unwrap();
        let (place, moved) = (span(&edited, at, at + 2), span(source, at - 5, at - 3));
        let mut other = place.clone();
        other["file_name"] = "/std/macros.rs".into();
        let message = |place: &Value| {
            json!({
                "message": "wrong",
                "spans": [{ "file_name": "/std/macros.rs", "byte_start": 9, "expansion": { "span": place, "def_site_span": other } }],
                "children": [{ "spans": [place], "children": [{ "spans": [place] }] }],
            })
        };
        let mut restored = message(&place);
        edits.original(source).restore(FILE, &mut restored);
        assert_eq!(restored, message(&moved));
    }

    #[test]
    fn an_error_about_an_insertion_is_told_from_others() {
        let source = "static A: u8 = 1;";
        let edits = edits(&[(0, "#[x] "), (7, "mut ")]);
        let edited = edits.apply(source);
        for (part, expected) in [
            ("#[x]", Some(0)),
            ("x]", Some(0)),
            ("static", None),
            ("mut", Some(7)),
            ("A", None),
            ("1", None),
        ] {
            let begin = edited.find(part).unwrap();
            let mut place = span(&edited, begin, begin + part.len());
            let insertion = |level: &str, span: &Value| {
                let message = json!({ "level": level, "spans": [span] });
                edits.original(source).insertion_of_error(FILE, &message)
            };
            assert_eq!(insertion("error", &place), None);
            place["is_primary"] = true.into();
            assert_eq!(insertion("error", &place), expected, "{part}");
            assert_eq!(insertion("warning", &place), None);
        }
    }
}
