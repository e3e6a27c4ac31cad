//! The rustc wrapper: what cargo runs in rustc's place while evcxr compiles a cell.
//!
//! evcxr puts a copy of its variable store into every cell and reports panics and early returns by lines that it prints.
//! The wrapper changes these generated parts, and only these: the store is the one that `mosaic-cell` holds compiled, and
//! reports become calls. No line moves, so every error still points where it should. Where the text is not what is
//! expected, it stays as evcxr wrote it.

mod arguments;
mod generated;

use crate::{
    absent, definitions::Definitions, diagnostics, processes::KERNEL_VARIABLE, settings::Settings, store_calls::Stored,
    tools, warnings,
};
use anyhow::{Context, Result, bail};
use arguments::{
    RUNTIME_CRATES, cell_library, cell_source, crate_name, crates, dynamic_library, is_built, quick,
    with_constant_metadata,
};
use generated::rewrite;
pub(crate) use generated::{DISPLAY_RESULT, PANICKED};
use rustix::process::{Pid, test_kill_process};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
};

/// Runs as rustc's wrapper if that is what this process was started as, by the arguments `wrapper rustc ARGUMENTS…`.
pub fn rustc_wrapper() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let rustc = arguments
        .next()
        .filter(|program| Path::new(program).file_stem() == Some(OsStr::new("rustc")))?;
    let arguments: Vec<OsString> = arguments.collect();
    match run(&rustc, arguments) {
        Ok(code) => Some(code),
        Err(error) => {
            eprintln!("error: the rustc wrapper failed: {error:#}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn run(rustc: &OsStr, mut arguments: Vec<OsString>) -> Result<ExitCode> {
    if !kernel_lives() {
        // So that cargo stops with the crate that it is at.
        bail!("the kernel is gone");
    }
    let library = dynamic_library(&arguments);
    if let Some(library) = &library {
        arguments.extend(["-C".into(), library.link_argument()]);
    }
    if crate_name(&arguments).is_some_and(|name| RUNTIME_CRATES.iter().any(|it| name == *it)) {
        arguments = with_constant_metadata(arguments);
    }
    let mut cell = None;
    if let Some(source) = cell_source(&arguments) {
        tools::keep_recipe()?;
        let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
        let session = session_directory(source);
        let settings = Settings::read(&session);
        let crates = crates(&arguments);
        if let Some(rewritten) = rewrite(&text, &settings, !is_notebooks_tokio(&crates)) {
            let definitions = Definitions::new(&rewritten.items, crates);
            let (text, stored) = rewritten.fingerprinted(&definitions, &read_stored(&session));
            let text = match absent::without_loads(text, source) {
                Ok(text) => text,
                Err(errors) => {
                    errors.iter().for_each(|error| eprintln!("{error}"));
                    return Ok(ExitCode::FAILURE);
                }
            };
            fs::write(source, &text).with_context(|| format!("cannot write {}", source.display()))?;
            arguments = quick(arguments, &settings);
            cell = Some(Cell { session, text, stored });
        } else if is_built(&arguments) {
            // Only items: no variable is touched.
            let stored = read_stored(&session);
            cell = Some(Cell { session, text, stored });
        }
    }
    let compiled = cell_library(&arguments);
    let status = compile(Command::new(rustc).args(arguments), cell.as_ref()).context("cannot run rustc")?;
    if status.success() {
        if let Some(cell) = cell {
            write_stored(&cell.session, &cell.stored)?;
        }
        if let Some(library) = compiled {
            tell_evcxr(&library)?;
        }
        if let Some(library) = library {
            library.name_for_itself()?;
        }
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Whether the cell's `tokio` is the notebook's, which is a dylib, as the real one is not.
fn is_notebooks_tokio(crates: &BTreeMap<String, String>) -> bool {
    let library = format!("{}tokio{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    crates.get("tokio").is_some_and(|file| file.starts_with(&library))
}

/// A cell that is compiled to be run.
struct Cell {
    session: PathBuf,
    text: String,
    /// The variables as they will be when it has run.
    stored: Stored,
}

/// Runs rustc, and passes its messages on. What it warns of in a cell is kept for the kernel.
fn compile(rustc: &mut Command, cell: Option<&Cell>) -> io::Result<ExitStatus> {
    let Some(cell) = cell else { return rustc.status() };
    let wrapped = diagnostics::last_expression(&cell.text);
    let mut warned = Vec::new();
    let mut rustc = rustc.stderr(Stdio::piped()).spawn()?;
    if let Some(messages) = rustc.stderr.take() {
        let mut out = io::stderr().lock();
        for line in BufReader::new(messages).lines() {
            let line = line?;
            warned.extend(warnings::warning(&line));
            let changed = diagnostics::without_places_of_notes(&line, wrapped.as_ref());
            writeln!(out, "{}", changed.unwrap_or(line))?;
        }
    }
    let status = rustc.wait()?;
    warnings::keep(
        &cell.session,
        &cell.text,
        if status.success() { warned } else { Vec::new() },
    )?;
    Ok(status)
}

/// The file in which the wrapper remembers what the variables of a session are.
const STORED: &str = "mosaic-variables.json";

fn read_stored(session: &Path) -> Stored {
    let text = fs::read(session.join(STORED)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write_stored(session: &Path, stored: &Stored) -> Result<()> {
    fs::write(session.join(STORED), serde_json::to_vec(stored)?).context("cannot remember the variables")
}

/// Where cargo runs for the cell.
fn session_directory(source: &Path) -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    manifest.unwrap_or_else(|| source.join("../.."))
}

fn kernel_lives() -> bool {
    let kernel = std::env::var(KERNEL_VARIABLE)
        .ok()
        .and_then(|id| id.parse().ok())
        .and_then(Pid::from_raw);
    kernel.is_none_or(|kernel| test_kill_process(kernel).is_ok())
}

/// evcxr loads the library from where its wrapper says. Cargo's copy, a directory higher, would not find the dylibs, which
/// it seeks by relative paths.
fn tell_evcxr(library: &Path) -> Result<()> {
    match std::env::var_os("EVCXR_EXECUTION_SO_PATH") {
        Some(file) => {
            fs::write(file, library.as_os_str().as_encoded_bytes()).context("cannot tell where the cell lies")
        }
        None => Ok(()),
    }
}
