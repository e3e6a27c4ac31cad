//! `mosaic-kernel run`: starts the parts of a kernel, serves, and ends the parts in order.

use std::{env, io, path::Path, process, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use mosaic_evaluator::{Evaluator, Options};
use mosaic_jupyter::{Connection, ConnectionFile, ExecutionState, OutputRate};
use tokio::{runtime, sync::mpsc, task::spawn_blocking, time::timeout};
use tracing::{info, warn};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{
    comm_registry::CommRegistry,
    descendants::Descendants,
    front_end::FrontEnd,
    monitor,
    output::Output,
    resource_limits,
    run_dir::RunDir,
    server::{Context as ServerContext, History, Server, default_history_file},
    signals,
};

/// How long the kernel waits at its end: for clients to read the last messages, and for the history to be written.
const SHUTDOWN_TIME: Duration = Duration::from_secs(1);

/// Runs a kernel until a client or signal ends it, or its parent or connection is gone.
///
/// # Errors
/// When the connection file cannot be used, a socket cannot be bound, or the evaluator cannot be started.
pub(crate) fn run(connection_file: &Path) -> Result<()> {
    start_log();
    resource_limits::raise();
    let connection_file = ConnectionFile::read(connection_file)?;
    let run_dir = RunDir::create()?;
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
            format!("warn,mosaic_kernel={level},mosaic_jupyter={level},mosaic_evaluator={level},mosaic_engine={level}")
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
    let monitor = monitor::start(run_dir.path(), output.clone(), front_end.clone())?;
    let options = Options {
        run_dir: run_dir.path().to_owned(),
        monitor: monitor.address().to_owned(),
    };
    let started = Evaluator::start(options, move |event| front_end.take_event(event));
    let (evaluator, pipes) = started.context("cannot start the evaluator")?;
    output.add_cell_process(pipes);

    let context = ServerContext {
        replies: connection.replies.clone(),
        iopub: connection.iopub.clone(),
        session: connection.session.clone(),
        evaluator: evaluator.clone(),
        output: output.clone(),
        comms,
    };
    let history = History::start(default_history_file());
    let ended = Server::new(context, connection, signals, inputs, history).run().await;
    info!("the kernel ends: {:?}", ended.reason);

    // Before the cell process ends: the processes that cells have started can only be found while their parent lives.
    let descendants = Descendants::of(process::id());
    evaluator.shutdown().await;
    // In a thread that may block: ending processes takes time.
    let processes_ended = spawn_blocking(move || {
        monitor.shutdown();
        descendants.end();
    });
    if let Err(error) = processes_ended.await {
        warn!("the workers were not ended in order: {error}");
    }
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
    evaluator.clean_up();
    Ok(())
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
