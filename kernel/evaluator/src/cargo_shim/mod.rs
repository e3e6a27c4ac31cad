//! The tools that evcxr and its rust-analyzer start while a kernel gets ready, so that it gets ready sooner.
//!
//! They find `cargo`, `rustc` and `rustup` through the path of the kernel's process, and there this executable stands
//! first under these names. It answers what it was [asked before](answers) for the same project from the cache, shows
//! rust-analyzer [no more](metadata) than the types of variables can depend on, and runs the real tool for everything
//! else. A cell is compiled [as the one before](recipe) while nothing but its source changed, and crates that were
//! [there](alone) and [built](builds) for one session are so for the next, under the same [conditions]. What cells,
//! workers and shell commands start has the user's own path.
//!
//! `MOSAIC_FAST_PATH=0` leaves the path as it is.

pub(crate) mod built_units;
pub(crate) mod cache_key;
pub(crate) mod crate_lookup;
pub(crate) mod crate_pool;
pub(crate) mod dependency_cache;
pub(crate) mod metadata_filter;
pub(crate) mod recorded_answers;
pub(crate) mod rustc_invocation;
pub(crate) mod std_source_view;

use crate::{
    cargo_shim::{crate_lookup::CrateLookup, rustc_invocation::CellCompilation},
    session::{
        environment::{NAMES, real, taken_over},
        shim_state::ShimState,
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

/// Runs as one of the tools, if that is what this process was started as.
pub fn cargo_shim() -> Option<ExitCode> {
    let tools = taken_over()?;
    let mut arguments = env::args_os();
    let program = PathBuf::from(arguments.next()?);
    let name = NAMES
        .into_iter()
        .find(|name| program.file_name() == Some(OsStr::new(name)))?;
    let arguments: Vec<OsString> = arguments.collect();
    Some(run(&tools, name, &arguments).unwrap_or_else(|error| {
        eprintln!("error: {name} cannot be run: {error:#}");
        ExitCode::FAILURE
    }))
}

fn run(tools: &Path, name: &str, arguments: &[OsString]) -> Result<ExitCode> {
    let Some(state) = ShimState::read(tools) else {
        return Err(real(None, name).args(arguments).exec().into());
    };
    let here = env::current_dir()?;
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    match (name, words.as_slice()) {
        ("rustup", ["which", "cargo"]) => tell(&tools.join("cargo")),
        ("rustup", ["which", "rustc"]) if state.sysroot.join("bin/rustc").is_file() => {
            tell(&state.sysroot.join("bin/rustc"))
        }
        ("rustc", ["--print", "sysroot"]) if here == state.session => match state.analysing {
            true => tell(&ShimState::seen_sysroot(tools)),
            // rust-analyzer goes on without.
            false => Ok(ExitCode::FAILURE),
        },
        ("rustc", ["-vV"]) => recorded_answers::version(&state),
        ("cargo", _) => {
            if let Some(order) = CellCompilation::new(&state, &here, arguments) {
                order.run()
            } else if let Some(question) = CrateLookup::new(&state, &here, arguments) {
                question.answer()
            } else {
                recorded_answers::cargo(tools, &state, &here, arguments)
            }
        }
        _ => Err(real(Some(&state.sysroot), name).args(arguments).exec().into()),
    }
}

fn tell(path: &Path) -> Result<ExitCode> {
    writeln!(io::stdout(), "{}", path.display())?;
    Ok(ExitCode::SUCCESS)
}
