//! The state of the kernel that the cargo shim has to know.
//!
//! The kernel writes the state to a file beside the names of the shim. Each process of the shim reads it at its start.

use crate::session::{
    environment::{SHIM_NAMES, active_shim},
    environment_variables::ANALYSING_VARIABLE,
    run_directory::{shim_state_file, shim_sysroot},
    shared_files, sysroot,
};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The state of a kernel and the paths of its directories.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShimState {
    /// The directory of the toolchain.
    pub(crate) sysroot: PathBuf,
    /// The [view](crate::cargo_shim::std_source_view) of the standard library's sources.
    pub(crate) view: PathBuf,
    /// The session directory.
    pub(crate) session: PathBuf,
    /// The directory of cargo's [recorded answers](crate::cargo_shim::recorded_answers).
    pub(crate) answers: PathBuf,
    /// Whether the shim records cargo's answers.
    pub(crate) recording: bool,
    /// Whether evcxr is starting. It then compiles only trial cells, which depend on nothing but their text.
    pub(crate) starting: bool,
    /// Whether rust-analyzer is to see the standard library and all crates. evcxr's needs them only once it is asked
    /// for types.
    pub(crate) analysing: bool,
}

impl ShimState {
    /// Returns the state of a kernel that is ready.
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

    /// Tells the cargo shim the state, if the shim is active.
    ///
    /// # Errors
    ///
    /// The shim's directory cannot be written to.
    pub(crate) fn tell(&self) -> Result<()> {
        let Some(shim) = active_shim() else { return Ok(()) };
        let seen = shim_sysroot(&shim);
        let bin = seen.join("bin");
        if !bin.exists() {
            // rust-analyzer takes this for a toolchain's directory, as rustup has them too.
            fs::create_dir_all(&bin)?;
            for name in SHIM_NAMES {
                symlink(shim.join(name), bin.join(name))?;
            }
            let library = sysroot::std_sources(&seen);
            fs::create_dir_all(library.parent().unwrap_or(&seen))?;
            symlink(&self.view, library)?;
        }
        shared_files::replace(&shim_state_file(&shim), &serde_json::to_vec(self)?)
            .context("cannot tell the cargo shim what the kernel is doing")
    }

    /// Reads the state that the kernel has written. Returns `None` if the kernel has not written one yet.
    pub(crate) fn read(shim: &Path) -> Option<ShimState> {
        let mut state: ShimState = serde_json::from_slice(&fs::read(shim_state_file(shim)).ok()?).ok()?;
        state.analysing |= env::var_os(ANALYSING_VARIABLE).is_some();
        Some(state)
    }
}
