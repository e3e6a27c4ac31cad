//! The cell process: loads each compiled cell and runs it.
//!
//! evcxr starts the process, as this executable without arguments, and speaks its line protocol with it on
//! pipes. The kernel talks to the process over the [`link`](crate::session::link). Cells get standard output and error
//! of their own, so that nothing that a cell prints is ever read as protocol. What evcxr's generated code would print
//! as a marker reaches the process as an [event](run_state) instead.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`evaluate`] | reads evcxr's commands on the thread `commands`; loads each compiled cell and runs it on the main thread |
//! | [`run_state`] | takes the events of the running cell, and tells evcxr how the cell ended |
//! | [`running_cell`] | interrupts the running cell |
//! | [`instructions`] | follows the kernel's instructions, on the thread `link` |
//! | [`questions`] | asks the kernel on behalf of cells, and delivers its answers and messages |
//! | [`channels`] | sends reports to the kernel and lines to evcxr |
//! | [`output`] | connects standard output and error to the kernel |
//! | [`printed_displays`] | finds out whether a cell can print displays |
//! | [`profile`] | has this process and the workers sampled while a cell runs |
//! | [`stdin`] | asks the user when a cell reads standard input |
//! | [`flusher`] | shows what a cell prints without a newline, on the thread `flusher` |
//!
//! # Shared state
//!
//! Cells are dynamic libraries that call in from any thread, so the state of the process is in eleven statics. Each is
//! private to its module, and its doc comment says who writes and who reads it. No lock is held while code of the user
//! runs.
//!
//! # Invariants
//!
//! - Standard output belongs to cells. Only [`channels`] writes to evcxr's pipe, one whole line at a time.
//! - A library stays loaded for good: its values may live on in variables and threads.
//! - The process ends with its kernel, whatever the user's code does.

mod channels;
mod evaluate;
mod flusher;
mod instructions;
mod output;
mod printed_displays;
mod profile;
mod questions;
mod run_state;
mod running_cell;
mod stdin;

use crate::{
    evcxr_text::markers::CELL_PROCESS_VARIABLE,
    session::{
        environment_variables::{MONITOR_VARIABLE, RUN_DIRECTORY_VARIABLE},
        run_directory::CellPaths,
    },
};
use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use std::{
    env,
    fs::File,
    io::{self, Write},
    path::PathBuf,
    process,
    sync::mpsc,
};

/// The name of this process for a debugger.
const CELLS: &str = "cells";

/// Returns whether evcxr started this process as the cell process.
pub fn is_cell_process() -> bool {
    env::args_os().len() == 1 && env::var_os(CELL_PROCESS_VARIABLE).is_some()
}

/// Runs the cell process until its kernel ends it.
pub fn cell_host_main() -> ! {
    let result = run();
    if let Err(error) = &result {
        // Not `eprintln!`, which panics where nobody is left to read.
        let _ = writeln!(io::stderr(), "error: the cell process failed: {error:#}");
    }
    process::exit(if result.is_ok() { 0 } else { 99 })
}

/// Sets the process up, and then runs cells until evcxr closes its pipe.
fn run() -> Result<()> {
    let run_directory = variable(RUN_DIRECTORY_VARIABLE)?;
    let paths = CellPaths::in_directory(&run_directory);
    let monitor = variable(MONITOR_VARIABLE)?;
    let commands = take_evcxrs_pipes()?;
    let link = channels::connect_to_kernel(&paths.socket)?;
    // The first instruction is followed before evcxr has anything run: if the process is started for a cell that is
    // under way, the instruction names that execution.
    let (work, all_work) = mpsc::channel();
    let link = instructions::follow_first(link, &paths, &work)?;
    forget_environment();
    instructions::start(link, paths, work.clone())?;
    let host = mosaic_engine::install_head(mosaic_engine::HeadOptions {
        monitor,
        cell_event: run_state::cell_event,
        ask: |question| channels::report(&questions::ask(question)),
    })?;
    stdin::ask_the_user();
    // After the process is connected: the kernel does not wait long for that.
    mosaic_engine::wait_for_debugger(&run_directory, CELLS);
    evaluate::read_commands(commands, work)?;
    evaluate::run(&all_work, host)
}

/// Reads a variable that the kernel has set for this process.
fn variable(name: &str) -> Result<PathBuf> {
    let value = env::var_os(name).map(PathBuf::from);
    value.with_context(|| format!("{name} is not set"))
}

/// Moves evcxr's pipes away from standard input and output. Returns the one on which evcxr's commands come.
fn take_evcxrs_pipes() -> Result<File> {
    let commands = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let answers = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?);
    let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    channels::set_evcxr(answers);
    Ok(commands)
}

/// Removes the variables that are for this process alone. The user's code may start cargo or another kernel, which
/// would misunderstand them.
fn forget_environment() {
    for name in [CELL_PROCESS_VARIABLE, RUN_DIRECTORY_VARIABLE, MONITOR_VARIABLE] {
        // SAFETY: this process has only its main thread yet, and no user code has run.
        unsafe { env::remove_var(name) }
    }
}
