//! Programs outside notebooks: hub, head and workers from one executable.

mod copier;
mod prefix;

use crate::{
    head::{HeadOptions, install_head},
    hub::{Hub, HubOptions, WorkerCommand, run_dir},
    worker::{is_worker, worker_main},
};
use copier::Copier;
use mosaic_abi::{CellEvent, Slice};
use std::{
    env, io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// Runs a program that uses tesserae: starts the hub in this process, runs `main`, and ends all workers. In the worker
/// processes, which are the same executable, it runs the worker instead and does not return.
///
/// The processes find each other by themselves, so that no launcher is needed: start the program as any other. How it ends
/// is its own business: `main`'s value is returned, a panic in it unwinds through here and an interrupt (SIGINT) ends the
/// program as it always does. Whatever ends it, SIGKILL included, its workers end with it.
///
/// It must be called first thing in `fn main`: whatever comes before it runs in every worker too. The workers' output
/// appears on this process's own, each line behind the worker's name.
///
/// # Errors
///
/// The directory for sockets, the hub or its threads could not be made; `main` did not run then.
///
/// # Panics
///
/// Where `main` does, when the workers have ended.
///
/// # Examples
///
/// ```no_run
/// use mosaic::prelude::*;
///
/// fn main() -> std::io::Result<()> {
///     mosaic_engine::run(|| async {
///         mosaic::interactive(On).num_workers(2).await.expect("two workers start");
///         mosaic::interactive(Off).await.expect("they end");
///     })
/// }
/// ```
pub fn run<F: Future>(main: impl FnOnce() -> F) -> io::Result<F::Output> {
    if is_worker() {
        worker_main();
    }
    let run_dir = run_dir()?;
    let worker = WorkerCommand {
        program: env::current_exe()?,
        args: Vec::new(),
        env: Vec::new(),
    };
    let options = HubOptions {
        run_dir: run_dir.path().to_owned(),
        worker,
    };
    let copier = Copier::start()?;
    let hub = Hub::start(options, copier.on_event()?)?;
    let host = install_head(HeadOptions {
        hub: hub.address().to_owned(),
        cell_event,
        ask: |question| question.refuse(NO_FRONT_END),
    })?;
    mosaic::__private::install_host(host);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // After a panic, too, the workers end and what they said is shown.
    let output = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async move { main().await })));
    hub.shutdown();
    copier.finish();
    Ok(output.unwrap_or_else(|panic| resume_unwind(panic)))
}

/// What everybody is told who asks the front end.
const NO_FRONT_END: &str = "this program has no front end: only a notebook has one";

unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}
