//! Objects that nobody can want any more are freed, whoever held them and however the holders ended. The runtime
//! counts.

use crate::{
    heads::{KILLED, die, head, note, noted},
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, scratch, stored_files, until},
};
use mosaic::{__private::Census, FailureKind, prelude::*};
use std::fs;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(dropped_objects_leave_nothing),
        scenario!(a_result_is_kept_for_a_worker_that_needs_it),
        scenario!(a_worker_that_dies_holds_nothing_elsewhere),
        scenario!(only_the_tesserae_of_a_dead_head_are_kept),
        scenario!(the_memory_of_results_returns),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

/// Returns the number of the head's objects and waits, and of each worker's tesserae, objects of tesserae, tasks and
/// stored values. A constructor counts as a task as long as the head has its tessera.
async fn census() -> String {
    let Census {
        objects,
        waits,
        workers,
    } = mosaic::__private::census().await.unwrap();
    let workers = workers.iter().map(|worker| {
        let mosaic::__private::Kept {
            tesserae,
            alive,
            tasks,
            stored,
            ..
        } = worker;
        format!(" | {tesserae} {alive} {tasks} {stored}")
    });
    format!("{objects} {waits}{}", workers.collect::<String>())
}

/// Waits until the census is as expected.
pub(crate) async fn census_becomes(expected: &str) {
    let mut last = String::new();
    for _ in 0..2000 {
        last = census().await;
        if last == expected {
            return;
        }
        // The destructor of an object runs on a thread of its own, and its end is not reported.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(last, expected);
}

async fn dropped_objects_leave_nothing() {
    on(2).await;
    assert_eq!(census().await, "0 0 | 0 0 0 0 | 0 0 0 0");
    let tesserae: Vec<_> = (0..10).map(|_| Counter::remote(1)).collect();
    let stored = mosaic::put(&5_u64).await.unwrap();
    let tasks: Vec<_> = (0..100).map(|number| tesserae[number % 10].add(&stored)).collect();
    for task in &tasks {
        task.await.unwrap();
    }
    let failed = tesserae[0].fail("no");
    failed.result().await.unwrap_err();
    assert_eq!(census().await, "112 0 | 5 5 56 1 | 5 5 55 1");
    let copies = tasks.clone();
    drop((tasks, failed));
    assert_eq!(census().await, "111 0 | 5 5 55 1 | 5 5 55 1");
    let wait = copies[0].result();
    let of_dropped = tesserae[1].add(&copies[0]);
    drop(copies);
    of_dropped.await.unwrap();
    assert_eq!(wait.await.unwrap(), 6);
    // The stored value is freed at once. The monitor tells the workers to forget it.
    drop((stored, tesserae));
    census_becomes("0 0 | 0 0 0 0 | 0 0 0 0").await;
    assert!(stored_files().is_empty());
}

async fn a_result_is_kept_for_a_worker_that_needs_it() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(10));
    let door = meeting_point("door");
    let busy = b.meet_reading(&door);
    let result = a.add(1).await.unwrap();
    let needs_it = b.add(&result);
    drop(result);
    // There is the result on the first worker, and the two calls are on the second one.
    census_becomes("5 0 | 1 1 2 0 | 1 1 3 0").await;
    fs::OpenOptions::new().write(true).open(door).unwrap();
    busy.await.unwrap();
    assert_eq!(needs_it.result().await.unwrap(), 12);
    drop((a, b, needs_it));
    census_becomes("0 0 | 0 0 0 0 | 0 0 0 0").await;
}

async fn a_worker_that_dies_holds_nothing_elsewhere() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(10));
    let pid = b.pid().result().await.unwrap();
    let (door, gate) = (meeting_point("door"), meeting_point("gate"));
    let busy = b.meet_reading(&door);
    // The worker that dies waits for one result, and has another one.
    let running = a.meet_writing(&gate);
    let done = a.after(&running).add(1);
    let (waits, needs_it) = (b.add(&running), b.add(&done));
    drop((running, done));
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(needs_it.await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(waits.await.unwrap_err().kind(), FailureKind::WorkerLost);
    fs::File::open(gate).unwrap();
    drop((busy, b));
    census_becomes("1 0 | 1 1 1 0").await;
    drop(a);
    census_becomes("0 0 | 0 0 0 0").await;
}

async fn only_the_tesserae_of_a_dead_head_are_kept() {
    on(2).await;
    meeting_point("gate");
    assert_eq!(head("leaves_references"), KILLED);
    // There is a call that runs, one that waits for it on the other worker, and nothing else.
    census_becomes("0 0 | 1 1 1 0 | 1 1 1 0").await;
    until(|| stored_files().is_empty());
    fs::File::open(scratch("gate")).unwrap();
    census_becomes("0 0 | 1 1 0 0 | 1 1 0 0").await;
    let b = Counter::attach(noted("b")).await.unwrap();
    assert_eq!(b.add(0).result().await.unwrap(), 111);
    drop(b);
    drop(Counter::attach(noted("a")).await.unwrap());
    census_becomes("0 0 | 0 0 0 0 | 0 0 0 0").await;
}

pub(crate) async fn leaves_references() {
    let (a, b) = (Counter::remote(1), Counter::remote(10));
    note("a", &a.uid());
    note("b", &b.uid());
    let stored = mosaic::put(&100_u64).await.unwrap();
    let tasks: Vec<_> = (0..50).map(|_| a.echo(vec![0; 1000])).collect();
    b.add(&stored).await.unwrap();
    let running = a.meet_writing(scratch("gate"));
    let _needs_it = b.add(&running);
    tasks.last().unwrap().await.unwrap();
    // Everything that was sent before has arrived.
    census().await;
    die().await;
}

/// Returns the number of bytes of memory that a process occupies.
pub(crate) fn resident(pid: u32) -> usize {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

async fn the_memory_of_results_returns() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(1));
    let pids = [
        std::process::id(),
        a.pid().result().await.unwrap(),
        b.pid().result().await.unwrap(),
    ];
    let before = pids.map(resident);
    // For values of a few megabytes, the allocator keeps some memory to use it again.
    for (size, count) in [(50_000, 500), (40 << 20, 1)] {
        let results: Vec<_> = (0..count).map(|_| a.text(size)).collect();
        for result in &results {
            let here = result.result().await.unwrap();
            assert_eq!(b.length(result).result().await.unwrap(), here.len());
        }
        assert!(resident(pids[1]) > before[1] + (24 << 20));
        drop(results);
        census_becomes("2 0 | 1 1 1 0 | 1 1 1 0").await;
        let returned = || {
            pids.iter()
                .zip(before)
                .all(|(pid, before)| resident(*pid) < before + (12 << 20))
        };
        until(returned);
    }
}
