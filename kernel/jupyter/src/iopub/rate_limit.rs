//! The rate limit of iopub. No I/O here.
//!
//! jupyter_server counts what a kernel publishes, over three seconds. It drops for good whatever exceeds 1 MB of stream
//! text or 1000 messages a second. The kernel therefore sends a burst at once and everything beyond it at a lower rate.
//! The rate leaves room for a server that stalls for a second and then receives a second's worth of messages at once.

use std::{
    num::NonZeroU32,
    str::FromStr,
    time::{Duration, Instant},
};

/// Default limit of stream text.
const BYTES_PER_SECOND: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");
/// Limit of messages.
const MESSAGES_PER_SECOND: f64 = 600.0;
/// Size of the burst that leaves at once, in seconds' worth of output.
const BURST_SECONDS: f64 = 0.5;

/// Limit of the output that the kernel publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputRate {
    /// Bytes of stream text a second. The number of messages is limited too.
    BytesPerSecond(NonZeroU32),
    /// No limit, for clients that have none of their own.
    Unlimited,
}

impl Default for OutputRate {
    fn default() -> Self {
        OutputRate::BytesPerSecond(BYTES_PER_SECOND)
    }
}

/// A text that is no output rate.
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

/// Decides when the next message may leave.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// `None` if nothing is limited.
    limits: Option<Limits>,
}

#[derive(Debug)]
struct Limits {
    bytes: TokenBucket,
    messages: TokenBucket,
}

impl RateLimiter {
    pub(super) fn new(rate: OutputRate, now: Instant) -> Self {
        let limits = match rate {
            OutputRate::Unlimited => None,
            OutputRate::BytesPerSecond(bytes) => Some(Limits {
                bytes: TokenBucket::new(bytes.get().into(), now),
                messages: TokenBucket::new(MESSAGES_PER_SECOND, now),
            }),
        };
        RateLimiter { limits }
    }

    /// Returns how long the next message has to wait.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.limits.as_ref().map_or(Duration::ZERO, |limits| {
            limits.bytes.wait(now).max(limits.messages.wait(now))
        })
    }

    /// Records that a message has left, with the number of its bytes that count.
    pub(super) fn spend(&mut self, bytes: usize, now: Instant) {
        if let Some(limits) = &mut self.limits {
            limits.bytes.spend(bytes as f64, now);
            limits.messages.spend(1.0, now);
        }
    }
}

/// A token bucket whose last token may be overdrawn: a message leaves whole, whatever its size.
#[derive(Debug)]
struct TokenBucket {
    per_second: f64,
    level: f64,
    at: Instant,
}

impl TokenBucket {
    fn new(per_second: f64, now: Instant) -> Self {
        TokenBucket {
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

    /// The time over which jupyter_server counts, and its limits.
    const WINDOW: Duration = Duration::from_secs(3);
    const WINDOW_BYTES: usize = 3_000_000;
    const WINDOW_MESSAGES: usize = 3000;

    /// Sends messages of one size as fast as the limiter allows, to a server that stalls for a second now and then.
    /// Returns the most bytes and messages that the server receives within its window.
    fn most_in_a_window(size: usize) -> (usize, usize) {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(OutputRate::default(), start);
        let (mut now, mut window, mut most) = (start, VecDeque::new(), 0);
        while now < start + 10 * WINDOW {
            now += limiter.wait(now) + Duration::from_micros(50);
            limiter.spend(size, now);
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
        let mut limiter = RateLimiter::new(OutputRate::default(), now);
        limiter.spend(200_000, now);
        assert_eq!(limiter.wait(now), Duration::ZERO);
        limiter.spend(200_000, now);
        assert!(limiter.wait(now) > Duration::ZERO);
        assert_eq!(limiter.wait(now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn without_limit_nothing_waits() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(OutputRate::Unlimited, now);
        limiter.spend(usize::MAX, now);
        assert_eq!(limiter.wait(now), Duration::ZERO);
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
