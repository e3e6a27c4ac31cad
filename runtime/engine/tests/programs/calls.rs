//! Calls: their order, their dependencies, and how often they run.

use crate::{
    scenario,
    tesserae::{Counter, Keeper},
    world::{Scenario, meeting_point, scratch, until},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{fs, path::Path};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(calls_on_one_tessera_run_in_order),
        scenario!(calls_behind_a_long_one_wait_as_any_other),
        scenario!(tesserae_run_in_parallel_on_different_workers),
        scenario!(tesserae_run_in_parallel_on_one_worker),
        scenario!(results_go_to_other_workers),
        scenario!(results_go_to_the_same_worker),
        scenario!(a_call_waits_for_a_task_without_its_value),
        scenario!(a_task_runs_once),
        scenario!(a_call_runs_although_nobody_awaits_it),
        scenario!(states_and_names_are_shown),
        scenario!(large_values_travel),
        scenario!(objects_are_dropped_with_their_last_proxy),
        scenario!(many_calls),
        scenario!(many_calls_that_nobody_awaits_run_soon),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn calls_on_one_tessera_run_in_order() {
    on(2).await;
    let counter = Counter::remote(0);
    let path = scratch("marks");
    let tasks: Vec<_> = (0..50).map(|mark| counter.mark(&path, format!("{mark} "))).collect();
    tasks.last().unwrap().await.unwrap();
    let expected: String = (0..50).map(|mark| format!("{mark} ")).collect();
    assert_eq!(fs::read_to_string(path).unwrap(), expected);
    assert!(tasks.iter().all(|task| task.state() == State::Done));
}

async fn tesserae_run_in_parallel_on_different_workers() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let (pid_a, pid_b) = (a.pid().result().await.unwrap(), b.pid().result().await.unwrap());
    assert_ne!(pid_a, pid_b);
    let path = meeting_point("door");
    let (reading, writing) = (a.meet_reading(&path), b.meet_writing(&path));
    reading.await.unwrap();
    writing.await.unwrap();
}

async fn tesserae_run_in_parallel_on_one_worker() {
    on(1).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let path = meeting_point("door");
    let (reading, writing) = (a.meet_reading(&path), b.meet_writing(&path));
    reading.await.unwrap();
    writing.await.unwrap();
}

async fn results_go_to_other_workers() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(10));
    assert_ne!(a.pid().result().await.unwrap(), b.pid().result().await.unwrap());
    let path = meeting_point("door");
    let held = a.meet_writing(&path);
    // Submitted while the task that it needs still runs. The proxy of that task may be dropped.
    let sum = b.add(&held);
    drop(held);
    fs::File::open(path).unwrap();
    assert_eq!(sum.result().await.unwrap(), 11);
    let chain = a.add(b.add(a.add(&sum)));
    assert_eq!(chain.result().await.unwrap(), 12 + 23);
}

async fn results_go_to_the_same_worker() {
    on(1).await;
    let (a, b) = (Counter::remote(1), Counter::remote(10));
    let sum = b.add(a.add(1));
    assert_eq!(sum.result().await.unwrap(), 12);
    assert_eq!(a.add(a.add(&sum)).result().await.unwrap(), 14 + 14);
    let from_task = Counter::remote(&sum);
    assert_eq!(from_task.add(0).result().await.unwrap(), 12);
}

async fn a_call_waits_for_a_task_without_its_value() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let (door, marks) = (meeting_point("door"), scratch("marks"));
    let first = a.meet_reading(&door);
    let marked = a.mark(&marks, "first ");
    let second = b.after(&first).after(&marked).mark(&marks, "second");
    assert_ne!(second.state(), State::Done);
    fs::OpenOptions::new().write(true).open(&door).unwrap();
    second.await.unwrap();
    assert_eq!(fs::read_to_string(marks).unwrap(), "first second");
}

async fn a_task_runs_once() {
    on(2).await;
    let (a, b, c) = (Counter::remote(5), Counter::remote(10), Counter::remote(20));
    let path = scratch("marks");
    let task = a.mark(&path, "x");
    let (one, other) = (b.add(&task), c.add(&task));
    let copy = task.clone();
    let elsewhere = tokio::task::LocalSet::new();
    let awaited = elsewhere.run_until(async move {
        tokio::task::spawn_local(async move { copy.await.unwrap().result().await.unwrap() })
            .await
            .unwrap()
    });
    assert_eq!(awaited.await, 5);
    (&task).await.unwrap();
    let task = task.await.unwrap();
    assert_eq!((task.result().await.unwrap(), task.result().await.unwrap()), (5, 5));
    assert_eq!((one.result().await.unwrap(), other.result().await.unwrap()), (15, 25));
    assert_eq!(fs::read_to_string(path).unwrap(), "x");
}

async fn a_call_runs_although_nobody_awaits_it() {
    on(1).await;
    let counter = Counter::remote(0);
    let path = scratch("marks");
    drop(counter.mark(&path, "x"));
    counter.pid().await.unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "x");
}

