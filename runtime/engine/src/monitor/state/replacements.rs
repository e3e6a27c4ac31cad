//! Workers in the place of those that were lost. No I/O here.

use crate::worker_uid;
use std::collections::HashMap;

/// The workers that replace lost ones.
#[derive(Debug, Default)]
pub(in super::super) struct Replacements {
    /// The number of workers that may be replaced.
    limit: u32,
    /// The number of workers that were replaced.
    replaced: u32,
    /// The number of the next new worker.
    next_number: usize,
    /// For each worker, the number of the worker that it replaces, or its own.
    slots: HashMap<String, usize>,
    /// The replacements that have not connected.
    expected: Vec<String>,
}

impl Replacements {
    /// Begins a run of `count` workers, of which `limit` may be replaced.
    pub(in super::super) fn new(count: usize, limit: u32) -> Replacements {
        Replacements {
            limit,
            next_number: count,
            slots: (0..count).map(|slot| (worker_uid::numbered(slot), slot)).collect(),
            ..Replacements::default()
        }
    }

    /// Returns the number of workers that may be replaced.
    pub(in super::super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns the number of replacements that have not connected.
    pub(in super::super) fn expected(&self) -> usize {
        self.expected.len()
    }

    /// Returns whether a worker is a replacement that has not connected.
    pub(in super::super) fn is_expected(&self, worker: &str) -> bool {
        self.expected.iter().any(|expected| expected == worker)
    }

    /// Returns the uid of a replacement and the number of the worker that it replaces, if there may be one more.
    pub(in super::super) fn replace(&mut self, lost: &str) -> Option<(String, usize)> {
        let slot = self.slots.remove(lost)?;
        if self.replaced >= self.limit {
            return None;
        }
        let uid = worker_uid::numbered(self.next_number);
        self.replaced += 1;
        self.next_number += 1;
        self.slots.insert(uid.clone(), slot);
        self.expected.push(uid.clone());
        Some((uid, slot))
    }

    /// Notes that a replacement has connected, or never will.
    pub(in super::super) fn settle(&mut self, worker: &str) {
        self.expected.retain(|expected| expected != worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_have_numbers_of_their_own_and_a_limit() {
        let mut replacements = Replacements::new(2, 2);
        assert_eq!(replacements.replace("worker:0:1"), Some(("worker:0:2".to_owned(), 1)));
        // The replacement of a replacement has the number of the first worker.
        assert_eq!(replacements.replace("worker:0:2"), Some(("worker:0:3".to_owned(), 1)));
        assert_eq!(replacements.replace("worker:0:0"), None);
        assert_eq!(replacements.expected, ["worker:0:2", "worker:0:3"]);
        replacements.settle("worker:0:2");
        assert_eq!(replacements.expected, ["worker:0:3"]);
    }
}
