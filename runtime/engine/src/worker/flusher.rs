//! Flushes what methods write, so that it is seen in time: while a method runs, and before its end is reported.

use crate::node::OutputMark;
use mosaic_abi::Guest;
use std::{
    io, ptr,
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

/// How often the output of a running method is flushed, so that text without a newline appears live.
const TICK: Duration = Duration::from_millis(50);

/// Flushes the output of guests. The I/O thread, the threads that execute methods, and the flushing thread share it.
#[derive(Default)]
pub(crate) struct Output {
    /// Locked for a few instructions at a time, and never while a guest's output is flushed.
    active: Mutex<Active>,
    /// Notified when the flushing thread is to wake up.
    busy: Condvar,
    /// Tells whether output is on its way to the monitor, if that is on another host.
    mark: OnceLock<OutputMark>,
}

/// The guests whose code runs.
#[derive(Default)]
struct Active {
    /// One entry for each constructor or method that runs.
    guests: Vec<&'static Guest>,
    /// Whether the flushing thread sleeps until something runs. While it is awake, it looks again by itself, so that
    /// many short methods need not wake it up.
    asleep: bool,
}

impl Output {
    /// Starts the flushing thread, which sleeps while nothing runs.
    pub(super) fn start() -> io::Result<Arc<Output>> {
        let output = Arc::new(Output::default());
        let ticking = output.clone();
        // The thread is separate because a flush may block: on a method that holds the stream, or on a full pipe.
        thread::Builder::new()
            .name("mosaic-flush".to_owned())
            .spawn(move || ticking.tick())?;
        Ok(output)
    }

    /// Flushes after each [`TICK`] in which something runs.
    fn tick(&self) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            active.asleep = active.guests.is_empty();
            active = (self.busy.wait_while(active, |active| active.asleep)).unwrap_or_else(PoisonError::into_inner);
            drop(active);
            thread::sleep(TICK);
            self.flush();
            active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Flushes the output of all guests whose code runs.
    pub(crate) fn flush(&self) {
        let mut guests = (self.active.lock().unwrap_or_else(PoisonError::into_inner).guests).clone();
        guests.sort_by_key(|guest| ptr::from_ref(*guest));
        guests.dedup_by_key(|guest| ptr::from_ref(*guest));
        for guest in guests {
            (guest.flush)();
        }
    }

    /// Flushes a guest's output regularly until the returned value is dropped, and then once more.
    pub(super) fn flush_while_running(&self, guest: &'static Guest) -> Flushing<'_> {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active.guests.push(guest);
        if std::mem::take(&mut active.asleep) {
            self.busy.notify_one();
        }
        Flushing { output: self, guest }
    }

    /// Regards a mark, too, which tells that output is on its way to the monitor's host.
    pub(crate) fn regard(&self, mark: OutputMark) {
        // A process becomes a worker once.
        let _ = self.mark.set(mark);
    }

    /// Returns whether something that this process wrote may not be shown yet.
    pub(super) fn is_unread(&self) -> bool {
        let unread = |stream| rustix::io::ioctl_fionread(stream).map_or(true, |bytes| bytes > 0);
        // In this order: whoever empties the pipes sets the mark before.
        unread(rustix::stdio::stdout())
            || unread(rustix::stdio::stderr())
            || self.mark.get().is_some_and(OutputMark::is_set)
    }
}

/// Marks a guest's code as running, until it is dropped.
pub(super) struct Flushing<'a> {
    output: &'a Output,
    guest: &'static Guest,
}

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        let mut active = self.output.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = active.guests.iter().position(|guest| ptr::eq(*guest, self.guest)) {
            active.guests.swap_remove(index);
        }
        drop(active);
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
        // Two flushes arrive although the method has not ended.
        flushed.recv().unwrap();
        flushed.recv().unwrap();
        drop(running);
        flushed.recv().unwrap();
        assert!(output.active.lock().unwrap().guests.is_empty());
    }
}
