//! Interrupting an execution, whatever it is at.
//!
//! A compilation is ended. A cell is asked to stop, which it does where that is safe; if it does not within a few seconds,
//! or if the user asks again, its process is killed, and the evaluation thread starts another.

use crate::{
    evaluation::execution_state::ExecutionState,
    session::{
        link::{Instruction, Link},
        processes,
    },
};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long a cell may go on after an interrupt before its process is replaced.
const GRACE: Duration = Duration::from_secs(3);
/// The same after a second interrupt. Not at once: one press of a key may arrive twice.
const IMPATIENCE: Duration = Duration::from_millis(300);
/// How often the execution is looked after.
const STEP: Duration = Duration::from_millis(25);

/// Interrupts the execution that is under way, if one is.
pub(crate) fn interrupt(shared: &Arc<ExecutionState>, link: &Link) {
    // The thread that the first one started sees that there are more.
    let Some((execution, true)) = shared.interrupt() else {
        return;
    };
    // Before this returns: what the cell is told next, that its user does not answer, is a consequence.
    link.send(&Instruction::Interrupt { execution });
    let (shared, link) = (Arc::clone(shared), link.clone());
    let stop = move || stop(execution, &shared, &link);
    if let Err(error) = thread::Builder::new().name("interrupt".into()).spawn(stop) {
        tracing::error!("cannot watch over an interrupt: {error}");
    }
}

fn stop(execution: u64, shared: &ExecutionState, link: &Link) {
    let begun = Instant::now();
    loop {
        // Again and again, as evcxr may start another process or compile once more.
        link.send(&Instruction::Interrupt { execution });
        if link.running() {
            let grace = if shared.interrupts() > 1 { IMPATIENCE } else { GRACE };
            if begun.elapsed() >= grace {
                return shared.kill_cell_process_of(execution);
            }
        } else if shared.is_evaluating() {
            processes::end_of(rustix::process::getpid());
        }
        if shared.wait_for_end(execution, STEP) {
            return;
        }
    }
}
