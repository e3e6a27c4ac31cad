//! Failures: each is a value, arrives at once, and affects only its dependents.

use crate::{
    scenario,
    tesserae::{Careless, Counter, Host, Odd, Stillborn, Stubborn},
    world::{Scenario, meeting_point, scratch},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_panic_is_an_error_with_all_there_is_to_know),
        scenario!(a_constructor_that_panics_fails_the_calls),
        scenario!(dependents_of_a_failed_task_fail_at_once),
        scenario!(values_that_cannot_be_encoded_or_decoded_fail),
        scenario!(a_killed_worker_fails_only_its_tasks),
        scenario!(dependents_of_a_lost_task_fail),
        scenario!(a_lost_result_cannot_be_fetched),
        scenario!(without_workers_everything_fails_and_nothing_panics),
        scenario!(without_the_runtime_everything_fails_and_nothing_panics, |ended| {
            assert_eq!(ended.code, Some(0));
            let notices: Vec<&str> = ended.stderr.lines().collect();
            let [notice] = notices[..] else {
                panic!("{}", ended.stderr)
            };
            assert!(notice.starts_with("mosaic: nobody awaited tess-counter-"), "{notice}");
            assert!(
                notice.contains("call `mosaic::interactive(On).await?` first"),
                "{notice}"
            );
        }),
        scenario!(failures_that_nobody_awaited_are_said_once, |ended| {
            assert_eq!(ended.code, Some(0));
            let notices = ended.stderr.lines().map(|line| {
                let (head, failure) = line.split_once(", which failed on worker:0:0: ").unwrap_or((line, ""));
                let (head, _id) = head.rsplit_once('-').unwrap_or((head, ""));
                format!("{head}: {}", failure.split(", at ").next().unwrap_or_default())
            });
            let expected = [
                "mosaic: nobody awaited task-counter-fail: dropped before",
                "mosaic: nobody awaited task-counter-fail: dropped after",
                "mosaic: nobody awaited tess-stillborn: never born",
                "WORKER:0:1      mosaic: nobody awaited task-counter-fail: in a method",
                "mosaic: nobody awaited task-counter-fail: kept until Off",
                "mosaic: nobody awaited task-counter-fail: kept until the end",
            ];
            assert_eq!(notices.collect::<Vec<_>>(), expected);
        }),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

async fn a_panic_is_an_error_with_all_there_is_to_know() {
    on(1).await;
    let counter = Counter::remote(1);
    let task = counter.fail("no way");
    let error = (&task).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Panicked);
    assert_eq!(
        (error.tessera(), error.method(), error.worker()),
        ("Counter", "fail", "worker:0:0")
    );
    assert!(error.message().starts_with("no way, at "), "{}", error.message());
    assert!(error.backtrace().contains("tesserae"), "{}", error.backtrace());
    let sentence = "method `fail` of `Counter` panicked on worker:0:0: no way, at ";
    assert!(error.to_string().starts_with(sentence), "{error}");
    assert_eq!(task.result().await.unwrap_err().to_string(), error.to_string());
    assert_eq!(task.state(), State::Failed);
    // The worker and the object live on.
    assert_eq!(counter.add(1).result().await.unwrap(), 2);
}

async fn a_constructor_that_panics_fails_the_calls() {
    on(1).await;
    let stillborn = Stillborn::remote("never born");
    let error = stillborn.idle().await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::DependencyFailed, "idle"));
    assert!(error.message().contains("never born"), "{error}");
    let error = (&stillborn).await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::Panicked, "new"));
    assert!(
        error
            .to_string()
            .starts_with("constructor of `Stillborn` panicked on worker:0:0: never born"),
        "{error}"
    );
    let error = stillborn.idle().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::DependencyFailed);
}

async fn dependents_of_a_failed_task_fail_at_once() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let (door, other_door, marks) = (meeting_point("door"), meeting_point("other"), scratch("marks"));
    // `b` is busy, so that its next call cannot have begun.
    let busy = b.meet_writing(&door);
    let failed = a.after(&a.meet_writing(&other_door)).fail("no way");
    let by_value = b.add(&failed);
    let by_order = b.after(&failed).mark(&marks, "x");
    let of_those = a.add(&by_value);
    fs::File::open(other_door).unwrap();
    for error in [
        by_value.await.unwrap_err(),
        by_order.await.unwrap_err(),
        of_those.await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), FailureKind::DependencyFailed);
        assert!(error.message().contains("no way"), "{error}");
    }
    // Submitted after the failure is known.
    let error = b.add(&failed).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::DependencyFailed);
    assert_ne!(busy.state(), State::Done);
    fs::File::open(door).unwrap();
    busy.await.unwrap();
    assert_eq!(b.add(1).result().await.unwrap(), 3);
    assert!(!Path::new(&marks).exists());
}

