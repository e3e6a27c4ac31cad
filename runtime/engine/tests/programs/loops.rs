//! Loops over workers, and barriers.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, scratch},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{
    fs::{self, OpenOptions},
    time::Duration,
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(the_next_free_worker_takes_the_next_item),
        scenario!(another_worker_takes_what_a_lost_one_had),
        scenario!(an_unsafe_loop_ends_with_its_first_worker),
        scenario!(a_loop_without_workers_says_so),
        scenario!(a_loop_ends_with_its_first_error),
        scenario!(a_loop_has_a_time_limit),
        scenario!(enough_results_end_a_loop),
        scenario!(results_of_a_loop_come_as_they_are_ready),
        scenario!(a_barrier_waits_for_tasks_without_proxies),
        scenario!(a_barrier_has_a_time_limit),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn the_next_free_worker_takes_the_next_item() {
    on(2).await;
    let counters = &Counter::remote_array(2, 0).await.unwrap();
    let door = &meeting_point("door");
    // The first item ends after the last one, so that the other worker does all the others.
    let workers = mosaic::for_each(0..10).run(|worker, item| async move {
        let counter = &counters.on(&worker)?[0];
        match item {
            0 => counter.meet_reading(door).await.map(drop)?,
            9 => counter.meet_writing(door).await.map(drop)?,
            _ => counter.add(1).await.map(drop)?,
        }
        Ok(worker.uid().to_owned())
    });
    let workers = workers.await.unwrap();
    assert_eq!(workers.len(), 10);
    assert!(workers[1..].iter().all(|worker| *worker != workers[0]), "{workers:?}");
    let nothing: Vec<u64> = mosaic::for_each(0..0).run(|_, _| async { Ok(1) }).await.unwrap();
    assert!(nothing.is_empty());
}

async fn another_worker_takes_what_a_lost_one_had() {
    on(3).await;
    let counters = &Counter::remote_array(3, 0).await.unwrap();
    let door = &meeting_point("door");
    let workers = mosaic::for_each(0..12).run(|worker, item| async move {
        let counter = &counters.on(&worker)?[0];
        if worker.uid() == "worker:0:1" {
            // Nobody opens the door: the worker is killed while the method runs.
            let pid = counter.pid().result().await?;
            let held = counter.meet_reading(door);
            crate::failing::kill(pid);
            held.await?;
        }
        counter.add(item).result().await?;
        Ok((item, worker.uid().to_owned()))
    });
    let workers = workers.await.unwrap();
    assert!(workers.iter().map(|(item, _)| *item).eq(0..12), "{workers:?}");
    assert!(workers.iter().all(|(_, worker)| worker != "worker:0:1"), "{workers:?}");
}

async fn an_unsafe_loop_ends_with_its_first_worker() {
    on(2).await;
    let counters = &Counter::remote_array(2, 0).await.unwrap();
    let lost = mosaic::for_each(0..4).safe(false).run(|worker, _| async move {
        let counter = &counters.on(&worker)?[0];
        crate::failing::kill(counter.pid().result().await?);
        counter.meet_reading("/nowhere").await
    });
    assert_eq!(lost.await.unwrap_err().kind(), FailureKind::WorkerLost);
}

async fn a_loop_without_workers_says_so() {
    let off = mosaic::for_each(0..4).run(|_, _| async { Ok(()) }).await;
    let message = off.unwrap_err().to_string();
    assert!(message.starts_with("the mosaic runtime is off: call"), "{message}");
    on(2).await;
    let counters = &Counter::remote_array(2, 0).await.unwrap();
    let lost = mosaic::for_each(0..4).run(|worker, _| async move {
        let counter = &counters.on(&worker)?[0];
        let (pid, held) = (
            counter.pid().result().await?,
            counter.print_and_meet("", meeting_point(worker.uid())),
        );
        crate::failing::kill(pid);
        held.await
    });
    let message = lost.await.unwrap_err().to_string();
    assert!(message.starts_with("no worker is left for the loop: call"), "{message}");
}

async fn a_loop_ends_with_its_first_error() {
    on(2).await;
    let counters = &Counter::remote_array(2, 0).await.unwrap();
    let door = &meeting_point("door");
    let failed = mosaic::for_each(0..100).run(|worker, item| async move {
        let counter = &counters.on(&worker)?[0];
        match item {
            0 => counter.meet_reading(door).await.map(drop),
            number if number < 5 => counter.add(1).await.map(drop),
            _ => counter.fail("no stones left").await.map(drop),
        }
    });
    let error = failed.await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::Panicked, "fail"));
    fs::OpenOptions::new().write(true).open(door).unwrap();
}

async fn a_loop_has_a_time_limit() {
    on(1).await;
    let counter = &Counter::remote(0);
    let door = &meeting_point("door");
    let held = mosaic::for_each([door])
        .timeout(Duration::from_millis(20))
        .run(|_, door| counter.meet_reading(door).into_future());
    let message = held.await.unwrap_err().to_string();
    assert_eq!(message, "the loop took longer than 20ms");
    OpenOptions::new().write(true).open(door).unwrap();
}

async fn enough_results_end_a_loop() {
    on(2).await;
    let counters = &Counter::remote_array(2, 0).await.unwrap();
    let door = &meeting_point("door");
    let loop_ = mosaic::for_each(0..100).max_await(3).run(|worker, item| async move {
        let counter = &counters.on(&worker)?[0];
        if item == 0 {
            counter.meet_reading(door).await?;
        }
        counter.add(1).await.map(|_| item)
    });
    assert_eq!(loop_.await.unwrap(), [1, 2, 3]);
    OpenOptions::new().write(true).open(door).unwrap();
}

async fn results_of_a_loop_come_as_they_are_ready() {
    on(2).await;
    let counters = &Counter::remote_array(2, 0).await.unwrap();
    let door = &meeting_point("door");
    let stream = mosaic::for_each(0..3).stream(|worker, item| async move {
        let counter = &counters.on(&worker)?[0];
        if item == 0 {
            counter.meet_writing(door).await?;
        }
        counter.add(1).await.map(|_| worker)
    });
    let mut stream = stream.await.unwrap();
    for expected in [1, 2] {
        assert_eq!(stream.next().await.unwrap().unwrap().0, expected);
    }
    fs::File::open(door).unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().0, 0);
    assert!(stream.next().await.is_none() && stream.next().await.is_none());
}

async fn a_barrier_waits_for_tasks_without_proxies() {
    mosaic::barrier().await.unwrap();
    on(2).await;
    mosaic::barrier().await.unwrap();
    let counters = Counter::remote_array(2, 0);
    let marks = scratch("marks");
    for _ in 0..50 {
        drop(counters.map(|counter| counter.mark(&marks, "x")));
    }
    drop(counters[0].fail("no stones left"));
    mosaic::barrier().await.unwrap();
    assert_eq!(fs::read_to_string(&marks).unwrap().len(), 100);
}

async fn a_barrier_has_a_time_limit() {
    on(1).await;
    let door = meeting_point("door");
    let held = Counter::remote(0).meet_reading(&door);
    let early = mosaic::barrier().timeout(Duration::from_millis(20)).await;
    let message = early.unwrap_err().to_string();
    assert_eq!(message, "something that was submitted has not ended after 20ms");
    OpenOptions::new().write(true).open(&door).unwrap();
    mosaic::barrier().timeout(Duration::from_secs(30)).await.unwrap();
    assert_eq!(held.state(), State::Done);
}
