//! Many objects: the runtime gets neither slower nor larger with objects that are gone.
//!
//! A million tasks run, on ten thousand tesserae at a time. `MOSAIC_TEST_TASKS` sets another number of tasks.

use crate::{
    freeing::{census_becomes, resident},
    scenario,
    tesserae::Counter,
    world::{Scenario, until},
};
use mosaic::prelude::*;
use std::env;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(many_tesserae_and_tasks_leave_nothing),
        scenario!(a_thousand_tasks_in_a_chain_through_two_workers),
    ]
}

/// Returns the number of tasks.
fn tasks() -> usize {
    env::var("MOSAIC_TEST_TASKS").map_or(1_000_000, |tasks| tasks.parse().unwrap())
}

const ROUNDS: usize = 5;
/// The number of bytes that a process may keep, to use them again and for its timeline.
const SPARE: usize = 16 << 20;

async fn many_tesserae_and_tasks_leave_nothing() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let (a, b) = (Counter::remote(0), Counter::remote(0));
    let pids = [
        std::process::id(),
        a.pid().result().await.unwrap(),
        b.pid().result().await.unwrap(),
    ];
    let mut first_round = None;
    for _ in 0..ROUNDS {
        let tesserae: Vec<_> = (0..tasks() / 100).map(|_| Counter::remote(0)).collect();
        let calls: Vec<_> = (0..tasks() / ROUNDS)
            .map(|number| tesserae[number % tesserae.len()].add(1))
            .collect();
        for call in &calls {
            call.await.unwrap();
        }
        let last = calls.last().unwrap().result().await.unwrap();
        assert_eq!(last as usize, calls.len() / tesserae.len());
        // The first round counts: the allocator may keep the memory for the next one.
        let first = *first_round.get_or_insert_with(|| pids.map(resident));
        drop((tesserae, calls));
        census_becomes("2 0 | 1 1 1 0 | 1 1 1 0").await;
        // The memory does not grow with the number of rounds.
        for (pid, first) in pids.into_iter().zip(first) {
            until(|| resident(pid) < first + SPARE);
        }
    }
}

async fn a_thousand_tasks_in_a_chain_through_two_workers() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let counters = [Counter::remote(0), Counter::remote(0)];
    let mut last = counters[0].echo(vec![7_u8]);
    for number in 1..1000 {
        last = counters[number % 2].echo(last);
    }
    let last = last.await.unwrap();
    // Of all tasks in the chain, only the last one is kept.
    census_becomes("3 0 | 1 1 1 0 | 1 1 2 0").await;
    assert_eq!(last.result().await.unwrap(), [7]);
}
