//! Async methods, and methods that use the runtime.

use crate::{
    scenario,
    tesserae::{Counter, Keeper},
    world::{Scenario, scratch},
};
use mosaic::{FailureKind, State, prelude::*};
use std::{fs, time::Duration};
use tokio::time::sleep;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(an_async_method_holds_nothing_up_but_its_own_tessera),
        scenario!(async_methods_fail_and_are_retried_as_others),
        scenario!(async_methods_may_use_tokio),
        scenario!(an_async_constructor_is_waited_for),
        scenario!(async_constructors_fail_as_others),
        scenario!(async_functions_hold_up_no_thread),
        scenario!(async_functions_fail_and_are_cancelled_as_methods),
        scenario!(a_tessera_awaits_others_of_its_worker),
        scenario!(what_a_method_made_is_freed_with_its_proxies),
        scenario!(a_worker_neither_starts_nor_stops_the_runtime, |ended| {
            assert_eq!(ended.code, Some(0));
        }),
        scenario!(the_runtime_stops_while_a_method_waits),
    ]
}

/// Starts one worker with one thread: a waiting method that occupied the thread would hold everything up.
async fn one_thread() {
    let on = mosaic::interactive(On).num_workers(1).num_threads(1);
    on.await.unwrap();
}

/// Waits until a file exists.
async fn until(path: &str) {
    while !fs::exists(path).unwrap() {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tessera]
struct Waiter {
    calls: u32,
}

#[tessera]
impl Waiter {
    fn new() -> Self {
        Waiter { calls: 0 }
    }

    async fn until(&mut self, path: String) -> u32 {
        until(&path).await;
        self.calls += 1;
        self.calls
    }

    fn calls(&self) -> u32 {
        self.calls
    }

    fn touch(&self, path: &str) {
        fs::write(path, "").unwrap();
    }

    async fn fail(&mut self, needed: u32) -> u32 {
        sleep(Duration::from_millis(1)).await;
        self.calls += 1;
        assert!(self.calls >= needed, "too early");
        self.calls
    }

    async fn lengths(&self, texts: &[String]) -> usize {
        let lengths = texts
            .iter()
            .cloned()
            .map(|text| tokio::spawn(async move { text.len() }));
        let mut sum = 0;
        for length in lengths.collect::<Vec<_>>() {
            sum += length.await.unwrap();
        }
        sum
    }

    /// Returns the sum of a tree of tesserae, each of which waits for its children.
    async fn tree(&self, depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let (left, right) = (Waiter::remote(), Waiter::remote());
        let (left, right) = (left.tree(depth - 1), right.tree(depth - 1));
        left.result().await.unwrap() + right.result().await.unwrap()
    }

    async fn add_to(&self, uid: &str, n: u64) -> Result<u64, String> {
        let counter = Counter::attach(uid).await.map_err(|error| error.to_string())?;
        let doubled = mosaic::spawn(|n: u64| 2 * n, (n,));
        counter.add(&doubled).result().await.map_err(|error| error.to_string())
    }

    async fn keep(&self, path: &str) -> bool {
        let keeper = Keeper::remote(path).await.unwrap();
        keeper.idle().await.unwrap();
        fs::exists(path).unwrap()
    }

    async fn switch(&self, on: bool) -> String {
        let switch = if on { On } else { Off };
        mosaic::interactive(switch).await.unwrap_err().to_string()
    }
}

async fn an_async_method_holds_nothing_up_but_its_own_tessera() {
    one_thread().await;
    let (a, b, path) = (Waiter::remote(), Waiter::remote(), scratch("there"));
    let (first, second) = (a.until(&path), a.until(&path));
    let after = a.calls();
    assert_eq!(b.calls().result().await.unwrap(), 0);
    assert_eq!(first.state(), State::Running);
    b.touch(&path).await.unwrap();
    assert_eq!(after.result().await.unwrap(), 2);
    assert_eq!(second.result().await.unwrap(), 2);
}

async fn async_methods_fail_and_are_retried_as_others() {
    one_thread().await;
    let waiter = Waiter::remote();
    let error = waiter.fail(5).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.method(), error.attempts()),
        (FailureKind::Panicked, "fail", 1)
    );
    assert!(error.message().starts_with("too early, at "), "{error}");
    let retried = waiter.with(Options::new().max_retries(2));
    assert_eq!(retried.fail(3).result().await.unwrap(), 3);
    assert_eq!(retried.fail(99).await.unwrap_err().attempts(), 3);
    assert_eq!(waiter.calls().result().await.unwrap(), 6);
}

async fn async_methods_may_use_tokio() {
    one_thread().await;
    let texts = vec!["one".to_owned(), "three".to_owned()];
    assert_eq!(Waiter::remote().lengths(texts).result().await.unwrap(), 8);
}

/// A tessera whose constructor waits.
#[tessera]
struct Slow {
    tries: u64,
}

#[tessera]
impl Slow {
    /// Waits for a file and for another tessera of the same worker, and panics until it was tried often enough.
    async fn new(path: &str, tries: &str, needed: usize) -> Self {
        until(path).await;
        let mark = Counter::remote(0).mark(tries, "x");
        mark.await.unwrap();
        let made = fs::read_to_string(tries).unwrap().len();
        assert!(made >= needed, "too early");
        Slow { tries: made as u64 }
    }

    fn tries(&self) -> u64 {
        self.tries
    }
}

