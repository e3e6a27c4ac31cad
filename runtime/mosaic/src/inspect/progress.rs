//! The progress of a method, as the method reports it.

use crate::host::host;
use mosaic_abi::Reporter;
use std::{
    cell::Cell,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub use mosaic_abi::Progress;

/// The shortest time between two reports that are sent.
const TICK: Duration = Duration::from_millis(50);

thread_local! {
    /// When this thread last sent a report.
    static TOLD: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Reports how many of a method's steps are done. `task.progress()` returns it, and a notebook shows a progress bar.
///
/// Calls are cheap, so report as often as you like. Outside a method, and on threads that the method has started, the
/// call does nothing: such threads report to a [`progress_handle`].
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

/// Returns a handle by which threads that a method has started, such as rayon's, report its progress.
///
/// Call it in the method, and pass the handle on: a thread does not know which method it works for. Outside a method,
/// the handle does nothing.
///
/// ```
/// use std::{sync::atomic::{AtomicU64, Ordering}, thread};
///
/// fn solve(shots: &[Vec<f64>]) {
///     let (progress, solved) = (mosaic::progress_handle(), AtomicU64::new(0));
///     thread::scope(|scope| {
///         for shot in shots {
///             scope.spawn(|| {
///                 // … the shot …
///                 progress.report(solved.fetch_add(1, Ordering::Relaxed) + 1, shots.len() as u64);
/// #               let _ = shot;
///             });
///         }
///     });
/// }
/// solve(&[vec![1.0], vec![2.0]]);
/// ```
pub fn progress_handle() -> ProgressHandle {
    // SAFETY: the function takes nothing, and what it returns is the caller's.
    let reporter = host().ok().map(|host| unsafe { (host.reporter)() });
    let executes = reporter.filter(|reporter| !reporter.data.is_null());
    ProgressHandle(executes.map(|reporter| {
        Arc::new(Reporting {
            reporter,
            began: Instant::now(),
            told: AtomicU64::new(0),
        })
    }))
}

/// A handle to which any thread reports the progress of a method. Made by [`progress_handle`].
///
/// ```
/// let progress: mosaic::ProgressHandle = mosaic::progress_handle();
/// std::thread::spawn(move || progress.report(1, 2));
/// ```
#[derive(Clone)]
pub struct ProgressHandle(Option<Arc<Reporting>>);

struct Reporting {
    reporter: Reporter,
    began: Instant,
    /// The tick of the last report, since the beginning. No other memory access depends on its order.
    told: AtomicU64,
}

// SAFETY: the host's functions may be called on any thread, and `tell` on several at once (see `Reporter`). The last
// owner calls `drop`, once.
unsafe impl Send for Reporting {}
// SAFETY: the same.
unsafe impl Sync for Reporting {}

impl ProgressHandle {
    /// Reports how many of the method's steps are done. Does nothing once the method has ended.
    ///
    /// ```
    /// let progress = mosaic::progress_handle();
    /// std::thread::spawn(move || progress.report(1, 2));
    /// ```
    pub fn report(&self, done: u64, total: u64) {
        if let Some(reporting) = &self.0 {
            reporting.tell(done, total);
        }
    }
}

impl Reporting {
    fn tell(&self, done: u64, total: u64) {
        // The first tick is number one, so that the first report is sent.
        let tick = (self.began.elapsed().as_millis() / TICK.as_millis()) as u64 + 1;
        let told = self.told.swap(tick, Ordering::Relaxed);
        if done < total && done > 0 && told == tick {
            return;
        }
        // SAFETY: `data` is freed when this is dropped.
        unsafe { (self.reporter.tell)(self.reporter.data, done, total) };
    }
}

impl Drop for Reporting {
    fn drop(&mut self) {
        // SAFETY: this is its only owner, and drops it once.
        unsafe { (self.reporter.drop)(self.reporter.data) };
    }
}

impl fmt::Debug for ProgressHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressHandle").finish_non_exhaustive()
    }
}

/// Returns an iterator over `items` that reports the progress of a loop over them, as [`progress`] does.
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

/// An iterator that reports its progress. Made by [`track`].
///
/// ```
/// let numbers: mosaic::Track<_> = mosaic::track(0..4);
/// assert_eq!(numbers.sum::<i32>(), 6);
/// ```
#[derive(Clone, Debug)]
pub struct Track<I> {
    items: I,
    total: u64,
}

impl<I: ExactSizeIterator> Iterator for Track<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        // When the next item is asked for, the items before it are done.
        progress(self.total - self.items.len() as u64, self.total);
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Track<I> {}