async fn values_that_cannot_be_encoded_or_decoded_fail() {
    on(1).await;
    let counter = Counter::remote(1);
    let error = counter.take(Odd(1)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotPortable);
    assert!(error.message().contains("`odd`"), "{error}");
    let of_functions = [
        mosaic::spawn(|odd: Odd| odd.0, (Odd(1),)),
        counter.update(|_, odd: Odd| odd.0, Odd(1)),
    ];
    for task in of_functions {
        let error = task.await.unwrap_err();
        assert_eq!((error.kind(), error.method()), (FailureKind::NotPortable, "closure"));
        assert!(
            error.message().contains("argument `number 0` could not be decoded"),
            "{error}"
        );
    }
    let error = counter.give_stubborn().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotPortable);
    assert!(error.message().contains("Stubborn"), "{error}");
    let host = Host::remote(Stubborn);
    let error = host.idle().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::DependencyFailed);
    let error = host.await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::NotPortable, "new"));
    assert_eq!(counter.add(1).result().await.unwrap(), 2);
}

async fn a_killed_worker_fails_only_its_tasks() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let pid = a.pid().result().await.unwrap();
    let (door, other_door) = (meeting_point("door"), meeting_point("other"));
    let (entered, held) = (a.meet_writing(&door), a.meet_reading(&other_door));
    let queued = a.add(1);
    fs::File::open(door).unwrap();
    entered.await.unwrap();
    let killed = Instant::now();
    kill(pid);
    let error = held.await.unwrap_err();
    assert!(killed.elapsed() < Duration::from_millis(900), "{:?}", killed.elapsed());
    assert_eq!((error.kind(), error.worker()), (FailureKind::WorkerLost, "worker:0:0"));
    assert!(error.message().contains("SIGKILL"), "{error}");
    assert_eq!(queued.await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(a.add(1).await.unwrap_err().kind(), FailureKind::WorkerLost);
    // The other worker goes on, and gets all new tesserae.
    let pid = b.pid().result().await.unwrap();
    for _ in 0..3 {
        assert_eq!(Counter::remote(3).pid().result().await.unwrap(), pid);
    }
    assert_eq!(b.add(1).result().await.unwrap(), 3);
}

async fn dependents_of_a_lost_task_fail() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let pid = a.pid().result().await.unwrap();
    let door = meeting_point("door");
    let held = a.meet_writing(&door);
    let dependent = b.add(&held);
    kill(pid);
    let error = dependent.await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::DependencyFailed);
    assert!(error.message().contains("worker:0:0"), "{error}");
    assert_eq!(b.add(1).result().await.unwrap(), 3);
}

async fn a_lost_result_cannot_be_fetched() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let pid = a.pid().result().await.unwrap();
    let done = a.add(1).await.unwrap();
    let held = a.meet_reading(meeting_point("door"));
    kill(pid);
    held.await.unwrap_err();
    let done = done.await.unwrap();
    assert_eq!(done.result().await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(b.add(&done).await.unwrap_err().kind(), FailureKind::DependencyFailed);
}

