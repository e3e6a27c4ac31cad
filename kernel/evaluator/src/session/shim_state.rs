//! What the tools are told of the kernel that starts them.

use crate::session::{
    environment::{NAMES, taken_over},
    run_directory::{shim_state_file, shim_sysroot},
    sysroot,
    variables::ANALYSING_VARIABLE,
};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// What a kernel is at. It is told to the tools, which are processes of their own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShimState {
    /// The toolchain's directory.
    pub(crate) sysroot: PathBuf,
    /// The standard library's sources as rust-analyzer is to see them.
    pub(crate) view: PathBuf,
    /// Where evcxr compiles.
    pub(crate) session: PathBuf,
    /// The answers of this toolchain, or where they are being written.
    pub(crate) answers: PathBuf,
    pub(crate) recording: bool,
    /// evcxr tries itself out: nothing is compiled that depends on anything but its text.
    pub(crate) starting: bool,
    /// Whether evcxr's rust-analyzer is to see the standard library. Before it is asked for types it needs none.
    pub(crate) analysing: bool,
}

impl ShimState {
    /// A kernel that is ready.
    #[cfg(test)]
    pub(crate) fn of_session(session: PathBuf) -> ShimState {
        ShimState {
            sysroot: "/toolchain".into(),
            view: session.join("view"),
            answers: session.join("answers"),
            session,
            recording: false,
            starting: false,
            analysing: false,
        }
    }

    /// Tells the tools, if they were taken over.
    pub(crate) fn tell(&self) -> Result<()> {
        let Some(tools) = taken_over() else { return Ok(()) };
        let seen = shim_sysroot(&tools);
        let bin = seen.join("bin");
        if !bin.exists() {
            // A toolchain's directory, as rustup knows them too.
            fs::create_dir_all(&bin)?;
            for name in NAMES {
                symlink(tools.join(name), bin.join(name))?;
            }
            let library = sysroot::std_sources(&seen);
            fs::create_dir_all(library.parent().unwrap_or(&seen))?;
            symlink(&self.view, library)?;
        }
        let file = shim_state_file(&tools);
        let aside = file.with_extension("new");
        fs::write(&aside, serde_json::to_vec(self)?)?;
        fs::rename(aside, file).context("cannot tell the cargo shim what the kernel is doing")
    }

    pub(crate) fn read(tools: &Path) -> Option<ShimState> {
        let mut state: ShimState = serde_json::from_slice(&fs::read(shim_state_file(tools)).ok()?).ok()?;
        state.analysing |= env::var_os(ANALYSING_VARIABLE).is_some();
        Some(state)
    }
}
