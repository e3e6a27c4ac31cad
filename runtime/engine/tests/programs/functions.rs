//! Functions that run on workers: alone, on a tessera's fields, and on a task's result.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point, scratch},
};
use mosaic::{FailureKind, State, prelude::*};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(functions_run_on_workers_in_turn),
        scenario!(functions_take_values_references_and_tasks),
        scenario!(functions_run_in_parallel_and_wait_for_tasks),
        scenario!(a_function_that_panics_is_named_and_retried),
        scenario!(a_function_without_a_runtime_fails),
        scenario!(fields_are_read_and_changed_in_turn),
        scenario!(the_users_own_names_win),
        scenario!(a_function_runs_where_its_argument_lies),
        scenario!(the_elements_of_a_tuple_are_outputs),
        scenario!(a_result_becomes_a_tessera),
        scenario!(a_function_that_needs_a_failed_task_fails_with_its_cause),
    ]
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

fn pid() -> u32 {
    std::process::id()
}

fn double(x: u64) -> u64 {
    2 * x
}

fn join(words: &[String], separator: String) -> String {
    words.join(&separator)
}

async fn functions_run_on_workers_in_turn() {
    on(2).await;
    let (a, b, c) = (mosaic::spawn(pid, ()), mosaic::spawn(pid, ()), mosaic::spawn(pid, ()));
    let (a, b) = (a.result().await.unwrap(), b.result().await.unwrap());
    assert!(a != b && a != pid() && b != pid());
    assert_eq!(c.result().await.unwrap(), a);
    let chosen = mosaic::with(Options::new().worker("worker:0:1")).spawn(pid, ());
    let chosen = chosen.await.unwrap();
    assert_eq!(chosen.result().await.unwrap(), b);
    let shown = chosen.to_string();
    assert!(shown.starts_with("<TaskProxy object, uid=task-pid-"), "{shown}");
    assert!(shown.ends_with(", runtime=worker:0:1, state=done>"), "{shown}");
    let unknown = mosaic::with(Options::new().worker("here"))
        .spawn(pid, ())
        .await
        .unwrap_err();
    let sentence = "function `pid` failed: there is no worker `here`: the workers are worker:0:0, worker:0:1";
    assert_eq!(unknown.to_string(), sentence);
}

async fn functions_take_values_references_and_tasks() {
    on(2).await;
    let words = vec!["one".to_owned(), "two".to_owned()];
    let joined = mosaic::spawn(join, (&words, ", "));
    assert_eq!(joined.result().await.unwrap(), "one, two");
    let four = mosaic::spawn(double, (mosaic::spawn(double, (1,)),));
    let longer = mosaic::spawn(|text: String, n: u64| text.len() as u64 + n, (joined, &four));
    assert_eq!(longer.result().await.unwrap(), 12);
    // Results of tesserae are arguments of functions, and the other way round; a constructor takes them, too.
    let counter = Counter::remote(&four);
    assert_eq!(
        mosaic::spawn(double, (counter.add(&longer),)).result().await.unwrap(),
        32
    );
}

async fn functions_run_in_parallel_and_wait_for_tasks() {
    on(1).await;
    let (door, marks) = (meeting_point("door"), scratch("marks"));
    let read = |path: String| drop(fs::File::open(path).unwrap());
    let write = |path: String| drop(fs::OpenOptions::new().write(true).open(path).unwrap());
    let (one, other) = (mosaic::spawn(read, (&door,)), mosaic::spawn(write, (&door,)));
    (&one).await.unwrap();
    other.await.unwrap();
    let held = mosaic::spawn(read, (&door,));
    let after = mosaic::after(&held).spawn(|path: String| fs::write(path, "after").unwrap(), (&marks,));
    assert_ne!(after.state(), State::Done);
    assert!(!fs::exists(&marks).unwrap());
    fs::OpenOptions::new().write(true).open(&door).unwrap();
    after.await.unwrap();
    assert_eq!(fs::read_to_string(marks).unwrap(), "after");
}

/// The number of attempts in this worker.
static TRIED: AtomicU32 = AtomicU32::new(0);

async fn a_function_that_panics_is_named_and_retried() {
    on(1).await;
    #[inline(never)]
    fn fails(x: u64) -> u64 {
        panic!("not {x}")
    }
    let error = mosaic::spawn(fails, (7,)).await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (FailureKind::Panicked, "fails"));
    assert!(
        error
            .to_string()
            .starts_with("function `fails` panicked on worker:0:0: not 7, at "),
        "{error}"
    );
    assert!(error.backtrace().contains("functions"), "{}", error.backtrace());
    let retry = mosaic::with(Options::new().max_retries(2));
    let tried = retry.spawn(
        || {
            let tried = TRIED.fetch_add(1, Ordering::Relaxed) + 1;
            assert!(tried == 3, "too early");
            tried
        },
        (),
    );
    assert_eq!(tried.result().await.unwrap(), 3);
    let error = retry.spawn(fails, (1,)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("panicked on worker:0:0 after 3 attempts: not 1"),
        "{error}"
    );
}

async fn a_function_without_a_runtime_fails() {
    let error = mosaic::spawn(double, (1,)).result().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotRunning);
    assert!(error.message().contains("mosaic::interactive(On).await?"), "{error}");
}

#[tessera]
struct Model {
    weights: Vec<f32>,
    steps: u64,
}

#[tessera]
impl Model {
    fn new(weights: Vec<f32>) -> Self {
        Model { weights, steps: 0 }
    }

    fn step(&mut self) -> u64 {
        self.steps += 1;
        self.steps
    }
}

