//! Heads that die, one after the other, while the monitor and the workers live on, as in a notebook whose cell process
//! dies.
//!
//! The scenario's own process has the monitor. Each head is a process of its own, which plays one of the [`roles`].

use crate::{
    heads::{ABORTED, KILLED, Role, WELL, die, head, note, noted},
    scenario,
    tesserae::{Counter, Keeper, Stillborn},
    world::{Scenario, meeting_point, scratch, sockets, until},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{fs, path::Path};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_counter_outlives_its_heads, |ended| {
            assert_eq!(ended.code, Some(0));
            // Only a head that turns the runtime on prints the listing, and each head only once.
            assert_eq!(
                ended.stdout.matches("WORKER:0:0      Listening").count(),
                2,
                "{}",
                ended.stdout
            );
        }),
        scenario!(tasks_between_workers_outlive_their_head),
        scenario!(attaching_says_why_it_fails),
        scenario!(the_last_head_that_attached_frees),
        scenario!(an_attach_that_is_given_up_frees_nothing),
        scenario!(results_that_nobody_can_want_are_freed),
        scenario!(output_is_shown_while_no_head_lives, |ended| {
            assert_eq!(ended.code, Some(0));
            assert!(
                ended.stdout.contains("WORKER:0:0      still here\n"),
                "{}",
                ended.stdout
            );
        }),
        scenario!(a_living_head_lists_and_attaches),
    ]
}

