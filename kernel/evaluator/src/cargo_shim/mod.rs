//! The cargo shim: answers for `cargo`, `rustc` and `rustup` when evcxr and rust-analyzer start them.
//!
//! The kernel puts a directory first in its own `PATH` in which these three names are links to this executable
//! ([`take_over`](crate::session::environment::take_over)). A process that is started by such a name enters at
//! [`cargo_shim()`], reads the [`ShimState`] of its kernel, answers from a cache where it can, and otherwise runs the
//! real tool. `MOSAIC_FAST_PATH=0` leaves the path as it is, so that there is no shim.
//!
//! | call | answered by |
//! | --- | --- |
//! | cargo compiles a cell | [`compile_cell`]: replays the rustc call of an earlier cell |
//! | evcxr asks whether a crate exists | [`crate_lookup`]: from a record that it exists |
//! | cargo's metadata and configuration, and builds while a kernel starts | [`recorded_answers`] |
//! | `rustc -vV` | [`recorded_answers`] |
//! | `rustc --print sysroot`, `rustup which` | at once; see `run` |
//! | everything else | the real tool |
//!
//! | module | what it does |
//! | --- | --- |
//! | [`compile_cell`] | compiles a cell as before, or with cargo |
//! | [`rustc_invocation`] | records cargo's call of the rustc wrapper, and replays it |
//! | [`dependency_cache`] | reuses what cargo built for the same dependencies in another session |
//! | [`crate_pool`] | holds the crates that sessions have built |
//! | [`built_units`] | reads which files cargo built, and what the build depended on |
//! | [`observed_cargo`] | runs cargo and tells the kernel how far it is |
//! | [`crate_lookup`] | answers whether a crate exists |
//! | [`recorded_answers`] | answers from a recording of cargo |
//! | [`cargo_call`] | recognises the calls of cargo whose answers can be recorded |
//! | [`metadata_filter`] | leaves out packages that rust-analyzer need not read |
//! | [`std_source_view`] | writes the standard library's sources without what rust-analyzer need not read |
//! | [`cache_key`] | computes the keys of what sessions share |
//!
//! # Invariants
//!
//! - A cached answer is found by everything that it depends on. Where that is not known, the real tool answers.
//! - The shim never changes what cargo would build. It only leaves out work whose result is known.
//! - Cells, workers and shell commands get the user's own `PATH`, so they never meet the shim.

mod built_units;
mod cache_key;
mod cargo_call;
mod compile_cell;
mod crate_lookup;
mod crate_pool;
mod dependency_cache;
mod metadata_filter;
mod observed_cargo;
mod recorded_answers;
pub(crate) mod rustc_invocation;
pub(crate) mod std_source_view;

use crate::{
    cargo_shim::{compile_cell::CellCompilation, crate_lookup::CrateLookup},
    session::{
        environment::{SHIM_NAMES, active_shim, real_program},
        files::RustcInvocation,
        run_directory::shim_sysroot,
        shim_state::ShimState,
        sysroot,
    },
};
use anyhow::Result;
use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What the shim makes of a call.
enum Answer {
    /// The call is answered.
    Given(ExitCode),
    /// The rustc wrapper is to be called as cargo called it before.
    Compile(RustcInvocation),
}

/// Runs as the cargo shim if this process was started as `cargo`, `rustc` or `rustup`. Returns `None` otherwise.
/// `compile` is the rustc wrapper.
///
/// # Safety
///
/// This process must have no other thread yet, since the function changes environment variables.
pub(crate) unsafe fn cargo_shim(compile: impl FnOnce(Vec<OsString>) -> Option<ExitCode>) -> Option<ExitCode> {
    let shim = active_shim()?;
    let mut arguments = env::args_os();
    let program = PathBuf::from(arguments.next()?);
    let name = SHIM_NAMES
        .into_iter()
        .find(|name| program.file_name() == Some(OsStr::new(name)))?;
    let arguments: Vec<OsString> = arguments.collect();
    match run(&shim, name, &arguments) {
        Ok(Answer::Given(code)) => Some(code),
        // SAFETY: by this function's contract.
        Ok(Answer::Compile(invocation)) => compile(unsafe { invocation.prepare() }),
        Err(error) => {
            eprintln!("error: {name} cannot be run: {error:#}");
            Some(ExitCode::FAILURE)
        }
    }
}

/// Answers a call of one of the tools, named `name`.
fn run(shim: &Path, name: &str, arguments: &[OsString]) -> Result<Answer> {
    let Some(state) = ShimState::read(shim) else {
        return Err(real_program(None, name).args(arguments).exec().into());
    };
    let here = env::current_dir()?;
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let rustc = sysroot::program(&state.sysroot, "rustc");
    let given = match (name, words.as_slice()) {
        ("rustup", ["which", "cargo"]) => print(&shim.join("cargo")),
        ("rustup", ["which", "rustc"]) if rustc.is_file() => print(&rustc),
        ("rustc", ["--print", "sysroot"]) if here == state.session => match state.analysing {
            true => print(&shim_sysroot(shim)),
            // rust-analyzer then does without the standard library.
            false => Ok(ExitCode::FAILURE),
        },
        ("rustc", ["-vV"]) => recorded_answers::version(&state),
        ("cargo", _) => {
            if let Some(compilation) = CellCompilation::new(&state, &here, arguments) {
                return compilation.run();
            } else if let Some(lookup) = CrateLookup::new(&state, &here, arguments) {
                lookup.answer()
            } else {
                recorded_answers::cargo(shim, &state, &here, arguments)
            }
        }
        _ => Err(real_program(Some(&state.sysroot), name).args(arguments).exec().into()),
    };
    given.map(Answer::Given)
}

fn print(path: &Path) -> Result<ExitCode> {
    writeln!(io::stdout(), "{}", path.display())?;
    Ok(ExitCode::SUCCESS)
}
