//! The source in which rust-analyzer sees a cell that is being typed: what earlier cells have left, and a place for the
//! cell.

use crate::{
    code_help::project::manifest_in,
    evcxr_text::markers::ANALYSIS_WRAPPER,
    session::{files, notebook_files::with_files, settings},
    source::{
        carriers::{KnownItems, carry, uncarried},
        editions,
        identifiers::normalized,
        syntax::words,
    },
};
use evcxr::CommandContext;
use ra_ap_ide::Edition;
use ra_ap_syntax::{
    AstNode, SourceFile, SyntaxNode,
    ast::{self, HasModuleItem, HasName},
};
use std::{
    borrow::Cow,
    collections::BTreeSet,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A statement that stands for the code of a cell.
const CELL: &str = "mosaic_cell_stands_here;";
const EDITION: Edition = Edition::Edition2024;

/// What a cell may refer to, at one moment of the notebook.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notebook {
    /// The directory of the crate in which cells are compiled.
    pub(crate) directory: PathBuf,
    /// The text of the crate's manifest.
    pub(crate) manifest: String,
    /// The edition of the cells.
    edition: settings::Edition,
    /// The variables that a cell can use.
    pub(crate) variables: BTreeSet<String>,
    /// The variables that evcxr believes in and that the cell process does not store.
    pub(crate) missing: BTreeSet<String>,
    definitions: Vec<Definition>,
    /// The names by which evcxr keeps the items.
    known: Arc<KnownItems>,
    /// The source between the definitions and the cell: the head of a function, with the variables.
    head: String,
    /// The source after the cell.
    tail: String,
}

/// An item, and the items that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    /// The name by which evcxr keeps the item.
    name: Option<String>,
    text: String,
}

impl Notebook {
    /// Reads what evcxr knows; returns nothing if evcxr does not say. evcxr's rust-analyzer need not have read
    /// anything.
    pub(crate) fn read(
        context: &mut CommandContext,
        directory: PathBuf,
        missing: &BTreeSet<String>,
        known: Arc<KnownItems>,
    ) -> Option<Notebook> {
        // Before evcxr completes, it writes the source in which it looks. The completions are of no interest.
        let _ = context.completions(CELL, CELL.len());
        let source = context.last_source().ok()?;
        let (before, tail) = source.split_once(CELL)?;
        let (items, head) = before.split_at(before.rfind(ANALYSIS_WRAPPER)?);
        let variables = context.variables_and_types().map(|(name, _)| name.to_owned());
        Some(Notebook {
            manifest: manifest_in(&directory).ok()?,
            edition: files::SETTINGS.read(&directory).unwrap_or_default().edition,
            directory,
            variables: variables.filter(|name| !missing.contains(name)).collect(),
            missing: missing.clone(),
            definitions: definitions(items, known.notebook()),
            known,
            head: head.to_owned(),
            tail: tail.to_owned(),
        })
    }

    /// Returns a cell with its names as rust-analyzer reads them: in normal form C, and raw if edition 2024 has them for
    /// keywords and the cells' edition has not.
    pub(super) fn with_readable_names<'c>(&self, cell: &'c str) -> Cow<'c, str> {
        let cell = normalized(cell);
        match (self.edition, editions::may_have_new_keywords(&cell)) {
            (settings::Edition::Edition2021, true) => Cow::Owned(editions::with_raw_names(&cell).into_owned()),
            _ => cell,
        }
    }

    /// Reports whether the notebook has a variable, an item or an import of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names().any(|it| it == name)
    }

    /// Reports whether the notebook has a variable, an item or an import whose name begins like this.
    pub(super) fn knows_beginning_of(&self, name: &str) -> bool {
        self.names().any(|it| it.starts_with(name))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let named = |it: &'_ Definition| it.name.is_some() || it.text.starts_with("use ");
        let definitions = self.definitions.iter().filter(move |it| named(it));
        let defined = definitions.filter_map(|it| it.name.as_deref().or_else(|| words(&it.text).last()));
        self.variables.iter().map(String::as_str).chain(defined)
    }

    /// Returns the source with a cell in it.
    pub(crate) fn source_with(&self, cell: &str) -> NotebookSource {
        let items = items(cell);
        let carried = carry(cell, 0, &self.known, &BTreeSet::new());
        let is_replaced = |name: &String| carried.as_ref().is_some_and(|it| it.items().replace(name));
        let is_kept = |it: &&Definition| !it.name.as_ref().is_some_and(is_replaced);
        let mut text: String = self
            .definitions
            .iter()
            .filter(is_kept)
            .map(|it| it.text.as_str())
            .collect();
        let is_item = |at: usize| items.iter().any(|item| item.contains(&at));
        let outside = text.len();
        text += &only(cell, is_item);
        text.push('\n');
        text += &self.head;
        let inside = text.len();
        text += &only(cell, |at| !is_item(at));
        // An unfinished statement must not go on with what evcxr writes after the cell.
        text += "\n;\n";
        text += &self.tail;
        NotebookSource {
            text,
            items,
            items_begin: outside,
            body_begins: inside,
            length: cell.len(),
        }
    }
}

/// The source of a notebook with a cell in it. The cell stands there twice: its items before a function, and the rest
/// in it.
pub(crate) struct NotebookSource {
    pub(crate) text: String,
    /// The items of the cell, by bytes of the cell.
    items: Vec<Range<usize>>,
    /// Where the copy of the cell with its items alone begins.
    items_begin: usize,
    /// Where the copy of the cell without its items begins.
    body_begins: usize,
    /// The length of the cell.
    length: usize,
}

