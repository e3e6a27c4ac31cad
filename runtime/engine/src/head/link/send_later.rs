//! Delayed messages, which travel together.
//!
//! A message that travels alone wakes its worker up. With more workers than CPUs, waking a worker up and bringing its
//! memory back into the CPU's caches takes longer than a short call does. So messages that nobody waits for are
//! delayed: calls of which many are submitted in a row, and messages that drop a result. A delayed message stays with
//! the connection until the next message for that worker leaves, until enough bytes have gathered there, until somebody
//! waits, or until its time is over.

use super::{Event, Link};
use std::time::Duration;

impl Link {
    /// Notes that a message was delayed, which is to be sent within `longest`.
    pub(super) fn delay(&mut self, longest: Duration) {
        if self.delayed.is_some_and(|delayed| delayed <= longest) {
            return;
        }
        self.delayed = Some(longest);
        let report = self.reporter();
        tokio::spawn(async move {
            tokio::time::sleep(longest).await;
            report(Event::DelayOver);
        });
    }

    /// Sends all delayed messages.
    pub(super) fn send_delayed(&mut self) {
        if self.delayed.take().is_some() {
            self.workers.values().for_each(|worker| worker.send_delayed());
        }
    }
}
