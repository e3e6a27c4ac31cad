//! The host of the guests in a worker: it has no runtime to offer.

use crate::{failures::failure, head::encode_failure};
use mosaic_abi::{
    Argument, Buffer, CellEvent, Description, FailureKind, Handle, Host, Outcome, Poll, Slice, State, Status,
    Submitted, TesseraTable, VERSION, Waker,
};
use std::ptr;

/// The table that workers hand out.
pub(super) static NO_HOST: Host = Host {
    version: VERSION,
    cell_event,
    start,
    stop,
    create,
    call,
    wait,
    result: wait,
    poll,
    describe,
    retain: ignore,
    release: ignore,
    tesserae: stop,
    attach,
    signatures,
    ask,
};

fn refusal() -> Buffer {
    let message = "a worker cannot use the mosaic runtime yet: create tesserae and call them from the head";
    encode_failure(&failure(FailureKind::NotRunning, message))
}

unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}

unsafe extern "C" fn start(_: usize) -> Handle {
    0
}

unsafe extern "C" fn stop() -> Handle {
    0
}

/// Takes the arguments over, and drops them.
unsafe fn refuse(arguments: *mut Argument, count: usize) -> Submitted {
    for index in 0..count {
        // SAFETY: the guest hands over `count` arguments, each of which is read once.
        drop(unsafe { ptr::read(arguments.add(index)) });
    }
    Submitted {
        handle: 0,
        failure: refusal(),
    }
}

unsafe extern "C" fn create(
    _: *const TesseraTable,
    arguments: *mut Argument,
    count: usize,
    _: *const Handle,
    _: usize,
) -> Submitted {
    // SAFETY: the guest hands the arguments over (see `Host`).
    unsafe { refuse(arguments, count) }
}

unsafe extern "C" fn call(
    _: Handle,
    _: u32,
    arguments: *mut Argument,
    count: usize,
    _: *const Handle,
    _: usize,
) -> Submitted {
    // SAFETY: the guest hands the arguments over (see `Host`).
    unsafe { refuse(arguments, count) }
}

unsafe extern "C" fn wait(_: Handle) -> Handle {
    0
}

unsafe extern "C" fn poll(_: Handle, waker: Waker, outcome: *mut Outcome) -> Poll {
    // SAFETY: the waker is the guest's, used once; the outcome is initialised and outlives the call.
    unsafe {
        (waker.drop)(waker.data);
        *outcome = Outcome {
            status: Status::Failed,
            payload: refusal(),
        };
    }
    Poll::Ready
}

unsafe extern "C" fn describe(_: Handle) -> Buffer {
    let description = Description {
        uid: String::new(),
        runtime: None,
        state: State::Failed,
    };
    Buffer::from(mosaic_abi::encode(&description).expect("a description is strings and an enum"))
}

unsafe extern "C" fn attach(_: Slice, _: Slice) -> Submitted {
    Submitted {
        handle: 0,
        failure: refusal(),
    }
}

unsafe extern "C" fn signatures(_: Handle) -> Buffer {
    Buffer::from(mosaic_abi::encode::<[String]>(&[]).expect("texts can always be encoded"))
}

unsafe extern "C" fn ignore(_: Handle) {}

/// Not supported yet: the wait refuses.
unsafe extern "C" fn ask(_: Slice) -> Handle {
    0
}
