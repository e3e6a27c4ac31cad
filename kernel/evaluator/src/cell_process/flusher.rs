//! Shows what a cell prints without a newline while it still runs.

use mosaic_abi::Guest;
use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long `print!(".")` may stay in the standard library's buffer.
const INTERVAL: Duration = Duration::from_millis(30);

/// Flushes the running cell's standard output again and again; rests while none runs.
#[derive(Clone, Default)]
pub(crate) struct Flusher {
    shared: Arc<(Mutex<Option<&'static Guest>>, Condvar)>,
}

impl Flusher {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Flusher> {
        let flusher = Flusher::default();
        thread::Builder::new().name("flusher".into()).spawn({
            let flusher = flusher.clone();
            move || flusher.run()
        })?;
        Ok(flusher)
    }

    /// A cell begins whose output is in this guest's standard library.
    pub(crate) fn begin(&self, guest: &'static Guest) {
        *self.guest() = Some(guest);
        self.shared.1.notify_one();
    }

    /// The cell has ended.
    pub(crate) fn end(&self) {
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
                // Not under the lock: a cell that holds its standard output's lock holds this up.
                (guest.flush)();
            }
        }
    }
}
