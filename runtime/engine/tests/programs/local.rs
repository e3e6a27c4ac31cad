//! Tesserae in the head's own process.

use crate::{
    freeing::census_becomes,
    scenario,
    tesserae::{Counter, Keeper, Stillborn},
    world::{Scenario, meeting_point, scratch, sockets},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{fs, path::Path, process};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_local_tessera_lives_in_this_process),
        scenario!(results_go_to_local_tesserae_and_back),
        scenario!(a_busy_local_tessera_holds_nobody_up),
        scenario!(a_local_tessera_prints_as_this_process_does, |ended| {
            assert_eq!(ended.code, Some(0));
            assert!(ended.stdout.ends_with("\nhere\n"), "{}", ended.stdout);
        }),
        scenario!(a_method_has_tesserae_of_its_own_process),
        scenario!(off_ends_local_tesserae_too),
        scenario!(a_local_tessera_fails_as_any_other),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn a_local_tessera_lives_in_this_process() {
    on(1).await;
    let counters: ProxyArray<_> = [Counter::local(1), Counter::remote(10)].into_iter().collect();
    let pids = counters.map(|counter| counter.pid()).results().await.unwrap();
    assert_eq!(pids[0], process::id());
    assert_ne!(pids[1], process::id());
    let sums = counters.map(|counter| counter.add(1)).results().await.unwrap();
    assert_eq!(sums, [2, 11]);
    assert_eq!(counters.workers(), ["head", "worker:0:0"]);
    let listed = mosaic::tesserae().await.unwrap();
    let workers: Vec<_> = listed.iter().map(|tessera| tessera.worker.as_deref()).collect();
    assert_eq!(workers, [Some("head"), Some("worker:0:0")]);
    let found = Counter::attach(counters[0].uid()).await.unwrap();
    assert_eq!(found.add(1).result().await.unwrap(), 3);
    let here = Counter::with(mosaic::Options::new().worker("head")).remote(5);
    assert_eq!(here.pid().result().await.unwrap(), process::id());
}

async fn results_go_to_local_tesserae_and_back() {
    on(2).await;
    let (here, a, b) = (Counter::local(1), Counter::remote(10), Counter::remote(100));
    let sum = b.add(here.add(a.add(1)));
    assert_eq!(sum.result().await.unwrap(), 112);
    assert_eq!(here.after(&sum).add(&sum).result().await.unwrap(), 124);
    let bytes: Vec<u8> = (0..1 << 20).map(|number: u32| (number % 251) as u8).collect();
    assert!(a.echo(here.echo(&bytes)).result().await.unwrap() == bytes);
    let stored = mosaic::put(&7_u64).await.unwrap();
    assert_eq!(here.add(&stored).result().await.unwrap(), 131);
    drop(stored);
    let another = Counter::local(here.add(1));
    assert_eq!(another.add(0).result().await.unwrap(), 132);
}

async fn a_busy_local_tessera_holds_nobody_up() {
    on(1).await;
    let (busy, other) = (Counter::local(1), Counter::local(2));
    let door = meeting_point("door");
    let held = busy.meet_writing(&door);
    assert_eq!(other.add(1).result().await.unwrap(), 3);
    let queued = busy.add(1);
    fs::File::open(door).unwrap();
    held.await.unwrap();
    assert_eq!(queued.await.unwrap().state(), State::Done);
}

async fn a_local_tessera_prints_as_this_process_does() {
    on(1).await;
    Counter::local(1).print("here\n").await.unwrap();
}

/// A tessera that uses tesserae of its own process.
#[tessera]
struct Office {
    /// A tessera that it lends to others.
    lent: Option<<Counter as mosaic::Actor>::Proxy>,
}

#[tessera]
impl Office {
    fn new() -> Self {
        Office { lent: None }
    }

    /// Returns the process of this tessera, and of a tessera that it makes: its process, its value, and the worker that
    /// its proxy shows.
    async fn ask(&mut self, n: u64) -> (u32, u32, u64, String) {
        let here = Counter::local(40);
        let pid = here.pid().result().await.unwrap();
        let sum = here.add(n).result().await.unwrap();
        let spawned = mosaic::with(mosaic::Options::new().worker("head")).spawn(process::id, ());
        assert_eq!(spawned.result().await.unwrap(), pid);
        let here = here.await.unwrap();
        let shown = here.to_string();
        self.lent = Some(here);
        (process::id(), pid, sum, shown)
    }

    fn lent(&self) -> String {
        self.lent.as_ref().unwrap().uid()
    }

    fn forget(&mut self) {
        self.lent = None;
    }
}

async fn a_method_has_tesserae_of_its_own_process() {
    on(2).await;
    for (office, worker) in [
        (Office::remote(), "worker:0:0"),
        (Office::remote(), "worker:0:1"),
        (Office::local(), "head"),
    ] {
        let (own, pid, sum, shown) = office.ask(2).result().await.unwrap();
        assert_eq!((pid, sum), (own, 42));
        assert_eq!(own == process::id(), worker == "head");
        assert!(shown.ends_with(&format!(", runtime={worker}, state=done>")), "{shown}");
        // It is a tessera like any other, and is dropped with its last proxy.
        let uid = office.lent().result().await.unwrap();
        let found = Counter::attach(&uid).await.unwrap();
        assert_eq!(found.add(0).result().await.unwrap(), 42);
        drop(found);
        office.forget().await.unwrap();
    }
    census_becomes("0 0 | 0 0 0 0 | 0 0 0 0 | 0 0 0 0").await;
}

async fn off_ends_local_tesserae_too() {
    let refused = Counter::local(1).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::NotRunning);
    on(1).await;
    let path = scratch("kept");
    let keeper = Keeper::local(&path).await.unwrap();
    assert!(Path::new(&path).exists());
    mosaic::interactive(Off).await.unwrap();
    assert!(!Path::new(&path).exists(), "it was dropped");
    assert_eq!(sockets().len(), 1);
    assert_eq!(keeper.idle().await.unwrap_err().kind(), FailureKind::NotRunning);
    on(1).await;
    let keeper = Keeper::local(&path).await.unwrap();
    let idle = keeper.idle();
    drop(keeper);
    idle.await.unwrap();
}

async fn a_local_tessera_fails_as_any_other() {
    on(1).await;
    let error = Stillborn::local("never").await.err().unwrap();
    assert_eq!((error.kind(), error.worker()), (FailureKind::Panicked, "head"));
    let here = Counter::local(1);
    let failed = here.fail("no stones left");
    let dependent = Counter::remote(1).add(&failed);
    assert_eq!(failed.await.unwrap_err().kind(), FailureKind::Panicked);
    assert_eq!(dependent.await.unwrap_err().kind(), FailureKind::DependencyFailed);
    assert_eq!(here.add(1).result().await.unwrap(), 2);
}
