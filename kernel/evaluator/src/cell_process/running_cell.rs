//! The running cell, for those who interrupt it.
//!
//! An interrupt names the execution that it is meant for, and comes on the thread `link`: before the cell begins, while
//! it runs, or after it. One lock decides which of these it is.

use mosaic_abi::Guest;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The function `mosaic_interrupt_wait` of the notebook's tokio: interrupts what the cell waits for, or takes that
/// back.
pub(super) type InterruptWait = unsafe extern "C" fn(interrupted: bool);

/// The places where a cell can be stopped: in calls of the guest, and in waits of the notebook's tokio.
#[derive(Clone, Copy, Default)]
pub(super) struct InterruptHooks {
    /// The guest of the cell's crate `mosaic`, if the cell links it.
    pub(super) guest: Option<&'static Guest>,
    /// The function of the cell's tokio, if the cell links the notebook's.
    pub(super) wait: Option<InterruptWait>,
}

impl InterruptHooks {
    /// Takes an earlier interrupt back, so that a new cell runs.
    fn reset(self) {
        if let Some(guest) = self.guest {
            (guest.begin_cell)();
        }
        self.interrupt_wait(false);
    }

    /// Stops the cell at the next of these places.
    fn interrupt(self) {
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

/// The execution that the kernel is at, and its running cell.
#[derive(Default)]
struct Execution {
    /// The kernel's number of the execution. evcxr may run several pieces of code for one.
    number: u64,
    interrupted: bool,
    /// The hooks of the cell that runs, if one does.
    running: Option<InterruptHooks>,
}

/// The execution that the kernel is at.
///
/// The thread `link` writes the number and interrupts; the main thread writes `running` when a cell begins and ends.
/// The hooks are called under the lock, so that an interrupt never meets a cell that has ended or another one.
static EXECUTION: Mutex<Execution> = Mutex::new(Execution {
    number: 0,
    interrupted: false,
    running: None,
});

fn current() -> MutexGuard<'static, Execution> {
    EXECUTION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the execution that the kernel is at from now on.
pub(super) fn expect(number: u64) {
    let mut execution = current();
    if execution.number != number {
        execution.number = number;
        execution.interrupted = false;
    }
}

/// Interrupts an execution, whether its cell runs already or not. Does nothing if the kernel is at another execution.
pub(super) fn interrupt(number: u64) {
    let mut execution = current();
    if execution.number == number {
        execution.interrupted = true;
        if let Some(hooks) = execution.running {
            hooks.interrupt();
        }
    }
}

/// Begins a cell on this thread. Returns `false`, and begins nothing, if the execution was interrupted before.
pub(super) fn begin(hooks: InterruptHooks) -> bool {
    let mut execution = current();
    if !execution.interrupted {
        hooks.reset();
        execution.running = Some(hooks);
    }
    !execution.interrupted
}

/// Ends the cell. Returns whether its execution was interrupted.
pub(super) fn end() -> bool {
    let mut execution = current();
    execution.running = None;
    execution.interrupted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_hits_only_the_execution_that_it_names() {
        expect(1);
        interrupt(3);
        assert!(begin(InterruptHooks::default()));
        assert!(!end());
        interrupt(1);
        assert!(!begin(InterruptHooks::default()), "interrupted before it began");
        expect(1);
        assert!(end(), "the same execution is still interrupted");
        expect(3);
        interrupt(1);
        assert!(begin(InterruptHooks::default()));
        interrupt(3);
        assert!(end());
    }
}
