//! Bounds the number of warnings that a stranger can cause.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::sleep_until;
use tracing::warn;

use crate::channel::Channel;

/// The time over which warnings are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// How many warnings of a channel are logged in that time.
const WARNINGS: u32 = 10;

/// Logs the warnings of one channel; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Warnings {
    channel: Channel,
    counter: Arc<Mutex<Counter>>,
}

impl Warnings {
    /// Starts to count.
    pub(crate) fn new(channel: Channel) -> Self {
        Warnings {
            channel,
            counter: Arc::default(),
        }
    }

    /// Logs a warning, unless there were too many. Warnings that are not logged are counted, and the number is logged.
    pub(crate) fn warn(&self, text: fmt::Arguments<'_>) {
        match self.counter().admit(Instant::now()) {
            Verdict::Log => warn!("{}: {text}", self.channel),
            Verdict::Count => {}
            Verdict::CountFrom(until) => {
                let this = self.clone();
                tokio::spawn(async move {
                    sleep_until(until.into()).await;
                    let count = this.counter().take_suppressed();
                    warn!("{}: {count} more warnings of this kind were not logged", this.channel);
                });
            }
        }
    }

    fn counter(&self) -> std::sync::MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts warnings. No I/O.
#[derive(Debug, Default)]
struct Counter {
    /// When the current window ends.
    until: Option<Instant>,
    logged: u32,
    suppressed: u64,
}

/// What becomes of a warning.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is logged.
    Log,
    /// It is counted only.
    Count,
    /// It is the first that is counted only. The number is to be logged at this time.
    CountFrom(Instant),
}

impl Counter {
    fn admit(&mut self, now: Instant) -> Verdict {
        let until = match self.until {
            Some(until) if now < until => until,
            _ => {
                self.logged = 0;
                now + WINDOW
            }
        };
        self.until = Some(until);
        if self.logged < WARNINGS {
            self.logged += 1;
            return Verdict::Log;
        }
        self.suppressed += 1;
        if self.suppressed == 1 {
            Verdict::CountFrom(until)
        } else {
            Verdict::Count
        }
    }

    fn take_suppressed(&mut self) -> u64 {
        std::mem::take(&mut self.suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_warnings_is_counted() {
        let (mut counter, now) = (Counter::default(), Instant::now());
        assert!((0..WARNINGS).all(|_| counter.admit(now) == Verdict::Log));
        assert_eq!(counter.admit(now), Verdict::CountFrom(now + WINDOW));
        assert!((0..100).all(|_| counter.admit(now + WINDOW / 2) == Verdict::Count));
        assert_eq!(counter.admit(now + WINDOW), Verdict::Log);
        assert_eq!(counter.take_suppressed(), 101);
        assert!((1..WARNINGS).all(|_| counter.admit(now + WINDOW) == Verdict::Log));
        assert_eq!(counter.admit(now + WINDOW), Verdict::CountFrom(now + 2 * WINDOW));
    }
}
