//! The environment of the kernel's process, in which the cargo shim stands first in `PATH`, and the user's own
//! environment.
//!
//! [`take_over`] marks what the kernel's process starts, and puts the shim in the path, for all that the kernel's process starts: evcxr starts cargo, and
//! rust-analyzer starts cargo, rustc and rustup. Whatever runs code of the user gets the user's environment back:
//! cells, workers and shell commands.

use crate::session::{
    digest::{self, Parts},
    processes::KernelProcesses,
    run_directory::shim_directory,
    sysroot,
};
use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// The variable by which users turn off everything that only saves time: set to `0`.
const FAST_PATH_VARIABLE: &str = "MOSAIC_FAST_PATH";
/// The variable that names the directory of the cargo shim. Set while the shim stands first in the path.
const SHIM_DIRECTORY_VARIABLE: &str = "MOSAIC_SHIM";
/// The variable by which users ask for backtraces of panics.
const BACKTRACE_VARIABLE: &str = "RUST_BACKTRACE";
const PATH: &str = "PATH";
/// The variables that would lead rust-analyzer past the shim, each with the variable that keeps the user's value. Cargo
/// and rustup set them for all that they run, such as a test that starts a kernel.
const HIDDEN: [(&str, &str); 2] = [
    ("CARGO", "MOSAIC_USERS_CARGO"),
    ("RUSTUP_TOOLCHAIN", "MOSAIC_USERS_RUSTUP_TOOLCHAIN"),
];
/// The names under which this executable is the cargo shim.
pub(crate) const SHIM_NAMES: [&str; 3] = ["cargo", "rustc", "rustup"];

/// Returns whether the kernel does what only saves time. Users turn it off with `MOSAIC_FAST_PATH=0`.
pub(crate) fn is_fast() -> bool {
    env::var_os(FAST_PATH_VARIABLE).is_none_or(|value| value != "0")
}

/// Returns whether the user wants backtraces of panics, with the places of their frames: by `RUST_BACKTRACE`.
pub(crate) fn wants_backtraces() -> bool {
    env::var_os(BACKTRACE_VARIABLE).is_some_and(|value| value != "0")
}

/// Marks all processes that this process starts as those of the kernel with this run directory, and puts the cargo shim
/// first in this process's `PATH`, unless `MOSAIC_FAST_PATH` is `0`.
///
/// From then on, processes that start `cargo`, `rustc` or `rustup` by name start this executable. `run_dir` must be
/// private to this process.
///
/// # Errors
///
/// `run_dir` cannot be written to, or the path of this executable is not known.
///
/// # Safety
///
/// This process must have no other thread yet, since the function changes environment variables.
pub unsafe fn take_over(run_dir: &Path) -> io::Result<()> {
    let (name, value) = KernelProcesses::of_run(run_dir).of_kernel().variable();
    // SAFETY: by this function's contract.
    unsafe { env::set_var(name, value) }
    if !is_fast() {
        return Ok(());
    }
    let shim = shim_directory(run_dir);
    fs::create_dir(&shim)?;
    let executable = env::current_exe()?;
    for name in SHIM_NAMES {
        symlink(&executable, shim.join(name))?;
    }
    let users = env::var_os(PATH).unwrap_or_default();
    let path = env::join_paths([shim.clone()].into_iter().chain(env::split_paths(&users)));
    let path = path.map_err(io::Error::other)?;
    // SAFETY: by this function's contract.
    unsafe {
        env::set_var(SHIM_DIRECTORY_VARIABLE, &shim);
        env::set_var(PATH, path);
        for (name, saved) in HIDDEN {
            if let Some(value) = env::var_os(name) {
                env::set_var(saved, value);
                env::remove_var(name);
            }
        }
    }
    Ok(())
}

/// Returns the directory of the cargo shim, if the shim stands first in the path.
pub(crate) fn active_shim() -> Option<PathBuf> {
    env::var_os(SHIM_DIRECTORY_VARIABLE).map(PathBuf::from)
}

