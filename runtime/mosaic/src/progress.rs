//! How far a method has got.

use crate::host::host;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

pub use mosaic_abi::Progress;

/// More often than this nobody looks.
const TICK: Duration = Duration::from_millis(50);

thread_local! {
    /// When this thread said how far it is.
    static TOLD: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Says, in a method, how many of its steps are done: `task.progress()` has it, and a notebook shows a bar for the task.
/// May be called as often as one likes, which costs next to nothing. Anywhere else, and on threads that the method itself
/// has started, it does nothing.
///
/// ```
/// fn solve(steps: u64) {
///     for step in 0..steps {
///         mosaic::progress(step, steps);
///         // …
///     }
///     mosaic::progress(steps, steps);
/// }
/// solve(3);
/// ```
pub fn progress(done: u64, total: u64) {
    let is_soon = |told: Instant| told.elapsed() < TICK;
    if done < total && done > 0 && TOLD.get().is_some_and(is_soon) {
        return;
    }
    TOLD.set(Some(Instant::now()));
    if let Ok(host) = host() {
        // SAFETY: the function takes two numbers.
        unsafe { (host.progress)(done, total) };
    }
}

/// The same items; each step of the loop over them is told as [`progress`].
///
/// ```
/// let mut sum = 0;
/// for number in mosaic::track(0..4) {
///     sum += number;
/// }
/// assert_eq!(sum, 6);
/// ```
pub fn track<I: IntoIterator>(items: I) -> Track<I::IntoIter>
where
    I::IntoIter: ExactSizeIterator,
{
    let items = items.into_iter();
    Track {
        total: items.len() as u64,
        items,
    }
}

/// Items whose progress is told; made by [`track`].
#[derive(Clone, Debug)]
pub struct Track<I> {
    items: I,
    total: u64,
}

impl<I: ExactSizeIterator> Iterator for Track<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        // When the next item is asked for, the ones before it are done with.
        progress(self.total - self.items.len() as u64, self.total);
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Track<I> {}
