//! Where the runtime is between off and on, and who waits for it. No I/O here.

use std::collections::BTreeSet;

/// The sessions of heads that wait.
pub(super) type Waiting = Vec<u64>;

/// The runtime's state.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Lifecycle {
    #[default]
    Off,
    /// Workers were spawned, and some have not connected yet.
    Starting {
        waiting: Waiting,
        missing: BTreeSet<String>,
    },
    On,
    /// Workers were asked to end, and some have not been reaped yet.
    Stopping {
        waiting: Waiting,
        /// Who asked for a start that failed, and why.
        failed: Option<(Waiting, String)>,
    },
}

impl Lifecycle {
    /// A worker has connected. Returns who waited for the last one.
    pub(super) fn connected(&mut self, worker: &str) -> Option<Waiting> {
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

    /// Begins to stop, for `head` if it asked, because of `reason` if something is starting.
    pub(super) fn stop(&mut self, head: Option<u64>, reason: &str) {
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
