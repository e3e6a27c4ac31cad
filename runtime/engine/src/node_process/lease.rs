//! How long this host may go on without hearing of the monitor. No I/O here.
//!
//! Each heartbeat carries the time at which it was sent, by this host's own clock. The monitor's answer extends the lease
//! from that time on, however long it was under way. So when the monitor takes the host for lost, which it does later,
//! the lease is over.

use crate::node::LEASE;

/// The time until which this host may go on, in nanoseconds of its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    until: u64,
}

impl Lease {
    /// Begins a lease now.
    pub(super) fn begin(now: u64) -> Lease {
        Lease { until: now + LEASE }
    }

    /// Notes the answer to a heartbeat that was sent at this time. Returns the time until which the host may go on, if
    /// that is later than before.
    pub(super) fn answered(&mut self, sent: u64) -> Option<u64> {
        let until = sent.saturating_add(LEASE);
        (until > self.until).then(|| {
            self.until = until;
            until
        })
    }

    /// Returns the time until which the host may go on.
    pub(super) fn until(self) -> u64 {
        self.until
    }

    /// Returns whether the host may not go on.
    pub(super) fn is_over(self, now: u64) -> bool {
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_from_the_time_of_its_heartbeat() {
        let mut lease = Lease::begin(100);
        assert!(!lease.is_over(100 + LEASE - 1) && lease.is_over(100 + LEASE));
        assert_eq!(lease.answered(200), Some(200 + LEASE));
        // An answer that was under way for longer than a later one.
        assert_eq!(lease.answered(150), None);
        assert!(!lease.is_over(199 + LEASE) && lease.is_over(200 + LEASE));
    }
}
