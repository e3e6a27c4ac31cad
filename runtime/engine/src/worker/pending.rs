//! Calls of async methods, constructors and functions: their futures, and going on with them when they are woken.
//!
//! While one waits it occupies no thread, so that a method may wait for as many others of this worker as it likes.

use super::{
    current::Executing,
    module::Loaded,
    object,
    site::{Head, Site},
};
use crate::{
    cancellation::{self, Cancellation},
    failures::failure,
    id::Id,
};
use mosaic_abi::{Buffer, Failure, FailureKind, Outcome, Pending, Poll, Waker};
use std::{
    ffi::c_void,
    rc::Rc,
    sync::{Arc, OnceLock, atomic::AtomicPtr},
};
use tokio::{runtime::Runtime, sync::Notify, task::spawn_blocking};

/// The guest's future of a call, a constructor or a function.
pub(super) struct Call {
    pending: Pending,
    /// Where it writes the address of the object that it constructs.
    _place: Option<Arc<AtomicPtr<c_void>>>,
}

// SAFETY: the expansion asserts that the future is `Send`, and one thread at a time has it.
unsafe impl Send for Call {}

impl Call {
    /// The future of a call; none where it has ended. That of a constructor keeps the place for the object's address.
    pub(super) fn new(pending: Pending, place: Option<Arc<AtomicPtr<c_void>>>) -> Option<Call> {
        let is_pending = !pending.future.is_null();
        is_pending.then_some(Call { pending, _place: place })
    }

    /// Goes on, and returns how it ended if it has. `woken` is told when it is worth while to go on.
    fn poll(&mut self, woken: &Arc<Notify>) -> Option<Result<Buffer, Failure>> {
        let mut outcome = Outcome::default();
        // SAFETY: the future is the guest's own, has not ended, and is polled by whoever has `self` alone.
        match unsafe { (self.pending.poll)(self.pending.future, waker(woken), &raw mut outcome) } {
            Poll::Pending => None,
            Poll::Ready => Some(object::read(outcome)),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // SAFETY: `self` is its only owner.
        unsafe { (self.pending.drop)(self.pending.future) }
    }
}

fn waker(woken: &Arc<Notify>) -> Waker {
    unsafe extern "C" fn wake(data: *mut c_void) {
        // SAFETY: `data` is that of `waker`, and used once.
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

/// Goes on with a call whenever it is woken, until it has ended or is no longer wanted.
pub(super) async fn finish(
    site: &Rc<Site>,
    loaded: Loaded,
    (head, task, cancellation): (&Head, Id, &Arc<Cancellation>),
    mut call: Call,
) -> Result<Buffer, Failure> {
    let woken = Arc::new(Notify::new());
    loop {
        let entered = site.gate.enter().await;
        let (output, woken_by, job) = (site.output.clone(), woken.clone(), cancellation.clone());
        let head = head.clone();
        let polled = spawn_blocking(move || {
            let _executing = Executing::new(head, task);
            let flushing = output.flush_while_running(loaded.guest);
            let ended = cancellation::during(&job, || in_runtime(loaded, || call.poll(&woken_by)));
            drop(flushing);
            (call, ended)
        });
        let polled = polled.await;
        drop(entered);
        match polled {
            Ok((_, Some(outcome))) => return outcome,
            Ok((going_on, None)) => call = going_on,
            Err(error) => return Err(failure(FailureKind::Runtime, error.to_string())),
        }
        if site.is_closing() {
            return Err(failure(FailureKind::NotRunning, "the worker was asked to end"));
        }
        tokio::select! {
            () = woken.notified() => {}
            () = cancellation.asked() => return Err(cancelled()),
            () = site.closed() => {}
        }
    }
}

/// What a call fails with that was cancelled.
pub(super) fn cancelled() -> Failure {
    failure(
        FailureKind::Cancelled,
        "`cancel` was called on its task, or its time was over",
    )
}

/// Runs `run` within a tokio runtime, for what a method uses of that: the guest's own tokio's, or where it has none of its
/// own this process's.
fn in_runtime<T>(loaded: Loaded, run: impl FnOnce() -> T) -> T {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let Some(enter) = loaded.enter else {
        let runtime = RUNTIME.get_or_init(|| {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder
                .worker_threads(2)
                .enable_all()
                .thread_name("mosaic-async")
                .build()
                .ok()
        });
        let _entered = runtime.as_ref().map(Runtime::enter);
        return run();
    };
    struct Passed<F, T> {
        run: Option<F>,
        value: Option<T>,
    }
    unsafe extern "C" fn call<F: FnOnce() -> T, T>(data: *mut c_void) {
        // SAFETY: `data` is the `Passed` below, which nobody else has meanwhile.
        let passed = unsafe { &mut *data.cast::<Passed<F, T>>() };
        passed.value = passed.run.take().map(|run| run());
    }
    fn pass<F: FnOnce() -> T, T>(_: &Passed<F, T>) -> unsafe extern "C" fn(*mut c_void) {
        call::<F, T>
    }
    let mut passed = Passed {
        run: Some(run),
        value: None,
    };
    let call = pass(&passed);
    // SAFETY: the symbol has this type in the notebook's tokio, and calls `call` once, on this thread, before it returns.
    unsafe { enter(call, (&raw mut passed).cast()) };
    passed.value.expect("the runtime calls what it is given")
}
