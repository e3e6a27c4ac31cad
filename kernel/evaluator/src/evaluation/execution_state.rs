//! The state that the kernel's handle shares with the evaluation thread: which execution is under way, and its
//! processes.

use crate::session::directory;
use std::{
    path::PathBuf,
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// State that the handle may read and change while the evaluation thread works.
#[derive(Debug, Default)]
pub(crate) struct ExecutionState {
    state: Mutex<State>,
    /// Notified when an execution ends.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts beginnings and ends of executions: odd while one is under way, and then its number.
    execution: u64,
    /// The thread evaluates the cell, and is not still starting evcxr.
    evaluating: bool,
    /// How often the execution was interrupted.
    interrupts: u32,
    /// The cell process.
    process: Option<Arc<Mutex<Child>>>,
    /// The session's directory.
    session: Option<PathBuf>,
    /// Cells are to be compiled for the debugger.
    debugs: bool,
    /// The notebook's variables after the last cell, each a name and a type.
    variables: Vec<(String, String)>,
}

impl State {
    fn is_under_way(&self, execution: u64) -> bool {
        self.execution == execution && execution % 2 == 1
    }
}

/// How long a cell process may take to end after it has closed its socket.
const ENDING: Duration = Duration::from_secs(2);

impl ExecutionState {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an execution begins, and returns its number.
    pub(crate) fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.execution += 1 + state.execution % 2;
        state.interrupts = 0;
        state.evaluating = false;
        state.execution
    }

    /// Notes that an execution has ended.
    pub(crate) fn end(&self, execution: u64) {
        let mut state = self.lock();
        if state.is_under_way(execution) {
            state.execution += 1;
            self.ended.notify_all();
        }
    }

    /// Returns whether an execution is under way.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.lock();
        state.is_under_way(state.execution)
    }

    /// Notes that the thread evaluates the cell of the execution.
    pub(crate) fn set_evaluating(&self) {
        self.lock().evaluating = true;
    }

    /// Returns whether the thread evaluates a cell.
    pub(crate) fn is_evaluating(&self) -> bool {
        self.lock().evaluating
    }

    /// Notes an interrupt. Returns the number of the execution that is under way, and whether this is its first
    /// interrupt.
    pub(crate) fn interrupt(&self) -> Option<(u64, bool)> {
        let mut state = self.lock();
        if !state.is_under_way(state.execution) {
            return None;
        }
        state.interrupts += 1;
        Some((state.execution, state.interrupts == 1))
    }

    /// Returns how often the execution was interrupted.
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

    /// Sets the cell process, which is killed when a cell cannot be stopped otherwise.
    pub(crate) fn set_process(&self, process: Arc<Mutex<Child>>) {
        self.lock().process = Some(process);
    }

    /// Sets whether cells are compiled for the debugger.
    pub(crate) fn set_debugs(&self, debugs: bool) {
        self.lock().debugs = debugs;
    }

    /// Returns whether cells are compiled for the debugger.
    pub(crate) fn debugs(&self) -> bool {
        self.lock().debugs
    }

    /// Sets the notebook's variables, each a name and a type.
    pub(crate) fn set_variables(&self, variables: Vec<(String, String)>) {
        self.lock().variables = variables;
    }

    /// Returns the notebook's variables, each a name and a type.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        self.lock().variables.clone()
    }

    /// Sets the session's directory, which is removed at the end.
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

    /// Kills the cell process.
    pub(crate) fn kill_cell_process(&self) {
        kill(self.lock().process.as_ref());
    }

    /// Returns how the cell process has ended, if it has.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        let process = self.lock().process.clone()?;
        process.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok()?
    }

    /// Waits for the end of a cell process that has closed its socket, kills it if it takes long, and returns how it
    /// ended.
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

    /// Returns the session's directory.
    pub(crate) fn session(&self) -> Option<PathBuf> {
        self.lock().session.clone()
    }

    /// Removes the session's directory. May be called again: a compiler that was still running can have written into
    /// the directory after it was removed.
    pub(crate) fn remove_session(&self) {
        let session = self.lock().session.clone();
        if let Some(directory) = session {
            directory::remove_until_gone(&directory);
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
    fn what_is_written_after_the_removal_of_the_session_is_removed_too() {
        let parent = tempfile::tempdir().unwrap();
        let session = parent.path().join("session-x");
        let state = ExecutionState::default();
        state.set_session(session.clone());
        for _ in 0..2 {
            std::fs::create_dir(&session).unwrap();
            state.remove_session();
            assert!(!session.exists());
        }
    }

    #[test]
    fn an_interrupt_counts_for_the_execution_under_way() {
        let state = ExecutionState::default();
        assert_eq!(state.interrupt(), None);
        let first = state.begin();
        assert_eq!(state.interrupt(), Some((first, true)));
        assert_eq!(state.interrupt(), Some((first, false)));
        assert!(state.is_busy() && !state.wait_for_end(first, Duration::ZERO));
        state.end(first);
        assert_eq!(state.interrupt(), None);
        assert!(!state.is_busy() && state.wait_for_end(first, Duration::ZERO));
        let second = state.begin();
        assert!(second != first && state.interrupts() == 0);
        state.end(first);
        assert_eq!(state.interrupt(), Some((second, true)));
    }
}
