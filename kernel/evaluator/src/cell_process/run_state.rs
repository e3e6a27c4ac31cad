//! The events of the running cell, and what evcxr is told of them.

use crate::{
    cell_process::{
        channels::{report, tell_evcxr},
        output,
    },
    evcxr_text::markers::{ERROR_OCCURRED, EXECUTION_COMPLETE, PANIC_NOTIFICATION, VARIABLE_CHANGED_TYPE},
    session::link::Report,
};
use mosaic_abi::{CellEvent, Slice};
use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The events of the running cell that evcxr has to know.
#[derive(Debug, Default)]
pub(super) struct RunState {
    /// evcxr was told that the cell has ended.
    is_released: bool,
    /// The cell panicked, or an interrupt unwound it.
    pub(super) panicked: bool,
    /// A `?` of the cell returned an error.
    pub(super) failed: bool,
    /// The names of variables that were dropped since their types were redefined.
    lost_variables: Vec<String>,
}

/// The state of the running cell, or of the last one.
///
/// Reset by the main thread before each cell. Written by the cell's code, through [`cell_event`] on any thread, and by
/// the main thread when the cell has ended. Read by whoever first calls [`RunState::release`].
static RUN_STATE: Mutex<RunState> = Mutex::new(RunState {
    is_released: false,
    panicked: false,
    failed: false,
    lost_variables: Vec::new(),
});

/// Locks the state of the running cell.
pub(super) fn run_state() -> MutexGuard<'static, RunState> {
    RUN_STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunState {
    /// Tells evcxr that the cell has ended, and how, unless it was told before. evcxr then is free to answer questions
    /// about code.
    pub(super) fn release(&mut self) {
        if !mem::replace(&mut self.is_released, true) {
            for marker in self.markers() {
                tell_evcxr(&marker);
            }
            tell_evcxr(EXECUTION_COMPLETE);
        }
    }

    /// Returns the lines that tell evcxr how the cell ended. evcxr keeps no variables of a cell that did not reach its
    /// end.
    fn markers(&mut self) -> Vec<String> {
        let panicked = self.panicked.then(|| PANIC_NOTIFICATION.to_owned());
        let failed = self.failed.then(|| ERROR_OCCURRED.to_owned());
        let lost = mem::take(&mut self.lost_variables)
            .into_iter()
            .map(|name| format!("{VARIABLE_CHANGED_TYPE}{name}"));
        panicked.into_iter().chain(failed).chain(lost).collect()
    }
}

/// Takes an event of the running cell from the cell's code.
pub(super) unsafe extern "C" fn cell_event(event: CellEvent, a: Slice, b: Slice) {
    // SAFETY: the guest lends both for this call.
    let (a, b) = unsafe { (a.as_text().into_owned(), b.as_text().into_owned()) };
    match event {
        // The panic's message follows when the guest ends the cell.
        CellEvent::Unwound => run_state().panicked = true,
        CellEvent::Panicked => report(&Report::Panicked {
            message: a,
            backtrace: b,
        }),
        CellEvent::Failed => {
            run_state().failed = true;
            report(&Report::Failed { message: a, causes: b });
        }
        CellEvent::VariableLost => {
            run_state().lost_variables.push(a.clone());
            report(&Report::VariableLost { name: a });
        }
        // By now evcxr's checks of the variables are done. How the cell ends, the kernel learns from reports.
        CellEvent::Started => run_state().release(),
        CellEvent::Result => report(&Report::Result { mime: a, content: b }),
        CellEvent::Settle if a == "stderr" => output::wait_until_read(rustix::stdio::stderr()),
        CellEvent::Settle => output::wait_until_read(rustix::stdio::stdout()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evcxr_is_told_how_a_cell_ended() {
        let mut state = RunState {
            panicked: true,
            lost_variables: vec!["a".to_owned()],
            ..RunState::default()
        };
        let lost = format!("{VARIABLE_CHANGED_TYPE}a");
        assert_eq!(state.markers(), [PANIC_NOTIFICATION, &lost]);
        assert_eq!(
            state.markers(),
            [PANIC_NOTIFICATION],
            "a lost variable is reported once"
        );
        assert!(RunState::default().markers().is_empty());
    }
}
