//! How an interrupt stops a cell that is compiled or runs, and when its process is killed.
//!
//! The kernel's handle calls [`interrupt`]. What follows depends on the state of the execution:
//!
//! * While the cell is compiled, the compiler and cargo are ended, and the cell fails before it has run.
//! * While the cell runs, the cell process is asked to stop the cell, which it does where that is safe
//!   (`cell_process/running_cell.rs`, `runtime/mosaic/src/guest/interrupt.rs`). Variables stay.
//! * If the cell goes on for a few seconds, or the user interrupts again, the cell process is killed, with everything
//!   that cells have started. The same happens if the process does not even read that it is interrupted. The evaluation
//!   thread starts another one and says which variables are lost.
//!
//! The texts that users see are in [`lost_variables`](crate::errors::lost_variables).

use crate::{
    errors::cell_error::CellError,
    evaluation::{Evaluation, execution_state::ExecutionState},
    session::{
        link::{Instruction, Link},
        processes::KernelProcesses,
    },
};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long a cell may go on after an interrupt before its process is replaced.
const GRACE: Duration = Duration::from_secs(3);
/// How long a cell may go on after a second interrupt. Not zero: one press of a key may arrive twice.
const SHORT_GRACE: Duration = Duration::from_millis(300);
/// How long to wait between two attempts to stop an execution.
const STEP: Duration = Duration::from_millis(25);

/// Interrupts the execution that is under way, if one is.
pub(crate) fn interrupt(state: &Arc<ExecutionState>, link: &Link, processes: &KernelProcesses) {
    // Later interrupts are counted. The thread that the first interrupt started sees the count.
    let Some((execution, true)) = state.interrupt() else {
        return;
    };
    // Sent before this function returns: the kernel goes on to tell the cell that its user answers no question, and the
    // cell must take that for a consequence of the interrupt.
    link.begin_interrupt(execution);
    let (state, link, processes) = (Arc::clone(state), link.clone(), processes.clone());
    let stop = move || stop(execution, &state, &link, &processes);
    if let Err(error) = thread::Builder::new().name("interrupt".into()).spawn(stop) {
        tracing::error!("cannot watch over an interrupt: {error}");
    }
}

/// Tries to stop an execution until it has ended.
fn stop(execution: u64, state: &ExecutionState, link: &Link, processes: &KernelProcesses) {
    let begun = Instant::now();
    loop {
        // Repeated, since evcxr may start another process or compile once more.
        link.send(&Instruction::Interrupt { execution });
        let grace = if state.interrupts() > 1 { SHORT_GRACE } else { GRACE };
        if link.waits_for_process() && begun.elapsed() >= grace {
            // Found while the cell process lives, from which some of them are found.
            let started = processes.of_cells().find_grandchildren();
            state.kill_cell_process_of(execution);
            return started.end();
        }
        if !link.running() && state.is_evaluating() {
            processes.kill_work_of(execution);
        }
        if state.wait_for_end(execution, STEP) {
            return;
        }
    }
}

impl Evaluation<'_> {
    /// Fails if the user has interrupted a cell that has not run yet. To be called after each compiler run: a compiler
    /// that was ended says nothing of the cell.
    pub(super) fn stop_if_interrupted(&self) -> Result<(), CellError> {
        match self.execution_state.interrupts() {
            0 => Ok(()),
            _ => Err(CellError::interrupted_before_it_ran()),
        }
    }
}
