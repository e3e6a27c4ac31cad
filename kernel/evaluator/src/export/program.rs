//! Puts the cells of a notebook together to a program.

use crate::{
    export::{
        commands::{Commands, DEFAULT_FORMAT, Use},
        definitions::Definitions,
        notebook::{Cell, CodeCell, Notebook},
        pieces::{Kind, Mentions, Piece, Pieces, is_tessera},
    },
    source::syntax::bindings,
};
use anyhow::{Context, Result};
use std::{collections::BTreeSet, fmt::Write, path::Path};
use syn::{Item, Stmt};

/// The crates of this project, and tokio, that a program may need without a `:dep`.
const MOSAIC: &str = "mosaic";
const NOTEBOOK: &str = "notebook";
const TOKIO: &str = "tokio";

/// A program made of the cells of a notebook.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) commands: Commands,
    attributes: Vec<String>,
    /// The items, each with the comments before it.
    items: String,
    /// The body of the function with the cells.
    body: String,
    mentions: Mentions,
    has_tessera: bool,
    awaits: bool,
    shows_results: bool,
    /// The commands that mean nothing in a program, with their cells.
    meaningless: Vec<(usize, String)>,
    /// The cells that fail.
    failing: Vec<usize>,
    definitions: Definitions,
    /// The names that cells define so far.
    known: BTreeSet<String>,
}

/// The way in which a program runs its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    /// As they are.
    Plainly,
    /// In a runtime of tokio's.
    InTokio,
    /// As the head of the runtime of actors.
    AsHead,
}

/// The crates of this project that a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crates {
    pub(super) mosaic: bool,
    pub(super) notebook: bool,
}

impl Crates {
    /// Reports whether the program uses any of them.
    pub(super) fn any(self) -> bool {
        self.mosaic || self.notebook
    }
}

impl Program {
    /// Puts the cells of a notebook together. `directory` is the one in which the notebook lies.
    ///
    /// # Errors
    ///
    /// A cell has no counterpart in a program. The error names the cell.
    pub(super) fn of(notebook: &Notebook, directory: &Path) -> Result<Program> {
        let mut program = Program {
            commands: Commands::new(),
            attributes: Vec::new(),
            items: String::new(),
            body: String::new(),
            mentions: Mentions::default(),
            has_tessera: false,
            awaits: false,
            shows_results: false,
            meaningless: Vec::new(),
            failing: Vec::new(),
            definitions: Definitions::default(),
            known: BTreeSet::new(),
        };
        for cell in &notebook.cells {
            match cell {
                Cell::Text(text) => program.add_comment(text),
                Cell::Code(cell) => {
                    let added = program.add_cell(cell, directory);
                    added.with_context(|| format!("cell {}", cell.number))?;
                }
            }
        }
        Ok(program)
    }

    /// Adds a text as a comment.
    fn add_comment(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.body.push('\n');
        for line in text.trim().lines() {
            // Writing to a text does not fail.
            let _ = writeln!(self.body, "{}", format!("// {line}").trim_end());
        }
    }

    fn add_cell(&mut self, cell: &CodeCell, directory: &Path) -> Result<()> {
        let number = cell.number;
        if cell.fails {
            self.failing.push(number);
            self.add_comment(&format!("Cell {number} fails in the notebook.\n{}", cell.source));
            return Ok(());
        }
        let known = &self.known;
        let pieces = Pieces::of(&cell.source, |name| known.contains(name))?;
        let mut body = String::new();
        for command in pieces.commands {
            if self.commands.take(&command, directory)? == Use::Comment {
                let _ = writeln!(body, "// {command}");
                self.meaningless.push((number, command));
            }
        }
        self.attributes.extend(pieces.attributes);
        let mut items = String::new();
        for piece in pieces.pieces {
            self.mentions.add(&piece.text);
            match piece.is_definition() {
                true => items += &self.definition(&piece, number)?,
                false => body += &self.statement(piece),
            }
        }
        if !items.is_empty() {
            let _ = write!(self.items, "\n// Cell {number}\n{items}");
        }
        if !body.is_empty() {
            let _ = write!(self.body, "\n// Cell {number}\n{body}");
        }
        Ok(())
    }

    /// Returns the text of a definition, with the comments before it.
    fn definition(&mut self, piece: &Piece, cell: usize) -> Result<String> {
        let text = match &piece.kind {
            Kind::Item(item) => {
                self.has_tessera |= is_tessera(item);
                self.definitions.add(item, &piece.text, cell)?
            }
            _ => Some(piece.text.clone()),
        };
        let mut mentions = Mentions::default();
        mentions.add(&piece.text);
        self.known.append(&mut mentions.names);
        let is_import = matches!(&piece.kind, Kind::Item(item) if matches!(**item, Item::Use(_)));
        let gap = if is_import { "" } else { "\n" };
        Ok(text.map_or_else(String::new, |text| format!("{gap}{}{text}\n", piece.before)))
    }

