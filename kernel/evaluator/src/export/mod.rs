//! Writes a notebook as a cargo project: `mosaic-kernel export`.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`notebook`] | reads the cells of an `.ipynb` file |
//! | [`commands`] | reads what the commands of cells say about crates and the compiler |
//! | [`pieces`] | splits the code of a cell into items, statements and a result |
//! | [`definitions`] | keeps one definition of each name, or names the cell with the second one |
//! | [`program`] | writes `src/main.rs` |
//! | [`manifest`] | writes `Cargo.toml` |
//! | [`runtime_crates`] | writes the crates of the runtime beside the project, since they are on no registry |
//!
//! # Invariants
//!
//! - Nothing of the notebook runs, and nothing is asked of evcxr.
//! - Each cell of the program sees the definitions that it saw in the notebook. What would change that is an error,
//!   which names the cell.

mod commands;
mod definitions;
mod manifest;
mod notebook;
mod pieces;
mod program;
mod runtime_crates;

use crate::{session::files, source::nesting::on_large_stack};
use anyhow::{Context, Result, anyhow, bail};
use notebook::Notebook;
use program::Program;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The order for [`export`].
#[derive(Clone, Debug)]
pub struct Export {
    /// The `.ipynb` file.
    pub notebook: PathBuf,
    /// The directory of the project, which must not exist or must be empty. By default it has the notebook's name, in
    /// the working directory.
    pub directory: Option<PathBuf>,
    /// A checkout of this project, whose crates the program uses. Without it, the crates are written beside the program.
    pub mosaic: Option<PathBuf>,
}

/// What [`export`] has written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The directory of the project.
    pub directory: PathBuf,
    /// What the user should know of the program.
    pub notices: Vec<String>,
}

/// Writes a notebook as a cargo project.
///
/// # Errors
///
/// The notebook cannot be read, a cell has no counterpart in a program, or the project cannot be written. Nothing is
/// written in the first two cases.
pub fn export(order: &Export) -> Result<Exported> {
    let write = || write_project(order);
    on_large_stack(write).unwrap_or_else(|| Err(anyhow!("cannot start a thread")))
}

fn write_project(order: &Export) -> Result<Exported> {
    let notebook = Notebook::read(&order.notebook)?;
    let beside = order.notebook.parent().filter(|it| !it.as_os_str().is_empty());
    let program = Program::of(&notebook, beside.unwrap_or(Path::new(".")))?;
    let name = program.package_name(&notebook.name);
    let directory = order.directory.clone().unwrap_or_else(|| PathBuf::from(&name));
    if fs::read_dir(&directory).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!(
            "{} is not empty: name another directory with `--to`",
            directory.display()
        );
    }
    let mosaic = order.mosaic.as_deref().map(runtime_crates::checkout).transpose()?;
    let sources = directory.join(files::SOURCES.name());
    let create = || format!("cannot write to {}", directory.display());
    fs::create_dir_all(&sources).with_context(create)?;
    let manifest = manifest::text(&program, &name, mosaic.as_deref());
    fs::write(directory.join(files::MANIFEST.name()), manifest).with_context(create)?;
    fs::write(sources.join("main.rs"), program.main(&notebook.name)).with_context(create)?;
    if program.shows_results() {
        fs::write(sources.join("notebook_output.rs"), program.output_module()).with_context(create)?;
    }
    if mosaic.is_none() {
        runtime_crates::write(&directory, program.crates()).with_context(create)?;
    }
    format(&sources.join("main.rs"), program.edition());
    Ok(Exported {
        directory,
        notices: program.notices(),
    })
}

/// Formats a program with rustfmt, where that is installed.
fn format(main: &Path, edition: &str) {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", edition]).arg(main);
    let done = rustfmt
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !done.is_ok_and(|status| status.success()) {
        tracing::info!("{} is not formatted", main.display());
    }
}
