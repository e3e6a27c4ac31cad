//! The futures of async methods, constructors and functions, as guests hand them over.

use crate::failures::failure;
use mosaic_abi::{Buffer, Failure, FailureKind, Outcome, Pending, Poll, Status, Waker, decode};
use std::{
    ffi::c_void,
    sync::{Arc, atomic::AtomicPtr},
};
use tokio::sync::Notify;

/// The guest's future of an async method, constructor or function. Polling and dropping it runs the guest's code, which
/// may block: never do either on the I/O thread.
pub(super) struct GuestFuture {
    pending: Pending,
    /// The memory to which a constructor's future writes the address of its object, kept for as long as the future.
    _object_address: Option<Arc<AtomicPtr<c_void>>>,
}

// SAFETY: the expansion asserts that the future is `Send`, and one thread at a time has it.
unsafe impl Send for GuestFuture {}

impl GuestFuture {
    /// Takes over a future; `None` if the call has ended already. The future of a constructor keeps the memory that the
    /// object's address is written to.
    pub(super) fn new(pending: Pending, object_address: Option<Arc<AtomicPtr<c_void>>>) -> Option<GuestFuture> {
        let is_pending = !pending.future.is_null();
        is_pending.then_some(GuestFuture {
            pending,
            _object_address: object_address,
        })
    }

    /// Polls the future, and returns how it ended if it has. `woken` is notified when it is to be polled again.
    pub(super) fn poll(&mut self, woken: &Arc<Notify>) -> Option<Result<Buffer, Failure>> {
        let mut outcome = Outcome::default();
        // SAFETY: the future is the guest's own and has not ended, and only the owner of `self` polls it.
        match unsafe { (self.pending.poll)(self.pending.future, waker(woken), &raw mut outcome) } {
            Poll::Pending => None,
            Poll::Ready => Some(read_outcome(outcome)),
        }
    }
}

impl Drop for GuestFuture {
    fn drop(&mut self) {
        // SAFETY: `self` is the future's only owner.
        unsafe { (self.pending.drop)(self.pending.future) }
    }
}

/// Makes a waker that notifies `woken`.
fn waker(woken: &Arc<Notify>) -> Waker {
    unsafe extern "C" fn wake(data: *mut c_void) {
        // SAFETY: `data` comes from `waker`, and is used once.
        unsafe { Arc::from_raw(data.cast::<Notify>()) }.notify_one();
    }
    unsafe extern "C" fn drop_waker(data: *mut c_void) {
        // SAFETY: as in `wake`.
        drop(unsafe { Arc::from_raw(data.cast::<Notify>()) });
    }
    Waker {
        data: Arc::into_raw(woken.clone()).cast_mut().cast(),
        wake,
        drop: drop_waker,
    }
}

/// Reads how a call ended from the form in which the guest reports it.
pub(super) fn read_outcome(outcome: Outcome) -> Result<Buffer, Failure> {
    match outcome.status {
        Status::Done => Ok(outcome.payload),
        Status::Failed => Err(decode(&outcome.payload).unwrap_or_else(|error| {
            failure(
                FailureKind::Runtime,
                format!("it failed for a reason that cannot be read: {error}"),
            )
        })),
    }
}
