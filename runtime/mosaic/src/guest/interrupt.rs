//! Interrupts of the running cell.
//!
//! Foreign code cannot be stopped anywhere without risk, so the cell stops itself: it unwinds at its next
//! [`checkpoint`], as a panic would. Only unfinished work of the cell is lost. Threads that the user started, workers,
//! and programs outside notebooks run no cell and are never stopped.

use std::{
    cell::Cell,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

/// The payload with which an interrupted cell unwinds.
#[derive(Debug)]
struct Interrupted;

/// Set when the running cell should stop.
static PENDING: Mutex<bool> = Mutex::new(false);
/// Signalled when [`PENDING`] becomes true, and by [`Woken`].
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// True while this thread runs a cell.
    static IN_CELL: Cell<bool> = const { Cell::new(false) };
}

fn pending() -> MutexGuard<'static, bool> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a cell on this thread.
pub(crate) fn begin_cell() {
    *pending() = false;
    IN_CELL.set(true);
}

/// Ends the cell of this thread.
pub(crate) fn end_cell() {
    IN_CELL.set(false);
}

/// Interrupts the running cell; see [`mosaic_abi::Guest::interrupt`].
pub(crate) extern "C" fn interrupt() {
    *pending() = true;
    CHANGED.notify_all();
}

/// Returns whether this thread may unwind: it runs a cell and does not unwind already.
fn stoppable() -> bool {
    // Destructors of thread locals may call this after the cell has ended.
    IN_CELL.try_with(Cell::get).unwrap_or(false) && !thread::panicking()
}

/// Unwinds if this thread runs a cell that was interrupted.
pub fn checkpoint() {
    if stoppable() && *pending() {
        stop();
    }
}

/// Sleeps like `std::thread::sleep`. If the thread runs a cell that is interrupted, wakes and unwinds.
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
        pending = CHANGED
            .wait_timeout(pending, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    drop(pending);
    stop();
}

/// Blocks this thread until a future is ready.
///
/// In a cell that is interrupted, the future is polled once more, and must reach a [`checkpoint`].
pub(crate) fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let stoppable = stoppable();
        let is_told = |pending: &mut bool| woken.0.swap(false, Ordering::AcqRel) || (stoppable && *pending);
        drop(CHANGED.wait_while(pending(), |pending| !is_told(pending)));
    }
}

/// Set when the future that [`block_on`] waits for should be polled again. Signals [`CHANGED`].
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        self.0.store(true, Ordering::Release);
        // A waiting thread has either looked before this lock, or looks after it.
        drop(pending());
        CHANGED.notify_all();
    }
}

/// Unwinds without running the panic hook: an interrupt is not the cell's fault.
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
