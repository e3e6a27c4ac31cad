//! Whose tools stand first in a process's path: ours or the user's own.

use crate::session::{run_directory::shim_directory, sysroot};
use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// Turns what only saves time off, where it is `0`.
const FAST_PATH_VARIABLE: &str = "MOSAIC_FAST_PATH";
/// Where the tools' names lie.
const TOOLS_VARIABLE: &str = "MOSAIC_TOOLS";
const PATH: &str = "PATH";
/// What leads rust-analyzer past the tools that stand first in the path, and where the user's value of it is kept.
/// Cargo and rustup set these for all that they run, as a test that starts a kernel; what compiles cells is known without.
const HIDDEN: [(&str, &str); 2] = [
    ("CARGO", "MOSAIC_USERS_CARGO"),
    ("RUSTUP_TOOLCHAIN", "MOSAIC_USERS_RUSTUP_TOOLCHAIN"),
];
pub(crate) const NAMES: [&str; 3] = ["cargo", "rustc", "rustup"];

/// Whether the user wants what only saves time.
pub(crate) fn is_fast() -> bool {
    env::var_os(FAST_PATH_VARIABLE).is_none_or(|value| value != "0")
}

/// Puts this executable in the place of the tools that this process starts from now on, unless `MOSAIC_FAST_PATH` is `0`.
///
/// # Errors
///
/// `run_dir`, which must be private to this process, cannot be written to.
///
/// # Safety
///
/// This process has no other thread yet.
pub unsafe fn take_over(run_dir: &Path) -> io::Result<()> {
    if !is_fast() {
        return Ok(());
    }
    let tools = shim_directory(run_dir);
    fs::create_dir(&tools)?;
    let executable = env::current_exe()?;
    for name in NAMES {
        symlink(&executable, tools.join(name))?;
    }
    let users = env::var_os(PATH).unwrap_or_default();
    let path = env::join_paths([tools.clone()].into_iter().chain(env::split_paths(&users)));
    let path = path.map_err(io::Error::other)?;
    // SAFETY: by this function's contract.
    unsafe {
        env::set_var(TOOLS_VARIABLE, &tools);
        env::set_var(PATH, path);
        for (name, kept) in HIDDEN {
            if let Some(value) = env::var_os(name) {
                env::set_var(kept, value);
                env::remove_var(name);
            }
        }
    }
    Ok(())
}

/// The directory of the tools that were taken over, if they were.
pub(crate) fn taken_over() -> Option<PathBuf> {
    env::var_os(TOOLS_VARIABLE).map(PathBuf::from)
}

/// In what the user's environment differs from this process's: variables and what they are there, if they are.
pub fn users_environment() -> Vec<(&'static str, Option<OsString>)> {
    let Some(tools) = taken_over() else { return Vec::new() };
    let path = env::var_os(PATH).unwrap_or_default();
    let users_path = env::join_paths(env::split_paths(&path).filter(|directory| *directory != tools));
    let ours = [(PATH, Some(users_path.unwrap_or(path))), (TOOLS_VARIABLE, None)];
    let hidden = HIDDEN
        .into_iter()
        .flat_map(|(name, kept)| [(name, env::var_os(kept)), (kept, None)]);
    ours.into_iter().chain(hidden).collect()
}

/// A variable as the user has it.
pub(crate) fn users_variable(name: &str) -> Option<OsString> {
    let mut different = users_environment().into_iter();
    match different.find(|(different, _)| *different == name) {
        Some((_, value)) => value,
        None => env::var_os(name),
    }
}

/// The path as the user has it.
pub(crate) fn users_path() -> OsString {
    users_variable(PATH).unwrap_or_default()
}

/// All variables as the user has them.
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

/// Gives a process that runs the user's code the user's environment.
pub(crate) fn give_back(command: &mut Command) {
    for (name, value) in users_environment() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// The same as words for `env`, if there is anything to give back.
pub(crate) fn give_back_in_shell() -> String {
    // `env` takes its options first.
    let (given, removed): (Vec<_>, Vec<_>) = users_environment().into_iter().partition(|(_, value)| value.is_some());
    let removed = removed.iter().map(|(name, _)| format!("-u {name} "));
    let given = given.iter().map(|(name, value)| {
        let value = value
            .as_deref()
            .unwrap_or_default()
            .to_string_lossy()
            .replace('\'', r"'\''");
        format!("{name}='{value}' ")
    });
    removed.chain(given).collect()
}

/// Whether the tools were taken over.
pub(crate) fn are_taken_over() -> bool {
    taken_over().is_some()
}

/// The tool itself, of the toolchain in `sysroot` if there is one, with the user's environment.
pub(crate) fn real(sysroot: Option<&Path>, name: &str) -> Command {
    let of_toolchain = sysroot.map(|sysroot| sysroot::program(sysroot, name));
    let path = users_path();
    let found = of_toolchain
        .into_iter()
        .chain(env::split_paths(&path).map(|it| it.join(name)));
    let program = found.into_iter().find(|program| program.is_file());
    let mut command = Command::new(program.unwrap_or_else(|| name.into()));
    give_back(&mut command);
    command
}
