//! The rustc wrapper: the program that cargo runs in place of rustc while evcxr compiles a cell.
//!
//! evcxr puts a copy of its variable store into every cell, and the copy reports panics and early returns by lines that
//! it prints. The wrapper [rewrites](crate::evcxr_text::rewrite) these generated parts and nothing else: the store
//! becomes the one that `mosaic-cell` holds compiled, and the reports become calls. It then compiles the cell in the
//! fastest way that has the same result.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`rustc_call`] | the arguments of rustc, parsed once |
//! | [`rustc`] | rustc and the source of a cell |
//! | [`source_tree`] | where rustc finds the source, beside the notebook's files |
//! | [`placed_source`], [`placed_parts`], [`part_file`] | the source with parts in files of their own, by which code knows its place |
//! | [`attempts`] | the ways to compile a cell, and their order |
//! | [`compile_to_run`] | makes the source of a cell to be run of evcxr's, and has it compiled |
//! | [`compile_cell`] | compiles that source, in one of the ways |
//! | [`compile_source`] | has rustc compile a source of the cell, with its statics, crates and places |
//! | [`compile_probe`] | compiles analysis code, which never runs |
//! | [`conflicts`] | items that cannot be there together |
//! | [`replay_errors`] | rustc's errors, when evcxr compiles a cell that failed again |
//! | [`direct_linker`] | the linker that rustc runs without a C compiler between them |
//! | [`link_plan`] | what this executable does in the linker's place |
//! | [`edits`] | insertions into a source, and the way back for rustc's messages |
//! | [`empty_cell`] | the library of a cell without code, shared among sessions |
//! | [`reachable_items`] | the notebook's items that a cell needs |
//! | [`shared_crates`] | dylibs through which cells link the crates that the user has added |
//! | [`signatures`] | fingerprints of types in the code of tesserae |
//! | [`statics`] | statics that exist once for all cells |
//! | [`macro_order`] | the notebook's macros, for items before their definition |
//!
//! Invariants:
//!
//! - No line of a cell's source moves, so every error still points where it should.
//! - A crate that is not a cell is compiled as cargo asks for, but for a crate's metadata and files beside its library.
//! - What does not compile in a faster way is compiled with all items. So the errors that the user sees are about all
//!   of them.

mod attempts;
mod compile_cell;
mod compile_probe;
mod compile_source;
mod compile_to_run;
mod conflicts;
mod direct_linker;
mod edits;
mod empty_cell;
mod link_plan;
mod macro_order;
mod part_file;
mod placed_parts;
mod placed_source;
mod reachable_items;
mod replay_errors;
mod rustc;
mod rustc_call;
pub(crate) mod shared_crates;
mod signatures;
mod source_tree;
mod statics;

use crate::{
    evcxr_text::{analysis_code, rewrite::with_attributes},
    rustc_wrapper::{
        rustc::{Rustc, run_unchanged},
        rustc_call::RustcCall,
        shared_crates::{
            hidden,
            units::{LINK_ARGUMENTS_EXTENSION, record_needs},
        },
    },
    session::{
        environment_variables::{KERNEL_VARIABLE, MANIFEST_DIRECTORY_VARIABLE},
        exit_code::exit_code,
        files,
    },
    source::{carriers, nesting::on_large_stack},
};
use anyhow::{Result, anyhow, bail};
use rustix::process::{Pid, test_kill_process};
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
};

/// Runs as rustc's wrapper if this process was started as one, by the arguments `wrapper rustc ARGUMENTS…`.
pub fn rustc_wrapper() -> Option<ExitCode> {
    called_with(std::env::args_os().skip(1))
}

/// Runs as rustc's wrapper if the arguments, without the wrapper's own name, are `rustc ARGUMENTS…`.
pub(crate) fn called_with(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter();
    let rustc = arguments
        .next()
        .filter(|program| Path::new(program).file_stem() == Some(OsStr::new("rustc")))?;
    let call = RustcCall::parse(arguments);
    let no_thread = || Err(anyhow!("cannot start a thread"));
    match on_large_stack(|| run(&rustc, call)).unwrap_or_else(no_thread) {
        Ok(code) => Some(code),
        Err(error) => {
            eprintln!("error: the rustc wrapper failed: {error:#}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn run(program: &OsStr, mut call: RustcCall) -> Result<ExitCode> {
    if !kernel_lives() {
        // cargo stops with the crate that it is at.
        bail!("the kernel is gone");
    }
    call.keep_type_ids();
    if let Some(source) = call.cell_source() {
        let session = session_directory(source);
        call.set_edition(files::SETTINGS.read(&session).unwrap_or_default().edition);
        hidden::add_used(&mut call, &session);
    }
    let status = match Rustc::of_cell(program, &call, session_directory)? {
        Some(rustc) => compile(&rustc)?,
        None => Some(compile_crate(program, &mut call)?),
    };
    Ok(exit_code(status.and_then(|status| status.code())))
}

/// Compiles a crate that is not a cell, and notes what its library needs and contains.
fn compile_crate(program: &OsStr, call: &mut RustcCall) -> Result<ExitStatus> {
    call.print_link_arguments(LINK_ARGUMENTS_EXTENSION);
    let status = run_unchanged(program, call)?;
    if status.success() {
        record_needs(call)?;
    }
    Ok(status)
}

/// Compiles or checks the source of a cell. There is no status if its errors are known without rustc, or if there is no
/// library that cargo would look for.
fn compile(rustc: &Rustc) -> Result<Option<ExitStatus>> {
    let carried = rustc.read_source()?;
    let plain = carriers::uncarried(&carried);
    let text = macro_order::with_imports(&plain);
    let session = session_directory(rustc.source);
    let attributes = files::CRATE_ATTRIBUTES.read(&session).unwrap_or_default();
    let text = with_attributes(&text, &attributes);
    if analysis_code::is_analysis(&text) {
        return check(rustc, &text, &session);
    }
    compile_to_run::compile(rustc, &text, &carried, &session)
}

/// Checks analysis code.
fn check(rustc: &Rustc, text: &str, session: &Path) -> Result<Option<ExitStatus>> {
    if rustc.call.links() {
        compile_probe::compile(rustc, text, session, &rustc.call.linked_crates())?;
        return Ok(None);
    }
    rustc.write_source(&analysis_code::with_local_variables(text, false))?;
    rustc.run_check().map(Some)
}

/// Returns the directory in which cargo runs for the cell.
fn session_directory(source: &Path) -> PathBuf {
    let manifest = std::env::var_os(MANIFEST_DIRECTORY_VARIABLE).map(PathBuf::from);
    manifest.unwrap_or_else(|| source.join("../.."))
}

fn kernel_lives() -> bool {
    let kernel = std::env::var(KERNEL_VARIABLE)
        .ok()
        .and_then(|id| id.parse().ok())
        .and_then(Pid::from_raw);
    kernel.is_none_or(|kernel| test_kill_process(kernel).is_ok())
}
