//! Commands that nobody waits for leave together.
//!
//! Each command that travels alone wakes its worker up, and where there are more workers than CPUs, waking one up and
//! bringing its memory back into the CPU's caches takes longer than the call does. So where many calls are submitted
//! and nobody waits, and where a result is dropped, the command stays with the connection until the next one for that
//! worker leaves, until enough have gathered there, until somebody waits, or for as long as the books say.

use super::{Event, Link};
use std::time::Duration;

impl Link {
    /// A command was kept for so long at most.
    pub(super) fn gathers(&mut self, longest: Duration) {
        if self.gathering.is_some_and(|gathering| gathering <= longest) {
            return;
        }
        self.gathering = Some(longest);
        let report = self.reporter();
        tokio::spawn(async move {
            tokio::time::sleep(longest).await;
            report(Event::Gathered);
        });
    }

    /// All that was kept leaves.
    pub(super) fn hurry(&mut self) {
        if self.gathering.take().is_some() {
            self.workers.values().for_each(|worker| worker.hurry());
        }
    }
}
