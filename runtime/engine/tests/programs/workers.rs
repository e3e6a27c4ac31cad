//! Placement, retirement and replacement of workers.

use crate::{
    failing::kill,
    scenario,
    tesserae::{Counter, Phoenix},
    world::{Scenario, meeting_point, scratch, sockets, sockets_with},
};
use mosaic::{FailureKind, Options, Placement, prelude::*};
use std::{
    fs,
    time::{Duration, Instant},
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(the_least_loaded_worker_gets_the_next_tessera),
        scenario!(tesserae_go_where_their_arguments_lie),
        scenario!(a_selected_worker_can_be_named),
        scenario!(workers_have_cpus_of_their_own),
        scenario!(a_retiring_worker_finishes_its_work, |ended| {
            assert_eq!(ended.code, Some(0));
            assert!(ended.stdout.contains("the last words\n"), "{}", ended.stdout);
            assert!(!ended.stderr.contains("worker:0:0 ended"), "{}", ended.stderr);
        }),
        scenario!(a_lost_worker_is_replaced),
        scenario!(tesserae_made_while_no_worker_lives_go_to_the_replacement),
        scenario!(a_tessera_is_restarted_on_another_worker),
        scenario!(a_tessera_is_restarted_on_the_replacement),
        scenario!(functions_with_retries_are_run_again),
        scenario!(a_program_ends_while_a_worker_is_replaced),
        scenario!(off_while_a_worker_is_replaced),
        scenario!(replacements_have_a_limit, |ended| {
            assert_eq!(ended.code, Some(0));
            assert!(ended.stderr.contains("worker:0:1 is not replaced"), "{}", ended.stderr);
        }),
    ]
}

/// Returns the uids of the running workers.
async fn running() -> Vec<String> {
    let workers = mosaic::workers().await.unwrap();
    workers.iter().map(|worker| worker.uid.clone()).collect()
}

/// Waits until exactly these workers run: changes are reported a moment later.
async fn until_these_run(expected: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let running = running().await;
        if running == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{running:?}");
    }
}

/// Returns the worker of a tessera, from the text that its proxy shows.
fn home(counter: &impl std::fmt::Display) -> String {
    let shown = counter.to_string();
    let (_, runtime) = shown.split_once("runtime=").unwrap();
    runtime.split(',').next().unwrap().to_owned()
}

async fn the_least_loaded_worker_gets_the_next_tessera() {
    mosaic::interactive(On)
        .num_workers(2)
        .placement(Placement::LeastLoaded)
        .await
        .unwrap();
    let busy = Counter::remote(1);
    (&busy).await.unwrap();
    assert_eq!(home(&busy), "worker:0:0");
    let door = meeting_point("door");
    let held = busy.meet_reading(&door);
    while mosaic::workers().await.unwrap()[0].running == 0 {}
    for _ in 0..2 {
        // The second tessera goes there, too, since dropped tesserae do not count.
        let idle = Counter::remote(2);
        (&idle).await.unwrap();
        assert_eq!(home(&idle), "worker:0:1");
    }
    fs::OpenOptions::new().write(true).open(door).unwrap();
    held.await.unwrap();
}

async fn tesserae_go_where_their_arguments_lie() {
    mosaic::interactive(On)
        .num_workers(2)
        .placement(Placement::DataLocality)
        .await
        .unwrap();
    let (first, second) = (Counter::remote(1), Counter::remote(2));
    (&second).await.unwrap();
    assert_eq!(home(&second), "worker:0:1");
    for (producer, worker) in [(&second, "worker:0:1"), (&second, "worker:0:1"), (&first, "worker:0:0")] {
        let near = Counter::remote(producer.add(1));
        (&near).await.unwrap();
        assert_eq!(home(&near), worker);
    }
}

