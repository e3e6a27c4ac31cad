//! Builds the kernel's executable, installs it for the Jupyter of this repository, and prebuilds the crates of its
//! cells.

use crate::{
    python::Environment,
    run::{ask, cargo, program, run, step},
};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The built executable.
pub(crate) struct Kernel {
    executable: PathBuf,
}

/// Builds the executable with the release profile.
///
/// All packages are built at once. Cargo then chooses the same features of the dependencies as it does for the tests,
/// so
/// evcxr, which takes minutes, is built once.
pub(crate) fn build(root: &Path) -> Result<Kernel> {
    step("building the kernel (the first time takes some 10 minutes)");
    run(cargo()
        .args(["build", "--release", "--workspace", "--locked"])
        .current_dir(root))?;
    let executable = target(root)?
        .join("release")
        .join(format!("mosaic-kernel{}", std::env::consts::EXE_SUFFIX));
    Ok(Kernel { executable })
}

/// Returns cargo's target directory.
pub(crate) fn target(root: &Path) -> Result<PathBuf> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    let metadata = ask(cargo().args(arguments).current_dir(root)).context("cannot run cargo metadata")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let target = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(target))
}

impl Kernel {
    /// Writes the kernelspec into the Python environment, in which Jupyter looks for it.
    pub(crate) fn install(&self, python: &Environment) -> Result<()> {
        step("installing the kernelspec");
        run(program(&self.executable)
            .args(["install", "--prefix"])
            .arg(python.prefix()))
    }

    /// Builds the crates that cells use without `:dep`. The kernel caches them for each toolchain.
    pub(crate) fn prepare(&self) -> Result<()> {
        step("preparing the crates that cells use (the first time takes some minutes)");
        run(program(&self.executable).arg("prepare"))
    }
}
