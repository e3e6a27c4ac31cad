//! For how long the clients that do not read hold up the others. No I/O here.

use std::time::{Duration, Instant};

/// How long a client whose outbox is full may hold up all others.
const PATIENCE: Duration = Duration::from_secs(5);
/// Speed, in bytes a second, at which a slow client may hold up others for as long as it reads.
const SLOW_BYTES_PER_SECOND: f64 = 256.0 * 1024.0;
/// In what time the patience with new clients recovers, in multiples of [`PATIENCE`].
const RECOVERY: u32 = 12;

/// The time for which a client may still hold up others.
///
/// Waiting for the client uses the time up. Time in which nobody waits gives some of it back, and so do bytes that the
/// client reads. A client that reads only a little now and then still runs out of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) left: Duration,
}

impl Patience {
    /// Accounts for the time since the last account: nobody waited for the time `free`, others waited for the time
    /// `waited`, and the client has read so many bytes.
    pub(super) fn account(&mut self, free: Duration, bytes: u64, waited: Duration) {
        let read = Duration::from_secs_f64(bytes as f64 / SLOW_BYTES_PER_SECOND);
        self.left = self
            .left
            .saturating_sub(waited)
            .saturating_add(free)
            .saturating_add(read)
            .min(PATIENCE);
    }
}

/// The patience with new clients.
///
/// It is halved each time that a client is cut off. So strangers who come one after the other and do not read hold up
/// others for a few seconds in a minute, however many they are.
#[derive(Debug)]
pub(super) struct FirstPatience {
    left: Duration,
    at: Instant,
}

impl FirstPatience {
    pub(super) fn new(now: Instant) -> Self {
        FirstPatience {
            left: PATIENCE,
            at: now,
        }
    }

    /// Returns the patience with a client that connects now.
    pub(super) fn now(&self, now: Instant) -> Patience {
        let regained = now.saturating_duration_since(self.at) / RECOVERY;
        Patience {
            left: self.left.saturating_add(regained).min(PATIENCE),
        }
    }

    /// Notes that a client was cut off.
    pub(super) fn cut_off(&mut self, now: Instant) {
        self.left = self.now(now).left / 2;
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns for how long a client holds up others if it reads 64 KiB in each period.
    fn held_up(every: Duration) -> Duration {
        let mut patience = Patience { left: PATIENCE };
        let mut total = Duration::ZERO;
        while every < patience.left && total < 100 * PATIENCE {
            patience.account(Duration::ZERO, 64 << 10, every);
            total += every;
        }
        total
    }

    #[test]
    fn who_reads_a_little_now_and_then_does_not_hold_others_for_long() {
        for every in [500, 1000, 4900, 6000].map(Duration::from_millis) {
            assert!(held_up(every) <= 2 * PATIENCE, "{every:?}: {:?}", held_up(every));
        }
    }

    #[test]
    fn who_is_only_slow_is_waited_for() {
        assert!(held_up(Duration::from_millis(200)) >= 100 * PATIENCE);
    }

    #[test]
    fn a_pause_is_forgiven_later() {
        let mut patience = Patience { left: PATIENCE };
        patience.account(Duration::ZERO, 0, PATIENCE * 9 / 10);
        assert!(patience.left < PATIENCE / 5);
        patience.account(PATIENCE, 0, Duration::ZERO);
        assert_eq!(patience.left, PATIENCE);
    }

    #[test]
    fn strangers_one_after_the_other_hold_others_for_a_few_seconds() {
        let begin = Instant::now();
        let (mut first, mut now, mut held) = (FirstPatience::new(begin), begin, Duration::ZERO);
        // Each takes a moment to fill its outbox.
        while now < begin + RECOVERY * PATIENCE {
            now += Duration::from_millis(100);
            let patience = first.now(now).left;
            held += patience;
            now += patience;
            first.cut_off(now);
        }
        assert!(held < 4 * PATIENCE, "{held:?} in a minute");
        assert_eq!(first.now(now + RECOVERY * PATIENCE).left, PATIENCE);
    }
}
