//! Programs outside notebooks: monitor, head and workers in one executable.
//!
//! - `output_copier`: copies the workers' output to the program's own.
//! - `output_lines`: the format of output lines: each line behind the worker's name.

mod output_copier;
mod output_lines;

use crate::{
    head::{HeadOptions, ON, install_head, say_unawaited},
    monitor::{Monitor, MonitorOptions, WorkerCommand, run_dir},
    worker_process::{is_worker, worker_main},
};
use mosaic_abi::{CellEvent, Slice};
use output_copier::Copier;
use std::{
    env,
    ffi::OsString,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// Runs a program that uses tesserae.
///
/// This starts the monitor in this process, runs `main`, ends all workers, and returns the value of `main`. The workers
/// are processes of the same executable. In a worker, this function runs the worker instead, and does not return.
///
/// Call this first in `fn main`, while the program has one thread: code before it runs in every worker, too. No launcher
/// is needed: start the program as any other. The argument `--on PLACE` of the program, or the environment variable
/// `MOSAIC_ON`, has the workers run on other hosts, where `PLACE` is one of
/// [`Interactive::on`](mosaic::Interactive::on). The workers' output appears in the output of this process, each line behind the worker's name. However
/// the program ends, SIGKILL included, its workers end with it.
///
/// # Errors
///
/// The directory for sockets, the monitor or its threads cannot be made. `main` has not run then.
///
/// # Panics
///
/// `main` panicked. The panic goes on when the workers have ended.
///
/// # Examples
///
/// ```standalone_crate
/// use mosaic::prelude::*;
///
/// fn double(number: u64) -> u64 {
///     2 * number
/// }
///
/// fn main() -> std::io::Result<()> {
///     let doubled = mosaic_engine::run(|| async {
///         mosaic::interactive(On).num_workers(1).await.expect("a worker starts");
///         let doubled = mosaic::spawn(double, (21_u64,)).result().await.expect("the function runs");
///         mosaic::interactive(Off).await.expect("the worker ends");
///         doubled
///     })?;
///     assert_eq!(doubled, 42);
///     Ok(())
/// }
/// ```
pub fn run<F: Future>(main: impl FnOnce() -> F) -> io::Result<F::Output> {
    if is_worker() {
        worker_main();
    }
    if let Some(place) = place_in(env::args_os().skip(1)) {
        // SAFETY: by this function's contract, no other thread runs yet that could read the environment.
        unsafe { env::set_var(ON, place) };
    }
    let run_dir = run_dir()?;
    let worker = WorkerCommand {
        program: env::current_exe()?,
        args: Vec::new(),
        env: Vec::new(),
    };
    let options = MonitorOptions {
        run_dir: run_dir.path().to_owned(),
        worker,
        is_guarded: false,
    };
    let copier = Copier::start()?;
    let monitor = Monitor::start(options, copier.on_event()?)?;
    let host = install_head(HeadOptions {
        monitor: monitor.address().to_owned(),
        cell_event,
        ask: |question| question.refuse(NO_FRONT_END),
    })?;
    mosaic::__private::install_host(host);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // After a panic, too, the workers end and their output is shown.
    let output = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async move { main().await })));
    say_unawaited();
    monitor.shutdown();
    copier.finish();
    Ok(output.unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Returns the place after `--on` in a program's arguments, of which the others are the program's own.
fn place_in(mut arguments: impl Iterator<Item = OsString>) -> Option<OsString> {
    while let Some(argument) = arguments.next() {
        if argument == "--on" {
            return arguments.next();
        }
        if let Some(place) = argument.to_str().and_then(|argument| argument.strip_prefix("--on=")) {
            return Some(place.into());
        }
    }
    None
}

/// The refusal for everybody who asks the front end.
const NO_FRONT_END: &str = "this program has no front end: only a notebook has one";

unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_found_among_other_arguments() {
        for (arguments, place) in [
            (&["input", "--steps", "3"][..], None),
            (&["--on", "ssh:alpha,beta", "input"], Some("ssh:alpha,beta")),
            (&["input", "--on=slurm"], Some("slurm")),
            (&["input", "--on"], None),
        ] {
            let found = place_in(arguments.iter().map(OsString::from));
            assert_eq!(found, place.map(OsString::from), "{arguments:?}");
        }
    }
}
