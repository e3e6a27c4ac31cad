//! Interrupts of the cell that runs.
//!
//! An interrupt cannot stop foreign code anywhere without risk, so the cell stops itself: it unwinds at its next
//! [`checkpoint`], as a panic would, and nothing is lost but what the cell had not finished. Threads of the user's, workers
//! and programs outside notebooks have no such cell, and are never stopped.

use std::{
    cell::Cell,
    panic::resume_unwind,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// What an interrupted cell unwinds with.
#[derive(Debug)]
struct Interrupted;

/// Whether the cell that runs is to stop.
static PENDING: Mutex<bool> = Mutex::new(false);
/// Told when [`PENDING`] becomes true.
static CAME: Condvar = Condvar::new();

thread_local! {
    /// Whether this thread runs a cell.
    static IN_CELL: Cell<bool> = const { Cell::new(false) };
}

fn pending() -> MutexGuard<'static, bool> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cell begins on this thread.
pub(crate) fn begin_cell() {
    *pending() = false;
    IN_CELL.set(true);
}

/// The cell of this thread has ended.
pub(crate) fn end_cell() {
    IN_CELL.set(false);
}

/// See [`mosaic_abi::Guest::interrupt`].
pub(crate) extern "C" fn interrupt() {
    *pending() = true;
    CAME.notify_all();
}

/// Whether this thread may unwind: it runs a cell, and does not unwind already.
fn stoppable() -> bool {
    // Destructors of thread locals may come here as well, and then there is no cell any more.
    IN_CELL.try_with(Cell::get).unwrap_or(false) && !thread::panicking()
}

/// Unwinds if this thread runs a cell that was interrupted.
pub fn checkpoint() {
    if stoppable() && *pending() {
        stop();
    }
}

/// Sleeps as `std::thread::sleep` does; in a cell that is interrupted, wakes and unwinds.
pub fn sleep(duration: Duration) {
    let Some(end) = Instant::now().checked_add(duration).filter(|_| stoppable()) else {
        return thread::sleep(duration);
    };
    let mut pending = pending();
    while !*pending {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        pending = CAME
            .wait_timeout(pending, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    drop(pending);
    stop();
}

/// No panic hook runs: an interrupt is not the cell's fault.
fn stop() -> ! {
    resume_unwind(Box::new(Interrupted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    /// One test, since a process has one cell at a time.
    #[test]
    fn only_a_cell_that_was_interrupted_stops() {
        checkpoint();
        interrupt();
        checkpoint();
        begin_cell();
        checkpoint();
        let interrupter = thread::spawn(|| interrupt());
        let stopped = catch_unwind(|| sleep(Duration::from_secs(60))).unwrap_err();
        assert!(stopped.is::<Interrupted>());
        interrupter.join().unwrap();
        assert!(catch_unwind(checkpoint).is_err(), "it stops again where a cell went on");
        thread::spawn(checkpoint).join().unwrap();
        end_cell();
        checkpoint();
        begin_cell();
        sleep(Duration::from_millis(1));
        end_cell();
    }
}