async fn fields_are_read_and_changed_in_turn() {
    on(1).await;
    let model = Model::remote([1.0, 2.0]);
    let before = model.get(|model| model.steps);
    model.step();
    let changed = model.update(|model, more: Vec<f32>| model.weights.extend(more), [3.0]);
    let after = model.get(|model| (model.weights.len(), model.steps));
    let scaled = model.update(
        |model, by: f32| {
            model.weights.iter_mut().for_each(|weight| *weight *= by);
            model.weights[2]
        },
        mosaic::spawn(|x: f32| x + 1.0, (1.0,)),
    );
    changed.await.unwrap();
    assert_eq!(before.result().await.unwrap(), 0);
    assert_eq!(after.result().await.unwrap(), (3, 1));
    assert_eq!(scaled.result().await.unwrap(), 6.0);
    let error = model.get(|model| model.weights[9]).await.unwrap_err();
    let sentence = "method `closure` of `Model` panicked on worker:0:0: index out of bounds";
    assert!(error.to_string().starts_with(sentence), "{error}");
    assert_eq!(model.step().result().await.unwrap(), 2);
}

#[tessera]
struct Register(u64);

#[tessera]
impl Register {
    fn new() -> Self {
        Register(0)
    }

    fn get(&self) -> u64 {
        self.0 + 100
    }

    fn update(&mut self, value: u64) -> u64 {
        std::mem::replace(&mut self.0, value)
    }
}

async fn the_users_own_names_win() {
    on(1).await;
    let register = Register::remote();
    assert_eq!(register.update(7).result().await.unwrap(), 0);
    assert_eq!(register.get().result().await.unwrap(), 107);
}

async fn a_function_runs_where_its_argument_lies() {
    on(2).await;
    let there = mosaic::with(Options::new().worker("worker:0:1"));
    let values = there.spawn(|| vec![1.0_f64, 2.0, 3.0], ());
    let (sum, here) = (values.then(|values| values.iter().sum::<f64>()), values.then(|_| pid()));
    let further = sum.then(|sum| sum / 3.0);
    assert_eq!(further.result().await.unwrap(), 2.0);
    assert_eq!(
        here.result().await.unwrap(),
        there.spawn(pid, ()).result().await.unwrap()
    );
    values.done().await.unwrap();
    let done = values.done().then(|()| 1_u8);
    assert_eq!(done.result().await.unwrap(), 1);
}

/// A value that cannot be decoded, so that decoding a whole tuple with it would fail.
#[derive(Serialize)]
struct Opaque(u8);

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Opaque, D::Error> {
        Err(serde::de::Error::custom("opaque"))
    }
}

async fn the_elements_of_a_tuple_are_outputs() {
    on(2).await;
    let task = mosaic::spawn(|| (vec![1_u8; 3], "text".to_owned(), 7_u32), ());
    let (bytes, text, number) = task.outputs();
    assert_eq!(number.result().await.unwrap(), 7);
    // Each output is a task: it can be passed on, awaited and continued.
    let lengths = mosaic::spawn(|a: Vec<u8>, b: String| (a.len(), b.len()), (&bytes, &text));
    assert_eq!(lengths.result().await.unwrap(), (3, 4));
    let (three, four) = lengths.outputs();
    assert_eq!((three.result().await.unwrap(), four.result().await.unwrap()), (3, 4));
    assert_eq!(bytes.await.unwrap().result().await.unwrap(), [1; 3]);
    // The first output is decoded without the others.
    let (number, opaque) = mosaic::spawn(|| (1_u8, Opaque(2)), ()).outputs();
    assert_eq!(number.result().await.unwrap(), 1);
    let error = opaque.await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::NotPortable);
}

#[tessera]
#[derive(Serialize, Deserialize)]
struct Account {
    balance: i64,
}

#[tessera]
impl Account {
    fn new(balance: i64) -> Self {
        Account { balance }
    }

    fn deposit(&mut self, amount: i64) -> i64 {
        self.balance += amount;
        self.balance
    }
}

async fn a_result_becomes_a_tessera() {
    on(2).await;
    let there = mosaic::with(Options::new().worker("worker:0:1"));
    let opened = there.spawn(|balance: i64| Account { balance }, (40,));
    let (account, other) = (opened.remote(), opened.remote());
    let two = account.deposit(2);
    assert_eq!(two.result().await.unwrap(), 42);
    assert_eq!(other.deposit(1).result().await.unwrap(), 41);
    let account = account.await.unwrap();
    assert!(account.to_string().contains("uid=tess-account-"), "{account}");
    assert!(account.to_string().contains("runtime=worker:0:1"), "{account}");
    let found = Account::attach(account.uid()).await.unwrap();
    assert_eq!(found.get(|account| account.balance).result().await.unwrap(), 42);
}

async fn a_function_that_needs_a_failed_task_fails_with_its_cause() {
    on(2).await;
    let failed = mosaic::spawn(|| -> (u64, u64) { panic!("no stones left") }, ());
    let (first, _) = failed.outputs();
    let then = failed.then(|pair| pair.0);
    let nested = then.then(|number| number + 1);
    for error in [
        first.await.unwrap_err(),
        failed.done().await.unwrap_err(),
        mosaic::spawn(double, (&nested,)).await.unwrap_err(),
        mosaic::after(&failed).spawn(pid, ()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), FailureKind::DependencyFailed);
        assert!(error.message().contains("no stones left"), "{error}");
    }
    // This holds after the task failed as well as before.
    assert!(failed.await.is_err());
}
