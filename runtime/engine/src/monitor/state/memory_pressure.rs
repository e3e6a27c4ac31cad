//! Memory pressure: when a worker that is short of memory may go on all the same. No I/O here.
//!
//! If nothing runs, nothing frees memory. If nothing ends, what runs may wait for what does not begin. In both cases
//! one job may begin although memory is short, so that the runtime never stands still for ever.

use super::loads::Loads;
use std::time::{Duration, Instant};

/// How long no job has to end before one more may begin.
pub(in super::super) const PATIENCE: Duration = Duration::from_secs(5);
/// The shortest time between two messages that tell the user that memory is short.
const QUIET: Duration = Duration::from_secs(60);

/// The events since workers became short of memory.
#[derive(Debug, Default)]
pub(in super::super) struct MemoryPressure {
    /// Since when no job has ended, and the number of jobs that had ended by then; `None` while no worker is short of
    /// memory.
    standing: Option<(Instant, u64)>,
    /// When the user was last told.
    told: Option<Instant>,
}

/// The consequences of a worker's report.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Relief {
    /// The worker that may begin one job.
    pub(in super::super) proceed: Option<String>,
    /// Whether the user is to be told why nothing begins.
    pub(in super::super) tell: bool,
}

impl MemoryPressure {
    /// Notes that a worker has reported its load, which is in `loads`.
    pub(in super::super) fn reported(&mut self, loads: &Loads, now: Instant) -> Relief {
        let Some(first) = loads.short_of_memory().next() else {
            self.standing = None;
            return Relief::default();
        };
        let ended = loads.ended();
        let (since, then) = *self.standing.get_or_insert((now, ended));
        let tell = self.told.is_none_or(|told| now - told >= QUIET);
        if tell {
            self.told = Some(now);
        }
        if ended != then {
            self.standing = Some((now, ended));
        }
        let stands_still = ended == then && now - since >= PATIENCE;
        if stands_still {
            self.standing = Some((now, ended));
        }
        let proceed = (stands_still || loads.running() == 0).then(|| first.to_owned());
        Relief { proceed, tell }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Load;

    fn loads(of: [(u32, bool); 2], ended: u64) -> Loads {
        let mut loads = Loads::default();
        for (uid, (running, short_of_memory)) in ["worker:0:0", "worker:0:1"].into_iter().zip(of) {
            let load = Load {
                running,
                waiting: 1,
                ended,
                short_of_memory,
            };
            loads.reported(uid, load);
        }
        loads
    }

    /// Returns the worker that may proceed, and whether the user is told, this many seconds after the beginning.
    fn reported(pressure: &mut MemoryPressure, start: Instant, seconds: u64, loads: &Loads) -> (Option<String>, bool) {
        let relief = pressure.reported(loads, start + Duration::from_secs(seconds));
        (relief.proceed, relief.tell)
    }

    #[test]
    fn one_may_begin_where_nothing_runs_or_nothing_ends() {
        let (mut pressure, start) = (MemoryPressure::default(), Instant::now());
        let mut at = |seconds, of, ended| reported(&mut pressure, start, seconds, &loads(of, ended));
        let first = Some("worker:0:0".to_owned());
        let second = Some("worker:0:1".to_owned());
        assert_eq!(at(0, [(1, false), (0, false)], 0), (None, false));
        assert_eq!(at(0, [(0, true), (0, false)], 0), (first.clone(), true));
        assert_eq!(at(1, [(1, true), (0, true)], 0), (None, false));
        assert_eq!(at(4, [(1, true), (0, true)], 0), (None, false));
        assert_eq!(at(5, [(1, true), (0, true)], 0), (first.clone(), false));
        assert_eq!(at(9, [(1, true), (0, true)], 0), (None, false));
        assert_eq!(at(9, [(1, true), (0, true)], 1), (None, false));
        assert_eq!(at(13, [(1, true), (0, true)], 1), (None, false));
        assert_eq!(at(14, [(1, false), (0, true)], 1), (second.clone(), false));
        assert_eq!(at(59, [(1, false), (1, false)], 1), (None, false));
        assert_eq!(at(60, [(1, false), (1, true)], 1), (None, true));
    }
}
