//! Builds the wheel, which `pip install` installs, and the source distribution.

use crate::{
    kernel,
    run::{program, run, step},
};
use anyhow::{Context, Result};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// What builds wheels. zig is the linker: it knows the symbols of older versions of glibc.
const TOOLS: [&str; 2] = ["maturin==1.16.0", "ziglang==0.17.1"];
/// The oldest glibc that the executable runs with: that of RHEL 8, Debian 10 and Ubuntu 18.10.
const COMPATIBILITY: &str = "manylinux_2_28";

/// Builds the wheel and the source distribution. Returns the path of the wheel.
///
/// # Errors
///
/// A tool cannot be installed, or the executable cannot be built.
pub(crate) fn wheel(root: &Path) -> Result<PathBuf> {
    let directory = kernel::target(root)?.join("wheel");
    let tools = tools(&directory)?;
    let distributions = directory.join("dist");
    if distributions.is_dir() {
        fs::remove_dir_all(&distributions).with_context(|| format!("cannot empty {}", distributions.display()))?;
    }
    let maturin = || {
        let mut command = program(tools.join("maturin"));
        command.env("PATH", first_in_path(&tools)).current_dir(root);
        command
    };
    step("building the source distribution");
    run(maturin().args(["sdist", "--out"]).arg(&distributions))?;
    step("building the wheel (the first time takes some 10 minutes)");
    run(maturin()
        .args([
            "build",
            "--release",
            "--locked",
            "--zig",
            "--compatibility",
            COMPATIBILITY,
            "--out",
        ])
        .arg(&distributions))?;
    let built = fs::read_dir(&distributions)?.filter_map(|entry| Some(entry.ok()?.path()));
    let wheel = built
        .into_iter()
        .find(|it| it.extension().is_some_and(|it| it == "whl"));
    let wheel = wheel.with_context(|| format!("maturin has left no wheel in {}", distributions.display()))?;
    println!("\nwheel and source distribution: {}", distributions.display());
    Ok(wheel)
}

/// Returns the directory with the tools, which are installed first where they are missing.
fn tools(directory: &Path) -> Result<PathBuf> {
    let environment = directory.join("tools");
    let programs = environment.join("bin");
    let stamp = environment.join("made-from.txt");
    let wanted = TOOLS.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(programs);
    }
    step("installing maturin and zig");
    run(program("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    run(program(programs.join("python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(TOOLS))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(programs)
}

/// Returns the `PATH` with a directory before all others. maturin finds zig's Python there.
fn first_in_path(directory: &Path) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = std::iter::once(directory.to_owned()).chain(env::split_paths(&path));
    env::join_paths(directories).unwrap_or(path.clone())
}