    /// Returns the text of a statement, with the comments before it.
    fn statement(&mut self, piece: Piece) -> String {
        let Piece { before, text, kind } = piece;
        let mut mentions = Mentions::default();
        mentions.add(&text);
        self.awaits |= mentions.names.contains("await");
        if let Ok(Stmt::Local(local)) = syn::parse_str::<Stmt>(&text) {
            let names = bindings(&local.pat).into_iter().map(|it| it.ident.to_string());
            self.known.extend(names);
        }
        match kind {
            Kind::Result => {
                self.shows_results = true;
                let format = match self.commands.format.as_str() {
                    DEFAULT_FORMAT => String::new(),
                    format => format!("\"{format}\", "),
                };
                format!("{before}show_result!({format}{text});\n")
            }
            _ if text.is_empty() => before,
            _ => format!("{before}{text}\n"),
        }
    }

    /// Returns the crates of this project that the program uses.
    pub(super) fn crates(&self) -> Crates {
        let uses = |name: &str| self.mentions.roots.contains(name);
        Crates {
            mosaic: self.has_tessera || uses(MOSAIC),
            notebook: uses(NOTEBOOK),
        }
    }

    /// Reports whether the program uses a crate that every notebook has.
    pub(super) fn uses_built_in(&self, name: &str) -> bool {
        self.mentions.roots.contains(name) || name == TOKIO && self.runs() == Runs::InTokio
    }

    /// Reports whether a cell shows a value.
    pub(super) fn shows_results(&self) -> bool {
        self.shows_results
    }

    pub(super) fn edition(&self) -> &'static str {
        self.commands.edition.year()
    }

    fn runs(&self) -> Runs {
        match self.crates().mosaic {
            true => Runs::AsHead,
            false if self.awaits || self.mentions.roots.contains(TOKIO) => Runs::InTokio,
            false => Runs::Plainly,
        }
    }

    /// Returns a name for the package: that of the notebook, as far as cargo allows.
    pub(super) fn package_name(&self, notebook: &str) -> String {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name: String = notebook.chars().map(|c| if is_allowed(c) { c } else { '-' }).collect();
        let name = name.trim_matches('-').to_ascii_lowercase();
        let is_taken = |name: &str| {
            let same = |other: &str| other.replace('-', "_") == name.replace('-', "_");
            self.commands.dependencies.keys().any(|it| same(it)) || self.mentions.roots.iter().any(|it| same(it))
        };
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
        match begins_well && !is_taken(&name) && syn::parse_str::<syn::Ident>(&name.replace('-', "_")).is_ok() {
            // Cargo refuses these.
            true if !["test", "core", "std", "alloc", "proc_macro"].contains(&&*name) => name,
            _ => format!("notebook-{name}").trim_end_matches('-').to_owned(),
        }
    }

    /// Returns what the user should know of the program.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.meaningless.is_empty() {
            let lines = self
                .meaningless
                .iter()
                .map(|(cell, line)| format!("`{line}` (cell {cell})"));
            let lines: Vec<String> = lines.collect();
            notices.push(format!(
                "comments, since they mean nothing in a program: {}",
                lines.join(", ")
            ));
        }
        if !self.failing.is_empty() {
            let cells: Vec<String> = self.failing.iter().map(usize::to_string).collect();
            notices.push(format!(
                "comments, since they fail in the notebook: cell {}",
                cells.join(", ")
            ));
        }
        notices
    }

    /// Returns the text of `src/main.rs`.
    pub(super) fn main(&self, notebook: &str) -> String {
        let mut text = format!(
            "//! The cells of the notebook `{notebook}` as a program, written by `mosaic-kernel export`.\n\n\
             // A notebook defines and keeps more than its cells use.\n#![allow(unused)]\n"
        );
        for attribute in &self.attributes {
            let _ = writeln!(text, "{attribute}");
        }
        if self.shows_results {
            text += "\n#[macro_use]\nmod notebook_output;\n";
        }
        if self.has_tessera {
            text += "\nuse mosaic::tessera;\n";
        }
        text += &self.items;
        text += "\ntype CellResult = Result<(), Box<dyn std::error::Error>>;\n\nfn main() -> CellResult {\n";
        text += match (self.runs(), self.awaits) {
            (Runs::Plainly, _) => "run_cells()\n",
            (Runs::InTokio, true) => "tokio::runtime::Runtime::new()?.block_on(run_cells())\n",
            (Runs::InTokio, false) => {
                "// Cells may block, and so may not run as a task.\nlet runtime = tokio::runtime::Runtime::new()?;\n\
                 let _entered = runtime.enter();\nrun_cells()\n"
            }
            (Runs::AsHead, _) => "mosaic_engine::run(run_cells)?\n",
        };
        let is_async = match self.runs() {
            Runs::Plainly => false,
            Runs::InTokio => self.awaits,
            Runs::AsHead => true,
        };
        let function = if is_async { "async fn" } else { "fn" };
        let _ = write!(
            text,
            "}}\n\n{function} run_cells() -> CellResult {{\n{}\nOk(())\n}}\n",
            self.body.trim_start()
        );
        text
    }

    /// Returns the text of the module that shows the values of cells.
    pub(super) fn output_module(&self) -> String {
        let rich = if self.crates().notebook { RICH_OUTPUT } else { "" };
        format!("{OUTPUT}\n{rich}")
    }
}

