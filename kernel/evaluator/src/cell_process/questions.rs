//! What the cell process asks beside evaluation, and what it is told: the cell process's end. The other is the [link]'s.
//!
//! [link]: crate::session::link

use crate::session::link::Report;
use mosaic_abi::{Guest, Slice};
use mosaic_engine::Question;
use std::{
    collections::BTreeMap,
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The questions that have no answer yet, by number.
#[derive(Debug)]
struct Open {
    last: u64,
    questions: BTreeMap<u64, Question>,
}

static OPEN: Mutex<Open> = Mutex::new(Open {
    last: 0,
    questions: BTreeMap::new(),
});

/// The guests of this process: more than one only where a cell was built against another copy of their crate.
static GUESTS: Mutex<Vec<&'static Guest>> = Mutex::new(Vec::new());

fn open() -> MutexGuard<'static, Open> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The report that takes a question to the kernel.
pub(crate) fn ask(question: Question) -> Report {
    let message = question.message().to_vec();
    let mut open = open();
    open.last += 1;
    let number = open.last;
    open.questions.insert(number, question);
    Report::Asked { number, message }
}

/// The kernel's answer has come.
pub(crate) fn answered(number: u64, answer: Result<Vec<u8>, String>) {
    // Taken out first: whoever is woken may ask again.
    let question = open().questions.remove(&number);
    match (question, answer) {
        (Some(question), Ok(answer)) => question.answer(answer),
        (Some(question), Err(reason)) => question.refuse(reason),
        (None, _) => tracing::warn!("the kernel answered what nobody asked"),
    }
}

/// A cell's guest, new or known.
pub(crate) fn introduce(guest: &'static Guest) {
    let mut guests = guests();
    if !guests.iter().any(|known| ptr::eq(*known, guest)) {
        guests.push(guest);
    }
}

fn guests() -> MutexGuard<'static, Vec<&'static Guest>> {
    GUESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a message of the kernel's to all guests: each knows what is its own.
pub(crate) fn deliver(message: &[u8]) {
    let guests = guests().clone();
    for guest in guests {
        // SAFETY: the bytes outlive the call, for which they are lent.
        unsafe { (guest.receive)(Slice::new(message)) };
    }
}

/// Writes out what the guests' standard libraries still hold back.
pub(crate) fn flush() {
    let guests = guests().clone();
    for guest in guests {
        (guest.flush)();
    }
}
