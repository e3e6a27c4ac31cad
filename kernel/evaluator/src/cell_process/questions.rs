//! Questions of cells to the kernel, and messages of the kernel to cells: the cell process's end of both.

use crate::{cell_process::channels::report, session::link::Report};
use mosaic_abi::{Guest, Slice};
use mosaic_engine::Question;
use mosaic_message::Ask;
use std::{
    collections::BTreeMap,
    ptr,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
};

/// The questions that have no answer yet, by number.
#[derive(Debug)]
struct OpenQuestions {
    last_number: u64,
    questions: BTreeMap<u64, Question>,
}

/// The questions that have no answer yet.
///
/// Any thread of a cell adds a question and then sends it; the thread `link` takes the question out when its answer
/// comes. The lock is not held while a question is answered, since whoever is woken may ask again.
static OPEN_QUESTIONS: Mutex<OpenQuestions> = Mutex::new(OpenQuestions {
    last_number: 0,
    questions: BTreeMap::new(),
});

/// The guests of this process: more than one only if a cell was built against another copy of the crate `mosaic`.
///
/// The main thread adds a guest before its cell begins. The thread `link`, and threads that read standard input, copy
/// the list and call the guests without the lock.
static GUESTS: Mutex<Vec<&'static Guest>> = Mutex::new(Vec::new());

fn open_questions() -> MutexGuard<'static, OpenQuestions> {
    OPEN_QUESTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the report that takes a question to the kernel.
pub(super) fn ask(question: Question) -> Report {
    let message = question.message().to_vec();
    let mut open = open_questions();
    open.last_number += 1;
    let number = open.last_number;
    open.questions.insert(number, question);
    Report::Asked { number, message }
}

/// Asks the kernel something, and waits until it has answered or refused.
pub(super) fn ask_and_wait(message: &Ask) {
    let (sender, answered) = mpsc::channel();
    let question = Question::new(mosaic_message::encode(message), move |answer| {
        // The receiver waits below.
        let _ = sender.send(answer);
    });
    report(&ask(question));
    if let Ok(Err(reason)) = answered.recv() {
        tracing::warn!("the kernel refused {message:?}: {reason}");
    }
}

/// Answers a question with what the kernel says, or refuses it with the kernel's reason.
pub(super) fn answer(number: u64, answer: Result<Vec<u8>, String>) {
    let question = open_questions().questions.remove(&number);
    match (question, answer) {
        (Some(question), Ok(answer)) => question.answer(answer),
        (Some(question), Err(reason)) => question.refuse(reason),
        (None, _) => tracing::warn!("the kernel answered a question that nobody asked"),
    }
}

/// Adds the guest of a cell, unless it is known.
pub(super) fn introduce(guest: &'static Guest) {
    let mut guests = guests();
    if !guests.iter().any(|known| ptr::eq(*known, guest)) {
        guests.push(guest);
    }
}

fn guests() -> MutexGuard<'static, Vec<&'static Guest>> {
    GUESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Delivers a message of the kernel to all guests. Each one knows whether the message is for it.
pub(super) fn deliver(message: &[u8]) {
    let guests = guests().clone();
    for guest in guests {
        // SAFETY: the bytes outlive the call, for which they are lent.
        unsafe { (guest.receive)(Slice::new(message)) };
    }
}

/// Flushes the standard output of all guests.
pub(super) fn flush() {
    let guests = guests().clone();
    for guest in guests {
        (guest.flush)();
    }
}
