//! Heads that are gone, and the workers that have not read all their messages. No I/O here.
//!
//! The messages of a dead head are still on their way for a while, and a worker that reads one may ask another worker
//! for a result. Once every worker has read everything, and has asked for what it needs, nobody will want the head's
//! other results.

use crate::id::Id;
use std::collections::{BTreeSet, HashMap};

/// The heads that are gone, each with the workers that may not have read all its messages.
#[derive(Debug, Default)]
pub(in super::super) struct DepartedHeads(HashMap<Id, BTreeSet<String>>);

impl DepartedHeads {
    /// Notes that a head is gone while these workers run. Returns whether it is settled at once, since there are none.
    pub(in super::super) fn begin(&mut self, head: Id, workers: impl Iterator<Item = String>) -> bool {
        let workers: BTreeSet<String> = workers.collect();
        let settled = workers.is_empty();
        if !settled {
            self.0.insert(head, workers);
        }
        settled
    }

    /// Notes that a worker has read all messages of a head. Returns whether it was the last one.
    pub(in super::super) fn drained(&mut self, head: Id, worker: &str) -> bool {
        let Some(workers) = self.0.get_mut(&head) else {
            return false;
        };
        workers.remove(worker);
        let settled = workers.is_empty();
        if settled {
            self.0.remove(&head);
        }
        settled
    }

    /// Notes that a worker is gone. Returns the heads for which it was the last one.
    pub(in super::super) fn lose(&mut self, worker: &str) -> Vec<Id> {
        let heads: Vec<Id> = self.0.keys().copied().collect();
        heads.into_iter().filter(|head| self.drained(*head, worker)).collect()
    }

    /// Forgets all heads.
    pub(in super::super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departures(workers: &[&str]) -> (DepartedHeads, bool) {
        let mut departures = DepartedHeads::default();
        let settled = departures.begin(Id::of(1), workers.iter().map(|worker| (*worker).to_owned()));
        (departures, settled)
    }

    #[test]
    fn a_head_is_settled_when_the_last_worker_has_read_all() {
        let (mut departures, settled) = departures(&["a", "b"]);
        assert!(!settled);
        assert!(!departures.drained(Id::of(1), "b"));
        assert!(!departures.drained(Id::of(2), "a"));
        assert!(departures.drained(Id::of(1), "a"));
        assert!(!departures.drained(Id::of(1), "a"));
    }

    #[test]
    fn a_worker_that_ends_is_not_waited_for() {
        let (mut departures, _) = departures(&["a", "b"]);
        assert_eq!(departures.lose("a"), []);
        assert_eq!(departures.lose("b"), [Id::of(1)]);
    }

    #[test]
    fn without_workers_there_is_nothing_to_read() {
        assert!(departures(&[]).1);
    }
}
