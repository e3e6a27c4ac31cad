//! The source of a cell as rustc gets it, in which parts of cells are files of their own.
//!
//! `panic!`, `dbg!`, `file!()` and backtraces name the file, line and column of the code. So a part of a cell is a
//! file `cell [7]`, in which the part stands at the line and column of the cell. In its place, the source includes the
//! file. rustc's messages are moved back to the source.

use crate::{
    rustc_wrapper::{
        edits::Edits,
        part_file::{PartFile, Position, laid_out},
        placed_parts::{self, Kind, Part},
        source_tree::SourceTree,
    },
    session::{
        files,
        placed_code::{Form, PlacedCell, PlacedItem},
    },
};
use serde_json::Value;
use std::{borrow::Cow, io, path::Path};

/// The parts of cells whose places the kernel knows.
#[derive(Debug, Default)]
pub(super) struct KnownParts {
    items: Vec<PlacedItem>,
    running: PlacedCell,
}

impl KnownParts {
    /// Reads what the kernel has written.
    pub(super) fn read(session: &Path) -> KnownParts {
        KnownParts {
            items: files::PLACED_ITEMS.read(session).unwrap_or_default(),
            running: files::RUNNING_CELL.read(session).unwrap_or_default(),
        }
    }

    /// Returns a number that is greater than that of any part.
    pub(super) fn count(&self) -> usize {
        let items = self.items.iter().chain(&self.running.items).map(|it| it.place.part);
        let statements = self.running.statements.iter();
        let expressions = statements.flat_map(|it| &it.expressions).map(|it| it.place.part);
        items.chain(expressions).max().map_or(0, |last| last + 1)
    }

    /// Reports whether the running cell calls a macro that may expand to statements.
    pub(super) fn has_macros(&self) -> bool {
        let statements = self.running.statements.iter();
        let mut expressions = statements.flat_map(|it| &it.expressions);
        expressions.any(|it| it.form == Form::Macro)
    }

    fn find(&self, source: &str, items: usize, with_macros: bool) -> Vec<Part<'_>> {
        // The last cell that has an item counts.
        let known: Vec<&PlacedItem> = self.items.iter().chain(&self.running.items).collect();
        let running = &self.running;
        // The line break before what follows the items belongs to them.
        let rest = items.saturating_sub(1);
        let mut found = placed_parts::items(&source[..items], &known);
        found.extend(placed_parts::expressions(
            source,
            rest,
            &running.name,
            &running.statements,
            with_macros,
        ));
        found
    }
}

/// A source with parts in files of their own.
#[derive(Debug)]
pub(super) struct PlacedSource<'a> {
    source: &'a str,
    text: Cow<'a, str>,
    edits: Edits,
    parts: Vec<PartFile>,
}

impl<'a> PlacedSource<'a> {
    /// Returns a source with insertions and without parts in files of their own.
    pub(super) fn without_parts(source: &'a str, insertions: &Edits) -> PlacedSource<'a> {
        PlacedSource {
            source,
            text: match insertions.is_empty() {
                true => Cow::Borrowed(source),
                false => Cow::Owned(insertions.apply(source)),
            },
            edits: insertions.clone(),
            parts: Vec::new(),
        }
    }

    /// Writes the parts of a source, whose first bytes are `items`, to their files. Leaves the calls of macros that may
    /// expand to statements if `with_macros` is false. `insertions` are made in the source and in the files.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(super) fn new(
        source: &'a str,
        items: usize,
        known: &KnownParts,
        tree: &SourceTree,
        with_macros: bool,
        insertions: &Edits,
    ) -> io::Result<PlacedSource<'a>> {
        let mut placed = PlacedSource {
            edits: Edits::default(),
            ..PlacedSource::without_parts(source, insertions)
        };
        let mut blanked = String::with_capacity(source.len());
        let (mut done, mut line, mut line_start) = (0, 1, 0);
        for part in known.find(source, items, with_macros) {
            let text = &source[part.range.clone()];
            let before = &source[done..part.range.start];
            line += before.matches('\n').count();
            line_start = before.rfind('\n').map_or(line_start, |at| done + at + 1);
            let there = Position {
                byte: part.range.start,
                line,
                column: source[line_start..part.range.start].chars().count() + 1,
            };
            let (content, sections) = laid_out(text, part.place, part.jump, there);
            let mut file = PartFile {
                path: String::new(),
                content,
                insertions: Edits::default(),
                sections,
            };
            for (at, text) in insertions.within(part.range.clone()) {
                file.insert(at, text);
            }
            let path = tree.write_part(part.place.part, part.cell, &file.insertions.apply(&file.content))?;
            let Some(path) = path.to_str() else { continue };
            path.clone_into(&mut file.path);
            for (at, text) in insertions.within(done..part.range.start) {
                placed.edits.insert(at, text);
            }
            placed.edits.insert(part.range.start, inclusion(path, part.kind));
            placed.parts.push(file);
            blanked += before;
            blanked.extend(text.bytes().map(|it| if it == b'\n' { '\n' } else { ' ' }));
            line += text.matches('\n').count();
            line_start = text.rfind('\n').map_or(line_start, |at| part.range.start + at + 1);
            done = part.range.end;
        }
        for (at, text) in insertions.within(done..usize::MAX) {
            placed.edits.insert(at, text);
        }
        if done > 0 {
            blanked += &source[done..];
            placed.text = Cow::Owned(placed.edits.apply(&blanked));
        }
        Ok(placed)
    }

    /// Returns the text that rustc is to compile.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place of the insertion that an error of rustc's is about, in bytes of the source.
    pub(super) fn insertion_of_error(&self, file: &str, message: &Value) -> Option<usize> {
        if self.edits.is_empty() {
            return None;
        }
        let in_part = |part: &PartFile| {
            let at = part
                .insertions
                .original(&part.content)
                .insertion_of_error(&part.path, message)?;
            Some(part.in_source(at))
        };
        let changed = self.parts.iter().filter(|part| !part.insertions.is_empty());
        changed.filter_map(in_part).next().or_else(|| {
            let at = self.edits.original(self.source).insertion_of_error(file, message)?;
            let is_inclusion = self
                .parts
                .iter()
                .any(|part| part.in_source(part.sections[0].here.byte) == at);
            (!is_inclusion).then_some(at)
        })
    }

    /// Moves all places in a message of rustc's to the source, whose file rustc knows as `file`.
    pub(super) fn restore(&self, file: &str, message: &mut Value) {
        if self.edits.is_empty() {
            return;
        }
        self.edits.original(self.source).restore(file, message);
        for part in self.parts.iter().filter(|part| !part.insertions.is_empty()) {
            part.insertions.original(&part.content).restore(&part.path, message);
        }
        let lines: Vec<&str> = self.source.split('\n').collect();
        self.restore_parts(file, &lines, message);
    }

    fn restore_parts(&self, file: &str, lines: &[&str], message: &mut Value) {
        match message {
            Value::Array(values) => values.iter_mut().for_each(|it| self.restore_parts(file, lines, it)),
            Value::Object(fields) => {
                let name = fields.get("file_name").and_then(Value::as_str);
                if let Some(part) = name.and_then(|name| self.parts.iter().find(|part| part.path == name)) {
                    part.restore(lines, fields);
                    fields.insert("file_name".to_owned(), file.into());
                }
                fields.values_mut().for_each(|it| self.restore_parts(file, lines, it));
            }
            _ => {}
        }
    }
}