async fn without_workers_everything_fails_and_nothing_panics() {
    on(1).await;
    let counter = Counter::remote(1);
    let task = counter.pid();
    let pid = task.result().await.unwrap();
    kill(pid);
    counter.meet_reading(meeting_point("door")).await.unwrap_err();
    everything_fails(FailureKind::Runtime, "no worker is left, all of them ended").await;
    assert_eq!(counter.add(1).await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(
        counter.with(Options::new()).add(1).await.unwrap_err().kind(),
        FailureKind::WorkerLost
    );
    assert_eq!(task.then(|pid| *pid).await.unwrap_err().kind(), FailureKind::Runtime);
    // Without workers there is still this process, and new ones can be started.
    assert_eq!(Counter::local(1).add(1).result().await.unwrap(), 2);
    mosaic::interactive(Off).await.unwrap();
    on(1).await;
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
}

async fn without_the_runtime_everything_fails_and_nothing_panics() {
    let advice = "call `mosaic::interactive(On).await?` first";
    everything_fails(FailureKind::NotRunning, advice).await;
    let error = Counter::local(1).await.unwrap_err();
    assert!(error.message().contains(advice), "{error}");
    // This one nobody awaits.
    drop(Counter::remote(1));
}

/// Checks that whatever needs a worker fails for this reason, and as a value.
async fn everything_fails(kind: FailureKind, reason: &str) {
    let check = |error: mosaic::TaskError, what: &str| {
        let is_expected = [kind, FailureKind::DependencyFailed].contains(&error.kind());
        assert!(is_expected && error.message().contains(reason), "{what}: {error}");
    };
    let counter = Counter::remote(1);
    assert_eq!(counter.to_string().split("state=").last(), Some("failed>"));
    check(counter.add(1).await.unwrap_err(), "a call");
    check(counter.add(counter.add(1)).result().await.unwrap_err(), "a result");
    check(
        counter.get(|counter| counter.value()).await.unwrap_err(),
        "a reading function",
    );
    check((&counter).await.unwrap_err(), "a constructor");
    check(Counter::with(Options::new()).remote(1).await.unwrap_err(), "options");
    let array = Counter::remote_array(3, 1);
    check(
        array.map(|counter| counter.add(1)).await.unwrap_err(),
        "an array's calls",
    );
    check(array.await.unwrap_err(), "an array");
    let spawned = mosaic::spawn(|| 1_u64, ());
    check(Counter::remote(&spawned).await.unwrap_err(), "a failed argument");
    check(
        mosaic::after(&spawned).spawn(|| (), ()).await.unwrap_err(),
        "a dependency",
    );
    check(spawned.then(|one| *one).await.unwrap_err(), "a continuation");
    check(spawned.done().await.unwrap_err(), "a continuation without a value");
    check(spawned.await.unwrap_err(), "a function");
    check(
        mosaic::spawn_async(async || (), ()).await.unwrap_err(),
        "an async function",
    );
    assert!(Counter::attach("tess-counter-0").await.is_err());
    let body = |_: mosaic::LoopWorker, item: u64| async move { Ok(item) };
    assert!(mosaic::for_each(0..3_u64).run(body).await.is_err(), "a loop");
}

/// Keeps a task until the program ends.
static KEPT: std::sync::Mutex<Option<TaskProxy<u64>>> = std::sync::Mutex::new(None);

async fn failures_that_nobody_awaited_are_said_once() {
    on(2).await;
    let counter = Counter::remote(1);
    // Seen in one of many ways.
    let seen = counter.fail("awaited");
    (&seen).await.unwrap_err();
    counter.fail("fetched").result().await.unwrap_err();
    let shown = counter.fail("shown");
    counter.add(1).await.unwrap();
    assert!(shown.to_string().ends_with("state=failed>"));
    let cancelled = counter.after(&counter.meet_reading(meeting_point("door"))).add(1);
    cancelled.cancel();
    drop(cancelled);
    fs::OpenOptions::new().write(true).open(scratch("door")).unwrap();
    let needed = counter.fail("needed");
    counter.add(&needed).await.unwrap_err();
    drop(needed);
    // Unseen. A later call of the same tessera shows that the earlier one has failed.
    drop(counter.fail("dropped before"));
    counter.add(1).await.unwrap();
    let failed = counter.fail("dropped after");
    counter.add(1).await.unwrap();
    drop((failed.clone(), counter.add(&failed)));
    drop(failed);
    let stillborn = Stillborn::with(Options::new().worker("worker:0:0")).remote("never born");
    drop((stillborn.idle(), stillborn.idle()));
    drop(stillborn);
    mosaic::barrier().await.unwrap();
    let careless = Careless::with(Options::new().worker("worker:0:1")).remote();
    careless.forget(counter.uid()).await.unwrap();
    let kept = counter.fail("kept until Off");
    counter.add(1).await.unwrap();
    mosaic::interactive(Off).await.unwrap();
    drop((kept, counter));
    on(1).await;
    let counter = Counter::remote(1);
    *KEPT.lock().unwrap() = Some(counter.fail("kept until the end"));
    counter.add(1).await.unwrap();
}
