//! Calls of async methods, as their worker goes on with them.

use crate::{
    guest::entry::{encode, guarded, to_outcome},
    remote::argument::Portable,
};
use mosaic_abi::{Buffer, Failure, Outcome, Pending, Poll as HostPoll, Waker as HostWaker};
use std::{
    ffi::c_void,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

type Encoding = Pin<Box<dyn Future<Output = Result<Buffer, Failure>> + Send>>;

/// What a method gave: its encoded value, or the future of that.
pub enum Reply {
    /// The method is over.
    Now(Buffer),
    /// It is async.
    Later(Encoding),
}

/// The reply of a method that returned `value`.
pub fn now<T: Portable>(value: &T) -> Result<Reply, Failure> {
    encode(value).map(Reply::Now)
}

/// The reply of an async method. `future` must not outlive its object: the host drops it before.
pub fn later(future: impl Future<Output = Result<Buffer, Failure>> + Send + 'static) -> Result<Reply, Failure> {
    Ok(Reply::Later(Box::pin(future)))
}

/// An object for as long as the future of a call needs it.
///
/// # Safety
///
/// The caller keeps the reference in a future that is given to [`later`] and nowhere else.
pub unsafe fn kept<T>(object: &mut T) -> &'static mut T {
    // SAFETY: the host keeps the object, and calls nothing else on it, until it has dropped the future (see `Pending`).
    unsafe { &mut *std::ptr::from_mut(object) }
}

/// A call that goes on.
struct Running {
    future: Encoding,
    type_name: String,
    method: String,
}

/// Hands a future to the host.
pub(crate) fn pending(future: Encoding, type_name: &str, method: &str) -> Pending {
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
    let waker = Waker::from(Arc::new(Woken(Mutex::new(Some(waker)))));
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
    crate::guest::panics::print_if_caught(&mut || running = None);
}

/// The host's waker, which is good for one use.
struct Woken(Mutex<Option<HostWaker>>);

impl Woken {
    fn take(&self) -> Option<HostWaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Woken>) {
        if let Some(waker) = self.take() {
            // SAFETY: the host gave the function for this data, and taking it out makes this its only use.
            unsafe { (waker.wake)(waker.data) };
        }
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        if let Some(waker) = self.take() {
            // SAFETY: as in `wake_by_ref`.
            unsafe { (waker.drop)(waker.data) };
        }
    }
}