/// The module that shows values as the notebook does.
const OUTPUT: &str = include_str!("templates/notebook_output.rs");
/// The part of the module for values with formats other than text, of which a program prints the text.
const RICH_OUTPUT: &str = include_str!("templates/rich_output.rs");

#[cfg(test)]
mod tests {
    use super::*;

    fn program(cells: &[&str]) -> Result<Program> {
        let cells = cells
            .iter()
            .enumerate()
            .map(|(index, source)| match source.strip_prefix("# ") {
                Some(text) => Cell::Text(text.to_owned()),
                None => Cell::Code(CodeCell {
                    number: index + 1,
                    source: (*source).to_owned(),
                    fails: false,
                }),
            });
        let notebook = Notebook {
            name: "x".to_owned(),
            cells: cells.collect(),
        };
        Program::of(&notebook, Path::new("."))
    }

    #[test]
    fn items_stand_at_the_top_and_the_rest_in_order() {
        let program = program(&[
            "# A title",
            ":help\n// About f.\nfn f() -> u8 { 1 } // beside f\nlet x = f(); // beside x\n// at the end",
            "struct S;\n\n// About y.\nlet y = x;\n/* shown */ y + 1 // beside the result",
            "for n in 0..y {}",
        ])
        .unwrap();
        let items = "\n// Cell 2\n\n// About f.\nfn f() -> u8 { 1 } // beside f\n\n// Cell 3\n\nstruct S;\n";
        assert_eq!(program.items, items);
        let body = "\n// A title\n\n// Cell 2\n// :help\nlet x = f(); // beside x\n// at the end\n\n// Cell 3\n\
                    // About y.\nlet y = x;\n/* shown */\n// beside the result\nshow_result!(y + 1);\n\n// Cell 4\n\
                    for n in 0..y {}\n";
        assert_eq!(program.body, body);
        assert_eq!(program.runs(), Runs::Plainly);
        assert!(program.notices()[0].contains("`:help` (cell 2)"));
    }

    #[test]
    fn cells_run_where_they_need_to() {
        for (cell, expected) in [
            ("1 + 1", Runs::Plainly),
            ("let mosaic = 1; let tokio = mosaic;", Runs::Plainly),
            ("std::future::ready(1).await", Runs::InTokio),
            ("use tokio::sync::Mutex;", Runs::InTokio),
            ("mosaic::interactive(On).await?;", Runs::AsHead),
            ("#[tessera] struct A;", Runs::AsHead),
        ] {
            assert_eq!(program(&[cell]).unwrap().runs(), expected, "{cell}");
        }
    }

    #[test]
    fn what_cannot_be_exported_names_its_cell() {
        for (cells, part) in [
            (
                vec!["fn f() {}", "fn f() { 1; }"],
                "cell 2: the function `f` is defined again, after cell 1",
            ),
            (vec!["1", "if true { return; }"], "cell 2: `return`"),
            (vec!["let x = (;"], "cell 1: the code does not parse"),
            (vec!["1", "1", ":edition 2018"], "cell 3: `2018`"),
            (vec!["#![no_std]"], "cell 1: "),
        ] {
            let error = format!("{:#}", program(&cells).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn packages_have_names_that_cargo_takes() {
        for (notebook, cell, expected) in [
            ("Parallel work", "1", "parallel-work"),
            ("2024 plots", "1", "notebook-2024-plots"),
            ("rand", ":dep rand", "notebook-rand"),
            ("tokio", "tokio::spawn(f());", "notebook-tokio"),
            ("fn", "1", "notebook-fn"),
            ("test", "1", "notebook-test"),
            ("ä", "1", "notebook"),
        ] {
            assert_eq!(program(&[cell]).unwrap().package_name(notebook), expected);
        }
    }
}
