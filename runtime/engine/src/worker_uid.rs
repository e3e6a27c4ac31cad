//! The uids of workers: `worker:0:9`, and `head` for the tesserae of a head's own process. No I/O here.

use std::cmp::Ordering;

/// The uid of the worker within a head's own process. Options name it to place a tessera there.
pub(crate) const LOCAL: &str = "head";

const PREFIX: &str = "worker:";

/// Returns the uid of worker `number` of this machine.
pub(crate) fn numbered(number: usize) -> String {
    format!("{PREFIX}0:{number}")
}

/// Returns whether a part of the runtime is a worker process.
pub(crate) fn is_worker(uid: &str) -> bool {
    uid.starts_with(PREFIX)
}

/// A worker's uid, ordered by the worker's number: `worker:0:9` comes before `worker:0:10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerUid<'a>(pub(crate) &'a str);

impl Ord for WorkerUid<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Numbers have no leading zeros, so the longer uid has the larger number.
        (self.0.len(), self.0).cmp(&(other.0.len(), other.0))
    }
}

impl PartialOrd for WorkerUid<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_in_the_order_of_their_numbers() {
        let mut uids: Vec<String> = [10, 0, 9, 100, 1].map(numbered).to_vec();
        uids.push(LOCAL.to_owned());
        uids.sort_by(|a, b| WorkerUid(a).cmp(&WorkerUid(b)));
        let expected = [
            "head",
            "worker:0:0",
            "worker:0:1",
            "worker:0:9",
            "worker:0:10",
            "worker:0:100",
        ];
        assert_eq!(uids, expected);
    }

    #[test]
    fn the_worker_of_a_head_is_no_process_of_its_own() {
        assert!(is_worker(&numbered(7)));
        assert!(!is_worker(LOCAL) && !is_worker("monitor") && !is_worker("node:0"));
    }
}
