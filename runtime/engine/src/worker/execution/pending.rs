//! Async methods, constructors and functions, which are polled again when they are woken.
//!
//! A waiting future occupies no thread, so that a method may wait for any number of other methods of this worker.

use super::{
    super::{head::HeadConnection, state::WorkerState},
    current::Executing,
    guest_future::GuestFuture,
    modules::Loaded,
    subject::Subject,
};
use crate::{
    cancellation::{self, Cancellation},
    failures::{cancelled, failure},
    id::Id,
};
use mosaic_abi::{Buffer, Failure, FailureKind};
use std::{
    ffi::c_void,
    rc::Rc,
    sync::{Arc, OnceLock},
};
use tokio::{runtime::Runtime, sync::Notify, task::spawn_blocking};

/// Polls a future whenever it is woken, until it has ended or is no longer wanted.
pub(super) async fn finish(
    state: &Rc<WorkerState>,
    loaded: Loaded,
    (head, task, cancellation): (&HeadConnection, Id, &Arc<Cancellation>),
    subject: &Subject,
    mut call: GuestFuture,
) -> Result<Buffer, Failure> {
    let woken = Arc::new(Notify::new());
    loop {
        let permit = state.admission.enter().await;
        let (output, woken_by, job) = (state.output.clone(), woken.clone(), cancellation.clone());
        let (head, subject) = (head.clone(), subject.clone());
        let polled = spawn_blocking(move || {
            let _executing = Executing::new(head, task, &subject);
            let flushing = output.flush_while_running(loaded.guest);
            let polled = cancellation::during(&job, || {
                in_runtime(loaded, || match call.poll(&woken_by) {
                    None => Polled::Pending(call),
                    Some(outcome) => {
                        drop(call);
                        Polled::Ended(outcome)
                    }
                })
            });
            drop(flushing);
            polled
        });
        let polled = polled.await;
        drop(permit);
        match polled {
            Ok(Polled::Ended(outcome)) => return outcome,
            Ok(Polled::Pending(going_on)) => call = going_on,
            Err(error) => return Err(failure(FailureKind::Runtime, error.to_string())),
        }
        if !state.is_closing() {
            tokio::select! {
                () = woken.notified() => continue,
                () = cancellation.asked() => {
                    drop_future(state, loaded, call).await;
                    return Err(cancelled());
                }
                () = state.closed() => {}
            }
        }
        drop_future(state, loaded, call).await;
        return Err(failure(FailureKind::NotRunning, "the worker was asked to end"));
    }
}

/// A future that was polled.
enum Polled {
    Pending(GuestFuture),
    /// The future has ended like this, and was dropped.
    Ended(Result<Buffer, Failure>),
}

/// Drops a future that is no longer wanted. The guest's destructors may block, so they run on a thread of their own.
async fn drop_future(state: &Rc<WorkerState>, loaded: Loaded, call: GuestFuture) {
    let output = state.output.clone();
    let dropped = spawn_blocking(move || {
        let flushing = output.flush_while_running(loaded.guest);
        in_runtime(loaded, || drop(call));
        drop(flushing);
    });
    if dropped.await.is_err() {
        tracing::error!("the future of an async method could not be dropped");
    }
}

/// Runs `run` within a tokio runtime, which a method may use: one of the guest's own tokio, or this process's if the
/// guest has no tokio of its own.
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
        // SAFETY: `data` points to the `Passed` below, which nobody else uses meanwhile.
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
    // SAFETY: the symbol has this type in the notebook's tokio, and calls `call` once, on this thread, before it
    // returns.
    unsafe { enter(call, (&raw mut passed).cast()) };
    passed.value.expect("the runtime calls the function that it is given")
}