/// Returns the code that includes the file of a part.
fn inclusion(path: &str, kind: Kind) -> String {
    match kind {
        Kind::Item => format!("include!({path:?});"),
        Kind::Expression => format!("include!({path:?})"),
        // With braces, the statement needs no semicolon, and must have the type `()` unless it is the last.
        Kind::Statement => format!("include!{{{path:?}}}"),
        Kind::Block => format!("{{ include!({path:?}) }}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evcxr_text::{markers::CELL_FUNCTION_BEGINS, replacements::EXECUTOR_CALL},
        rustc_wrapper::part_file::tests::{FILE, span},
        source::placed_parts::{read, unmoved},
    };
    use std::fs;

    #[test]
    fn parts_stand_at_their_places_and_messages_lead_back() {
        let parent = tempfile::tempdir().unwrap();
        let (session, notebook) = (parent.path().join("session"), parent.path().join("book"));
        fs::create_dir_all(&session).unwrap();
        fs::create_dir_all(&notebook).unwrap();
        files::NOTEBOOK_DIRECTORY
            .write(&session, notebook.to_str().unwrap())
            .unwrap();
        let tree = SourceTree::of(&session).unwrap().unwrap();
        let cell = "let ä = f(1);  g(ä,\n2)\n  ; fn f(a: u8) {\n  h(a)\n}";
        let known = KnownParts {
            items: Vec::new(),
            running: read(cell, "cell [7]", unmoved),
        };
        assert_eq!(known.count(), 3);
        let items = "use a;\nfn f(a: u8) {\n  h(a)\n}\n";
        let source =
            format!("{items}{CELL_FUNCTION_BEGINS}1(\n{EXECUTOR_CALL}\nlet ä = f(1);  \ng(ä,\n2)\n  ; \nput(ä);\n}}\n");
        let placed = PlacedSource::new(&source, items.len() + 1, &known, &tree, true, &Edits::default()).unwrap();
        assert_eq!(placed.text().lines().count(), source.lines().count());
        assert_eq!(placed.parts.len(), 3, "{}", placed.text());
        for (file, part) in placed.parts.iter().zip(["h(a)", "f(1)", "g(ä,\n2)"]) {
            assert!(file.path.ends_with("/cell [7]"));
            let text = fs::read_to_string(&file.path).unwrap();
            let at_cell = span(FILE, cell, part);
            let mut moved = span(&file.path, &text, part);
            for field in ["line_start", "line_end", "column_start", "column_end"] {
                assert_eq!(moved[field], at_cell[field], "{part}");
            }
            placed.restore(FILE, &mut moved);
            assert_eq!(moved, span(FILE, &source, part), "{part}");
        }
        for part in ["put(ä)", "let ä"] {
            let mut moved = span(FILE, placed.text(), part);
            placed.restore(FILE, &mut moved);
            assert_eq!(moved, span(FILE, &source, part));
        }
    }

    #[test]
    fn a_source_without_known_parts_stays() {
        let parent = tempfile::tempdir().unwrap();
        files::NOTEBOOK_DIRECTORY.write(parent.path(), "/").unwrap();
        let tree = SourceTree::of(parent.path()).unwrap().unwrap();
        let placed = PlacedSource::new("fn f() {}", 9, &KnownParts::default(), &tree, true, &Edits::default()).unwrap();
        assert_eq!(placed.text(), "fn f() {}");
        assert_eq!(inclusion("/a \"b\"", Kind::Item), r#"include!("/a \"b\"");"#);
    }
}
