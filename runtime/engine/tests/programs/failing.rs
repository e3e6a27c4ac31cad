//! Failures: each is a value, arrives at once, and affects only its dependents.

use crate::{
    scenario,
    tesserae::{Counter, Host, Odd, Stillborn, Stubborn},
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
        scenario!(without_workers_remote_says_so, |ended| {
            assert_eq!(ended.code, Some(101));
            assert!(ended.stderr.contains("no worker is left"), "{}", ended.stderr);
        }),
        scenario!(without_the_runtime_remote_says_what_to_call, |ended| {
            assert_eq!(ended.code, Some(101));
            let advice = "call `mosaic::interactive(On).await?` first";
            assert!(ended.stderr.contains(advice), "{}", ended.stderr);
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

async fn without_workers_remote_says_so() {
    on(1).await;
    let counter = Counter::remote(1);
    let pid = counter.pid().result().await.unwrap();
    kill(pid);
    counter.meet_reading(meeting_point("door")).await.unwrap_err();
    let _ = Counter::remote(1);
}

async fn without_the_runtime_remote_says_what_to_call() {
    let _ = Counter::remote(1);
}
