//! The runtime's hub: monitor and node in this process, since it outlives the cells'.

use std::path::Path;

use anyhow::{Context, Result};
use mosaic_engine::{Hub, HubEvent, HubOptions, LiveDisplay, WorkerCommand};
use mosaic_message::MimeBundle;

use crate::{
    live::Live,
    output::Output,
    questions::{Asker, Questions},
};

/// Starts the hub. Workers are this executable in another role, what they say goes to `output`, and what they ask to
/// `questions`.
///
/// # Errors
/// When its socket cannot be bound in the run directory.
pub(crate) fn start(run_dir: &Path, output: Output, questions: Questions) -> Result<Hub> {
    let program = mosaic_evaluator::this_executable().context("cannot tell the path of this executable")?;
    let worker = WorkerCommand {
        program,
        args: vec!["worker".into()],
        env: mosaic_evaluator::users_environment()
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
    };
    let options = HubOptions {
        run_dir: run_dir.to_owned(),
        worker,
    };
    let live = Live::default();
    Hub::start(options, move |event| show(&output, &questions, &live, event)).context("cannot start the hub")
}

/// Runs on the hub's thread; nothing here blocks.
fn show(output: &Output, questions: &Questions, live: &Live, event: HubEvent) {
    match event {
        HubEvent::WorkerStarted {
            uid, stdout, stderr, ..
        } => output.add_worker(uid, stdout, stderr),
        HubEvent::WorkerEnded { asked: true, .. } => {}
        HubEvent::WorkerEnded {
            uid,
            status,
            asked: false,
        } => output.note(uid, format!("ended: {status}\n")),
        HubEvent::Progress {
            uid,
            name,
            worker,
            progress,
        } => live.bar(questions, uid, &format!("{name} on {worker}"), progress),
        HubEvent::Shown(LiveDisplay {
            id,
            text,
            html,
            is_last,
        }) => {
            let bundle = MimeBundle::new()
                .with_text("text/plain", text)
                .with_text("text/html", html);
            live.show(questions, id, bundle, is_last);
        }
        HubEvent::Notice { uid, text } => output.note(uid, format!("{text}\n")),
        HubEvent::Ask { question, .. } => questions.take(question, Asker::Worker),
        HubEvent::Drain { done } => output.drain_then(done),
    }
}
