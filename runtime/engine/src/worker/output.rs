//! Having the worker's output seen in time: while a method runs, and before its end is reported.

use mosaic_abi::Guest;
use std::{
    io, ptr,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// How often the output of a running method is flushed, so that text without a newline appears live.
const TICK: Duration = Duration::from_millis(50);

/// Flushes what is written.
#[derive(Default)]
pub(super) struct Output {
    running: Mutex<Running>,
    /// Told when the thread that flushes is to wake up.
    busy: Condvar,
}

#[derive(Default)]
struct Running {
    /// The guests that are executing something, each as often as it does.
    guests: Vec<&'static Guest>,
    /// Whether the thread that flushes sleeps until something is executed. Otherwise it looks again by itself, and many
    /// short methods do not wake it up each time.
    asleep: bool,
}

impl Output {
    /// Starts the thread that flushes. It sleeps while nothing runs.
    pub(super) fn start() -> io::Result<Arc<Output>> {
        let output = Arc::new(Output::default());
        let ticking = output.clone();
        // A thread of its own: a flush waits for a method that holds the stream and waits for a full pipe.
        thread::Builder::new()
            .name("mosaic-flush".to_owned())
            .spawn(move || ticking.tick())?;
        Ok(output)
    }

    fn tick(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            running.asleep = running.guests.is_empty();
            running = (self.busy.wait_while(running, |running| running.asleep)).unwrap_or_else(PoisonError::into_inner);
            drop(running);
            thread::sleep(TICK);
            self.flush();
            running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Flushes the output of all guests that are executing something.
    pub(super) fn flush(&self) {
        let mut guests = (self.running.lock().unwrap_or_else(PoisonError::into_inner).guests).clone();
        guests.sort_by_key(|guest| ptr::from_ref(*guest));
        guests.dedup_by_key(|guest| ptr::from_ref(*guest));
        for guest in guests {
            (guest.flush)();
        }
    }

    /// Flushes `guest`'s output now and then until the value is dropped, and then once more.
    pub(super) fn flush_while_running(&self, guest: &'static Guest) -> Flushing<'_> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.guests.push(guest);
        if std::mem::take(&mut running.asleep) {
            self.busy.notify_one();
        }
        Flushing { output: self, guest }
    }

    /// Whether something that this process wrote has not been read yet.
    pub(super) fn is_unread(&self) -> bool {
        let unread = |stream| rustix::io::ioctl_fionread(stream).map_or(true, |bytes| bytes > 0);
        unread(rustix::stdio::stdout()) || unread(rustix::stdio::stderr())
    }
}

/// A guest that is executing something.
pub(super) struct Flushing<'a> {
    output: &'a Output,
    guest: &'static Guest,
}

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        let mut running = self.output.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = running.guests.iter().position(|guest| ptr::eq(*guest, self.guest)) {
            running.guests.swap_remove(index);
        }
        drop(running);
        (self.guest.flush)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    static FLUSHED: Mutex<Option<SyncSender<()>>> = Mutex::new(None);

    extern "C" fn flush() {
        if let Some(flushed) = &*FLUSHED.lock().unwrap() {
            // A full channel has told enough.
            let _ = flushed.try_send(());
        }
    }

    extern "C" fn begin_cell() {}

    extern "C" fn end_cell(_: bool) {}

    extern "C" fn interrupt() {}

    unsafe extern "C" fn receive(_: mosaic_abi::Slice) {}

    static GUEST: Guest = Guest {
        version: mosaic_abi::VERSION,
        flush,
        begin_cell,
        end_cell,
        interrupt,
        receive,
    };

    #[test]
    fn output_is_flushed_while_a_method_runs_and_when_it_ends() {
        let (sender, flushed): (_, Receiver<()>) = sync_channel(1);
        *FLUSHED.lock().unwrap() = Some(sender);
        let output = Output::start().unwrap();
        let running = output.flush_while_running(&GUEST);
        // The method has not ended, and two flushes arrive all the same.
        flushed.recv().unwrap();
        flushed.recv().unwrap();
        drop(running);
        flushed.recv().unwrap();
        assert!(output.running.lock().unwrap().guests.is_empty());
    }
}