/// Returns the roles of heads in these and other scenarios.
pub(crate) fn roles() -> Vec<Role> {
    macro_rules! role {
        ($name:ident) => {
            (stringify!($name), || Box::pin($name()))
        };
    }
    vec![
        role!(counts_and_is_killed),
        role!(goes_on_counting_and_aborts),
        role!(counts_once_more_and_turns_off),
        role!(leaves_tasks_between_workers),
        role!(finds_what_those_tasks_did),
        role!(leaves_some_of_each),
        role!(attaches_wrongly),
        role!(leaves_a_keeper),
        role!(shares_and_drops_a_keeper),
        role!(gives_up_attaching),
        role!(leaves_a_large_result),
        role!(finds_the_worker_small_again),
        role!(leaves_a_talker),
        ("leaves_references", || Box::pin(crate::freeing::leaves_references())),
        ("leaves_stored_values", || {
            Box::pin(crate::warehouse::leaves_stored_values())
        }),
        ("asks", || Box::pin(crate::questions::asks())),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn a_counter_outlives_its_heads() {
    meeting_point("entered");
    meeting_point("door");
    assert_eq!(head("counts_and_is_killed"), KILLED);
    assert_eq!(head("goes_on_counting_and_aborts"), ABORTED);
    assert_eq!(head("counts_once_more_and_turns_off"), WELL);
    // The last head may have been behind a node process, which ends after that head.
    until(|| sockets().len() == 1);
}

async fn counts_and_is_killed() {
    on(1).await;
    let (counter, other) = (Counter::remote(1), Counter::remote(100));
    assert_eq!(counter.add(1).result().await.unwrap(), 2);
    let _entered = counter.meet_writing(scratch("entered"));
    let _held = counter.meet_reading(scratch("door"));
    let _queued = (counter.add(5), counter.mark(scratch("marks"), "a"));
    // Everything that was sent to this worker before has arrived.
    other.pid().await.unwrap();
    fs::File::open(scratch("entered")).unwrap();
    note("counter", &counter.uid());
    die().await;
}

async fn goes_on_counting_and_aborts() {
    let tesserae = mosaic::tesserae().await.unwrap();
    let types: Vec<&str> = tesserae.iter().map(|tessera| tessera.type_name.as_str()).collect();
    assert_eq!(types, ["Counter", "Counter"]);
    let counter = tesserae.iter().find(|tessera| tessera.uid == noted("counter")).unwrap();
    assert_eq!(counter.worker.as_deref(), Some("worker:0:0"));
    assert_eq!(counter.state, State::Running, "its call is held up");
    let counter = Counter::attach(&counter.uid).await.unwrap();
    assert_eq!(counter.uid(), noted("counter"));
    assert!(
        counter.to_string().ends_with("runtime=worker:0:0, state=done>"),
        "{counter}"
    );
    // This call is behind those of the first head.
    let added = counter.add(10);
    counter.mark(scratch("marks"), "b").state();
    fs::OpenOptions::new().write(true).open(scratch("door")).unwrap();
    assert_eq!(added.result().await.unwrap(), 17);
    // New tesserae can be made without turning the runtime on again.
    assert_eq!(Counter::remote(7).add(1).result().await.unwrap(), 8);
    on(1).await;
    std::process::abort();
}

async fn counts_once_more_and_turns_off() {
    let counter = Counter::attach(noted("counter")).await.unwrap();
    assert_eq!(counter.add(1).result().await.unwrap(), 18);
    assert_eq!(noted("marks"), "ab");
    mosaic::interactive(Off).await.unwrap();
    assert_eq!(counter.add(1).await.unwrap_err().kind(), FailureKind::NotRunning);
    assert!(mosaic::tesserae().await.unwrap().is_empty());
    let error = Counter::attach(noted("counter")).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotRunning);
}

async fn tasks_between_workers_outlive_their_head() {
    meeting_point("entered");
    meeting_point("door");
    assert_eq!(head("leaves_tasks_between_workers"), KILLED);
    fs::OpenOptions::new().write(true).open(scratch("door")).unwrap();
    assert_eq!(head("finds_what_those_tasks_did"), WELL);
}

/// `b` needs a value of `a` that does not exist before this head is gone.
async fn leaves_tasks_between_workers() {
    on(2).await;
    let (a, b) = (Counter::remote(1), Counter::remote(2));
    let (on_as, on_bs) = (Counter::remote(3), Counter::remote(4));
    let _entered = a.meet_writing(scratch("entered"));
    let _held = a.meet_reading(scratch("door"));
    let value = a.add(10);
    let _sum = b.add(&value);
    let _after = b.after(&a.add(100)).add(1000);
    // Everything that was sent to these workers before has arrived.
    on_as.pid().await.unwrap();
    on_bs.pid().await.unwrap();
    fs::File::open(scratch("entered")).unwrap();
    note("b", &b.uid());
    die().await;
}

async fn finds_what_those_tasks_did() {
    let b = Counter::attach(noted("b")).await.unwrap();
    assert_eq!(b.add(0).result().await.unwrap(), 2 + 11 + 1000);
}

async fn attaching_says_why_it_fails() {
    assert_eq!(head("leaves_some_of_each"), KILLED);
    assert_eq!(head("attaches_wrongly"), WELL);
}

async fn leaves_some_of_each() {
    on(2).await;
    let counter = Counter::remote(1);
    let keeper = Keeper::remote(scratch("kept"));
    let stillborn = Stillborn::remote("never");
    (&counter).await.unwrap();
    (&keeper).await.unwrap();
    (&stillborn).await.unwrap_err();
    for (name, uid) in [
        ("counter", counter.uid()),
        ("keeper", keeper.uid()),
        ("stillborn", stillborn.uid()),
    ] {
        note(name, &uid);
    }
    die().await;
}

async fn attaches_wrongly() {
    let (counter, keeper) = (noted("counter"), noted("keeper"));
    let error = Counter::attach("tess-counter-0").await.unwrap_err();
    let message = format!(
        "attaching to a `Counter` failed: no tessera \"tess-counter-0\" lives, but of the type `Counter`:\n  {counter} on \
         worker:0:0, done"
    );
    assert_eq!(error.to_string(), message);
    let error = Stillborn::attach(noted("stillborn")).await.unwrap_err();
    assert!(error.message().contains("no other `Stillborn` either"), "{error}");
    let error = Keeper::attach(&counter).await.unwrap_err();
    assert!(
        error
            .message()
            .ends_with("is a `Counter`, not a `Keeper`: call `Counter::attach`"),
        "{error}"
    );

    let attached = Counter::attach(&counter).await.unwrap();
    let error = Keeper::attach(&counter).await.unwrap_err();
    assert!(error.message().contains("is a `Counter`, not a `Keeper`"), "{error}");
    let pid = attached.pid().result().await.unwrap();
    let held = attached.meet_reading(meeting_point("never"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    held.await.unwrap_err();
    for _ in 0..2 {
        // The tessera is in this head's state at first, and then no more.
        let error = Counter::attach(&counter).await.unwrap_err();
        assert_eq!((error.kind(), error.worker()), (FailureKind::WorkerLost, "worker:0:0"));
        assert!(
            error.message().contains("worker:0:0 ended: signal: 9 (SIGKILL)"),
            "{error}"
        );
    }
    drop(attached);
    let error = Counter::attach(&counter).await.unwrap_err();
    assert_eq!((error.kind(), error.worker()), (FailureKind::WorkerLost, "worker:0:0"));
    Keeper::attach(&keeper).await.unwrap().idle().await.unwrap();
}

async fn the_last_head_that_attached_frees() {
    assert_eq!(head("leaves_a_keeper"), KILLED);
    assert!(Path::new(&scratch("kept")).exists());
    assert_eq!(head("shares_and_drops_a_keeper"), WELL);
}

async fn leaves_a_keeper() {
    on(1).await;
    let keeper = Keeper::remote(scratch("kept"));
    keeper.idle().await.unwrap();
    note("keeper", &keeper.uid());
    die().await;
}

async fn shares_and_drops_a_keeper() {
    let (first, second) = (
        Keeper::attach(noted("keeper")).await.unwrap(),
        Keeper::attach(noted("keeper")).await.unwrap(),
    );
    drop(first);
    second.idle().await.unwrap();
    assert_eq!(mosaic::tesserae().await.unwrap().len(), 1);
    drop(second);
    assert!(mosaic::tesserae().await.unwrap().is_empty());
    // The destructor runs on another thread of the worker.
    until(|| !Path::new(&scratch("kept")).exists());
}

async fn an_attach_that_is_given_up_frees_nothing() {
    assert_eq!(head("leaves_a_keeper"), KILLED);
    assert_eq!(head("gives_up_attaching"), WELL);
}

async fn gives_up_attaching() {
    drop(Keeper::attach(noted("keeper")));
    let (kept, given_up) = (Keeper::attach(noted("keeper")), Keeper::attach(noted("keeper")));
    drop(given_up);
    kept.await.unwrap().idle().await.unwrap();
    assert!(
        mosaic::tesserae().await.unwrap().is_empty(),
        "the one that was kept was dropped then"
    );
    let keeper = Keeper::remote(scratch("kept"));
    keeper.idle().await.unwrap();
    note("keeper", &keeper.uid());
    assert_eq!(mosaic::tesserae().await.unwrap().len(), 1);
}

async fn results_that_nobody_can_want_are_freed() {
    assert_eq!(head("leaves_a_large_result"), KILLED);
    assert_eq!(head("finds_the_worker_small_again"), WELL);
}

/// More bytes than the allocator keeps to use them again.
const LARGE: usize = 40 << 20;

/// Returns the number of bytes of memory that a process uses.
fn memory(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let used = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
        .unwrap();
    used.trim().parse::<usize>().unwrap() * 1024
}

async fn leaves_a_large_result() {
    on(1).await;
    let counter = Counter::remote(1);
    let pid = counter.pid().result().await.unwrap();
    let result = counter.echo(vec![1; LARGE]).await.unwrap();
    assert!(memory(pid) > LARGE);
    note("counter", &counter.uid());
    drop(result.clone());
    die().await;
}

async fn finds_the_worker_small_again() {
    let counter = Counter::attach(noted("counter")).await.unwrap();
    let pid = counter.pid().result().await.unwrap();
    until(|| memory(pid) < LARGE);
}

async fn output_is_shown_while_no_head_lives() {
    meeting_point("entered");
    meeting_point("door");
    assert_eq!(head("leaves_a_talker"), KILLED);
    fs::OpenOptions::new().write(true).open(scratch("door")).unwrap();
    fs::File::open(scratch("entered")).unwrap();
}

async fn leaves_a_talker() {
    on(1).await;
    let (talker, other) = (Counter::remote(1), Counter::remote(2));
    let _held = talker.meet_reading(scratch("door"));
    let _said = talker.print("still here\n");
    let _entered = talker.meet_writing(scratch("entered"));
    // Everything that was sent to this worker before has arrived.
    other.pid().await.unwrap();
    die().await;
}

async fn a_living_head_lists_and_attaches() {
    assert!(mosaic::tesserae().await.unwrap().is_empty());
    on(1).await;
    let counter = Counter::remote(1);
    let same = Counter::attach(counter.uid()).await.unwrap();
    assert_eq!(counter.add(1).result().await.unwrap(), 2);
    assert_eq!(same.add(1).result().await.unwrap(), 3);
    let listed = mosaic::tesserae().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].uid.as_str(), listed[0].state),
        (counter.uid().as_str(), State::Done)
    );
    drop(counter);
    assert_eq!(same.add(1).result().await.unwrap(), 4);
    drop(same);
    assert!(mosaic::tesserae().await.unwrap().is_empty());

    let door = meeting_point("door");
    let busy = Counter::remote(1);
    let held = busy.meet_reading(&door);
    // This tessera is not on a worker yet, since it waits for a task.
    let waiting = Counter::remote(busy.add(0));
    let states: Vec<State> = mosaic::tesserae()
        .await
        .unwrap()
        .iter()
        .map(|tessera| tessera.state)
        .collect();
    assert_eq!(states.len(), 2);
    assert!(!states.contains(&State::Failed), "{states:?}");
    fs::OpenOptions::new().write(true).open(door).unwrap();
    held.await.unwrap();
    assert_eq!(waiting.add(1).result().await.unwrap(), 2);
}
