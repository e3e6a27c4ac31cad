//! Turning the runtime on and off, and the end of a program.

use crate::{
    failing::kill,
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, sockets, sockets_with, until},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{fs, path::Path};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(the_parts_are_listed_once, |ended| {
            assert_eq!(ended.code, Some(0));
            let starts: Vec<&str> = ended.stdout.lines().map(|line| &line[..16]).collect();
            let names = [
                "HEAD",
                "MONITOR",
                "NODE:0",
                "WORKER:0:0",
                "WORKER:0:1",
                "2 workers run al",
            ];
            assert_eq!(starts, names.map(|name| format!("{name:<16}")));
            for line in ended.stdout.lines().skip(1).take(4) {
                assert!(
                    line[16..].starts_with("Listening at <CommsManager object, uid="),
                    "{line}"
                );
                assert!(line.ends_with(", state=listening>"), "{line}");
            }
        }),
        scenario!(off_frees_everything_and_on_works_again),
        scenario!(off_while_a_method_runs),
        scenario!(off_ends_what_methods_have_started),
        scenario!(off_without_on),
        scenario!(programs_that_a_method_starts_are_no_workers),
        scenario!(a_program_that_ends_without_off),
        scenario!(a_program_that_is_killed, |ended| assert_eq!(ended.signal, Some(9))),
        scenario!(a_program_that_is_interrupted, |ended| assert_eq!(ended.signal, Some(2))),
        scenario!(a_program_that_panics, |ended| {
            assert_eq!(ended.code, Some(101));
            assert!(ended.stderr.contains("enough"), "{}", ended.stderr);
            assert!(ended.stdout.contains("said before\n"), "{}", ended.stdout);
        }),
        scenario!(a_program_that_exits_in_the_middle, |ended| assert_eq!(
            ended.code,
            Some(3)
        )),
        scenario!(a_new_start_after_all_workers_ended),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn the_parts_are_listed_once() {
    on(2).await;
    assert_eq!(sockets().len(), sockets_with(2));
    on(2).await;
    on(3).await;
    assert_eq!(sockets().len(), sockets_with(2));
}

async fn off_frees_everything_and_on_works_again() {
    on(2).await;
    let counter = Counter::remote(1);
    let pid = counter.pid().result().await.unwrap();
    let done = counter.add(1).await.unwrap();
    mosaic::interactive(Off).await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(sockets().len(), 1);
    assert_eq!(done.state(), State::Done);
    assert_eq!(done.result().await.unwrap_err().kind(), FailureKind::NotRunning);
    let error = counter.add(1).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotRunning);
    assert!(error.message().contains("was stopped"), "{error}");
    on(1).await;
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
    assert_eq!(counter.add(1).await.unwrap_err().kind(), FailureKind::NotRunning);
}

async fn off_while_a_method_runs() {
    on(2).await;
    let counter = Counter::remote(1);
    let pid = counter.pid().result().await.unwrap();
    let (door, closed_door) = (meeting_point("door"), meeting_point("closed"));
    let (entered, held) = (counter.meet_writing(&door), counter.meet_reading(&closed_door));
    let queued = counter.add(1);
    fs::File::open(door).unwrap();
    entered.await.unwrap();
    mosaic::interactive(Off).await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(sockets().len(), 1);
    for error in [held.await.unwrap_err(), queued.await.unwrap_err()] {
        assert_eq!(error.kind(), FailureKind::NotRunning);
        assert!(error.message().contains("was stopped"), "{error}");
    }
    on(2).await;
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
}

async fn off_ends_what_methods_have_started() {
    on(2).await;
    let counter = Counter::remote(1);
    let lost = Counter::remote(2);
    let mut started = Vec::new();
    for (name, counter) in [("first", &counter), ("second", &lost)] {
        let pids = counter.start_programs(meeting_point(name));
        started.push(pids.result().await.unwrap());
    }
    let are_gone = |pids: &[u32]| pids.iter().all(|pid| has_ended(*pid));
    assert!(started.iter().flatten().all(|pid| !has_ended(*pid)));
    kill(lost.pid().result().await.unwrap());
    until(|| are_gone(&started[1]));
    assert!(started[0].iter().all(|pid| !has_ended(*pid)));
    mosaic::interactive(Off).await.unwrap();
    assert!(are_gone(&started[0]));
}

/// Returns whether a process has ended, also if its parent has not waited for it.
fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|it| it.split_whitespace().next());
    state.is_none_or(|state| state == "Z")
}

async fn off_without_on() {
    mosaic::interactive(Off).await.unwrap();
    on(1).await;
    mosaic::interactive(Off).await.unwrap();
    mosaic::interactive(Off).await.unwrap();
}

async fn programs_that_a_method_starts_are_no_workers() {
    on(1).await;
    let variables = Counter::remote(1).variables().result().await.unwrap();
    assert!(
        !variables.iter().any(|name| name == "MOSAIC_WORKER_UID"),
        "{variables:?}"
    );
}

async fn a_program_that_ends_without_off() {
    on(2).await;
    let counter = Counter::remote(1);
    let door = meeting_point("door");
    let _entered = counter.meet_writing(&door);
    let _held = counter.meet_reading(meeting_point("closed"));
    fs::File::open(door).unwrap();
}

async fn a_program_that_is_killed() {
    on(2).await;
    let (busy, idle) = (Counter::remote(1), Counter::remote(2));
    let door = meeting_point("door");
    let _entered = busy.meet_writing(&door);
    let _held = busy.meet_reading(meeting_point("closed"));
    fs::File::open(door).unwrap();
    idle.start_programs(meeting_point("started")).await.unwrap();
    Counter::local(3).await.unwrap();
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
    std::future::pending().await
}

async fn a_program_that_is_interrupted() {
    on(2).await;
    let busy = Counter::remote(1);
    let door = meeting_point("door");
    let _entered = busy.meet_writing(&door);
    let _held = busy.meet_reading(meeting_point("closed"));
    fs::File::open(door).unwrap();
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT).unwrap();
    std::future::pending().await
}

async fn a_program_that_panics() {
    on(2).await;
    let counter = Counter::remote(1);
    counter.print("said before\n").await.unwrap();
    let _held = counter.meet_reading(meeting_point("closed"));
    panic!("enough");
}

async fn a_program_that_exits_in_the_middle() {
    on(2).await;
    Counter::remote(1).pid().await.unwrap();
    std::process::exit(3);
}

async fn a_new_start_after_all_workers_ended() {
    on(1).await;
    let counter = Counter::remote(1);
    let pid = counter.pid().result().await.unwrap();
    let held = counter.meet_reading(meeting_point("door"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    held.await.unwrap_err();
    on(1).await;
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
}
