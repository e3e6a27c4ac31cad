//! Slows down a client that asks for more than any client needs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How many requests a client may make at once.
const BURST: u32 = 100;
/// How long a client waits for each request beyond that.
const INTERVAL: Duration = Duration::from_millis(10);

/// The pace of one client's requests of one kind.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When all requests so far would have been made, if the client had kept to the interval.
    due: Instant,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Pace { due: Instant::now() }
    }

    /// Counts a request. Waits if the client has made too many.
    pub(crate) async fn keep(&mut self) {
        let wait = self.step(Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    fn step(&mut self, now: Instant) -> Duration {
        self.due = self.due.max(now) + INTERVAL;
        (self.due - now).saturating_sub(BURST * INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_a_flood_is_not() {
        let mut pace = Pace::new();
        let now = Instant::now();
        assert!((0..BURST).all(|_| pace.step(now).is_zero()));
        let waits: Vec<Duration> = (0..3).map(|_| pace.step(now)).collect();
        assert!(
            waits[0] > Duration::ZERO && waits[2] > 2 * INTERVAL - INTERVAL / 2,
            "{waits:?}"
        );
        assert!(pace.step(now + 2 * BURST * INTERVAL).is_zero(), "a pause is forgiven");
    }
}
