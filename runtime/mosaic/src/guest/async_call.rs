//! Calls of async methods, constructors and functions.

use super::{
    arguments::encode,
    outcome::{guarded, to_outcome},
    panics,
};
use crate::value::portable::Portable;
use mosaic_abi::{Buffer, Failure, Outcome, Pending, Poll as HostPoll, Waker as HostWaker};
use std::{
    ffi::c_void,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

type EncodedFuture = Pin<Box<dyn Future<Output = Result<Buffer, Failure>> + Send>>;

/// The reply of a method.
pub enum Reply {
    /// The method has ended; its encoded value.
    Now(Buffer),
    /// The method is async; the future of its encoded value.
    Later(EncodedFuture),
}

/// Makes the reply of a method that returned `value`.
///
/// # Errors
///
/// The value cannot be encoded.
pub fn now<T: Portable>(value: &T) -> Result<Reply, Failure> {
    encode(value).map(Reply::Now)
}

/// Makes the reply of an async method. The host drops `future` before it drops the object.
///
/// # Errors
///
/// None; the `Result` matches [`now`].
pub fn later(future: impl Future<Output = Result<Buffer, Failure>> + Send + 'static) -> Result<Reply, Failure> {
    Ok(Reply::Later(Box::pin(future)))
}

/// Extends the borrow of an object to the lifetime of the call's future.
///
/// # Safety
///
/// The caller keeps the reference in a future that it gives to [`later`], and nowhere else.
pub unsafe fn kept<T>(object: &mut T) -> &'static mut T {
    // SAFETY: the host keeps the object, and calls nothing else on it, until it has dropped the future (see `Pending`).
    unsafe { &mut *std::ptr::from_mut(object) }
}

/// A call that has not ended.
struct Running {
    future: EncodedFuture,
    type_name: String,
    method: String,
}

/// Hands a future to the host.
pub(crate) fn pending(future: EncodedFuture, type_name: &str, method: &str) -> Pending {
    let running = Running {
        future,
        type_name: type_name.to_owned(),
        method: method.to_owned(),
    };
    Pending {
        future: Box::into_raw(Box::new(running)).cast(),
        poll,
        drop: drop_running,
    }
}

unsafe extern "C" fn poll(future: *mut c_void, waker: HostWaker, outcome: *mut Outcome) -> HostPoll {
    // SAFETY: the host passes what `pending` made, and polls it on one thread at a time.
    let running = unsafe { &mut *future.cast::<Running>() };
    let waker = Waker::from(Arc::new(HostWakerOnce(Mutex::new(Some(waker)))));
    let polled = guarded(|| Ok(running.future.as_mut().poll(&mut Context::from_waker(&waker))));
    let result = match polled {
        Ok(Poll::Pending) => return HostPoll::Pending,
        Ok(Poll::Ready(result)) => result,
        Err(panic) => Err(panic),
    };
    // SAFETY: the host passes an outcome that it initialised and that outlives the call.
    unsafe { *outcome = to_outcome(&running.type_name, &running.method, result) };
    HostPoll::Ready
}

unsafe extern "C" fn drop_running(future: *mut c_void) {
    // SAFETY: the host passes what `pending` made, once.
    let mut running = Some(unsafe { Box::from_raw(future.cast::<Running>()) });
    panics::print_if_caught(&mut || running = None);
}

/// The host's waker, which may be used once.
struct HostWakerOnce(Mutex<Option<HostWaker>>);

impl HostWakerOnce {
    fn take(&self) -> Option<HostWaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Wake for HostWakerOnce {
    fn wake(self: Arc<HostWakerOnce>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<HostWakerOnce>) {
        if let Some(waker) = self.take() {
            // SAFETY: the host gave the function for this data, and taking it out makes this its only use.
            unsafe { (waker.wake)(waker.data) };
        }
    }
}

impl Drop for HostWakerOnce {
    fn drop(&mut self) {
        if let Some(waker) = self.take() {
            // SAFETY: as in `wake_by_ref`.
            unsafe { (waker.drop)(waker.data) };
        }
    }
}
