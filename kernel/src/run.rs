//! `mosaic-kernel run`: starts the parts of a kernel, serves, and ends the parts in order.

use std::{env, io, path::Path, sync::Arc, thread, time::Duration};

use anyhow::{Context, Result};
use mosaic_debugger::{Debugger, Workers, find_adapter};
use mosaic_engine::{MarkedProcesses, Monitor, ProcessMark};
use mosaic_evaluator::{CellPipes, Evaluator, Guardian, Options};
use mosaic_jupyter::{Connection, ConnectionFile, ExecutionState, OutputRate};
use rustix::process::{Signal, getpid, kill_process};
use tokio::{runtime, sync::mpsc, task::spawn_blocking, time::timeout};
use tracing::{info, warn};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{
    comm_registry::CommRegistry,
    front_end::FrontEnd,
    live_displays::LiveDisplays,
    monitor,
    output::Output,
    resource_limits,
    run_dir::RunDir,
    server::{Context as ServerContext, DebuggedNotebook, Ended, History, Server, default_history_file},
    signals,
};

/// How long the kernel waits at its end: for clients to read the last messages, and for the history to be written.
const SHUTDOWN_TIME: Duration = Duration::from_secs(1);

/// How long the kernel waits at its end for workers, and for what cells and methods have started.
const PROCESSES_TIME: Duration = Duration::from_secs(5);
/// How long the end of the kernel may take. After that the kernel kills itself, and the guardian does the rest.
const END_TIME: Duration = Duration::from_secs(20);

/// Runs a kernel until a client or signal ends it, or its parent or connection is gone.
///
/// # Errors
/// When the connection file cannot be used, a socket cannot be bound, or the evaluator cannot be started.
pub(crate) fn run(connection_file: &Path) -> Result<()> {
    start_log();
    resource_limits::raise();
    let connection_file = ConnectionFile::read(connection_file)?;
    let run_dir = RunDir::create()?;
    // Started before the mark is in the environment, which the guardian must not have.
    let guardian = Guardian::start(&["guard"], run_dir.path());
    // SAFETY: no other thread runs yet; the log has none.
    unsafe { mosaic_evaluator::take_over(run_dir.path()) }.context("cannot write to the kernel's own directory")?;
    // Four threads, so that the control channel is served while other tasks wait for slow clients.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(&connection_file, &run_dir));
    // Tasks that still wait for a client or a cell are dropped.
    runtime.shutdown_background();
    drop(run_dir);
    match guardian {
        Ok(guardian) => guardian.dismiss(),
        Err(error) => warn!("if this kernel had been killed, nobody would have cleaned up: {error}"),
    }
    served
}