async fn a_selected_worker_can_be_named() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let mut selected = Vec::new();
    for _ in 0..3 {
        selected.push(mosaic::select_worker().await.unwrap());
    }
    assert_eq!(selected, ["worker:0:0", "worker:0:1", "worker:0:0"]);
    let counter = Counter::with(Options::new().worker(&selected[1])).remote(1);
    (&counter).await.unwrap();
    assert_eq!(home(&counter), "worker:0:1");
    mosaic::interactive(Off).await.unwrap();
    let error = mosaic::select_worker().await.unwrap_err();
    assert!(error.to_string().contains("no worker is left"), "{error}");
}

async fn workers_have_cpus_of_their_own() {
    let cpus = std::thread::available_parallelism().unwrap().get();
    mosaic::interactive(On).num_workers(cpus).affinity(true).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..cpus {
        let counter = Counter::remote(1);
        seen.push(counter.cpus().result().await.unwrap());
        let threads = counter.variable("OMP_NUM_THREADS").result().await.unwrap();
        assert_eq!(threads.as_deref(), Some("1"));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), cpus, "{seen:?}");
    assert!(seen.iter().all(|cpus| cpus.parse::<usize>().is_ok()), "{seen:?}");
}

async fn a_retiring_worker_finishes_its_work() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let (leaving, staying) = (Counter::remote(1), Counter::remote(2));
    let error = mosaic::retire("worker:0:7").await.unwrap_err();
    let there_are = "there is no worker `worker:0:7`: the workers are worker:0:0, worker:0:1";
    assert_eq!(error.to_string(), there_are);
    let (door, marks) = (meeting_point("door"), scratch("marks"));
    let held = leaving.meet_reading(&door);
    let queued = leaving.mark(&marks, "x");
    let said = leaving.print("the last words\n");
    // The worker also waits until another worker has taken a result.
    let taken = staying.add(leaving.add(1));
    (&leaving).await.unwrap();
    // The request is sent here, and awaited last.
    let retired = mosaic::retire("worker:0:0");
    let error = Counter::with(Options::new().worker("worker:0:0"))
        .remote(1)
        .await
        .unwrap_err();
    assert!(error.message().contains("worker:0:0 was retired"), "{error}");
    for _ in 0..2 {
        let counter = Counter::remote(3);
        (&counter).await.unwrap();
        assert_eq!(home(&counter), "worker:0:1");
    }
    fs::OpenOptions::new().write(true).open(door).unwrap();
    held.await.unwrap();
    queued.await.unwrap();
    said.await.unwrap();
    assert_eq!(taken.result().await.unwrap(), 4);
    retired.await.unwrap();
    assert_eq!(fs::read_to_string(marks).unwrap(), "x");
    assert_eq!(running().await, ["worker:0:1"]);
    assert_eq!(sockets().len(), sockets_with(1));
    let error = leaving.add(1).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::WorkerLost);
    assert!(error.message().contains("worker:0:0 ended: it was retired"), "{error}");
    assert_eq!(staying.add(1).result().await.unwrap(), 5);
}

async fn a_lost_worker_is_replaced() {
    mosaic::interactive(On)
        .num_workers(2)
        .replace_lost_workers(1)
        .await
        .unwrap();
    let (lost, other) = (Counter::remote(1), Counter::remote(2));
    kill(lost.pid().result().await.unwrap());
    until_these_run(&["worker:0:1", "worker:0:2"]).await;
    let error = lost.add(1).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::WorkerLost);
    assert!(
        error.message().contains("worker:0:0 ended: signal: 9 (SIGKILL)"),
        "{error}"
    );
    assert_eq!(other.add(1).result().await.unwrap(), 3);
    let there = Counter::with(Options::new().worker("worker:0:2")).remote(3);
    assert_eq!(there.add(other.add(1)).result().await.unwrap(), 7);
}