impl NotebookSource {
    /// Returns where a byte of the cell is in the source.
    pub(crate) fn offset_of(&self, at: usize) -> usize {
        // Users type at the end of a word.
        let is_in = |item: &Range<usize>| item.start < at && at <= item.end;
        let begin = if self.items.iter().any(is_in) {
            self.items_begin
        } else {
            self.body_begins
        };
        begin + at
    }

    /// Returns where a byte of the source is in the cell, if it belongs to the cell.
    pub(crate) fn offset_in_cell(&self, at: usize) -> Option<usize> {
        let from = |begin: usize| at.checked_sub(begin).filter(|at| *at <= self.length);
        from(self.body_begins).or_else(|| from(self.items_begin))
    }
}

/// Finds the items among the statements of a cell, by bytes. The cell may be unfinished.
fn items(cell: &str) -> Vec<Range<usize>> {
    let opens = "fn cell() {";
    let parsed = SourceFile::parse(&format!("{opens}{cell}\n}}"), EDITION).tree();
    let function = parsed.items().next();
    let body = function.and_then(|item| ast::Fn::cast(item.syntax().clone())?.body()?.stmt_list());
    let nodes = body
        .into_iter()
        .flat_map(|body| body.syntax().children().collect::<Vec<_>>());
    let items = nodes.filter_map(|node| {
        // The call of a macro is a statement of the cell.
        let item = ast::Item::cast(node).filter(|item| !matches!(item, ast::Item::MacroCall(_)))?;
        let range = Range::<usize>::from(item.syntax().text_range());
        Some(range.start - opens.len()..(range.end - opens.len()).min(cell.len()))
    });
    items.collect()
}

/// Splits a source into definitions, in their order. An item without a name belongs to the item before it, as in evcxr.
/// The items in carriers come out plain, and `mod name;` with the content of its file beside the `notebook`.
fn definitions(source: &str, notebook: Option<&Path>) -> Vec<Definition> {
    let parsed = SourceFile::parse(source, EDITION).tree();
    let begins = parsed
        .items()
        .filter(|item| !matches!(item, ast::Item::Impl(_) | ast::Item::MacroCall(_)));
    let begins: Vec<(usize, Option<String>)> = begins
        .map(|item| {
            (
                Range::<usize>::from(item.syntax().text_range()).start,
                name_of(item.syntax()),
            )
        })
        .collect();
    let with_content = |text: &str| {
        let read = notebook.and_then(|notebook| with_files(text, notebook));
        read.map_or_else(|| text.to_owned(), |text| text + "\n")
    };
    let first = begins.first().map_or(source.len(), |(at, _)| *at);
    let ends = begins.iter().skip(1).map(|(at, _)| *at).chain([source.len()]);
    let named = begins.iter().zip(ends).map(|((begin, name), end)| Definition {
        name: name.clone(),
        text: with_content(&uncarried(&source[*begin..end])),
    });
    let attributes = Definition {
        name: None,
        text: source[..first].to_owned(),
    };
    [attributes].into_iter().chain(named).collect()
}

fn name_of(item: &SyntaxNode) -> Option<String> {
    let named = ast::AnyHasName::cast(item.clone())?;
    Some(named.name()?.text().to_string())
}

/// Returns a text with spaces in the place of the bytes that are not kept. No line moves.
fn only(text: &str, keeps: impl Fn(usize) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        match character {
            '\n' => kept.push('\n'),
            character if keeps(at) => kept.push(character),
            character => kept.extend(std::iter::repeat_n(' ', character.len_utf8())),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook() -> Notebook {
        let items = "#![allow(unused)]\nuse a::B;\nstruct A;\nimpl A { fn old(&self) {} }\nfn kept() {}\n";
        Notebook {
            definitions: definitions(items, None),
            head: "async fn wrapper(x: u8) {\n".into(),
            tail: "}\n".into(),
            ..Notebook::default()
        }
    }

    #[test]
    fn items_replace_their_namesakes_and_statements_stand_in_the_function() {
        let cell = "struct A { x: u8 }\nlet ä = A { x };\nimpl A { fn new() {} }\nä.";
        let source = notebook().source_with(cell);
        let expected = "#![allow(unused)]\nuse a::B;\nfn kept() {}\nstruct A { x: u8 }\n                 \nimpl A { fn \
             new() {} }\n   \nasync fn wrapper(x: u8) {\n                  \nlet ä = A { x };\n                      \n\
             ä.\n;\n}\n";
        assert_eq!(source.text, expected);
        for (before, after) in [("fn new", "() {} }"), ("\nä.", ""), ("A { x", " };")] {
            let at = cell.find(&format!("{before}{after}")).unwrap() + before.len();
            let place = source.offset_of(at);
            assert!(source.text[..place].ends_with(before) && source.text[place..].starts_with(after));
            assert_eq!(source.offset_in_cell(place), Some(at), "{before}");
        }
    }

    #[test]
    fn unfinished_cells_have_a_place() {
        for cell in [
            "",
            "let x = \"",
            "}",
            "f(",
            "use std::",
            "#[tessera]\nimpl X { fn ",
            "\u{0}",
            "'",
            "x.",
            "struct",
        ] {
            let source = notebook().source_with(cell);
            for at in 0..=cell.len() {
                assert_eq!(source.offset_in_cell(source.offset_of(at)), Some(at), "{cell:?}");
            }
        }
    }
}
