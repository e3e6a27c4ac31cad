//! What the link does while nothing happens.

use std::time::{Duration, Instant};
use tokio::task::yield_now;

/// A pause that is likely to be shorter than this is spent looking for what comes next: to be woken up takes longer than a
/// short call, above all where a CPU has gone to sleep meanwhile.
const SHORT: Duration = Duration::from_micros(100);

/// After so many pauses in vain at most, another one is tried.
const MOST_SKIPPED: u32 = 1 << 10;

/// Pauses follow one another, and the last ones tell how long the next may be.
#[derive(Default)]
pub(super) struct Pause {
    /// When the last one began.
    began: Option<Instant>,
    /// How many are not worth trying, and how many will not be after the next one in vain.
    skipped: u32,
    penalty: u32,
}

impl Pause {
    /// To be called before it is waited for what is next, which may be there already. Returns where it is, or where it is
    /// not likely to come soon.
    pub(super) async fn spin(&mut self, is_quiet: impl Fn() -> bool) {
        let begins = Instant::now();
        let last = self.began.replace(begins);
        if last.is_none_or(|last| begins.duration_since(last) > SHORT) {
            return;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        while is_quiet() {
            if begins.elapsed() > SHORT {
                // Where CPUs are wanted by others, even this much is too much.
                self.penalty = (2 * self.penalty + 1).min(MOST_SKIPPED);
                self.skipped = self.penalty;
                return;
            }
            // The sockets are looked at meanwhile.
            yield_now().await;
        }
        self.penalty /= 2;
    }
}
