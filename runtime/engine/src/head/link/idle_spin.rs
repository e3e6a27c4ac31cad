//! Looking for the next event for some microseconds before the thread sleeps.

use std::time::{Duration, Instant};
use tokio::task::yield_now;

/// The longest time to look for the next event. Waking a thread up takes longer than a short call, above all if a CPU
/// has gone to sleep meanwhile.
const LONGEST_SPIN: Duration = Duration::from_micros(100);

/// The largest number of pauses that are skipped before the next attempt.
const MOST_SKIPPED: u32 = 1 << 10;

/// Decides, from the last pauses, whether it pays to look for the next event instead of sleeping.
#[derive(Default)]
pub(super) struct IdleSpin {
    /// When the last pause began.
    began: Option<Instant>,
    /// How many of the next pauses are not worth an attempt.
    skipped: u32,
    /// How many pauses to skip after the next attempt that fails: it doubles with each failure.
    penalty: u32,
}

impl IdleSpin {
    /// Looks for the next event. Call this before waiting for an event, which may be there already. Returns when an
    /// event is there, or when none is likely to come soon.
    pub(super) async fn spin(&mut self, is_quiet: impl Fn() -> bool) {
        let begins = Instant::now();
        let last = self.began.replace(begins);
        if last.is_none_or(|last| begins.duration_since(last) > LONGEST_SPIN) {
            return;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        while is_quiet() {
            if begins.elapsed() > LONGEST_SPIN {
                // If other processes want the CPUs, even this much is too much.
                self.penalty = (2 * self.penalty + 1).min(MOST_SKIPPED);
                self.skipped = self.penalty;
                return;
            }
            // Yielding lets the tasks that read the sockets run.
            yield_now().await;
        }
        self.penalty /= 2;
    }
}
