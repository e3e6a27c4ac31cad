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
    /// The number of tesserae that live on the workers of its host.
    pub(in super::super) tesserae_of_host: u64,
    /// Whether the worker is on the host that is wished for.
    pub(in super::super) is_near: bool,
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
        let (first, second, last) = match placement {
            Placement::RoundRobin => (Reverse((0, 0)), (0, 0), turn(index)),
            Placement::LeastLoaded => (Reverse((0, 0)), load, turn(index)),
            Placement::DataLocality => (Reverse(worker.arguments), load, turn(index)),
            Placement::Spread => (Reverse((0, 0)), (worker.tesserae_of_host, worker.tesserae), turn(index)),
            Placement::Pack => (Reverse((0, 0)), (worker.tesserae, 0), index),
        };
        (!worker.is_near, first, second, last)
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
            ..Candidate::default()
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

    #[test]
    fn hosts_are_regarded() {
        let worker = |tesserae, tesserae_of_host, is_near| Candidate {
            tesserae,
            tesserae_of_host,
            is_near,
            ..Candidate::default()
        };
        // Two workers on each of two hosts.
        let workers = [
            worker(2, 3, false),
            worker(1, 3, false),
            worker(1, 2, false),
            worker(1, 2, false),
        ];
        assert_eq!(choose(Placement::Spread, &workers, 3), Some(3));
        assert_eq!(choose(Placement::Pack, &workers, 3), Some(1));
        let mut near = workers;
        near[0].is_near = true;
        for placement in [
            RoundRobin,
            LeastLoaded,
            DataLocality,
            Placement::Spread,
            Placement::Pack,
        ] {
            assert_eq!(choose(placement, &near, 3), Some(0), "{placement:?}");
        }
    }
}
