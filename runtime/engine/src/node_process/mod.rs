//! The node process: the monitor's representative on another host.
//!
//! A launcher starts it there, and its standard input is its lifeline. It listens where a monitor would, and passes on
//! what the workers say and hear, so that workers need not know where the monitor is. It starts, reaps and measures the
//! workers of its host, forwards what they write, and fetches files of other hosts.
//!
//! - `greeting`: how a node process and the monitor come to trust each other.
//! - `event_loop`: one event at a time, on one thread. It does the I/O.
//! - `messages`: what the monitor says, and what the host's processes want to tell it.
//! - `workers`: the workers of the host.
//! - `lease`: how long the host may go on without hearing of the monitor. No I/O.
//! - `relay`: the connections of the host's processes.
//! - `output`: what workers write.
//! - `files`: files of other hosts.

mod event_loop;
mod files;
mod greeting;
mod lease;
mod messages;
mod output;
mod relay;
mod workers;

use crate::{log, monitor::run_dir, process_mark::ProcessMark, sweeper::Sweeper, warehouse::StoreDirs};
use event_loop::EventLoop;
use std::{env, io, process};

/// Returns whether this process was started by a launcher as the node process of its host.
pub(crate) fn is_node() -> bool {
    env::var_os(mosaic_launch::NODE_VARIABLE).is_some()
}

/// Runs this process as the node process of its host, until the monitor is gone. A node process that cannot go on says
/// why on standard error.
pub(crate) fn node_main() -> ! {
    // SAFETY: no other thread runs yet; see `worker_main`.
    unsafe { env::remove_var(mosaic_launch::NODE_VARIABLE) };
    log::start("NODE");
    let code = match run() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the node process cannot go on: {error}");
            1
        }
    };
    process::exit(code)
}

fn run() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run_dir = run_dir()?;
    let store_dirs = StoreDirs::unused();
    // A batch system may kill this process at any moment, also while it tidies up.
    let sweeper = Sweeper::of_run(run_dir.path(), &store_dirs)?;
    let mark = ProcessMark::of_run(run_dir.path());
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, async {
        let (monitor, gate) = greeting::meet_monitor(run_dir.path()).await?;
        EventLoop::start(run_dir.path(), store_dirs, monitor, gate).await
    });
    // However it ended, nothing of this run stays on the host.
    mark.end();
    runtime.shutdown_background();
    drop(run_dir);
    drop(sweeper);
    outcome
}
