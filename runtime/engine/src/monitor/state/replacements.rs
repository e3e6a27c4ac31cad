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
    /// The number of the next new worker of each host.
    next_numbers: HashMap<u32, usize>,
    /// For each worker, the number of the worker that it replaces, or its own.
    slots: HashMap<String, usize>,
    /// The replacements that have not connected.
    expected: Vec<String>,
}

impl Replacements {
    /// Begins a run in which this number of workers may be replaced.
    pub(in super::super) fn new(limit: u32) -> Replacements {
        Replacements {
            limit,
            ..Replacements::default()
        }
    }

    /// Adds the first workers of a host, and returns their uids and numbers.
    pub(in super::super) fn add_host(&mut self, host: u32, count: usize) -> Vec<(String, usize)> {
        self.next_numbers.insert(host, count);
        let workers: Vec<_> = (0..count)
            .map(|slot| (worker_uid::numbered(host, slot), slot))
            .collect();
        self.slots.extend(workers.iter().cloned());
        workers
    }

    /// Adds a host in the place of one that was lost, with at most `count` workers that replace those. Returns their
    /// uids and numbers.
    pub(in super::super) fn add_replacing_host(&mut self, host: u32, count: usize) -> Vec<(String, usize)> {
        let left = usize::try_from(self.limit - self.replaced).unwrap_or(usize::MAX);
        let workers = self.add_host(host, count.min(left));
        self.replaced += u32::try_from(workers.len()).unwrap_or(u32::MAX);
        self.expected.extend(workers.iter().map(|(uid, _)| uid.clone()));
        workers
    }

    /// Returns the number of workers that may be replaced.
    pub(in super::super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns whether one more worker may be replaced.
    pub(in super::super) fn is_possible(&self) -> bool {
        self.replaced < self.limit
    }

    /// Returns the number of replacements that have not connected.
    pub(in super::super) fn expected(&self) -> usize {
        self.expected.len()
    }

    /// Returns whether a worker is a replacement that has not connected.
    pub(in super::super) fn is_expected(&self, worker: &str) -> bool {
        self.expected.iter().any(|expected| expected == worker)
    }

    /// Returns the uid of a replacement on `host`, and the number of the worker that it replaces, if there may be one
    /// more.
    pub(in super::super) fn replace(&mut self, lost: &str, host: u32) -> Option<(String, usize)> {
        let slot = self.slots.remove(lost)?;
        if !self.is_possible() {
            return None;
        }
        let next = self.next_numbers.entry(host).or_default();
        let uid = worker_uid::numbered(host, *next);
        *next += 1;
        self.replaced += 1;
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
        let mut replacements = Replacements::new(2);
        assert_eq!(replacements.add_host(0, 2).len(), 2);
        assert_eq!(
            replacements.replace("worker:0:1", 0),
            Some(("worker:0:2".to_owned(), 1))
        );
        // The replacement of a replacement has the number of the first worker.
        assert_eq!(
            replacements.replace("worker:0:2", 0),
            Some(("worker:0:3".to_owned(), 1))
        );
        assert_eq!(replacements.replace("worker:0:0", 0), None);
        assert_eq!(replacements.expected, ["worker:0:2", "worker:0:3"]);
        replacements.settle("worker:0:2");
        assert_eq!(replacements.expected, ["worker:0:3"]);
    }

    #[test]
    fn what_is_replaced_on_another_host_is_numbered_there() {
        let mut replacements = Replacements::new(3);
        replacements.add_host(0, 2);
        replacements.add_host(1, 1);
        assert_eq!(
            replacements.replace("worker:0:1", 1),
            Some(("worker:1:1".to_owned(), 1))
        );
        let joined = replacements.add_replacing_host(2, 4);
        assert_eq!(joined, [("worker:2:0".to_owned(), 0), ("worker:2:1".to_owned(), 1)]);
        assert!(!replacements.is_possible());
    }
}
