//! Interrupts of the cell that runs.
//!
//! An interrupt cannot stop foreign code anywhere without risk, so the cell stops itself: it unwinds at its next
//! [`checkpoint`], as a panic would, and nothing is lost but what the cell had not finished. Threads of the user's, workers
//! and programs outside notebooks have no such cell, and are never stopped.

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

/// Waits for a future on this thread. In a cell that is interrupted, the future is polled once more: it is to come to a
/// [`checkpoint`].
pub(crate) fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let stoppable = stoppable();
        let is_told = |pending: &mut bool| woken.0.swap(false, Ordering::AcqRel) || (stoppable && *pending);
        drop(CAME.wait_while(pending(), |pending| !is_told(pending)));
    }
}

/// Whether the future that a thread waits for is to be polled again. Told by [`CAME`].
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        self.0.store(true, Ordering::Release);
        // Who waits has looked before, or looks when it has the lock.
        drop(pending());
        CAME.notify_all();
    }
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
