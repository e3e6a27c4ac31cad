//! What the kernel's handle knows of the evaluation thread.

use crate::session::directory;
use std::{
    path::PathBuf,
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// What the handle may look at while the thread works.
#[derive(Debug, Default)]
pub(crate) struct ExecutionState {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts executions; odd while one is under way.
    execution: u64,
    /// The thread is at it, and not still starting evcxr.
    evaluating: bool,
    /// How often it was interrupted.
    interrupts: u32,
    process: Option<Arc<Mutex<Child>>>,
    session: Option<PathBuf>,
}

impl State {
    fn is_under_way(&self, execution: u64) -> bool {
        self.execution == execution && execution % 2 == 1
    }
}

/// How long a process that closed its socket may take to end.
const ENDING: Duration = Duration::from_secs(2);

impl ExecutionState {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An execution begins; its number is returned.
    pub(crate) fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.execution += 1 + state.execution % 2;
        state.interrupts = 0;
        state.evaluating = false;
        state.execution
    }

    /// The execution has ended.
    pub(crate) fn end(&self, execution: u64) {
        let mut state = self.lock();
        if state.is_under_way(execution) {
            state.execution += 1;
            self.ended.notify_all();
        }
    }

    /// Whether an execution is under way.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.lock();
        state.is_under_way(state.execution)
    }

    /// The thread begins to evaluate.
    pub(crate) fn set_evaluating(&self) {
        self.lock().evaluating = true;
    }

    /// Whether the thread evaluates.
    pub(crate) fn is_evaluating(&self) -> bool {
        self.lock().evaluating
    }

    /// Notes an interrupt of the execution that is under way: its number, and whether this is the first one.
    pub(crate) fn interrupt(&self) -> Option<(u64, bool)> {
        let mut state = self.lock();
        if !state.is_under_way(state.execution) {
            return None;
        }
        state.interrupts += 1;
        Some((state.execution, state.interrupts == 1))
    }

    /// How often the execution was interrupted.
    pub(crate) fn interrupts(&self) -> u32 {
        self.lock().interrupts
    }

    /// Waits until `execution` has ended; returns whether it did within `grace`.
    pub(crate) fn wait_for_end(&self, execution: u64, grace: Duration) -> bool {
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), grace, |state| state.is_under_way(execution));
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

    /// Kills the cell process, if `execution` is still under way.
    pub(crate) fn kill_cell_process_of(&self, execution: u64) {
        let state = self.lock();
        if state.is_under_way(execution) {
            kill(state.process.as_ref());
        }
    }

    pub(crate) fn kill_cell_process(&self) {
        kill(self.lock().process.as_ref());
    }

    /// How the cell process has ended, if it has.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        let process = self.lock().process.clone()?;
        process.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok()?
    }

    /// How the cell process, which has closed its socket, ends. One that takes its time is killed.
    pub(crate) fn wait_for_exit(&self) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < ENDING {
            if let Some(status) = self.exit_status() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.kill_cell_process();
        let process = self.lock().process.clone()?;
        process.lock().unwrap_or_else(PoisonError::into_inner).wait().ok()
    }

    pub(crate) fn remove_session(&self) {
        if let Some(directory) = self.lock().session.take() {
            directory::remove_until_gone(&directory, &directory.with_extension("lock"));
        }
    }
}

fn kill(process: Option<&Arc<Mutex<Child>>>) {
    if let Some(process) = process
        && let Err(error) = process.lock().unwrap_or_else(PoisonError::into_inner).kill()
    {
        tracing::warn!("cannot kill the cell process: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_is_for_the_execution_that_is_under_way() {
        let shared = ExecutionState::default();
        assert_eq!(shared.interrupt(), None);
        let first = shared.begin();
        assert_eq!(shared.interrupt(), Some((first, true)));
        assert_eq!(shared.interrupt(), Some((first, false)));
        assert!(shared.is_busy() && !shared.wait_for_end(first, Duration::ZERO));
        shared.end(first);
        assert_eq!(shared.interrupt(), None);
        assert!(!shared.is_busy() && shared.wait_for_end(first, Duration::ZERO));
        let second = shared.begin();
        assert!(second != first && shared.interrupts() == 0);
        shared.end(first);
        assert_eq!(shared.interrupt(), Some((second, true)));
    }
}
