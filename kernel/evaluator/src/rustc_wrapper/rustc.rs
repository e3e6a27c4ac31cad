//! rustc, as the wrapper runs it for the source of a cell.

use crate::rustc_wrapper::rustc_call::RustcCall;
use anyhow::{Context, Result};
use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, ExitStatus},
};

pub(super) const CANNOT_RUN_RUSTC: &str = "cannot run rustc";

/// The compiler, cargo's call of it, and the source of the cell.
pub(super) struct Rustc<'a> {
    program: &'a OsStr,
    /// The call as cargo makes it.
    pub(super) call: &'a RustcCall,
    /// The file that holds the source.
    pub(super) source: &'a Path,
}

impl<'a> Rustc<'a> {
    /// Returns the compiler for a cell, if the call compiles one.
    pub(super) fn of_cell(program: &'a OsStr, call: &'a RustcCall) -> Option<Rustc<'a>> {
        let source = call.cell_source()?;
        Some(Rustc { program, call, source })
    }

    /// Reads the source that evcxr wrote.
    pub(super) fn read_source(&self) -> Result<String> {
        fs::read_to_string(self.source).with_context(|| format!("cannot read {}", self.source.display()))
    }

    /// Replaces the source.
    pub(super) fn write_source(&self, text: &str) -> Result<()> {
        fs::write(self.source, text).with_context(|| format!("cannot write {}", self.source.display()))
    }

    /// Returns the command of a call.
    pub(super) fn command(&self, call: &RustcCall) -> Command {
        let mut command = Command::new(self.program);
        command.args(call.arguments());
        command
    }

    /// Returns a command that compiles another crate of the session, with what the cell's call says about linking.
    pub(super) fn command_of_library(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.call.arguments_of_linking());
        command
    }

    /// Runs rustc as cargo calls it.
    pub(super) fn run_unchanged(&self) -> Result<ExitStatus> {
        run_unchanged(self.program, self.call)
    }
}

/// Runs a compiler as cargo calls it.
pub(super) fn run_unchanged(program: &OsStr, call: &RustcCall) -> Result<ExitStatus> {
    let mut command = Command::new(program);
    command.args(call.arguments()).status().context(CANNOT_RUN_RUSTC)
}
