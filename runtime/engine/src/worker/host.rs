//! The host of the guests in a worker: a head as any other process's, but what they ask the front end goes by the hub,
//! on the worker's own connection and behind what they printed.

use super::output::Output;
use crate::{
    head::{HeadOptions, install_worker_head},
    question::Question,
    wire::{Frame, Sender, ToHub},
};
use mosaic_abi::{Buffer, CellEvent, Host, Slice};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// What this worker's guests ask the front end.
struct Asking {
    hub: Sender<ToHub>,
    output: Arc<Output>,
    questions: Mutex<Questions>,
}

#[derive(Default)]
struct Questions {
    last: u64,
    open: HashMap<u64, Question>,
}

static ASKING: OnceLock<Asking> = OnceLock::new();

/// The table for the guests of the worker `uid`, whose runtime is that of the hub at `address`.
pub(super) fn host(uid: &str, address: PathBuf) -> &'static Host {
    let options = HeadOptions {
        hub: address,
        cell_event,
        ask,
    };
    install_worker_head(options, uid.to_owned())
}

/// From here on, what guests ask goes to the hub.
pub(super) fn ask_hub(hub: Sender<ToHub>, output: Arc<Output>) {
    let questions = Mutex::default();
    // A process is a worker once.
    let _ = ASKING.set(Asking { hub, output, questions });
}

/// The front end has answered, or refused.
pub(super) fn answered(number: u64, answer: Result<Vec<u8>, String>) {
    let question = ASKING.get().and_then(|asking| asking.lock().open.remove(&number));
    match (question, answer) {
        (Some(question), Ok(answer)) => question.answer(answer),
        (Some(question), Err(reason)) => question.refuse(reason),
        (None, _) => {}
    }
}

impl Asking {
    fn lock(&self) -> std::sync::MutexGuard<'_, Questions> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask(question: Question) {
    let Some(asking) = ASKING.get() else {
        return question.refuse("the worker has not begun to work");
    };
    let message = Arc::new(Buffer::from(question.message().to_vec()));
    let mut questions = asking.lock();
    questions.last += 1;
    let number = questions.last;
    questions.open.insert(number, question);
    drop(questions);
    // What was printed before belongs before it.
    asking.output.flush();
    asking.hub.send(Frame {
        message: ToHub::Ask { question: number },
        payloads: vec![message],
    });
}

unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}