/// Returns the variables in which the user's environment differs from that of this process. A value is `None` where the
/// user's environment has no such variable.
pub fn users_environment() -> Vec<(&'static str, Option<OsString>)> {
    let Some(shim) = active_shim() else { return Vec::new() };
    let path = env::var_os(PATH).unwrap_or_default();
    let users_path = env::join_paths(env::split_paths(&path).filter(|directory| *directory != shim));
    let ours = [
        (PATH, Some(users_path.unwrap_or(path))),
        (SHIM_DIRECTORY_VARIABLE, None),
    ];
    let hidden = HIDDEN
        .into_iter()
        .flat_map(|(name, saved)| [(name, env::var_os(saved)), (saved, None)]);
    ours.into_iter().chain(hidden).collect()
}

/// Returns the value of a variable in the user's environment.
pub(crate) fn users_variable(name: &str) -> Option<OsString> {
    let mut different = users_environment().into_iter();
    match different.find(|(different, _)| *different == name) {
        Some((_, value)) => value,
        None => env::var_os(name),
    }
}

/// Returns the digest of the value of a variable in the user's environment, as it may be kept in files: a value may be
/// secret.
pub(crate) fn digest_of_variable(name: &str) -> Option<String> {
    users_variable(name).map(|value| digest::of(value.as_encoded_bytes(), 16))
}

/// Returns the digest of a variable with its value.
pub(crate) fn digest_of_assignment(name: &OsStr, value: &OsStr) -> String {
    let mut parts = Parts::default();
    parts.add(name.as_encoded_bytes());
    parts.add(value.as_encoded_bytes());
    parts.name(8)
}

/// Returns the `PATH` of the user's environment.
pub(crate) fn users_path() -> OsString {
    users_variable(PATH).unwrap_or_default()
}

/// Replaces the whole environment of this process.
///
/// # Safety
///
/// This process must have no other thread, since the function changes environment variables.
pub(crate) unsafe fn replace(variables: BTreeMap<OsString, OsString>) {
    // SAFETY: by this function's contract.
    unsafe {
        for (name, _) in env::vars_os() {
            if !variables.contains_key(&name) {
                env::remove_var(name);
            }
        }
        for (name, value) in variables {
            env::set_var(name, value);
        }
    }
}

/// Returns all variables of the user's environment.
pub(crate) fn users_variables() -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    for (name, value) in users_environment() {
        match value {
            Some(value) => variables.insert(name.into(), value),
            None => variables.remove(OsStr::new(name)),
        };
    }
    variables
}

/// Gives a process the user's environment, as every process must have that runs code of the user.
pub(crate) fn give_back(command: &mut Command) {
    for (name, value) in users_environment() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// Returns the arguments with which the shell command `env` gives a process the user's environment. Empty if there is
/// no difference.
pub(crate) fn give_back_in_shell() -> String {
    // `env` takes options, which remove variables, before assignments.
    let (assigned, removed): (Vec<_>, Vec<_>) = users_environment().into_iter().partition(|(_, value)| value.is_some());
    let removed = removed.iter().map(|(name, _)| format!("-u {name} "));
    let assigned = assigned.iter().map(|(name, value)| {
        let value = value
            .as_deref()
            .unwrap_or_default()
            .to_string_lossy()
            .replace('\'', r"'\''");
        format!("{name}='{value}' ")
    });
    removed.chain(assigned).collect()
}

/// Returns whether the cargo shim stands first in the path.
pub(crate) fn is_shim_active() -> bool {
    active_shim().is_some()
}

/// Returns a command for the real program behind a name of the cargo shim, with the user's environment: the program of
/// the toolchain in `sysroot`, or else the first one in the user's `PATH`.
pub(crate) fn real_program(sysroot: Option<&Path>, name: &str) -> Command {
    let in_toolchain = sysroot.map(|sysroot| sysroot::program(sysroot, name));
    let path = users_path();
    let found = in_toolchain
        .into_iter()
        .chain(env::split_paths(&path).map(|it| it.join(name)));
    let program = found.into_iter().find(|program| program.is_file());
    let mut command = Command::new(program.unwrap_or_else(|| name.into()));
    give_back(&mut command);
    command
}