async fn states_and_names_are_shown() {
    on(2).await;
    let counter = Counter::remote(0);
    let shown = format!("{counter}");
    assert!(shown.starts_with("<TesseraProxy object, uid=tess-counter-"), "{shown}");
    let counter = counter.await.unwrap();
    let shown = format!("{counter:?}");
    assert!(shown.ends_with(", runtime=worker:0:0, state=done>"), "{shown}");
    let path = meeting_point("door");
    let (held, queued) = (counter.meet_writing(&path), counter.add(1));
    fs::File::open(path).unwrap();
    assert_ne!(queued.state(), State::Pending);
    held.await.unwrap();
    let queued = queued.await.unwrap();
    let (uid, rest) = (queued.uid(), ", runtime=worker:0:0, state=done>");
    assert_eq!(format!("{queued}"), format!("<TaskProxy object, uid={uid}{rest}"));
    let number = uid.strip_prefix("task-counter-add-").unwrap();
    assert!(
        number.len() == 32 && number.chars().all(|digit| digit.is_ascii_hexdigit()),
        "{uid}"
    );
}

async fn large_values_travel() {
    on(2).await;
    let (a, b) = (Counter::remote(0), Counter::remote(0));
    let bytes: Vec<u8> = (0..8 << 20).map(|number: u32| (number % 251) as u8).collect();
    let there = b.echo(a.echo(&bytes));
    assert!(there.result().await.unwrap() == bytes);
    assert_eq!(a.echo(Vec::<u8>::new()).result().await.unwrap(), Vec::<u8>::new());
}

async fn objects_are_dropped_with_their_last_proxy() {
    on(1).await;
    let (first, second) = (scratch("first"), scratch("second"));
    let keeper = Keeper::remote(&first).await.unwrap();
    assert!(Path::new(&first).exists());
    let copy = keeper.clone();
    drop(keeper);
    copy.idle().await.unwrap();
    assert!(Path::new(&first).exists());
    let last_call = copy.idle();
    drop(copy);
    last_call.await.unwrap();
    let keeper = Keeper::remote(&second).await.unwrap();
    mosaic::interactive(Off).await.unwrap();
    // The worker was asked to end, and dropped both objects.
    assert!(!Path::new(&first).exists() && !Path::new(&second).exists());
    drop(keeper);
}

async fn many_calls() {
    on(2).await;
    let (a, b) = (Counter::remote(0), Counter::remote(0));
    let tasks: Vec<_> = (0..2000)
        .map(|number| if number % 2 == 0 { a.add(1) } else { b.add(1) })
        .collect();
    for task in &tasks {
        task.await.unwrap();
    }
    assert_eq!(tasks[1998].result().await.unwrap(), 1000);
    assert_eq!(tasks[1999].result().await.unwrap(), 1000);
}

async fn calls_behind_a_long_one_wait_as_any_other() {
    on(1).await;
    let counter = Counter::remote(0);
    let (first, second) = (meeting_point("first"), meeting_point("second"));
    // All these calls have arrived when the first one ends, and could be a batch.
    let held = counter.meet_reading(&first);
    let adds: Vec<_> = (0..10).map(|_| counter.add(1)).collect();
    let long = counter.meet_reading(&second);
    let (unwanted, failing, last) = (counter.add(100), counter.fail("as it should"), counter.add(1));
    fs::OpenOptions::new().write(true).open(first).unwrap();
    held.await.unwrap();
    // The ends of these calls are known, although the call behind them has not ended.
    for (add, value) in adds.iter().zip(1..) {
        assert_eq!(add.result().await.unwrap(), value);
    }
    until(|| long.state() == State::Running);
    unwanted.cancel();
    assert_eq!(unwanted.await.unwrap_err().kind(), FailureKind::Cancelled);
    assert_eq!(long.state(), State::Running);
    fs::OpenOptions::new().write(true).open(second).unwrap();
    assert_eq!(failing.await.unwrap_err().kind(), FailureKind::Panicked);
    assert_eq!(last.result().await.unwrap(), 11);
}

async fn many_calls_that_nobody_awaits_run_soon() {
    on(2).await;
    let counters = [Counter::remote(0), Counter::remote(0)];
    let (door, next_door) = (meeting_point("door"), meeting_point("next_door"));
    let tasks: Vec<_> = (0..2_000).map(|number| counters[number % 2].add(1)).collect();
    let last = counters[0].meet_writing(&door);
    // The runtime does not see that this thread waits.
    fs::File::open(&door).unwrap();
    // A call that may not have been sent yet is cancelled all the same.
    (0..1_000).for_each(|_| drop(counters[1].add(1)));
    let held = counters[1].meet_writing(&next_door);
    let (cancelled, behind) = (counters[1].add(1), counters[1].add(1));
    cancelled.cancel();
    fs::File::open(&next_door).unwrap();
    assert_eq!(cancelled.await.unwrap_err().kind(), FailureKind::Cancelled);
    assert_eq!(behind.result().await.unwrap(), 2_001);
    assert_eq!(tasks.last().unwrap().result().await.unwrap(), 1_000);
    last.await.unwrap();
    held.await.unwrap();
}
