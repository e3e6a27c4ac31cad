//! Prepares a toolchain before the first kernel starts, as `mosaic-kernel prepare` does.

use crate::{
    evaluation::{evcxr_session::EvcxrSession, execution_state::ExecutionState, request::Options, template},
    prebuilt::{cache_directory::CacheDirectory, toolchain::Toolchain},
    session::{
        environment,
        link::{Link, Numbered},
        processes::KernelProcesses,
        run_directory::CellPaths,
    },
};
use anyhow::Result;
use std::sync::{Arc, mpsc};

/// Builds the template of the current toolchain, unless it is there, and records cargo's answers.
pub(crate) fn prepare() -> Result<()> {
    let run_dir = mosaic_engine::run_dir()?;
    // SAFETY: preparing is all that this process does, and it has not begun.
    unsafe { environment::take_over(run_dir.path()) }?;
    let toolchain = Toolchain::find()?;
    let crates = CacheDirectory::for_toolchain(&toolchain)?;
    let options = Options {
        run_dir: run_dir.path().to_owned(),
        monitor: run_dir.path().join("no-monitor.sock"),
        debugger: String::new(),
    };
    let paths = CellPaths::in_directory(run_dir.path());
    let (sender, _reports) = mpsc::channel::<Numbered>();
    let cells = KernelProcesses::of_run(run_dir.path()).of_cells();
    let _link = Link::listen(&paths.socket, cells, sender, Arc::new(drop))?;
    template::build(&options, &crates, &toolchain, &|line| eprintln!("{line}"))?;
    // A session records cargo's answers when it opens.
    drop(EvcxrSession::open(&options, &ExecutionState::default(), &|_| ())?);
    Ok(())
}
