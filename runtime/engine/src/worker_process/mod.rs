//! The process of a worker: starts it, does what the monitor says, and ends it.
//!
//! - `guest_host`: the table for the guests of this process, which is a head as well.
//! - `lease`: how long a worker on another host than the monitor may live without hearing of it.
//!
//! The connection to the monitor is the worker's lifeline: the process ends as soon as it closes, so that no worker
//! outlives its monitor, however that ends.

mod guest_host;
mod lease;

use crate::{
    clock, cpu_affinity,
    debugger::wait_for_debugger,
    log,
    node::{OutputMark, mark_path},
    node_process,
    process_mark::{ProcessMark, has_children},
    task_table,
    warehouse::StoreDirs,
    wire::{self, FromMonitor, Host, Peer, Received, Sender, ToMonitor, WorkerAddress, only},
    worker::{HostFiles, Settings, admission, circles, runtime::worker_runtime, serve, state::WorkerState},
};
use lease::Lease;
use rustix::process::{Signal, set_parent_process_death_signal};
use std::{fs, io, path::Path, process, rc::Rc};
use tokio::{
    net::{UnixListener, UnixStream},
    task::{LocalSet, spawn_local},
};

/// The name before each line of a worker's log: none, because whoever reads the worker's output adds the name.
const NO_NAME: &str = "";

/// Returns whether this process was started as a worker by a monitor, or as the node process of a host by a launcher.
pub fn is_worker() -> bool {
    Settings::are_given() || node_process::is_node()
}

/// Runs this process as the worker that a monitor started it as, or as the node process of its host. The process ends
/// when the monitor asks it to, or when the monitor is gone.
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
    if !Settings::are_given() {
        node_process::node_main();
    }
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
    clock::set_offset(settings.clock_offset);
    if settings.host != Host::Monitor {
        // When the node process is killed, its host counts as lost soon, and what it had may live elsewhere. So its
        // workers end, too. Those that are stopped go on first, to notice it.
        set_parent_process_death_signal(Some(Signal::CONT))?;
    }
    log::start(NO_NAME);
    if let Err(error) = task_table::create() {
        tracing::warn!("the debugger will not know this worker's tasks: {error}");
    }
    if settings.host == Host::Monitor
        && let Some(run_dir) = settings.monitor.parent()
    {
        wait_for_debugger(run_dir, &settings.uid);
    }
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
        socket: address.clone(),
        host: settings.host,
    };
    let (host, host_files) = (guest_host::host(&uid, &settings), HostFiles::default());
    let state = Rc::new(WorkerState::new(&settings, host, host_files)?);
    guest_host::ask_monitor(sender.clone(), state.output.clone());
    let lease = Lease::default();
    if settings.host != Host::Monitor {
        state.host_files.ask_over(sender.clone());
        state.output.regard(OutputMark::open(&mark_path(&address))?);
        spawn_local(lease.clone().end_when_over());
    }
    spawn_local(admission::report(state.admission.clone(), sender.clone()));
    spawn_local(circles::search());
    spawn_local(serve::accept(state.clone(), listener));
    sender.send(ToMonitor::Hello(Peer::Worker(place)));
    while let Ok(Some(frame)) = lifeline.receive::<FromMonitor>().await {
        handle_message(&state, &lease, &sender, frame, &address);
    }
    // The monitor is gone, however that happened: nothing here is of use any more, and no method is waited for.
    match settings.host {
        Host::Monitor => end_started(),
        // What was here may soon live elsewhere.
        Host::Node { .. } => kill_started(),
    }
    leave(&address, &monitor, state.stored_values.store_dirs());
    end(1)
}

/// Does what a message of the monitor asks for.
fn handle_message(
    state: &Rc<WorkerState>,
    lease: &Lease,
    monitor: &Sender<ToMonitor>,
    frame: Received<FromMonitor>,
    address: &Path,
) {
    let Received { message, payloads, .. } = frame;
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
        FromMonitor::Obtained { request, outcome } => state.host_files.obtained(request, outcome),
        FromMonitor::Lease { until } => lease.extend(until),
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

/// Kills everything that the methods of this process have started.
fn kill_started() {
    if let Some(mark) = ProcessMark::of_this_process() {
        mark.kill();
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
