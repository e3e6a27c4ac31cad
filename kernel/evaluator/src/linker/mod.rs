//! The linker: the program that rustc runs in place of the real linker.
//!
//! rustc compiles every cell as a crate of its own, so the cell's objects define all items again. The
//! [plan](LinkPlan) of the cell names the symbols that are to be those of an earlier library instead. The linker
//! changes the link line accordingly. Then it links the cell itself, which takes a fraction of the real linker's time.
//! What it cannot link, the real linker links.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`link_line`] | the arguments for the real linker |
//! | [`imports`] | the step that imports symbols from earlier libraries |
//! | [`one_object`] | links what nearly every cell is |
//! | [`elf`] | symbols of objects and libraries |
//!
//! Invariants:
//!
//! - An object of rustc's stays as it is, since incremental compilation uses it again. A changed object is a copy.
//! - A step that cannot do its work fails, and so does the compilation. Linking without the step would give a cell that
//!   runs and has wrong data.

pub(crate) mod elf;
mod imports;
mod link_line;
mod one_object;

pub(crate) use link_line::TO_LINKER;

use crate::{
    linker::link_line::LinkLine,
    session::{
        environment_variables::LINK_PLAN_VARIABLE,
        exit_code::exit_code,
        files::{LINK_PLAN, LinkPlan},
    },
};
use anyhow::{Context, Result};
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// Runs as the linker if this process was started as one, which the environment variable of the plan says.
pub fn linker() -> Option<ExitCode> {
    let session = std::env::var_os(LINK_PLAN_VARIABLE)?;
    match run(Path::new(&session)) {
        Ok(code) => Some(code),
        Err(error) => {
            eprintln!("error: the cell cannot be linked: {error:#}");
            Some(ExitCode::FAILURE)
        }
    }
}

/// Links by the plan of a session.
fn run(session: &Path) -> Result<ExitCode> {
    let plan: LinkPlan = LINK_PLAN.read(session).context("the plan for the linker is gone")?;
    let mut line = LinkLine::parse(std::env::args_os().skip(1))?;
    let mut copies = None;
    if !plan.imports.is_empty() {
        let directory = tempfile::tempdir().context("cannot write to the temporary directory")?;
        imports::import(&mut line, &plan.imports, directory.path())?;
        // The copies are needed until the cell is linked.
        copies = Some(directory);
    }
    if plan.is_direct && one_object::link(line.arguments()).is_ok() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut linker = Command::new(&plan.linker);
    linker.args(line.arguments()).env_remove(LINK_PLAN_VARIABLE);
    let status = linker.status();
    let status = status.with_context(|| format!("cannot run the linker `{}`", plan.linker.display()))?;
    drop(copies);
    Ok(exit_code(status.code()))
}
