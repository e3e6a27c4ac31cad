//! Has rustc compile a source of a cell: with the notebook's statics, the crates' dylibs, and the places of its code.

use crate::{
    errors::warnings,
    evcxr_text::{
        compiled_surroundings::{AWAIT_OUTSIDE_OF_FUTURES, may_wait, with_compiled_surroundings},
        error_conversion::with_next_conversion,
        kept_variables::with_kept_variables,
        shown_images,
        store_calls::with_end_for_debugger,
    },
    rustc_wrapper::{
        compile_cell::Cell,
        direct_linker,
        link_plan::{self, WrittenPlan},
        placed_source::{KnownParts, PlacedSource},
        rustc::{Run, Rustc},
        shared_crates::LinkedLibraries,
        statics::{Notebook, Statics},
    },
    session::{environment, files::DirectLinker},
};
use anyhow::Result;
use serde_json::Value;
use std::{borrow::Cow, cell::RefCell, collections::BTreeSet, fs, process::ExitStatus};

/// The [`length`] of a source from which on incremental compilation saves more than its files cost, in bytes.
const LONG_SOURCE: usize = 14_000;

/// The beginnings of rustc's messages on libraries that do not fit together.
const LINK_MESSAGES: [&str; 2] = ["linking with", "cannot satisfy dependencies"];
/// The codes of rustc's errors on crates that do not fit together.
const LINK_ERRORS: [&str; 5] = ["E0460", "E0462", "E0463", "E0464", "E0523"];

/// The result of a run of rustc's.
pub(super) struct Compilation {
    pub(super) status: ExitStatus,
    pub(super) messages: String,
    pub(super) warnings: Vec<Value>,
    /// The places of texts that the wrapper inserted and that rustc has errors on.
    refused: BTreeSet<usize>,
}

/// A source of the cell, and the compiler for it.
#[derive(Clone, Copy)]
struct Source<'a> {
    rustc: &'a Rustc<'a>,
    text: &'a str,
    /// The length of the items, with which the text begins, in bytes.
    items: usize,
}

/// What a cell is linked with.
struct Links<'a> {
    statics: Statics,
    libraries: Option<&'a LinkedLibraries<'a>>,
    /// The linker, if it is not the C compiler.
    direct: Option<&'a DirectLinker>,
}

