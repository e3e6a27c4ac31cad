//! Whose tools stand first in a process's path: ours or the user's own.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// Turns what only saves time off, where it is `0`.
const FAST_PATH_VARIABLE: &str = "MOSAIC_FAST_PATH";
/// Where the tools' names lie.
const TOOLS_VARIABLE: &str = "MOSAIC_TOOLS";
pub(super) const NAMES: [&str; 3] = ["cargo", "rustc", "rustup"];

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
    let tools = run_dir.join("tools");
    fs::create_dir(&tools)?;
    let executable = env::current_exe()?;
    for name in NAMES {
        symlink(&executable, tools.join(name))?;
    }
    let users = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([tools.clone()].into_iter().chain(env::split_paths(&users)));
    let path = path.map_err(io::Error::other)?;
    // SAFETY: by this function's contract.
    unsafe {
        env::set_var(TOOLS_VARIABLE, &tools);
        env::set_var("PATH", path);
    }
    Ok(())
}

/// The directory of the tools that were taken over, if they were.
pub(super) fn taken_over() -> Option<PathBuf> {
    env::var_os(TOOLS_VARIABLE).map(PathBuf::from)
}

/// The path as the user has it.
pub fn users_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let Some(tools) = taken_over() else { return path };
    env::join_paths(env::split_paths(&path).filter(|directory| *directory != tools)).unwrap_or(path)
}

/// A variable as the user has it.
pub(super) fn users_variable(name: &str) -> Option<OsString> {
    match name {
        "PATH" => Some(users_path()),
        name => env::var_os(name),
    }
}

/// All variables as the user has them that are words.
pub(super) fn users_variables() -> BTreeMap<String, String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names
        .filter(|name| name != TOOLS_VARIABLE)
        .filter_map(|name| Some((users_variable(&name)?.into_string().ok()?, name)))
        .map(|(value, name)| (name, value))
        .collect()
}

/// Gives a process that runs the user's code the user's environment.
pub(crate) fn give_back(command: &mut Command) {
    command.env("PATH", users_path()).env_remove(TOOLS_VARIABLE);
}

/// The same as words for `env`, if there is anything to give back.
pub(crate) fn give_back_in_shell() -> String {
    if !are_taken_over() {
        return String::new();
    }
    let path = users_path().to_string_lossy().replace('\'', r"'\''");
    format!("-u {TOOLS_VARIABLE} PATH='{path}' ")
}

/// Whether the tools were taken over.
pub(crate) fn are_taken_over() -> bool {
    taken_over().is_some()
}

/// The tool itself, of the toolchain in `sysroot` if there is one, with the user's environment.
pub(super) fn real(sysroot: Option<&Path>, name: &str) -> Command {
    let of_toolchain = sysroot.map(|sysroot| sysroot.join("bin").join(name));
    let path = users_path();
    let found = of_toolchain
        .into_iter()
        .chain(env::split_paths(&path).map(|it| it.join(name)));
    let program = found.into_iter().find(|program| program.is_file());
    let mut command = Command::new(program.unwrap_or_else(|| name.into()));
    give_back(&mut command);
    if let (Some(tools), Some(toolchain)) = (taken_over(), env::var_os("RUSTUP_TOOLCHAIN"))
        && Path::new(&toolchain).starts_with(tools)
    {
        // rust-analyzer's, which took what it sees for a toolchain.
        command.env_remove("RUSTUP_TOOLCHAIN");
    }
    command
}
