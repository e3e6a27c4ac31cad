//! `mosaic-kernel run`: starts the parts of a kernel, serves, and ends them in order.

use std::{env, io, path::Path, process, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use mosaic_evaluator::{Evaluator, Options};
use mosaic_jupyter::{Connection, ConnectionFile, OutputRate};
use tokio::{runtime, sync::mpsc, task::spawn_blocking, time::timeout};
use tracing::{info, warn};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{
    children::Children,
    comms::Comms,
    hub,
    output::Output,
    questions::Questions,
    run_dir::RunDir,
    server::{Context as ServerContext, Server},
    watch::Signals,
};

/// How long clients get to read the last messages.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs a kernel until it is asked to end.
///
/// # Errors
/// When the connection file cannot be used, a socket cannot be bound, or the evaluator cannot be started.
pub(crate) fn run(connection_file: &Path) -> Result<()> {
    start_log();
    let connection_file = ConnectionFile::read(connection_file)?;
    let run_dir = RunDir::create()?;
    // SAFETY: the log has no thread, and nothing else was started.
    unsafe { mosaic_evaluator::take_over(run_dir.path()) }.context("cannot write to the kernel's own directory")?;
    // Four threads, so that control is served while others wait for slow clients.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(&connection_file, &run_dir));
    // Whatever still waits for a client or a cell is not worth waiting for.
    runtime.shutdown_background();
    served
}

/// Logs to standard error what `MOSAIC_LOG` asks for: a level for our own crates, or a filter as `tracing` has it.
fn start_log() {
    let wanted = env::var("MOSAIC_LOG").unwrap_or_default();
    let filter = match wanted.parse::<LevelFilter>() {
        // rust-analyzer alone would say more than anyone can read.
        Ok(level) => {
            format!(
                "warn,zeromq=error,mosaic_kernel={level},mosaic_jupyter={level},mosaic_evaluator={level},mosaic_engine={level}"
            )
        }
        Err(_) if wanted.is_empty() => "warn,zeromq=error".to_owned(),
        Err(_) => wanted,
    };
    let filter = EnvFilter::new(filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
}

async fn serve(connection_file: &ConnectionFile, run_dir: &RunDir) -> Result<()> {
    let signals = Signals::listen().context("cannot listen to signals")?;
    let connection = Connection::bind(connection_file, run_dir.path(), output_rate()).await?;
    connection.iopub.status(None, "starting");

    let output = Output::start(connection.iopub.clone()).context("cannot start the output")?;
    let comms = Arc::<Comms>::default();
    let (inputs, input_questions) = mpsc::unbounded_channel();
    let questions = Questions::new(output.clone(), comms.clone(), inputs);
    let hub = hub::start(run_dir.path(), output.clone(), questions.clone())?;
    let options = Options {
        run_dir: run_dir.path().to_owned(),
        monitor: hub.address().to_owned(),
    };
    let started = Evaluator::start(options, move |event| questions.process_event(event));
    let (evaluator, pipes) = started.context("cannot start the evaluator")?;
    output.add_cell(pipes);

    let context = ServerContext {
        replies: connection.replies.clone(),
        iopub: connection.iopub.clone(),
        session: connection.session.clone(),
        evaluator: evaluator.clone(),
        output: output.clone(),
        comms,
    };
    let ended = Server::new(context, connection, signals, input_questions).run().await;
    info!("the kernel ends: {:?}", ended.reason);

    // As long as the cell process lives, what it has started can be told from what others have.
    let children = Children::of(process::id());
    evaluator.shutdown().await;
    // Ending processes takes a thread's time.
    let processes_ended = spawn_blocking(move || {
        hub.shutdown();
        children.end();
    });
    if let Err(error) = processes_ended.await {
        warn!("the workers did not end in order: {error}");
    }
    let last_words = async {
        output.release().await;
        ended.connection.close().await;
    };
    if timeout(LAST_WORDS, last_words).await.is_err() {
        info!("a client does not read; its last messages are lost");
    }
    let history = spawn_blocking(move || ended.history.close());
    if timeout(LAST_WORDS, history).await.is_err() {
        warn!("the history's file is locked; the last inputs are lost");
    }
    evaluator.clean_up();
    Ok(())
}

/// The rate that `MOSAIC_OUTPUT_RATE` asks for.
fn output_rate() -> OutputRate {
    match env::var("MOSAIC_OUTPUT_RATE") {
        Ok(text) => text.parse().unwrap_or_else(|error| {
            warn!("MOSAIC_OUTPUT_RATE is not used: {error}");
            OutputRate::default()
        }),
        Err(_) => OutputRate::default(),
    }
}