impl Cell<'_> {
    /// Has rustc compile a source, whose first bytes are `items`. If rustc refuses the code that shows images, compiles
    /// the source without it.
    pub(super) fn run(&self, rustc: &Rustc, text: &str, items: usize) -> Result<Compilation> {
        let compilation = self.run_keeping(rustc, text, items)?;
        if compilation.status.code() == Some(1)
            && let Some(without) = shown_images::without_refused(text, &compilation.messages)
        {
            return self.run_keeping(rustc, &without, items);
        }
        Ok(compilation)
    }

    /// Has rustc compile a source, whose first bytes are `items`, so that the cell keeps its variables when it fails. If
    /// rustc refuses that, compiles the source as it is.
    fn run_keeping(&self, rustc: &Rustc, text: &str, items: usize) -> Result<Compilation> {
        // The debugger would show blocks in place of the cell's statements.
        let keeps = !self.settings.debugs && !self.keeps_no_variables.get();
        if let Some(keeping) = with_kept_variables(text).filter(|_| keeps) {
            let compilation = self.run_with_conversion(rustc, &keeping, items)?;
            if compilation.status.success() || compilation.status.code().is_none() {
                return Ok(compilation);
            }
            self.keeps_no_variables.set(true);
        }
        self.run_with_conversion(rustc, text, items)
    }

    /// Has rustc compile a source, whose first bytes are `items`. If an error that a `?` returns needs another
    /// conversion, compiles again with that.
    fn run_with_conversion(&self, rustc: &Rustc, text: &str, items: usize) -> Result<Compilation> {
        let mut compilation = self.run_with_crates(rustc, text, items)?;
        let (mut text, mut items) = (Cow::Borrowed(text), items);
        while !compilation.status.success()
            && let Some(next) = with_next_conversion(&text, compilation.messages.as_bytes())
        {
            // The conversion is the last of the items.
            items = (items + next.len()).saturating_sub(text.len());
            text = Cow::Owned(next);
            compilation = self.run_with_crates(rustc, &text, items)?;
        }
        Ok(compilation)
    }

    /// Has rustc compile a source, whose first bytes are `items`, linked with the dylibs of the crates that it names, if
    /// that is possible.
    fn run_with_crates(&self, rustc: &Rustc, text: &str, items: usize) -> Result<Compilation> {
        let source = Source { rustc, text, items };
        if let Some(libraries) = LinkedLibraries::for_source(rustc, &self.session, text)? {
            let linked = self.run_with_linker(&source, Some(&libraries))?;
            if !linked.fails_to_link() {
                return Ok(linked);
            }
            let without = self.run_with_linker(&source, None)?;
            if !without.fails_to_link() {
                libraries.give_up()?;
            }
            return Ok(without);
        }
        self.run_with_linker(&source, None)
    }

    /// Has rustc compile a source, linked by the linker itself. What that cannot link, the C compiler links.
    fn run_with_linker(&self, source: &Source, libraries: Option<&LinkedLibraries>) -> Result<Compilation> {
        let rustc = source.rustc;
        if let Some(direct) = direct_linker::of_call(&self.session, rustc.program.as_ref(), rustc.call)? {
            let compilation = self.run_with_statics(source, libraries, Some(&direct))?;
            if !compilation.fails_to_link() {
                return Ok(compilation);
            }
            let without = self.run_with_statics(source, libraries, None)?;
            if !without.fails_to_link() {
                direct_linker::give_up(&self.session)?;
            }
            return Ok(without);
        }
        self.run_with_statics(source, libraries, None)
    }

    /// Has rustc compile a source. Its statics are those of earlier cells, unless the source forbids that.
    fn run_with_statics(
        &self,
        source: &Source,
        libraries: Option<&LinkedLibraries>,
        direct: Option<&DirectLinker>,
    ) -> Result<Compilation> {
        let notebook = Notebook {
            session: &self.session,
            source: &self.text,
            definitions: &self.definitions,
        };
        let mut refused = BTreeSet::new();
        loop {
            let links = Links {
                statics: notebook.statics_of(source.text, &refused),
                libraries,
                direct,
            };
            let compilation = self.run_with_places(source, &links)?;
            if compilation.refused.is_subset(&refused) {
                return Ok(compilation);
            }
            refused.extend(compilation.refused);
        }
    }

    /// Has rustc compile a source with the places that its code has in the cells.
    ///
    /// A macro may expand to statements, for which there is no place in a file of its own. If the cell does not compile,
    /// it is compiled with such calls where they are.
    fn run_with_places(&self, source: &Source, links: &Links) -> Result<Compilation> {
        let Source { rustc, text, items } = *source;
        let insertions = &links.statics.edits;
        let Some(tree) = &rustc.tree else {
            return self.run_placed(source, &PlacedSource::without_parts(text, insertions), 0, links);
        };
        let known = KnownParts::read(&self.session);
        let placed = PlacedSource::new(text, items, &known, tree, true, insertions)?;
        let compilation = self.run_placed(source, &placed, known.count(), links)?;
        let is_refused = !compilation.refused.is_empty();
        if compilation.status.code() != Some(1) || is_refused || !known.has_macros() {
            return Ok(compilation);
        }
        let placed = PlacedSource::new(text, items, &known, tree, false, insertions)?;
        self.run_placed(source, &placed, known.count(), links)
    }

    /// Has rustc compile a placed source: as a closure, unless the cell waits, or hides in a macro that it does.
    fn run_placed(&self, source: &Source, placed: &PlacedSource, parts: usize, links: &Links) -> Result<Compilation> {
        let waits = self.hides_await.get() || may_wait(&source.text[source.items..]);
        let compilation = self.run_surrounded(source, placed, parts, links, waits)?;
        let needs_future = !compilation.status.success() && compilation.messages.contains(AWAIT_OUTSIDE_OF_FUTURES);
        if waits || !needs_future {
            return Ok(compilation);
        }
        self.hides_await.set(true);
        self.run_surrounded(source, placed, parts, links, true)
    }

    fn run_surrounded(
        &self,
        source: &Source,
        placed: &PlacedSource,
        parts: usize,
        links: &Links,
        waits: bool,
    ) -> Result<Compilation> {
        let Links {
            statics,
            libraries,
            direct,
        } = links;
        let rustc = source.rustc;
        let declared = libraries.map(|it| it.declared_in(placed.text()));
        let text = declared.as_deref().unwrap_or(placed.text());
        let ended = self.settings.debugs.then(|| with_end_for_debugger(text)).flatten();
        let text = ended.as_deref().unwrap_or(text);
        match environment::is_fast() {
            true => rustc.write_source(&with_compiled_surroundings(text, waits))?,
            false => rustc.write_source(text)?,
        }
        let library = rustc.call.cell_library();
        if let Some(library) = library.as_deref().filter(|_| !statics.edits.is_empty()) {
            // A library that was never loaded may still be there. It has two names, so nothing may write into it.
            let _ = fs::remove_file(library);
        }
        let is_long = length(source.text) >= LONG_SOURCE;
        let mut call = rustc.call.of_running_cell(&self.settings, is_long);
        if let Some(linker) = direct {
            call.link_directly(linker);
        }
        if cfg!(target_os = "linux") {
            // Otherwise a symbol that no library has would show when the cell is loaded, and end its process.
            call.add_linker_option("-zdefs");
        }
        if let Some(libraries) = libraries {
            libraries.add_to(&mut call);
        }
        let plan = link_plan::write(&self.session, &mut call, statics.imports(), *direct)?;
        let refused = RefCell::new(BTreeSet::new());
        let output = rustc.run(&Run {
            parts,
            prepare: &|command| {
                command.envs(plan.as_ref().map(WrittenPlan::variable));
            },
            restore: &|file, message| {
                refused.borrow_mut().extend(placed.insertion_of_error(file, message));
                placed.restore(file, message);
            },
            ..Run::of(&call)
        })?;
        if let Some(library) = library.filter(|_| output.status.success()) {
            statics.keep(&self.session, &library)?;
        }
        let named = |line: &String| match &plan {
            Some(plan) if !output.status.success() => plan.with_real_linker(line),
            _ => line.clone(),
        };
        let messages: Vec<String> = output.messages.iter().map(named).collect();
        let messages = messages.iter();
        Ok(Compilation {
            status: output.status,
            warnings: messages.clone().filter_map(|line| warnings::warning(line)).collect(),
            messages: messages.map(|line| format!("{line}\n")).collect(),
            refused: refused.into_inner(),
        })
    }
}

/// Returns the length of a source without its spaces, which stand where items were left out.
fn length(source: &str) -> usize {
    source.bytes().filter(|byte| !byte.is_ascii_whitespace()).count()
}

impl Compilation {
    /// Returns whether rustc refuses the crates that the cell links, and not the code of the cell.
    fn fails_to_link(&self) -> bool {
        let is_of_linking = |line: &str| {
            let message: Value = serde_json::from_str(line).unwrap_or_default();
            let code = message["code"]["code"].as_str();
            let text = message["message"].as_str().unwrap_or_default();
            message["level"] == "error"
                && (code.is_some_and(|code| LINK_ERRORS.contains(&code))
                    || LINK_MESSAGES.iter().any(|begin| text.starts_with(begin)))
        };
        !self.status.success() && self.messages.lines().any(is_of_linking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_are_left_out_do_not_make_a_source_long() {
        let left_out = " ".repeat(LONG_SOURCE);
        assert_eq!(
            length(&format!("{left_out}\nlet a = 1;\n\t{left_out}")),
            "leta=1;".len()
        );
    }
}
