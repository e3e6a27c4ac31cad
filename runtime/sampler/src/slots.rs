//! The slots between the handler of the signal and the thread `sampler`.

use crate::registers::Registers;
use std::{
    cell::UnsafeCell,
    sync::atomic::{
        AtomicU8, AtomicU64, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
    thread,
    time::Instant,
};

/// How many bytes of a stack are copied at most. What lies further out is missing in the sample.
pub(crate) const STACK_SIZE: usize = 64 << 10;
/// How many samples can wait for the thread `sampler`.
const SLOTS: usize = 32;

const FREE: u8 = 0;
const WRITING: u8 = 1;
const READY: u8 = 2;

/// What the handler notes of a thread.
pub(crate) struct RawSample {
    pub(crate) thread: i32,
    pub(crate) at: Instant,
    pub(crate) registers: Registers,
    /// The number of bytes of `stack` that were copied.
    pub(crate) len: usize,
    /// The stack from the top.
    pub(crate) stack: [u8; STACK_SIZE],
}

struct Slot {
    /// Whoever changes the state from `FREE` to `WRITING`, or sees `READY` as the only reader, may use the sample.
    state: AtomicU8,
    sample: UnsafeCell<RawSample>,
}

// SAFETY: the state lets one thread at a time use the sample: handlers write after they have changed `FREE` to
// `WRITING`, which only one of them can, and the only reader reads while the state is `READY`.
unsafe impl Sync for Slot {}

/// All slots.
pub(crate) struct Slots {
    slots: Box<[Slot]>,
    /// Where the next handler begins to look for a free slot.
    next: AtomicUsize,
    /// The number of samples for which no slot was free.
    lost: AtomicU64,
}

impl Slots {
    pub(crate) fn new() -> Slots {
        let now = Instant::now();
        let slot = |_| Slot {
            state: AtomicU8::new(FREE),
            sample: UnsafeCell::new(RawSample {
                thread: 0,
                at: now,
                registers: Registers::default(),
                len: 0,
                stack: [0; STACK_SIZE],
            }),
        };
        Slots {
            slots: (0..SLOTS).map(slot).collect(),
            next: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Has a free slot filled in. Takes no lock and allocates nothing. Returns whether there was a slot.
    pub(crate) fn fill(&self, fill: impl FnOnce(&mut RawSample)) -> bool {
        let first = self.next.fetch_add(1, Relaxed);
        for index in 0..self.slots.len() {
            let slot = &self.slots[first.wrapping_add(index) % self.slots.len()];
            if slot.state.compare_exchange(FREE, WRITING, Acquire, Relaxed).is_ok() {
                // SAFETY: this thread has changed the state to `WRITING`, so nobody else uses the sample.
                fill(unsafe { &mut *slot.sample.get() });
                slot.state.store(READY, Release);
                return true;
            }
        }
        self.lost.fetch_add(1, Relaxed);
        false
    }

    /// Takes all samples that are ready. Only one thread may call this at a time.
    pub(crate) fn take(&self, mut take: impl FnMut(&RawSample)) {
        for slot in &self.slots {
            if slot.state.load(Acquire) == READY {
                // SAFETY: no handler writes to a slot that is ready, and this is the only reader.
                take(unsafe { &*slot.sample.get() });
                slot.state.store(FREE, Release);
            }
        }
    }

    /// Waits until no handler is writing. That takes microseconds: a handler waits for nothing.
    pub(crate) fn wait_for_writers(&self) {
        while self.slots.iter().any(|slot| slot.state.load(Acquire) == WRITING) {
            thread::yield_now();
        }
    }

    /// Returns the number of samples that were lost since the last call.
    pub(crate) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_in_is_taken_once() {
        let slots = Slots::new();
        for thread in 0..3 {
            assert!(slots.fill(|sample| sample.thread = thread));
        }
        let taken = || {
            let mut threads = Vec::new();
            slots.take(|sample| threads.push(sample.thread));
            threads
        };
        assert_eq!(taken(), [0, 1, 2]);
        assert!(taken().is_empty());
    }

    #[test]
    fn samples_without_a_slot_are_counted() {
        let slots = Slots::new();
        let filled = (0..SLOTS + 5).filter(|_| slots.fill(|_| {})).count();
        assert_eq!((filled, slots.take_lost(), slots.take_lost()), (SLOTS, 5, 0));
        slots.take(|_| {});
        assert!(slots.fill(|_| {}));
    }
}
