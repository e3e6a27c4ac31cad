//! What the kernel's handle knows of the evaluation thread.

use crate::session;
use std::{
    path::PathBuf,
    process::Child,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What the handle may look at while the thread works.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts executions; odd while one runs.
    execution: u64,
    process: Option<Arc<Mutex<Child>>>,
    session: Option<PathBuf>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The execution that runs, if one does.
    pub(crate) fn running(&self) -> Option<u64> {
        Some(self.lock().execution).filter(|execution| execution % 2 == 1)
    }

    /// An execution begins, or the running one ends.
    pub(crate) fn step(&self) {
        self.lock().execution += 1;
        self.ended.notify_all();
    }

    /// Waits until `execution` has ended; returns whether it did within `grace`.
    pub(crate) fn wait_for_end(&self, execution: u64, grace: Duration) -> bool {
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), grace, |state| state.execution == execution);
        waited.is_ok_and(|(_, timeout)| !timeout.timed_out())
    }

    /// The cell process that is to be killed when a cell cannot be stopped otherwise.
    pub(crate) fn set_process(&self, process: Arc<Mutex<Child>>) {
        self.lock().process = Some(process);
    }

    /// The directory that is to be removed at the end.
    pub(crate) fn set_session(&self, directory: PathBuf) {
        self.lock().session = Some(directory);
    }

    pub(crate) fn kill_cell_process(&self) {
        let process = self.lock().process.clone();
        if let Some(process) = process
            && let Err(error) = process.lock().unwrap_or_else(PoisonError::into_inner).kill()
        {
            tracing::warn!("cannot kill the cell process: {error}");
        }
    }

    pub(crate) fn remove_session(&self) {
        if let Some(directory) = self.lock().session.take() {
            session::remove(&directory, &directory.with_extension("lock"));
        }
    }
}
