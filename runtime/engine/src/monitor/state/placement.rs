//! The placement strategies: they choose the worker of a new tessera. No I/O here.
//!
//! A new strategy is a variant of [`mosaic_abi::Placement`] (`runtime/abi/src/start_options.rs`) and an arm in
//! [`choose`].

use mosaic_abi::Placement;
use std::cmp::Reverse;

/// A worker on which a tessera may be placed.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Candidate {
    /// The number of constructors and methods that the worker executes or has yet to, as far as is known.
    pub(in super::super) jobs: u64,
    /// The number of tesserae that live on the worker.
    pub(in super::super) tesserae: u64,
    /// The new tessera's arguments that lie on the worker: their bytes, as far as known, and their number.
    pub(in super::super) arguments: (u64, u64),
    /// Whether the worker takes no new tesserae.
    pub(in super::super) is_retiring: bool,
}

/// Chooses a worker, and returns its index. Of workers that are equally good, the one whose turn comes first is chosen,
/// beginning with index `next`.
pub(in super::super) fn choose(placement: Placement, workers: &[Candidate], next: usize) -> Option<usize> {
    let count = workers.len();
    let turn = |index: usize| (index + count - next % count.max(1)) % count;
    let willing = (0..count).filter(|index| !workers[*index].is_retiring);
    willing.min_by_key(|&index| {
        let worker = &workers[index];
        let load = (worker.jobs, worker.tesserae);
        match placement {
            Placement::RoundRobin => (Reverse((0, 0)), (0, 0), turn(index)),
            Placement::LeastLoaded => (Reverse((0, 0)), load, turn(index)),
            Placement::DataLocality => (Reverse(worker.arguments), load, turn(index)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Placement::{DataLocality, LeastLoaded, RoundRobin};

    #[test]
    fn the_strategy_decides_and_turns_break_ties() {
        let worker = |jobs, tesserae, bytes, is_retiring| Candidate {
            jobs,
            tesserae,
            arguments: (bytes, u64::from(bytes > 0)),
            is_retiring,
        };
        let idle = worker(0, 0, 0, false);
        let busy = worker(3, 1, 0, false);
        let crowded = worker(0, 9, 0, false);
        let supplied = worker(3, 9, 100, false);
        let leaving = worker(0, 0, 100, true);
        let cases: [(Placement, &[Candidate], usize, Option<usize>); 14] = [
            (RoundRobin, &[], 0, None),
            (RoundRobin, &[busy, idle], 0, Some(0)),
            (RoundRobin, &[busy, idle], 1, Some(1)),
            (RoundRobin, &[busy, idle], 2, Some(0)),
            (RoundRobin, &[leaving, busy, idle], 0, Some(1)),
            (RoundRobin, &[idle, busy, leaving], 2, Some(0)),
            (RoundRobin, &[leaving], 0, None),
            (LeastLoaded, &[busy, idle], 0, Some(1)),
            (LeastLoaded, &[busy, crowded], 0, Some(1)),
            (LeastLoaded, &[idle, crowded, idle], 1, Some(2)),
            (LeastLoaded, &[leaving, busy], 0, Some(1)),
            (DataLocality, &[idle, supplied], 0, Some(1)),
            (DataLocality, &[busy, idle, idle], 0, Some(1)),
            (DataLocality, &[leaving, idle], 0, Some(1)),
        ];
        for (placement, workers, next, expected) in cases {
            let chosen = choose(placement, workers, next);
            assert_eq!(chosen, expected, "{placement:?}, turn {next}, {workers:?}");
        }
    }
}
