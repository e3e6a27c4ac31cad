//! How fast iopub speaks. No I/O here.
//!
//! jupyter_server counts what a kernel publishes: of more than 1 MB of stream text a second, or more than 1000 messages,
//! over three seconds, it drops the rest for good. So a burst goes out at once, and what exceeds it at a rate that stays
//! below these limits, also when the server is held up for a second and then finds all that came meanwhile.

use std::{
    num::NonZeroU32,
    str::FromStr,
    time::{Duration, Instant},
};

/// What a kernel publishes in a second by default.
const BYTES_PER_SECOND: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");
const MESSAGES_PER_SECOND: f64 = 600.0;
/// What goes out at once, as so many seconds' worth.
const BURST_SECONDS: f64 = 0.5;

/// How much stream text may be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputRate {
    /// So many bytes a second, and a limited number of messages.
    BytesPerSecond(NonZeroU32),
    /// As much as the clients take, for those without a limit of their own.
    Unlimited,
}

impl Default for OutputRate {
    fn default() -> Self {
        OutputRate::BytesPerSecond(BYTES_PER_SECOND)
    }
}

/// A text is no output rate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no output rate: write a number of bytes per second, or `unlimited`")]
pub struct OutputRateError(String);

impl FromStr for OutputRate {
    type Err = OutputRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "unlimited" => Ok(OutputRate::Unlimited),
            number => number
                .parse()
                .map(OutputRate::BytesPerSecond)
                .map_err(|_| OutputRateError(text.to_owned())),
        }
    }
}

/// When the next message may leave.
#[derive(Debug)]
pub(crate) struct Pace {
    /// `None` where nothing is limited.
    limits: Option<Limits>,
}

#[derive(Debug)]
struct Limits {
    bytes: Bucket,
    messages: Bucket,
}

impl Pace {
    pub(crate) fn new(rate: OutputRate, now: Instant) -> Self {
        let limits = match rate {
            OutputRate::Unlimited => None,
            OutputRate::BytesPerSecond(bytes) => Some(Limits {
                bytes: Bucket::new(bytes.get().into(), now),
                messages: Bucket::new(MESSAGES_PER_SECOND, now),
            }),
        };
        Pace { limits }
    }

    /// How long the next message has to wait.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        self.limits.as_ref().map_or(Duration::ZERO, |limits| {
            limits.bytes.wait(now).max(limits.messages.wait(now))
        })
    }

    /// A message has left, with so many bytes that count.
    pub(crate) fn spend(&mut self, bytes: usize, now: Instant) {
        if let Some(limits) = &mut self.limits {
            limits.bytes.spend(bytes as f64, now);
            limits.messages.spend(1.0, now);
        }
    }
}

/// A token bucket that may be overdrawn once.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_second: f64, now: Instant) -> Self {
        Bucket {
            per_second,
            level: per_second * BURST_SECONDS,
            at: now,
        }
    }

    fn level(&self, now: Instant) -> f64 {
        let filled = self.per_second * now.saturating_duration_since(self.at).as_secs_f64();
        (self.level + filled).min(self.per_second * BURST_SECONDS)
    }

    fn wait(&self, now: Instant) -> Duration {
        Duration::from_secs_f64((-self.level(now) / self.per_second).max(0.0))
    }

    fn spend(&mut self, amount: f64, now: Instant) {
        self.level = self.level(now) - amount;
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// jupyter_server's limits, over this time.
    const WINDOW: Duration = Duration::from_secs(3);
    const WINDOW_BYTES: usize = 3_000_000;
    const WINDOW_MESSAGES: usize = 3000;

    /// Sends messages of a size as fast as the pace allows, into a server that is held up for a second now and then.
    fn most_in_a_window(size: usize) -> (usize, usize) {
        let start = Instant::now();
        let mut pace = Pace::new(OutputRate::default(), start);
        let (mut now, mut window, mut most) = (start, VecDeque::new(), 0);
        while now < start + 10 * WINDOW {
            now += pace.wait(now) + Duration::from_micros(50);
            pace.spend(size, now);
            let second = now.duration_since(start).as_secs();
            let seen = if second % 5 == 0 {
                start + Duration::from_secs(second + 1)
            } else {
                now
            };
            window.push_back(seen);
            while window.front().is_some_and(|first| *first + WINDOW <= seen) {
                window.pop_front();
            }
            most = most.max(window.len());
        }
        (most * size, most)
    }

    #[test]
    fn stays_below_the_limits_of_jupyter_server() {
        for size in [100, 1000, 10_000, 70_000] {
            let (bytes, messages) = most_in_a_window(size);
            assert!(
                bytes < WINDOW_BYTES && messages < WINDOW_MESSAGES,
                "{size}: {bytes} bytes, {messages} messages"
            );
        }
        let (bytes, _) = most_in_a_window(70_000);
        assert!(bytes > WINDOW_BYTES / 2, "only {bytes} bytes in {WINDOW:?}");
    }

    #[test]
    fn a_burst_does_not_wait() {
        let now = Instant::now();
        let mut pace = Pace::new(OutputRate::default(), now);
        pace.spend(200_000, now);
        assert_eq!(pace.wait(now), Duration::ZERO);
        pace.spend(200_000, now);
        assert!(pace.wait(now) > Duration::ZERO);
        assert_eq!(pace.wait(now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn without_limit_nothing_waits() {
        let now = Instant::now();
        let mut pace = Pace::new(OutputRate::Unlimited, now);
        pace.spend(usize::MAX, now);
        assert_eq!(pace.wait(now), Duration::ZERO);
    }

    #[test]
    fn rates_are_read() {
        assert_eq!("unlimited".parse(), Ok(OutputRate::Unlimited));
        let rate = NonZeroU32::new(5000).unwrap();
        assert_eq!("5000".parse(), Ok(OutputRate::BytesPerSecond(rate)));
        for text in ["", "0", "-1", "fast", "1e6"] {
            assert!(text.parse::<OutputRate>().is_err(), "{text}");
        }
    }
}