async fn tesserae_made_while_no_worker_lives_go_to_the_replacement() {
    mosaic::interactive(On)
        .num_workers(1)
        .replace_lost_workers(1)
        .await
        .unwrap();
    let lost = Counter::remote(1);
    let held = lost.meet_reading(meeting_point("never"));
    kill(Counter::remote(1).pid().result().await.unwrap());
    held.await.unwrap_err();
    let counter = Counter::remote(5);
    assert_eq!(counter.add(1).result().await.unwrap(), 6);
    assert_eq!(home(&counter), "worker:0:1");
}

async fn replacements_have_a_limit() {
    mosaic::interactive(On)
        .num_workers(1)
        .replace_lost_workers(1)
        .await
        .unwrap();
    for _ in 0..2 {
        let counter = Counter::remote(1);
        let pid = counter.pid().result().await.unwrap();
        let held = counter.meet_reading(meeting_point(&pid.to_string()));
        kill(pid);
        held.await.unwrap_err();
    }
    until_these_run(&[]).await;
    mosaic::interactive(On).num_workers(1).await.unwrap();
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
}

async fn a_tessera_is_restarted_on_another_worker() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let marks = scratch("marks");
    let phoenix = Phoenix::remote(&marks);
    let before = phoenix.count("a");
    (&before).await.unwrap();
    assert_eq!(home(&phoenix), "worker:0:0");
    let (burning, queued) = (phoenix.burn(scratch("once")), phoenix.count("b"));
    let once_only = phoenix.with(Options::new().max_retries(0)).count("never");
    // The constructor and the calls ran again in order, and the earlier result is gone.
    assert_eq!(burning.result().await.unwrap(), 1);
    assert_eq!(queued.result().await.unwrap(), 2);
    assert_eq!(once_only.await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(before.result().await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(home(&phoenix), "worker:0:1");
    assert_eq!(fs::read_to_string(marks).unwrap(), "ab");
    // The last worker is gone.
    let error = phoenix.burn_always().await.unwrap_err();
    assert!(error.message().contains("no worker is left"), "{error}");
}

async fn a_tessera_is_restarted_on_the_replacement() {
    mosaic::interactive(On)
        .num_workers(1)
        .replace_lost_workers(5)
        .await
        .unwrap();
    let phoenix = Phoenix::remote(scratch("marks"));
    assert_eq!(phoenix.burn(scratch("once")).result().await.unwrap(), 1);
    assert_eq!(home(&phoenix), "worker:0:1");
    // The call ran once, and once more as a retry: that was the last restart.
    let error = phoenix.burn_always().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::WorkerLost);
    assert!(error.message().contains("worker:0:2 ended: signal: 6"), "{error}");
    assert_eq!(phoenix.count("c").await.unwrap_err().kind(), FailureKind::WorkerLost);
    until_these_run(&["worker:0:3"]).await;
}

async fn functions_with_retries_are_run_again() {
    fn die_once(once: String) -> u32 {
        if fs::metadata(&once).is_err() {
            fs::write(once, "").unwrap();
            std::process::abort();
        }
        std::process::id()
    }
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let again = mosaic::with(Options::new().max_retries(1)).spawn(die_once, (scratch("once"),));
    again.result().await.unwrap();
    let error = mosaic::spawn(die_once, (scratch("other"),)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::WorkerLost);
}

/// Loses a worker while its replacement starts.
async fn lose_a_worker() {
    mosaic::interactive(On)
        .num_workers(1)
        .replace_lost_workers(3)
        .await
        .unwrap();
    let counter = Counter::remote(1);
    kill(counter.pid().result().await.unwrap());
    assert_eq!(counter.add(1).await.unwrap_err().kind(), FailureKind::WorkerLost);
}

async fn a_program_ends_while_a_worker_is_replaced() {
    lose_a_worker().await;
}

async fn off_while_a_worker_is_replaced() {
    lose_a_worker().await;
    mosaic::interactive(Off).await.unwrap();
    assert_eq!(sockets().len(), 1);
    lose_a_worker().await;
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
}
