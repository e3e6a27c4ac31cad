//! Heads that are gone, and what of theirs the workers have not read yet. No I/O here.
//!
//! What a dead head had sent is still on its way for a while, and a worker that reads it may ask another one for a result.
//! Only when every worker has read everything, and has asked for all that it needs, is it known what nobody will want.

use crate::id::Id;
use std::collections::{BTreeSet, HashMap};

/// The heads that are gone, and the workers that may not have read all that each of them had sent.
#[derive(Debug, Default)]
pub(super) struct Departures(HashMap<Id, BTreeSet<String>>);

impl Departures {
    /// A head is gone while these workers run; returns whether all is read already, as there are none.
    pub(super) fn begin(&mut self, head: Id, workers: impl Iterator<Item = String>) -> bool {
        let workers: BTreeSet<String> = workers.collect();
        let settled = workers.is_empty();
        if !settled {
            self.0.insert(head, workers);
        }
        settled
    }

    /// A worker has read all that a head had sent; returns whether it was the last one.
    pub(super) fn drained(&mut self, head: Id, worker: &str) -> bool {
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

    /// A worker is gone, and reads nothing any more; returns the heads for which it was the last one.
    pub(super) fn lose(&mut self, worker: &str) -> Vec<Id> {
        let heads: Vec<Id> = self.0.keys().copied().collect();
        heads.into_iter().filter(|head| self.drained(*head, worker)).collect()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departures(workers: &[&str]) -> (Departures, bool) {
        let mut departures = Departures::default();
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
