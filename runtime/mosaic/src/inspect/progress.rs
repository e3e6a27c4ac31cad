//! How far a method has got.

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

/// More often than this nobody looks.
const TICK: Duration = Duration::from_millis(50);

thread_local! {
    /// When this thread said how far it is.
    static TOLD: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Says, in a method, how many of its steps are done: `task.progress()` has it, and a notebook shows a bar for the task.
/// May be called as often as one likes, which costs next to nothing. Anywhere else, and on threads that the method itself
/// has started, it does nothing: those say it to a [`progress_handle`].
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

/// Where a method says how far it is from threads that it has started, rayon's for instance: they do not know whose they
/// are, so that the method takes the handle and passes it on. Like [`progress`], it does nothing anywhere else.
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

/// Where the progress of a method is told, by any thread; made by [`progress_handle`].
#[derive(Clone)]
pub struct ProgressHandle(Option<Arc<Reporting>>);

struct Reporting {
    reporter: Reporter,
    began: Instant,
    /// How many ticks after the beginning something was told last. Nothing else depends on when a thread sees it.
    told: AtomicU64,
}

// SAFETY: the host's functions may be called on any thread, and the one that tells on several at once (see `Reporter`);
// the one that frees is called once, by the last owner.
unsafe impl Send for Reporting {}
// SAFETY: the same.
unsafe impl Sync for Reporting {}

impl ProgressHandle {
    /// Says how many of the method's steps are done, as [`progress`] does on the method's own thread. When the method has
    /// ended it does nothing.
    pub fn report(&self, done: u64, total: u64) {
        if let Some(reporting) = &self.0 {
            reporting.tell(done, total);
        }
    }
}

impl Reporting {
    fn tell(&self, done: u64, total: u64) {
        // The first tick is number one, so that what is told first is told.
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
