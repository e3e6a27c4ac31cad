//! Telling what runs that its result is no longer wanted.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// Whether a job was cancelled; shared between the books and the thread that runs it.
#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    /// Set once, and read by the method whenever it asks: nothing else depends on when it sees it.
    asked: AtomicBool,
    /// Told when it is set: an async method that waits is dropped.
    told: Notify,
}

impl Cancellation {
    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        // One permit stays for whoever begins to wait later.
        self.told.notify_one();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits until it is asked.
    pub(crate) async fn asked(&self) {
        while !self.is_asked() {
            self.told.notified().await;
        }
    }
}

thread_local! {
    /// That of the job which this thread runs.
    static CURRENT: RefCell<Option<Arc<Cancellation>>> = const { RefCell::new(None) };
}

/// Runs a part of a job, which may ask whether it was cancelled.
pub(crate) fn during<T>(cancellation: &Arc<Cancellation>, run: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(Some(cancellation.clone()));
    let value = run();
    CURRENT.set(before);
    value
}

/// Whether the job that this thread runs was cancelled.
pub(crate) fn is_current_cancelled() -> bool {
    // Destructors of thread locals may ask as well.
    let current = CURRENT.try_with(|current| current.borrow().as_ref().is_some_and(|job| job.is_asked()));
    current.unwrap_or(false)
}
