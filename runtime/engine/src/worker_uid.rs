//! The uids of workers: `worker:0:9`, and `head` for the tesserae of a head's own process. No I/O here.

use std::cmp::Ordering;

/// The uid of the worker within a head's own process. Options name it to place a tessera there.
pub(crate) const LOCAL: &str = "head";

const PREFIX: &str = "worker:";
const NODE_PREFIX: &str = "node:";

/// Returns the uid of worker `number` of host `host`.
pub(crate) fn numbered(host: u32, number: usize) -> String {
    format!("{PREFIX}{host}:{number}")
}

/// Returns the uid of the node of a host.
pub(crate) fn node(host: u32) -> String {
    format!("{NODE_PREFIX}{host}")
}

/// Returns whether a part of the runtime is the node of a host.
pub(crate) fn is_node(uid: &str) -> bool {
    uid.starts_with(NODE_PREFIX)
}

/// Returns the number of the host whose node has this uid.
pub(crate) fn number_of_node(uid: &str) -> Option<u32> {
    uid.strip_prefix(NODE_PREFIX)?.parse().ok()
}

/// Returns the number of the host in a worker's uid.
pub(crate) fn host_of(uid: &str) -> Option<u32> {
    let (host, _) = uid.strip_prefix(PREFIX)?.split_once(':')?;
    host.parse().ok()
}

/// Returns whether a part of the runtime is a worker process.
pub(crate) fn is_worker(uid: &str) -> bool {
    uid.starts_with(PREFIX)
}

/// A worker's uid, ordered by its numbers: `worker:0:9` comes before `worker:0:10`, which comes before `worker:1:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerUid<'a>(pub(crate) &'a str);

impl Ord for WorkerUid<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Numbers have no leading zeros, so the longer uid of a host has the larger number.
        (host_of(self.0), self.0.len(), self.0).cmp(&(host_of(other.0), other.0.len(), other.0))
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
        let numbers = [(0, 10), (0, 0), (10, 1), (0, 9), (2, 5), (0, 100), (0, 1)];
        let mut uids: Vec<String> = numbers.map(|(host, number)| numbered(host, number)).to_vec();
        uids.push(LOCAL.to_owned());
        uids.sort_by(|a, b| WorkerUid(a).cmp(&WorkerUid(b)));
        let expected = [
            "head",
            "worker:0:0",
            "worker:0:1",
            "worker:0:9",
            "worker:0:10",
            "worker:0:100",
            "worker:2:5",
            "worker:10:1",
        ];
        assert_eq!(uids, expected);
    }

    #[test]
    fn the_worker_of_a_head_is_no_process_of_its_own() {
        assert!(is_worker(&numbered(0, 7)));
        assert_eq!(
            (host_of(&numbered(3, 7)), host_of(LOCAL), host_of(&node(3))),
            (Some(3), None, None)
        );
        assert!(!is_worker(LOCAL) && !is_worker("monitor") && !is_worker("node:0"));
    }
}
