//! Copies of large values on several threads.
//!
//! One thread reaches half of the memory bandwidth, and less if the memory is new, since the system clears each page at
//! its first touch. Large values are therefore copied in parts, by up to four threads.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

/// Bytes that a thread copies before it takes the next part.
const PART: usize = 4 << 20;
/// Values of fewer parts are copied on the calling thread: starting a thread would cost more than it saves.
const FEW: usize = 4;
/// The largest number of threads. More of them would wait for memory.
const MOST_THREADS: usize = 4;
/// The stack size of a copying thread, in bytes.
const STACK: usize = 64 << 10;

/// Calls `fill` with each part of `to` and the same part of `from`, on several threads if the value is large.
///
/// # Panics
///
/// If `to` and `from` differ in length.
pub(crate) fn fill<B: Send>(to: &mut [B], from: &[u8], fill: impl Fn(&mut [B], &[u8]) + Sync) {
    assert_eq!(
        to.len(),
        from.len(),
        "there is as much to fill as there is to fill it with"
    );
    if from.len() < FEW * PART {
        return fill(to, from);
    }
    fill_on(threads(), to, from, fill);
}

/// Fills `to` from `from` on `threads` threads, the calling thread included.
fn fill_on<B: Send>(threads: usize, to: &mut [B], from: &[u8], fill: impl Fn(&mut [B], &[u8]) + Sync) {
    let parts = Mutex::new(to.chunks_mut(PART).zip(from.chunks(PART)));
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((to, from)) = next() {
            fill(to, from);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // If the system refuses another thread, the existing ones copy everything.
            let thread = thread::Builder::new().name("mosaic-copy".to_owned()).stack_size(STACK);
            let _ = thread.spawn_scoped(scope, work);
        }
        work();
    });
}

/// Returns the number of threads that copy, the calling thread included. The CPUs of a process do not change.
fn threads() -> usize {
    static CPUS: OnceLock<usize> = OnceLock::new();
    let cpus = CPUS.get_or_init(|| thread::available_parallelism().map_or(1, NonZeroUsize::get));
    (*cpus).min(MOST_THREADS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    #[test]
    fn each_part_is_filled_once_from_its_own() {
        for len in [0, 1, PART - 1, FEW * PART, FEW * PART + 1] {
            let from: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let (mut to, filled) = (vec![0; len], AtomicUsize::new(0));
            fill(&mut to, &from, |to, from| {
                filled.fetch_add(to.len(), Ordering::Relaxed);
                to.copy_from_slice(from);
            });
            assert!(to == from, "{len}");
            assert_eq!(filled.into_inner(), len);
        }
    }

    #[test]
    fn parts_are_filled_at_once() {
        let from = vec![7; 3 * PART];
        let (mut to, meeting) = (vec![0; from.len()], Barrier::new(3));
        fill_on(3, &mut to, &from, |to, from| {
            // No thread goes on before all three are here.
            meeting.wait();
            to.copy_from_slice(from);
        });
        assert!(to == from);
    }

    #[test]
    #[should_panic(expected = "as much to fill")]
    fn lengths_must_match() {
        fill(&mut [0_u8; 2], &[0_u8; 3], |to, from| to.copy_from_slice(from));
    }
}
