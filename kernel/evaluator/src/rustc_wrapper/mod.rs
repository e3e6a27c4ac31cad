//! The rustc wrapper: what cargo runs in rustc's place while evcxr compiles a cell.
//!
//! evcxr puts a copy of its variable store into every cell and reports panics and early returns by lines that it prints.
//! The wrapper changes these generated parts, and only these: the store is the one that `mosaic-cell` holds compiled, and
//! reports become calls. No line moves, so every error still points where it should. Where the text is not what is
//! expected, it stays as evcxr wrote it.

pub(crate) mod compile_cell;
pub(crate) mod compile_probe;
pub(crate) mod empty_cell;
pub(crate) mod macro_order;
pub(crate) mod reachable_items;
pub(crate) mod replay_errors;
pub(crate) mod rustc_call;

use crate::{
    cargo_shim::rustc_invocation,
    evcxr_text::{missing_variables, rewrite::rewrite},
    prebuilt::builtin,
    rustc_wrapper::{
        compile_cell::{Cell, read_stored, write_stored},
        rustc_call::{
            cell_library, cell_source, crate_name, crates, dynamic_library, is_built, with_constant_metadata,
        },
    },
    session::{files, variables::KERNEL_VARIABLE},
    source::fingerprints::Definitions,
    type_probe,
};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, test_kill_process};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
};

const NOT_RUN: &str = "cannot run rustc";

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
    let name = crate_name(&arguments).and_then(OsStr::to_str);
    if name.is_some_and(builtin::has_constant_types) {
        arguments = with_constant_metadata(arguments);
    }
    let source = cell_source(&arguments).map(Path::to_owned);
    let status = match source {
        Some(source) => compile_cell(rustc, &arguments, &source)?,
        None => Some(Command::new(rustc).args(arguments).status().context(NOT_RUN)?),
    };
    if let Some(library) = library.filter(|_| status.is_some_and(|it| it.success())) {
        library.name_for_itself()?;
    }
    Ok(status
        .and_then(|status| status.code())
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Compiles or checks a cell. There is no status if its errors are known without rustc.
fn compile_cell(rustc: &OsStr, arguments: &[OsString], source: &Path) -> Result<Option<ExitStatus>> {
    let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
    let text = macro_order::imported(&text);
    let session = session_directory(source);
    let crates = crates(arguments);
    if compile_probe::is_analysis(&text) {
        if is_built(arguments) {
            compile_probe::run(rustc, arguments, (source, &text), &session, &crates)?;
            // There is no library, which cargo would look for.
            return Ok(None);
        }
        fs::write(source, compile_probe::robust(&text))
            .with_context(|| format!("cannot write {}", source.display()))?;
        return Ok(Some(Command::new(rustc).args(arguments).status().context(NOT_RUN)?));
    }
    rustc_invocation::record(&session)?;
    let settings = files::SETTINGS.read(&session).unwrap_or_default();
    let text = type_probe::without_declarations(&text);
    let stored = read_stored(&session);
    let (text, items, stored) = match rewrite(&text, &settings, !is_notebooks_tokio(&crates)) {
        Some(rewritten) => {
            let definitions = Definitions::new(&rewritten.items, crates.clone());
            let (text, stored) = rewritten.fingerprinted(&definitions, &stored);
            match missing_variables::without_loads(text, source) {
                Ok(text) => (text, rewritten.items.len(), stored),
                Err(errors) => {
                    errors.iter().for_each(|error| eprintln!("{error}"));
                    return Ok(None);
                }
            }
        }
        // Only items: no variable is touched.
        None if is_built(arguments) => (text.to_string(), text.len(), stored),
        None => return Ok(Some(Command::new(rustc).args(arguments).status().context(NOT_RUN)?)),
    };
    let cell = Cell {
        session,
        text,
        items,
        crates,
        settings,
    };
    let status = cell.compile(rustc, arguments, source)?;
    if status.is_some_and(|it| it.success()) {
        write_stored(&cell.session, &stored)?;
        if let Some(library) = cell_library(arguments) {
            tell_evcxr(&library)?;
        }
    }
    Ok(status)
}

/// Whether the cell's `tokio` is the notebook's, which is a dylib, as the real one is not.
fn is_notebooks_tokio(crates: &BTreeMap<String, String>) -> bool {
    let library = format!("{}tokio{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    crates.get("tokio").is_some_and(|file| file.starts_with(&library))
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
