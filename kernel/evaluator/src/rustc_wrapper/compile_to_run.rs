//! Makes the source of a cell to be run of the one that evcxr wrote, and has it compiled.

use crate::{
    cargo_shim::rustc_invocation,
    evcxr_text::{
        early_return,
        markers::LIBRARY_PATH_VARIABLE,
        missing_variables,
        rewrite::{RewrittenCell, rewrite},
        shown_images,
        store_calls::StoredTypes,
    },
    rustc_wrapper::{
        compile_cell::{Cell, Outcome, read_stored, write_stored},
        rustc::Rustc,
        shared_crates,
        signatures::Signatures,
        statics,
    },
    session::{environment, files},
    source::fingerprints::{Definitions, signatures::has_placeholders},
    type_probe,
};
use anyhow::{Context, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    env::consts::DLL_SUFFIX,
    fs,
    path::Path,
    process::ExitStatus,
};

/// The variables that a cell takes out of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variables {
    Mentioned,
    All,
}

/// The source that evcxr wrote.
struct Source<'a> {
    rustc: &'a Rustc<'a>,
    text: &'a str,
    /// The builds of the crates that the cell links, by the crate's name.
    crates: &'a BTreeMap<String, String>,
    session: &'a Path,
}

/// The source that is compiled, and what is known of it.
struct Prepared {
    text: String,
    /// The length of the notebook's items, with which the text begins, in bytes.
    items: usize,
    /// The types of the variables that are stored once the cell has run.
    stored: StoredTypes,
    definitions: Definitions,
    /// The stored variables that the cell leaves where they are.
    left_out: BTreeSet<String>,
}

/// Compiles a cell to be run: with the variables that it mentions, or with all of them if that is not enough. Returns no
/// status if the cell's errors are known without rustc. `carried` is the text as evcxr wrote it.
///
/// # Errors
///
/// rustc cannot be run, or the session's directory cannot be written to.
pub(super) fn compile(rustc: &Rustc, text: &str, carried: &str, session: &Path) -> Result<Option<ExitStatus>> {
    rustc_invocation::record(session)?;
    shared_crates::announce_rebuilt(rustc.call, session)?;
    let variables = match environment::is_fast() {
        true => Variables::Mentioned,
        false => Variables::All,
    };
    match compile_with(rustc, text, carried, session, variables)? {
        Outcome::Settled(status) => Ok(status),
        Outcome::LacksVariables => match compile_with(rustc, text, carried, session, Variables::All)? {
            Outcome::Settled(status) => Ok(status),
            Outcome::LacksVariables => bail!("a cell lacks variables that it has"),
        },
    }
}

fn compile_with(rustc: &Rustc, text: &str, carried: &str, session: &Path, variables: Variables) -> Result<Outcome> {
    let settings = files::SETTINGS.read(session).unwrap_or_default();
    let crates = rustc.call.linked_crates();
    let text = type_probe::without_declarations(text);
    let mut signatures = Signatures::of(session);
    let source = Source {
        rustc,
        text: &text,
        crates: &crates,
        session,
    };
    let prepared = match rewrite(&text, &settings, !is_notebooks_tokio(&crates)) {
        Some(rewritten) => source.prepare(rewritten, &mut signatures, variables),
        None if rustc.call.links() => Ok(source.prepare_items(&mut signatures)),
        None => {
            rustc.write_source(&text)?;
            return Ok(Outcome::Settled(Some(rustc.run_check()?)));
        }
    };
    let Prepared {
        text,
        items,
        stored,
        definitions,
        left_out,
    } = match prepared {
        Ok(prepared) => prepared,
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            return Ok(Outcome::Settled(None));
        }
    };
    let cell = Cell {
        session: session.to_owned(),
        storing_early: early_return::with_stores(&text),
        text,
        carried,
        items,
        crates,
        settings,
        definitions,
        left_out,
        hides_await: false.into(),
        keeps_no_variables: false.into(),
    };
    let outcome = cell.compile(rustc)?;
    if let Outcome::Settled(Some(status)) = &outcome
        && status.success()
    {
        write_stored(session, &stored)?;
        signatures.write()?;
        if let Some(library) = rustc.call.cell_library() {
            tell_evcxr(&library)?;
        }
    }
    Ok(outcome)
}

impl Source<'_> {
    /// Prepares a cell that has variables, or may have some. The error is the errors that rustc would print.
    fn prepare(
        &self,
        mut rewritten: RewrittenCell,
        signatures: &mut Signatures,
        variables: Variables,
    ) -> Result<Prepared, Vec<String>> {
        let definitions = self.definitions(&rewritten.items);
        rewritten.add_item(&signatures.table(self.text, &definitions));
        if self.crates.contains_key(shown_images::IMAGE_CRATE) && rewritten.shows_a_value() {
            rewritten.add_item(shown_images::item());
        }
        let left_out = match variables {
            Variables::Mentioned => rewritten.unmentioned_variables(),
            Variables::All => BTreeSet::new(),
        };
        let stored = read_stored(self.session);
        let (text, stored) = rewritten.with_fingerprints(&definitions, &stored, &left_out);
        let text = signatures.fill_in(text, &definitions);
        Ok(Prepared {
            text: missing_variables::without_loads(text, self.rustc.source)?,
            items: rewritten.items.len(),
            stored,
            definitions,
            left_out,
        })
    }

    /// Prepares a cell that has only items and touches no variable.
    fn prepare_items(&self, signatures: &mut Signatures) -> Prepared {
        let needs_definitions = statics::may_have_statics(self.text) || has_placeholders(self.text);
        let definitions = match needs_definitions {
            true => self.definitions(self.text),
            false => Definitions::default(),
        };
        let text = signatures.fill_in(self.text.to_owned(), &definitions);
        Prepared {
            items: text.len(),
            text,
            stored: read_stored(self.session),
            definitions,
            left_out: BTreeSet::new(),
        }
    }

    fn definitions(&self, items: &str) -> Definitions {
        Definitions::new(&self.rustc.items_with_files(items), self.crates.clone())
    }
}

/// Reports whether the cell's `tokio` is the notebook's, which is a dylib, and not the one of the registry.
fn is_notebooks_tokio(crates: &BTreeMap<String, String>) -> bool {
    let file = crates.get("tokio").and_then(|build| build.split('@').next());
    file.is_some_and(|file| file.ends_with(DLL_SUFFIX))
}

/// Tells evcxr which library to load. evcxr would load cargo's copy, a directory higher, which does not find the
/// dylibs: it looks for them by relative paths.
fn tell_evcxr(library: &Path) -> Result<()> {
    match std::env::var_os(LIBRARY_PATH_VARIABLE) {
        Some(file) => {
            fs::write(file, library.as_os_str().as_encoded_bytes()).context("cannot tell where the cell lies")
        }
        None => Ok(()),
    }
}
