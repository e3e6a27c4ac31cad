//! Starts evcxr in a directory, with a cell process of this kernel.

use crate::{
    evaluation::request::Options,
    evcxr_text::markers,
    prebuilt::{cache_directory::CacheDirectory, profile::CRATE_PROFILE},
    session::{
        environment,
        environment_variables::{DYLIB_HASH_VARIABLE, KERNEL_VARIABLE, MONITOR_VARIABLE, RUN_DIRECTORY_VARIABLE},
        files,
        processes::KernelProcesses,
    },
};
use anyhow::{Result, anyhow};
use evcxr::{EvalContext, EvalContextOutputs};
use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Command},
    thread,
};

/// A cell that makes evcxr turn on asynchronous cells and `?`. Both stay turned on, so that no later cell is compiled
/// twice for them.
pub(super) const WARM_UP: &str =
    "std::future::ready(()).await; Err::<(), std::fmt::Error>(std::fmt::Error).or(Ok::<(), std::fmt::Error>(()))?;";

/// Starts evcxr in `directory` and makes it ready for the first cell. `lock_file` holds the versions of the crates that
/// the directory has been built with, if it has been built.
///
/// # Errors
///
/// evcxr does not start, or the notebook's crates do not build.
pub(super) fn start_evcxr(
    options: &Options,
    crates: &CacheDirectory,
    directory: &Path,
    lock_file: Option<&Path>,
) -> Result<EvalContext> {
    let executable = this_executable()?;
    let config = markers::configuration(directory, &executable);
    files::EVCXR_CONFIGURATION.write(directory, &config)?;
    let here = env::current_dir()?;
    let command = cell_process_command(&executable, options, &here);
    // evcxr takes its configuration from the working directory first, where the user may have one of their own.
    env::set_current_dir(directory)?;
    let started = EvalContext::with_subprocess_command(command);
    env::set_current_dir(here)?;
    let (mut context, outputs) = started.map_err(|error| anyhow!("evcxr does not start: {error}"))?;
    log_outputs(outputs)?;
    let mut state = context.state();
    state.set_build_env(KERNEL_VARIABLE, &process::id().to_string());
    let (name, value) = KernelProcesses::of_run(&options.run_dir).compilers().variable();
    state.set_build_env(name, &value.to_string_lossy());
    state.set_build_env(DYLIB_HASH_VARIABLE, "mosaic");
    for (name, value) in CRATE_PROFILE {
        state.set_build_env(name, value);
    }
    // A compiler that is ended leaves its temporary files, which then go with the session.
    let temporary = files::TEMPORARY.path(directory);
    fs::create_dir_all(&temporary)?;
    state.set_build_env("TMPDIR", &temporary.to_string_lossy());
    for (name, specification) in crates.dependencies() {
        state
            .add_dep(name, &specification)
            .map_err(|error| anyhow!("crate {name}: {error}"))?;
    }
    if let Some(lock_file) = lock_file {
        // Adding dependencies one by one made cargo forget the versions that the template was built with.
        copy_aside(lock_file, &files::LOCK_FILE.path(directory))?;
    }
    context
        .eval_with_state(WARM_UP, state)
        .map_err(|error| anyhow!("the notebook's crates do not build: {}", full_message(&error)))?;
    Ok(context)
}

/// Returns the command with which evcxr starts the cell process.
fn cell_process_command(executable: &Path, options: &Options, working_directory: &Path) -> Command {
    let mut command = Command::new(executable);
    command
        // An interrupt of the kernel's group is the kernel's to handle.
        .process_group(0)
        .current_dir(working_directory)
        .env(RUN_DIRECTORY_VARIABLE, &options.run_dir)
        .env(MONITOR_VARIABLE, &options.monitor)
        .envs([KernelProcesses::of_run(&options.run_dir).of_cells().variable()]);
    environment::give_back(&mut command);
    command
}

/// Returns the path of this executable, to be started in another role.
///
/// # Errors
///
/// The operating system does not tell where the executable is.
pub fn this_executable() -> std::io::Result<PathBuf> {
    let path = env::current_exe()?;
    if cfg!(target_os = "linux") && !path.exists() {
        // An update has replaced the executable while it runs. This name still leads to the running one.
        return Ok(PathBuf::from(format!("/proc/{}/exe", process::id())));
    }
    Ok(path)
}

/// Returns what an error of evcxr says, with the compiler's messages in full.
pub(super) fn full_message(error: &evcxr::Error) -> String {
    match error {
        evcxr::Error::CompilationErrors(errors) => {
            errors.iter().map(|error| error.rendered() + &error.message()).collect()
        }
        other => other.to_string(),
    }
}

/// Replaces a file by a copy of another. The old file may share its content with others, so that it is not written to.
fn copy_aside(from: &Path, to: &Path) -> std::io::Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to).map(drop)
}

/// Writes the outputs of evcxr's own pipes to the log: evcxr waits until they are read. The cells' output takes another
/// way.
fn log_outputs(outputs: EvalContextOutputs) -> Result<()> {
    for (name, lines) in [("evcxr-stdout", outputs.stdout), ("evcxr-stderr", outputs.stderr)] {
        thread::Builder::new().name(name.into()).spawn(move || {
            for line in lines {
                tracing::warn!("{name}: {line}");
            }
        })?;
    }
    Ok(())
}
