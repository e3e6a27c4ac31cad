//! The lifecycle of the runtime between off and on, and the heads that wait for it. No I/O here.

use std::collections::BTreeSet;

/// The sessions of heads that wait.
type Sessions = Vec<u64>;

/// Whether the runtime is off, starting, on or stopping.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Lifecycle {
    #[default]
    Off,
    /// Workers were started, and some have not connected yet.
    Starting {
        /// The heads that are told when the runtime is on.
        waiting: Sessions,
        /// What has not come yet: workers, and nodes of other hosts or what launches them.
        missing: BTreeSet<String>,
    },
    On,
    /// Workers were asked to end, and some have not been reaped yet.
    Stopping {
        /// The heads that are told when the runtime is off.
        waiting: Sessions,
        /// The heads that asked for a start that failed, and why it failed.
        failed: Option<(Sessions, String)>,
    },
}

impl Lifecycle {
    /// Notes that a worker has connected. Returns the heads that waited, if it was the last one.
    pub(in super::super) fn connected(&mut self, worker: &str) -> Option<Sessions> {
        let Lifecycle::Starting { waiting, missing } = self else {
            return None;
        };
        missing.remove(worker);
        if !missing.is_empty() {
            return None;
        }
        let waiting = std::mem::take(waiting);
        *self = Lifecycle::On;
        Some(waiting)
    }

    /// Replaces something that has not come yet by what is to come next.
    pub(in super::super) fn expect(&mut self, came: &str, next: impl IntoIterator<Item = String>) {
        if let Lifecycle::Starting { missing, .. } = self {
            missing.remove(came);
            missing.extend(next);
        }
    }

    /// Returns whether something has not come yet.
    pub(in super::super) fn is_missing(&self, part: &str) -> bool {
        matches!(self, Lifecycle::Starting { missing, .. } if missing.contains(part))
    }

    /// Begins to stop, for `head` if it asked. A start that is under way fails for `reason`.
    pub(in super::super) fn stop(&mut self, head: Option<u64>, reason: &str) {
        match self {
            Lifecycle::Stopping { waiting, .. } => waiting.extend(head),
            Lifecycle::Starting { waiting, .. } => {
                let failed = Some((std::mem::take(waiting), reason.to_owned()));
                let waiting = head.into_iter().collect();
                *self = Lifecycle::Stopping { waiting, failed };
            }
            Lifecycle::On | Lifecycle::Off => {
                let waiting = head.into_iter().collect();
                *self = Lifecycle::Stopping { waiting, failed: None };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting() -> Lifecycle {
        Lifecycle::Starting {
            waiting: vec![1],
            missing: BTreeSet::from(["a".to_owned(), "b".to_owned()]),
        }
    }

    #[test]
    fn it_is_on_when_the_last_worker_has_connected() {
        let mut lifecycle = starting();
        assert_eq!(lifecycle.connected("b"), None);
        assert_eq!(lifecycle.connected("a"), Some(vec![1]));
        assert_eq!(lifecycle, Lifecycle::On);
    }

    #[test]
    fn what_comes_may_bring_more() {
        let mut lifecycle = starting();
        lifecycle.expect("a", ["c".to_owned(), "d".to_owned()]);
        assert!(lifecycle.is_missing("d") && !lifecycle.is_missing("a"));
        assert_eq!(lifecycle.connected("b"), None);
        assert_eq!(lifecycle.connected("c"), None);
        assert_eq!(lifecycle.connected("d"), Some(vec![1]));
    }

    #[test]
    fn a_stop_fails_a_start_that_is_under_way() {
        let mut lifecycle = starting();
        lifecycle.stop(Some(2), "stopped");
        lifecycle.stop(Some(3), "again");
        assert_eq!(
            lifecycle,
            Lifecycle::Stopping {
                waiting: vec![2, 3],
                failed: Some((vec![1], "stopped".to_owned())),
            }
        );
    }
}
