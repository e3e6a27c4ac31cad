//! The host of the guests in a worker: it passes on what they ask the front end, and has no runtime to offer.

use super::{current::progress, output::Output};
use crate::{
    failures::failure,
    waits::{Ending, GuestWaker, Subject, Waits, to_outcome},
    wire::{Frame, Sender, ToHub},
};
use mosaic_abi::{
    Buffer, CellEvent, Description, Failure, FailureKind, FunctionTable, Handle, Host, Outcome, Poll, Request, Slice,
    Submitted, TesseraTable, VERSION, Waker,
};
use std::{
    ptr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// The table that workers hand out.
pub(super) static HOST: Host = Host {
    version: VERSION,
    cell_event,
    start,
    stop: no_wait,
    create,
    call,
    apply,
    spawn,
    wait,
    result: wait,
    poll,
    describe,
    retain: ignore,
    release,
    tesserae: no_wait,
    attach,
    signatures,
    put,
    find_stored: attach,
    discard: ignore,
    publish: wait,
    ask,
    query,
    progress,
};

/// What this worker's guests ask the front end.
struct Asking {
    hub: Sender<ToHub>,
    output: Arc<Output>,
    /// Held for a few instructions at a time; never while a guest's waker runs.
    questions: Mutex<Questions>,
}

#[derive(Default)]
struct Questions {
    last: Handle,
    waits: Waits,
}

static ASKING: OnceLock<Asking> = OnceLock::new();

/// From here on, what guests ask goes to the hub.
pub(super) fn ask_hub(hub: Sender<ToHub>, output: Arc<Output>) {
    let questions = Mutex::default();
    // A process is a worker once.
    let _ = ASKING.set(Asking { hub, output, questions });
}

/// The front end has answered, or refused.
pub(super) fn answered(question: Handle, ending: Ending) {
    let ended = change(|questions| questions.waits.end(question, ending));
    if let Some((_, Some(waker))) = ended.flatten() {
        waker.wake();
    }
}

fn change<T>(change: impl FnOnce(&mut Questions) -> T) -> Option<T> {
    let asking = ASKING.get()?;
    Some(change(
        &mut asking.questions.lock().unwrap_or_else(PoisonError::into_inner),
    ))
}

unsafe extern "C" fn ask(message: Slice) -> Handle {
    let Some(Asking { hub, output, .. }) = ASKING.get() else {
        return 0;
    };
    let begin = |questions: &mut Questions| {
        questions.last += 1;
        questions.waits.begin(questions.last, Subject::FrontEnd);
        questions.last
    };
    let question = change(begin).unwrap_or_default();
    // SAFETY: the guest lends the bytes for this call.
    let message = unsafe { message.as_bytes() }.to_vec();
    // What was printed before belongs before it.
    output.flush();
    hub.send(Frame {
        message: ToHub::Ask { question },
        payloads: vec![Arc::new(Buffer::from(message))],
    });
    question
}

unsafe extern "C" fn poll(wait: Handle, waker: Waker, outcome: *mut Outcome) -> Poll {
    let waker = GuestWaker::new(waker);
    let (ending, unneeded) = match wait {
        0 => (Some(Err(refusal())), Some(waker)),
        wait => change(|questions| questions.waits.poll(wait, waker)).unwrap_or_else(|| (Some(Err(refusal())), None)),
    };
    drop(unneeded);
    let Some(ending) = ending else {
        return Poll::Pending;
    };
    // SAFETY: the guest passes an outcome that it initialised and that outlives the call.
    unsafe { *outcome = to_outcome(ending) };
    Poll::Ready
}

unsafe extern "C" fn release(handle: Handle) {
    // The waker is dropped when the lock is no longer held.
    drop(change(|questions| questions.waits.remove(handle)));
}

fn refusal() -> Failure {
    let message = "a worker cannot use the mosaic runtime yet: create tesserae and call them from the head";
    failure(FailureKind::NotRunning, message)
}

unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}

unsafe extern "C" fn start(_: Slice) -> Handle {
    0
}

unsafe extern "C" fn query(_: Slice) -> Handle {
    0
}

unsafe extern "C" fn no_wait() -> Handle {
    0
}

/// Takes the arguments over, and drops them.
unsafe fn refuse(request: Request) -> Submitted {
    for index in 0..request.count {
        // SAFETY: the guest hands over `count` arguments, each of which is read once.
        drop(unsafe { ptr::read(request.arguments.add(index)) });
    }
    Err(refusal()).into()
}

unsafe extern "C" fn apply(_: Handle, _: *const FunctionTable, request: Request) -> Submitted {
    // SAFETY: the guest hands the arguments over (see `Request`).
    unsafe { refuse(request) }
}

unsafe extern "C" fn spawn(_: *const FunctionTable, request: Request) -> Submitted {
    // SAFETY: the guest hands the arguments over (see `Request`).
    unsafe { refuse(request) }
}

unsafe extern "C" fn create(_: *const TesseraTable, _: *const FunctionTable, request: Request) -> Submitted {
    // SAFETY: the guest hands the arguments over (see `Request`).
    unsafe { refuse(request) }
}

unsafe extern "C" fn call(_: Handle, _: u32, request: Request) -> Submitted {
    // SAFETY: the guest hands the arguments over (see `Request`).
    unsafe { refuse(request) }
}

unsafe extern "C" fn attach(_: Slice, _: Slice) -> Submitted {
    Err(refusal()).into()
}

unsafe extern "C" fn put(_: Buffer, _: Slice) -> Submitted {
    Err(refusal()).into()
}

unsafe extern "C" fn signatures(_: Handle) -> Buffer {
    Buffer::default()
}

unsafe extern "C" fn wait(_: Handle) -> Handle {
    0
}

unsafe extern "C" fn describe(_: Handle) -> Buffer {
    Description::unknown().encoded()
}

unsafe extern "C" fn ignore(_: Handle) {}
