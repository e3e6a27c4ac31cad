//! Cancelling a job while it runs: the method may ask whether it was cancelled, and an async method is dropped.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// Whether a job was cancelled. The I/O thread and the thread that executes the job share it.
#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    /// Set once, and read by the method whenever it asks. No other memory depends on it, so all accesses are `Relaxed`.
    asked: AtomicBool,
    /// Notified when `asked` is set, so that an async method that waits is dropped.
    told: Notify,
}

impl Cancellation {
    /// Cancels the job.
    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        // One permit stays for a task that begins to wait later.
        self.told.notify_one();
    }

    /// Returns whether the job was cancelled.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits until the job is cancelled.
    pub(crate) async fn asked(&self) {
        while !self.is_asked() {
            self.told.notified().await;
        }
    }
}

thread_local! {
    /// The cancellation of the job that this thread executes.
    static CURRENT: RefCell<Option<Arc<Cancellation>>> = const { RefCell::new(None) };
}

/// Runs a part of a job on this thread. Meanwhile [`is_current_cancelled`] speaks of this job.
pub(crate) fn during<T>(cancellation: &Arc<Cancellation>, run: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(Some(cancellation.clone()));
    let value = run();
    CURRENT.set(before);
    value
}

/// Returns whether the job that this thread executes was cancelled.
pub(crate) fn is_current_cancelled() -> bool {
    // A destructor of another thread local may ask when `CURRENT` is gone.
    let current = CURRENT.try_with(|current| current.borrow().as_ref().is_some_and(|job| job.is_asked()));
    current.unwrap_or(false)
}
