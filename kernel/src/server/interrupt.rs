//! An interrupt, as the server passes it on: to the output, the cell, and questions to the user.
//!
//! A client sends an `interrupt_request` on control, or the signal SIGINT. The kernel then stops, in this order:
//!
//! 1. A flood of output. Until the cell has stopped, the [output](crate::output) drops text that clients cannot take at
//!    once, and then says how much that was.
//! 2. The cell. [`CellEvaluator::interrupt`] ends its compilation or stops its code. How that is done, and
//!    when the cell process is killed, is in `kernel/evaluator/src/evaluation/interrupt.rs`.
//! 3. Questions to the user. Code that waits for input gets an error.
//!
//! The cell fails like any other cell, with an error of its own.

use super::{cell_evaluator::CellEvaluator, context::Context, stdin::Stdin};

/// Interrupts the running cell, if one runs.
pub(super) fn interrupt<E: CellEvaluator>(context: &Context<E>, is_running: bool, stdin: &mut Stdin) {
    if is_running {
        context.output.interrupt();
    }
    // Code that is stopped would not notice that it is interrupted.
    let debugger = context.debugger.clone();
    tokio::spawn(async move { debugger.interrupt().await });
    // The cell first: code that waits for input then knows why it gets none.
    context.evaluator.interrupt();
    stdin.interrupt();
}
