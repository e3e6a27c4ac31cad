//! The cell that runs in this process, for those who interrupt it.
//!
//! An interrupt names the execution that it is meant for, and comes on a thread of its own: before the cell begins, while
//! it runs, or after it. One lock decides which of these it is.

use mosaic_abi::Guest;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The notebook's tokio's `mosaic_interrupt_wait`: interrupts what the cell waits for, or takes that back.
pub(super) type InterruptWait = unsafe extern "C" fn(interrupted: bool);

/// What stops a cell: where it waits, and where it calls us.
#[derive(Clone, Copy, Default)]
pub(super) struct Brakes {
    pub(super) guest: Option<&'static Guest>,
    pub(super) wait: Option<InterruptWait>,
}

impl Brakes {
    fn release(self) {
        if let Some(guest) = self.guest {
            (guest.begin_cell)();
        }
        self.interrupt_wait(false);
    }

    fn pull(self) {
        if let Some(guest) = self.guest {
            (guest.interrupt)();
        }
        self.interrupt_wait(true);
    }

    fn interrupt_wait(self, interrupted: bool) {
        if let Some(wait) = self.wait {
            // SAFETY: the function has no preconditions, and its library is never unloaded.
            unsafe { wait(interrupted) }
        }
    }
}

#[derive(Default)]
struct State {
    /// The execution that the kernel is at; evcxr may run several pieces of code for one.
    execution: u64,
    interrupted: bool,
    running: Option<Brakes>,
}

static STATE: Mutex<State> = Mutex::new(State {
    execution: 0,
    interrupted: false,
    running: None,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The kernel is at this execution from now on.
pub(super) fn expect(execution: u64) {
    let mut state = state();
    if state.execution != execution {
        state.execution = execution;
        state.interrupted = false;
    }
}

/// Interrupts an execution, whether its cell runs already or not.
pub(super) fn interrupt(execution: u64) {
    let mut state = state();
    if state.execution == execution {
        state.interrupted = true;
        if let Some(brakes) = state.running {
            brakes.pull();
        }
    }
}

/// A cell begins on this thread, unless it was interrupted before it could.
pub(super) fn begin(brakes: Brakes) -> bool {
    let mut state = state();
    if !state.interrupted {
        brakes.release();
        state.running = Some(brakes);
    }
    !state.interrupted
}

/// The cell has ended. Returns whether it was interrupted.
pub(super) fn end() -> bool {
    let mut state = state();
    state.running = None;
    state.interrupted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_hits_only_the_execution_that_it_names() {
        expect(1);
        interrupt(3);
        assert!(begin(Brakes::default()));
        assert!(!end());
        interrupt(1);
        assert!(!begin(Brakes::default()), "interrupted before it began");
        expect(1);
        assert!(end(), "the same execution is still interrupted");
        expect(3);
        interrupt(1);
        assert!(begin(Brakes::default()));
        interrupt(3);
        assert!(end());
    }
}
