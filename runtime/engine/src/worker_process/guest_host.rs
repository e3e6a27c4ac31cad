//! The host of the guests in a worker: a head, as in any other process. Only what the guests ask the front end takes
//! another way: over the worker's own connection to the monitor, after what they printed.

use crate::{
    head::{HeadOptions, install_worker_head},
    question::Question,
    wire::{Frame, Sender, ToMonitor},
    worker::{Settings, flusher::Output},
};
use mosaic_abi::{Buffer, CellEvent, Host, Slice};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// The way from this worker's guests to the front end. All threads share it.
struct FrontEnd {
    monitor: Sender<ToMonitor>,
    output: Arc<Output>,
    /// Locked for a few instructions at a time, never while a message is sent.
    questions: Mutex<Questions>,
}

/// The questions to which there is no answer yet, by number.
#[derive(Default)]
struct Questions {
    last: u64,
    open: HashMap<u64, Question>,
}

/// Set once, when the worker has connected to the monitor.
static FRONT_END: OnceLock<FrontEnd> = OnceLock::new();

/// Returns the table for the guests of the worker `uid` with these settings.
pub(super) fn host(uid: &str, settings: &Settings) -> &'static Host {
    let options = HeadOptions {
        monitor: settings.monitor.clone(),
        cell_event,
        ask,
    };
    install_worker_head(options, uid.to_owned(), settings.network())
}

/// Sends what guests ask to the monitor from now on.
pub(super) fn ask_monitor(monitor: Sender<ToMonitor>, output: Arc<Output>) {
    let questions = Mutex::default();
    // A process becomes a worker once.
    let _ = FRONT_END.set(FrontEnd {
        monitor,
        output,
        questions,
    });
}

/// Gives the front end's answer, or its refusal, to whoever asked.
pub(super) fn answered(number: u64, answer: Result<Vec<u8>, String>) {
    let question = FRONT_END
        .get()
        .and_then(|front_end| front_end.lock().open.remove(&number));
    match (question, answer) {
        (Some(question), Ok(answer)) => question.answer(answer),
        (Some(question), Err(reason)) => question.refuse(reason),
        (None, _) => {}
    }
}

impl FrontEnd {
    fn lock(&self) -> std::sync::MutexGuard<'_, Questions> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a question to the monitor.
fn ask(question: Question) {
    let Some(front_end) = FRONT_END.get() else {
        return question.refuse("the worker has not begun to work");
    };
    let message = Arc::new(Buffer::from(question.message().to_vec()));
    let mut questions = front_end.lock();
    questions.last += 1;
    let number = questions.last;
    questions.open.insert(number, question);
    drop(questions);
    // What was printed before the question is shown before it.
    front_end.output.flush();
    front_end.monitor.send(Frame {
        message: ToMonitor::Ask { question: number },
        payloads: vec![message],
    });
}

unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}
