//! The process of a worker: starts it, does what the monitor says, and ends it.
//!
//! - `guest_host`: the table for the guests of this process, which is a head as well.
//!
//! The connection to the monitor is the worker's lifeline: the process ends as soon as it closes, so that no worker
//! outlives its monitor, however that ends.

mod guest_host;

use crate::{
    cpu_affinity, log,
    process_mark::{ProcessMark, has_children},
    warehouse::StoreDirs,
    wire::{self, FromMonitor, Peer, Received, Sender, ToMonitor, WorkerAddress, only},
    worker::{Settings, admission, runtime::worker_runtime, serve, state::WorkerState},
};
use std::{fs, io, path::Path, process, rc::Rc};
use tokio::{
    net::{UnixListener, UnixStream},
    task::{LocalSet, spawn_local},
};

/// The name before each line of a worker's log: none, because whoever reads the worker's output adds the name.
const NO_NAME: &str = "";

/// Returns whether this process was started by a monitor as a worker.
pub fn is_worker() -> bool {
    Settings::are_given()
}

/// Runs this process as the worker that a monitor started it as. The process ends when the monitor asks it to, or when
/// the monitor is gone.
///
/// Call this while the process has no other thread yet. A worker that cannot start says why on standard error and ends
/// with exit code 1. Programs that use [`crate::run`] need not call this.
///
/// # Examples
///
/// ```no_run
/// if mosaic_engine::is_worker() {
///     mosaic_engine::worker_main();
/// }
/// ```
pub fn worker_main() -> ! {
    let ended = run();
    if let Err(error) = ended {
        eprintln!("the worker cannot run: {error}");
    }
    process::exit(1)
}

/// Takes the settings, and works until the monitor is gone.
fn run() -> io::Result<()> {
    let runtime = worker_runtime()?;
    // SAFETY: no other thread runs yet that could read the environment. The runtime starts its threads when they are
    // needed, and callers of `worker_main` have started none.
    let settings = unsafe { Settings::take() }?;
    log::set(settings.log);
    log::start(NO_NAME);
    cpu_affinity::pin(&settings.cpus)?;
    LocalSet::new().block_on(&runtime, work(settings))
}

/// Connects to the monitor, listens, and does what the monitor says.
async fn work(settings: Settings) -> io::Result<()> {
    let Settings { uid, monitor, .. } = settings.clone();
    let address = monitor.with_file_name(format!("{}.sock", uid.replace(':', "-")));
    let (sender, mut lifeline, _) = wire::connect(UnixStream::connect(&monitor).await?)?;
    let listener = UnixListener::bind(&address)?;
    let place = WorkerAddress {
        uid: uid.clone(),
        address: address.clone(),
    };
    let state = Rc::new(WorkerState::new(&settings, guest_host::host(&uid, monitor.clone()))?);
    guest_host::ask_monitor(sender.clone(), state.output.clone());
    spawn_local(admission::report(state.admission.clone(), sender.clone()));
    spawn_local(serve::accept(state.clone(), listener));
    sender.send(ToMonitor::Hello(Peer::Worker(place)));
    while let Ok(Some(frame)) = lifeline.receive::<FromMonitor>().await {
        handle_message(&state, &sender, frame, &address);
    }
    // The monitor is gone, however that happened: nothing here is of use any more, and no method is waited for.
    end_started();
    leave(&address, &monitor, state.stored_values.store_dirs());
    end(1)
}

/// Does what a message of the monitor asks for.
fn handle_message(state: &Rc<WorkerState>, monitor: &Sender<ToMonitor>, frame: Received<FromMonitor>, address: &Path) {
    let Received { message, payloads } = frame;
    let (state, monitor, address) = (state.clone(), monitor.clone(), address.to_owned());
    match message {
        FromMonitor::HeadEnded { head } => {
            spawn_local(async move {
                state.drain(head).await;
                monitor.send(ToMonitor::Drained { head });
            });
        }
        FromMonitor::Forget { ware } => state.stored_values.forget(ware),
        FromMonitor::HeadSettled { head } => state.head_settled(head),
        FromMonitor::Answer { question, outcome } => {
            let answer = outcome.and_then(|()| payloads.map(only).map_err(|lost| lost.message));
            guest_host::answered(question, answer.map(|answer| answer.to_vec()));
        }
        FromMonitor::Proceed => state.admission.proceed(),
        FromMonitor::Retire => {
            spawn_local(async move {
                state.finish_all().await;
                end_in_order(&state, &address).await;
            });
        }
        FromMonitor::Exit => {
            spawn_local(async move {
                end_in_order(&state, &address).await;
            });
        }
        message => tracing::warn!(?message, "the monitor sent a worker a message for heads"),
    }
}

/// Ends the process because the monitor asked for it.
async fn end_in_order(state: &WorkerState, address: &Path) -> ! {
    state.close().await;
    let _ = fs::remove_file(address);
    // The monitor ends what this process has started and what bears its mark, once this process has ended. A child that
    // has cleared its environment is only found while its parent lives.
    if has_children() {
        end_started();
    }
    end(0)
}

/// Ends everything that the methods of this process have started.
fn end_started() {
    if let Some(mark) = ProcessMark::of_this_process() {
        mark.end();
    }
}

/// Removes the files that a killed monitor left: its stored values, and its directory if this is the last worker.
fn leave(address: &Path, monitor: &Path, store_dirs: &StoreDirs) {
    store_dirs.clear();
    let _ = fs::remove_file(address);
    let _ = fs::remove_file(monitor);
    if let Some(run_dir) = monitor.parent() {
        for left in fs::read_dir(run_dir).into_iter().flatten().flatten() {
            if left.file_name().to_string_lossy().starts_with("head-") {
                let _ = fs::remove_file(left.path());
            }
        }
        let _ = fs::remove_dir(run_dir);
    }
}

/// Ends the process, although methods may be running.
fn end(code: i32) -> ! {
    // SAFETY: `_exit` takes any code and does not return. Unlike `exit` it runs no handlers, which could wait for a
    // running method or free memory that it uses. The callers have flushed and removed what had to be.
    unsafe { libc::_exit(code) }
}
