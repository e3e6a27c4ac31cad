//! Arrays of proxies and of tasks.

use crate::{
    scenario,
    tesserae::{Counter, Stillborn},
    world::{Scenario, meeting_point},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{collections::HashSet, fs::OpenOptions};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(an_array_is_spread_and_called_as_one),
        scenario!(an_array_knows_its_workers),
        scenario!(tasks_come_in_the_order_in_which_they_end),
        scenario!(the_first_failure_of_many_ends_the_wait),
        scenario!(many_tasks_are_one_array),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn an_array_is_spread_and_called_as_one() {
    on(2).await;
    let seed = Counter::remote(7).add(0);
    let counters = Counter::remote_array(5, &seed);
    assert_eq!(counters.len(), 5);
    let pids = counters.map(|counter| counter.pid()).results().await.unwrap();
    assert_eq!(pids.iter().collect::<HashSet<_>>().len(), 2);
    let same = counters.map(|counter| counter.add(1)).await.unwrap();
    assert_eq!((same.len(), same.state()), (5, State::Done));
    let each = counters.map_indexed(|index, counter| counter.add(index as u64));
    assert_eq!(each.results().await.unwrap(), [8, 9, 10, 11, 12]);
    // The tasks of one array are arguments for another.
    let doubled = counters.map_indexed(|index, counter| counter.add(&each[index]));
    assert_eq!(doubled.results().await.unwrap(), [16, 18, 20, 22, 24]);
    assert_eq!(counters[4].add(0).result().await.unwrap(), 24);
    assert!(Counter::remote_array(0, 1).await.unwrap().is_empty());
}

async fn an_array_knows_its_workers() {
    on(2).await;
    let counters = Counter::remote_array(3, 1).await.unwrap();
    assert_eq!(counters.workers(), ["worker:0:0", "worker:0:1"]);
    let runtime = "runtime=(worker:0:0, worker:0:1), state=done";
    assert_eq!(format!("{counters}"), format!("<ProxyArray object, len=3, {runtime}>"));
    for (worker, count) in [("worker:0:0", 2), ("worker:0:1", 1)] {
        let there = counters.on(worker).unwrap();
        assert_eq!(there.len(), count);
        let pids: HashSet<u32> = (there.map(|counter| counter.pid()).results().await.unwrap())
            .into_iter()
            .collect();
        assert_eq!(pids.len(), 1);
    }
    let error = counters.on("worker:0:7").unwrap_err();
    let expected = "nothing of this array lives on worker:0:7: it has worker:0:0, worker:0:1";
    assert_eq!(error.message(), expected);
}

async fn tasks_come_in_the_order_in_which_they_end() {
    on(2).await;
    let counters = Counter::remote_array(3, 0);
    let doors = ["a", "b", "c"].map(meeting_point);
    let held: TaskArray<u64> = (counters.iter().zip(&doors))
        .map(|(counter, door)| counter.meet_writing(door))
        .collect();
    let mut completed = held.completed();
    for index in [2, 0, 1] {
        OpenOptions::new().read(true).open(&doors[index]).unwrap();
        let (ended, task) = completed.next().await.unwrap();
        assert_eq!((ended, task.unwrap().state()), (index, State::Done));
    }
    assert_eq!(completed.remaining(), 0);
    assert!(completed.next().await.is_none());
}

async fn the_first_failure_of_many_ends_the_wait() {
    on(2).await;
    let counters = Counter::remote_array(2, 0);
    let door = meeting_point("door");
    let held = counters[0].meet_writing(&door);
    let tasks: TaskArray<u64> = [held, counters[1].fail("no stones left")].into_iter().collect();
    // The first task has not ended.
    let error = (&tasks).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Panicked);
    assert!(tasks.results().await.unwrap_err().message().contains("no stones left"));
    assert_eq!(tasks.state(), State::Failed);
    OpenOptions::new().read(true).open(&door).unwrap();
    (&tasks[0]).await.unwrap();
    let error = Stillborn::remote_array(2, "never").await.unwrap_err();
    assert!(error.message().contains("never"), "{error}");
}

async fn many_tasks_are_one_array() {
    on(2).await;
    let counters = Counter::remote_array(4, 0).await.unwrap();
    let tasks: TaskArray<u64> = (0..4000).map(|number| counters[number % 4].add(1)).collect();
    let mut completed = tasks.completed();
    let mut ended = 0;
    while let Some((_, task)) = completed.next().await {
        task.unwrap();
        ended += 1;
    }
    assert_eq!(ended, 4000);
    let values = tasks.results().await.unwrap();
    assert_eq!((values[0], values[3999]), (1, 1000));
}