async fn an_async_constructor_is_waited_for() {
    one_thread().await;
    let (path, tries) = (scratch("there"), scratch("tries"));
    let slow = Slow::remote(&path, &tries, 1);
    // Only its call waits for it.
    let call = slow.tries();
    let waiter = Waiter::remote();
    assert_eq!(waiter.calls().result().await.unwrap(), 0);
    assert_ne!(call.state(), State::Done);
    waiter.touch(&path).await.unwrap();
    assert_eq!(call.result().await.unwrap(), 1);
    let slow = slow.await.unwrap();
    assert!(slow.to_string().ends_with("runtime=worker:0:0, state=done>"), "{slow}");
    let here = Slow::local(&path, &tries, 1);
    assert_eq!(here.tries().result().await.unwrap(), 2);
    // The constructor can also be called without the runtime.
    assert_eq!(Slow::new(&path, &tries, 1).await.tries(), 3);
    let again = Slow::with(Options::new().max_retries(2)).remote(&path, &tries, 6);
    assert_eq!(again.tries().result().await.unwrap(), 6);
    let all = Slow::remote_array(3, &path, &tries, 1).await.unwrap();
    assert_eq!(all.len(), 3);
}

async fn async_constructors_fail_as_others() {
    one_thread().await;
    let (path, tries) = (scratch("there"), scratch("tries"));
    let never = Slow::with(Options::new().timeout(Duration::from_millis(20))).remote(&path, &tries, 1);
    let error = never.await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::TimedOut, "new"));
    let waits = Slow::remote(&path, &tries, 99);
    fs::write(&path, "").unwrap();
    let call = waits.tries();
    let error = waits.await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::Panicked, "new"));
    let sentence = "constructor of `Slow` panicked on worker:0:0: too early, at ";
    assert!(error.to_string().starts_with(sentence), "{error}");
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::DependencyFailed);
    assert!(error.message().contains("too early"), "{error}");
    let waits = Slow::remote(scratch("never"), &tries, 1);
    Waiter::remote().calls().await.unwrap();
    mosaic::interactive(Off).await.unwrap();
    assert_eq!(waits.await.unwrap_err().kind(), FailureKind::NotRunning);
}

async fn until_there(path: String) -> usize {
    until(&path).await;
    path.len()
}

async fn async_functions_hold_up_no_thread() {
    one_thread().await;
    let path = scratch("there");
    let (first, second) = (
        mosaic::spawn_async(until_there, (&path,)),
        mosaic::spawn_async(until_there, (&path,)),
    );
    let touched = mosaic::spawn(|path: String| fs::write(path, "").unwrap(), (&path,));
    touched.await.unwrap();
    assert_eq!(first.result().await.unwrap(), path.len());
    // The result is like that of any other function.
    let sum = mosaic::spawn_async(async |a: usize, b: usize| a + b, (&first, &second));
    assert_eq!(sum.then(|sum| sum / 2).result().await.unwrap(), path.len());
    let nothing = mosaic::spawn_async(async || sleep(Duration::from_millis(1)).await, ());
    nothing.result().await.unwrap();
}

async fn async_functions_fail_and_are_cancelled_as_methods() {
    one_thread().await;
    let tries = scratch("tries");
    async fn fail(tries: String, needed: usize) -> usize {
        sleep(Duration::from_millis(1)).await;
        let made = fs::read_to_string(&tries).unwrap_or_default() + "x";
        fs::write(&tries, &made).unwrap();
        assert!(made.len() >= needed, "too early");
        made.len()
    }
    let retried = mosaic::with(Options::new().max_retries(2));
    assert_eq!(retried.spawn_async(fail, (&tries, 3)).result().await.unwrap(), 3);
    let error = retried.spawn_async(fail, (&tries, 99)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (FailureKind::Panicked, 3));
    let sentence = "function `fail` panicked on worker:0:0 after 3 attempts: too early, at ";
    assert!(error.to_string().starts_with(sentence), "{error}");
    let waits = mosaic::spawn_async(until_there, (scratch("never"),));
    waits.cancel();
    assert_eq!(waits.await.unwrap_err().kind(), FailureKind::Cancelled);
    let never = mosaic::with(Options::new().timeout(Duration::from_millis(20)));
    let error = never.spawn_async(until_there, (scratch("never"),)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::TimedOut);
}

async fn a_tessera_awaits_others_of_its_worker() {
    one_thread().await;
    assert_eq!(Waiter::remote().tree(4).result().await.unwrap(), 16);
    let counter = Counter::remote(1).await.unwrap();
    let added = Waiter::remote().add_to(counter.uid(), 20);
    assert_eq!(added.result().await.unwrap(), Ok(41));
    // The tessera still belongs to this process: a method that had a proxy of it does not free it.
    assert_eq!(counter.add(1).result().await.unwrap(), 42);
    let error = Waiter::remote()
        .add_to("tess-counter-7", 1)
        .result()
        .await
        .unwrap()
        .unwrap_err();
    assert!(error.contains("attaching to a `Counter` failed"), "{error}");
}

async fn what_a_method_made_is_freed_with_its_proxies() {
    one_thread().await;
    let path = scratch("kept");
    assert!(Waiter::remote().keep(&path).result().await.unwrap());
    // The keeper removes the file when it is dropped, which is not reported.
    while fs::exists(&path).unwrap() {
        sleep(Duration::from_millis(1)).await;
    }
}

async fn a_worker_neither_starts_nor_stops_the_runtime() {
    one_thread().await;
    let waiter = Waiter::remote();
    for on in [true, false] {
        let refused = waiter.switch(on).result().await.unwrap();
        assert!(
            refused.contains("a worker neither starts nor stops the runtime"),
            "{refused}"
        );
    }
}

async fn the_runtime_stops_while_a_method_waits() {
    one_thread().await;
    let waits = Waiter::remote().until(scratch("never"));
    let began = Waiter::remote().calls();
    began.await.unwrap();
    mosaic::interactive(Off).await.unwrap();
    assert_eq!(waits.await.unwrap_err().kind(), FailureKind::NotRunning);
}
