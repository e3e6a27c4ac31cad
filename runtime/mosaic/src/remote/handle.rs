//! Handles of the host's objects, and waits.

use crate::{
    error::TaskError,
    guest::interrupt::checkpoint,
    host::{decode_failure, failure, host},
    value::encoding,
};
use mosaic_abi::{Buffer, Failure, FailureKind, Handle, Outcome, Poll as HostPoll, Status, Waker as HostWaker};
use std::{
    ffi::c_void,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

/// One share in the ownership of an object of the host. Cloning adds a share, dropping returns it.
pub(crate) struct OwnedHandle(Handle);

impl OwnedHandle {
    /// Takes over a handle that the host gave out.
    pub(crate) fn new(handle: Handle) -> OwnedHandle {
        OwnedHandle(handle)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0
    }
}

impl Clone for OwnedHandle {
    fn clone(&self) -> OwnedHandle {
        if let Ok(host) = host() {
            // SAFETY: the handle is alive, since `self` owns it.
            unsafe { (host.retain)(self.0) };
        }
        OwnedHandle(self.0)
    }
}

impl Drop for OwnedHandle {
    fn drop(&mut self) {
        release(self.0);
    }
}

fn release(handle: Handle) {
    if let Ok(host) = host() {
        // SAFETY: the caller owned the handle and gives it back once.
        unsafe { (host.release)(handle) };
    }
}

/// A wait of the host, as a future. Works in any executor, since the host's own thread wakes it.
pub struct Wait {
    state: WaitState,
}

enum WaitState {
    Waiting(Handle),
    /// Failed before it began.
    Failed(Failure),
    Over,
}

impl Wait {
    /// Takes over the wait that `begin` makes.
    pub(crate) fn begin(begin: impl FnOnce(&'static mosaic_abi::Host) -> Handle) -> Wait {
        Wait {
            state: match host() {
                Ok(host) => WaitState::Waiting(begin(host)),
                Err(failure) => WaitState::Failed(failure),
            },
        }
    }

    /// Limits the wait: it fails unless it is over after `duration`. Whatever it waits for goes on.
    #[must_use]
    pub(crate) fn limited(self, duration: Duration) -> Wait {
        if let (WaitState::Waiting(handle), Ok(host)) = (&self.state, host()) {
            // A time that does not fit is longer than any run.
            let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            // SAFETY: the handle is a wait that this owns.
            unsafe { (host.limit)(*handle, milliseconds) };
        }
        self
    }

    /// Polls a wait whose value does not matter.
    pub(crate) fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        let outcome = ready!(Pin::new(self).poll(context));
        Poll::Ready(outcome.map(drop).map_err(TaskError::new))
    }

    pub(crate) fn failed(failure: Failure) -> Wait {
        Wait {
            state: WaitState::Failed(failure),
        }
    }
}

impl Future for Wait {
    type Output = Result<Buffer, Failure>;

    fn poll(mut self: Pin<&mut Wait>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Checked before anything is taken: a wait that is ready must not keep an interrupted cell going.
        checkpoint();
        let handle = match std::mem::replace(&mut self.state, WaitState::Over) {
            WaitState::Waiting(handle) => handle,
            WaitState::Failed(failure) => return Poll::Ready(Err(failure)),
            WaitState::Over => panic!("a wait was polled after it was over"),
        };
        let host = match host() {
            Ok(host) => host,
            Err(failure) => return Poll::Ready(Err(failure)),
        };
        let mut outcome = Outcome::default();
        // SAFETY: `handle` is a wait that this future owns, the waker is handed over, and `outcome` outlives the call.
        match unsafe { (host.poll)(handle, host_waker(context.waker()), &raw mut outcome) } {
            HostPoll::Pending => {
                self.state = WaitState::Waiting(handle);
                Poll::Pending
            }
            HostPoll::Ready => {
                release(handle);
                Poll::Ready(match outcome.status {
                    Status::Done => Ok(outcome.payload),
                    Status::Failed => Err(decode_failure(&outcome.payload)),
                })
            }
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let WaitState::Waiting(handle) = self.state {
            release(handle);
        }
    }
}

fn host_waker(waker: &Waker) -> HostWaker {
    HostWaker {
        data: Box::into_raw(Box::new(waker.clone())).cast::<c_void>(),
        wake: wake_boxed,
        drop: drop_boxed,
    }
}

unsafe extern "C" fn wake_boxed(data: *mut c_void) {
    // SAFETY: `data` is the box of `host_waker`, and the host calls either this or `drop_boxed`, once.
    unsafe { Box::from_raw(data.cast::<Waker>()) }.wake();
}

unsafe extern "C" fn drop_boxed(data: *mut c_void) {
    // SAFETY: `data` is the box of `host_waker`, and the host calls either this or `wake_boxed`, once.
    drop(unsafe { Box::from_raw(data.cast::<Waker>()) });
}

/// Decodes a message of the host.
pub(crate) fn decode_message<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    mosaic_abi::decode(bytes).map_err(|error| not_a_value(std::any::type_name::<T>(), &error))
}

/// Decodes a value that a guest encoded.
pub(crate) fn decode_value<T: serde::de::DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, Failure> {
    encoding::decode(bytes).map_err(|error| not_a_value(std::any::type_name::<T>(), &error))
}

#[inline(never)]
fn not_a_value(type_name: &str, error: &str) -> Failure {
    let message = format!("the bytes that arrived are not a `{type_name}`: {error}");
    failure(FailureKind::NotPortable, message)
}