/// Starts the log on standard error. `MOSAIC_LOG` is a level for the kernel's own crates, or a filter as `tracing`
/// reads it.
fn start_log() {
    let filter = log_filter(&env::var("MOSAIC_LOG").unwrap_or_default());
    let filter = EnvFilter::new(filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
}

fn log_filter(wanted: &str) -> String {
    match wanted.parse::<LevelFilter>() {
        // An empty text would count as the level of errors.
        _ if wanted.is_empty() => "warn".to_owned(),
        // A level for all crates would show the flood of rust-analyzer's messages.
        Ok(level) => {
            format!(
                "warn,mosaic_kernel={level},mosaic_jupyter={level},mosaic_evaluator={level},mosaic_engine={level},mosaic_debugger={level}"
            )
        }
        Err(_) => wanted.to_owned(),
    }
}

async fn serve(connection_file: &ConnectionFile, run_dir: &RunDir) -> Result<()> {
    let signals = signals::listen().context("cannot listen to signals")?;
    let connection = Connection::bind(connection_file, output_rate()).await?;
    connection.iopub.status(None, ExecutionState::Starting);

    let output = Output::start(connection.iopub.clone()).context("cannot start the output")?;
    let comms = Arc::<CommRegistry>::default();
    let (input_sender, inputs) = mpsc::unbounded_channel();
    let front_end = FrontEnd::new(output.clone(), comms.clone(), input_sender);
    let workers = Workers::default();
    let monitor = monitor::start(run_dir.path(), output.clone(), front_end.clone(), workers.clone())?;
    let adapter = find_adapter();
    let options = Options {
        run_dir: run_dir.path().to_owned(),
        monitor: monitor.address().to_owned(),
        debugger: mosaic_debugger::advice(adapter.as_deref()),
    };
    let (evaluator, pipes) = start_evaluator(options, front_end).context("cannot start the evaluator")?;
    output.add_cell_process(pipes);

    let debugging = DebuggedNotebook::new(evaluator.clone(), connection.iopub.clone());
    let options = mosaic_debugger::Options {
        adapter,
        run_dir: run_dir.path().to_owned(),
        sysroot: mosaic_evaluator::check_toolchain()
            .ok()
            .map(|toolchain| toolchain.sysroot),
        workers,
    };
    let debugger = Debugger::new(options, debugging.clone());
    let context = ServerContext {
        replies: connection.replies.clone(),
        iopub: connection.iopub.clone(),
        session: connection.session.clone(),
        evaluator: evaluator.clone(),
        output: output.clone(),
        comms,
        debugger: debugger.clone(),
        debugging,
    };
    let history = History::start(default_history_file());
    let ended = Server::new(context, connection, signals, inputs, history).run().await;
    info!("the kernel ends: {:?}", ended.reason);

    bound_end();
    // First: a process that is stopped does not end in order.
    debugger.shut_down().await;
    end_processes(run_dir, &evaluator, monitor).await;
    close(&output, ended).await;
    evaluator.clean_up();
    Ok(())
}

/// Ends the cell process, the workers, and what they have started.
async fn end_processes(run_dir: &RunDir, evaluator: &Evaluator, monitor: Monitor) {
    // Before the cell process ends: a process that has cleared its environment is only found while its parent lives.
    let processes = ProcessMark::of_run(run_dir.path());
    let started = spawn_blocking(move || processes.find_grandchildren()).await;
    evaluator.shutdown().await;
    // In a thread that may block: ending processes takes time.
    let processes_ended = spawn_blocking(move || {
        monitor.shutdown();
        started.map(MarkedProcesses::end)
    });
    match timeout(PROCESSES_TIME, processes_ended).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error)) | Err(error)) => warn!("the workers were not ended in order: {error}"),
        Err(_) => warn!("the workers did not end in time, and are killed"),
    }
}

/// Sends the last messages, and writes the history.
async fn close(output: &Output, ended: Ended) {
    let last_messages = async {
        output.release().await;
        ended.connection.close().await;
    };
    if timeout(SHUTDOWN_TIME, last_messages).await.is_err() {
        info!("a client does not read, and loses the last messages");
    }
    let history = spawn_blocking(move || ended.history.close());
    if timeout(SHUTDOWN_TIME, history).await.is_err() {
        warn!("the file of the history is locked, and the last inputs are lost");
    }
}

/// Starts the evaluator. Whatever it has to show goes to the front end.
fn start_evaluator(options: Options, front_end: FrontEnd) -> Result<(Evaluator, CellPipes)> {
    let builds = Arc::<LiveDisplays>::default();
    let of_builds = front_end.clone();
    Evaluator::start(
        options,
        move |event| front_end.take_event(event),
        move |progress| builds.show_build(&of_builds, &progress),
    )
}

/// Has the kernel killed if its end takes too long, whatever it waits for.
fn bound_end() {
    let kill = || {
        thread::sleep(END_TIME);
        let _ = kill_process(getpid(), Signal::KILL);
    };
    if let Err(error) = thread::Builder::new().name("end".to_owned()).spawn(kill) {
        warn!("the end of the kernel is not bounded: {error}");
    }
}

/// Reads the output rate from `MOSAIC_OUTPUT_RATE`.
fn output_rate() -> OutputRate {
    match env::var("MOSAIC_OUTPUT_RATE") {
        Ok(text) => text.parse().unwrap_or_else(|error| {
            warn!("ignoring MOSAIC_OUTPUT_RATE: {error}");
            OutputRate::default()
        }),
        Err(_) => OutputRate::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::log_filter;

    #[test]
    fn warnings_are_logged_unless_the_user_says_otherwise() {
        assert_eq!(log_filter(""), "warn");
        assert!(log_filter("debug").contains("mosaic_jupyter=debug"));
        assert_eq!(log_filter("mosaic_evaluator=trace"), "mosaic_evaluator=trace");
    }
}
