//! Shows what a cell prints without a newline while it still runs.

use mosaic_abi::Guest;
use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long the output of `print!(".")` may stay in the buffer of the standard library.
const INTERVAL: Duration = Duration::from_millis(30);

/// Flushes the standard output of the running cell at intervals. Its thread sleeps while no cell runs.
#[derive(Clone, Default)]
pub(super) struct Flusher {
    /// The guest of the running cell, and a signal that a cell begins. The main thread sets the guest and takes it
    /// away.
    shared: Arc<(Mutex<Option<&'static Guest>>, Condvar)>,
}

impl Flusher {
    /// Starts the thread `flusher`.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(super) fn start() -> io::Result<Flusher> {
        let flusher = Flusher::default();
        thread::Builder::new().name("flusher".into()).spawn({
            let flusher = flusher.clone();
            move || flusher.run()
        })?;
        Ok(flusher)
    }

    /// Begins to flush for a cell, whose output is in this guest's standard library.
    pub(super) fn begin(&self, guest: &'static Guest) {
        *self.guest() = Some(guest);
        self.shared.1.notify_one();
    }

    /// Stops flushing, as the cell has ended.
    pub(super) fn end(&self) {
        *self.guest() = None;
    }

    fn guest(&self) -> MutexGuard<'_, Option<&'static Guest>> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let waited = self.shared.1.wait_while(self.guest(), |guest| guest.is_none());
            let guest = *waited.unwrap_or_else(PoisonError::into_inner);
            thread::sleep(INTERVAL);
            if let Some(guest) = guest {
                // Without the lock: this call waits while the cell holds the lock of its standard output.
                (guest.flush)();
            }
        }
    }
}
