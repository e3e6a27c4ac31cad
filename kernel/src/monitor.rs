//! Starts the runtime's monitor and node in the kernel's process, which outlives the process of the cells.

use std::path::Path;

use anyhow::{Context, Result};
use mosaic_debugger::Workers;
use mosaic_engine::{LiveDisplay, Monitor, MonitorEvent, MonitorOptions, WorkerCommand};
use mosaic_message::MimeBundle;

use crate::{
    front_end::{Asker, FrontEnd},
    live_displays::LiveDisplays,
    output::Output,
};

/// Starts the monitor. Its workers run this executable. Their text goes to `output`, and what
/// they ask goes to `front_end`. `workers` lists them.
///
/// # Errors
/// When the monitor's socket cannot be bound in the run directory.
pub(crate) fn start(run_dir: &Path, output: Output, front_end: FrontEnd, workers: Workers) -> Result<Monitor> {
    let program = mosaic_evaluator::this_executable().context("cannot find the path of this executable")?;
    let worker = WorkerCommand {
        program,
        args: Vec::new(),
        env: mosaic_evaluator::users_environment()
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
    };
    let options = MonitorOptions {
        run_dir: run_dir.to_owned(),
        worker,
        is_guarded: true,
    };
    let displays = LiveDisplays::default();
    let on_event = move |event| {
        note(&workers, &event);
        handle(&output, &front_end, &displays, event);
    };
    Monitor::start(options, on_event).context("cannot start the monitor")
}

/// Notes which workers run.
fn note(workers: &Workers, event: &MonitorEvent) {
    match event {
        MonitorEvent::WorkerStarted { uid, pid, .. } => workers.add(uid, *pid),
        MonitorEvent::WorkerEnded { uid, .. } => workers.remove(uid),
        _ => {}
    }
}

/// Handles an event of the monitor. Runs on the monitor's thread, and must not block.
fn handle(output: &Output, front_end: &FrontEnd, displays: &LiveDisplays, event: MonitorEvent) {
    match event {
        MonitorEvent::WorkerStarted {
            uid, stdout, stderr, ..
        } => output.add_worker(uid, stdout, stderr),
        MonitorEvent::WorkerEnded { asked: true, .. } => {}
        MonitorEvent::WorkerEnded {
            uid,
            status,
            asked: false,
        } => output.note(uid, format!("ended: {status}\n")),
        MonitorEvent::Progress {
            uid,
            name,
            worker,
            progress,
        } => displays.show_progress(front_end, uid, &format!("{name} on {worker}"), progress),
        MonitorEvent::Shown(LiveDisplay {
            id,
            text,
            html,
            is_last,
        }) => {
            let bundle = MimeBundle::new()
                .with_text("text/plain", text)
                .with_text("text/html", html);
            displays.show(front_end, id, bundle, is_last);
        }
        MonitorEvent::Notice { uid, text } => output.note(uid, format!("{text}\n")),
        MonitorEvent::Ask { question, .. } => front_end.take(question, Asker::Worker),
        MonitorEvent::Drain { done } => output.drain_then(done),
    }
}
