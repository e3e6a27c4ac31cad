"""Calls of tesserae: options, functions as arguments, fields, outputs."""

import pytest

MODEL = """
use mosaic::prelude::*;

#[tessera]
struct Model { weights: Vec<f32>, steps: u64 }

#[tessera(max_retries = 1)]
impl Model {
    fn new(weights: Vec<f32>) -> Self { Model { weights, steps: 0 } }
    fn step(&mut self) -> u64 { self.steps += 1; self.steps }
    fn flaky(&mut self, needed: u64) -> u64 {
        self.steps += 1;
        assert!(self.steps >= needed, "too early");
        self.steps
    }
}

fn norm(values: &[f32]) -> f32 { values.iter().map(|value| value * value).sum::<f32>().sqrt() }
"""


@pytest.fixture(scope="module")
def runtime(kernel):
    """Starts two workers and a model. Later cells use its variables, whose types the kernel has to infer."""
    kernel.ok(MODEL)
    kernel.ok("mosaic::interactive(On).num_workers(2).await?;")
    kernel.ok("let model = Model::with(Options::new().worker(\"worker:0:1\")).remote([3.0, 4.0]);")
    return kernel


def test_retries_say_how_often(runtime):
    cell = runtime.ok("let flaky = model.flaky(2).await?; flaky.result().await?")
    assert cell.result == "2"
    assert "attempt 1 of 2 panicked: too early" in cell.stderr
    error = runtime.run("model.flaky(99).await?;").error
    assert "panicked on worker:0:1 after 2 attempts: too early" in error


def test_an_unknown_worker_lists_those_there_are(runtime):
    error = runtime.run("Model::with(Options::new().worker(\"worker:9:9\")).remote([1.0]).await?;").error
    assert "there is no worker `worker:9:9`: the workers are worker:0:0, worker:0:1" in error


def test_functions_run_on_workers(runtime):
    runtime.ok("let length = mosaic::spawn(norm, (vec![3.0_f32, 4.0],)); let twice = mosaic::spawn(|x: f32| 2.0 * x, (&length,));")
    assert runtime.ok("twice.result().await?").result == "10.0"


def test_functions_return_types_of_the_user(runtime):
    runtime.ok("#[derive(serde::Serialize, serde::Deserialize)] struct Shot { trace: Vec<f32> }")
    runtime.ok("let shot: TaskProxy<Shot> = mosaic::spawn(|n: usize| Shot { trace: vec![1.0; n] }, (3,));")
    runtime.ok("let later: TaskProxy<Shot> = mosaic::spawn_async(async |n: usize| Shot { trace: vec![1.0; n] }, (4,));")
    runtime.ok("let lengths = (shot.then(|shot| shot.trace.len()), later.then(|shot| shot.trace.len()));")
    assert runtime.ok("(lengths.0.result().await?, lengths.1.result().await?)").result == "(3, 4)"


def test_fields_are_read_and_changed(runtime):
    runtime.ok("let changed = model.update(|model, more: Vec<f32>| model.weights.extend(more), [12.0]);")
    runtime.ok("let weights = model.get(|model| model.weights.clone()); let length = mosaic::spawn(norm, (&weights,));")
    assert runtime.ok("length.result().await?").result == "13.0"


def test_a_result_goes_on_where_it_lies(runtime):
    runtime.ok("let pair = mosaic::spawn(|| (vec![1.0_f32; 3], 7_u32), ());")
    runtime.ok("let (values, number) = pair.outputs(); let sum = values.then(|values| values.iter().sum::<f32>());")
    assert runtime.ok("(sum.result().await?, number.result().await?)").result == "(3.0, 7)"


ASYNC = """
#[tessera]
struct Relay;

#[tessera]
impl Relay {
    fn new() -> Self { Relay }
    async fn nap(&self, milliseconds: u64) -> u64 {
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
        milliseconds
    }
    async fn steps(&self) -> u64 {
        let model = Model::remote([1.0]);
        model.step();
        model.step().result().await.unwrap()
    }
    async fn never(&self) { std::future::pending::<()>().await }
}

#[tessera]
struct Slow { steps: u64 }

#[tessera]
impl Slow {
    async fn new(milliseconds: u64) -> Self {
        let relay = Relay::local();
        Slow { steps: relay.nap(milliseconds).result().await.unwrap() }
    }
    fn steps(&self) -> u64 { self.steps }
}

async fn doubled_there(n: u64) -> u64 {
    let once = mosaic::spawn(|n: u64| n, (n,));
    2 * once.result().await.unwrap()
}
"""


def test_async_methods_await_others(runtime):
    runtime.ok(ASYNC)
    runtime.ok("let relay = Relay::remote(); let nap = relay.nap(5); let steps = relay.steps();")
    assert runtime.ok("(nap.result().await?, steps.result().await?)").result == "(5, 2)"


def test_constructors_and_functions_may_be_async(runtime):
    runtime.ok("let slow = Slow::remote(7); let steps = slow.steps(); let doubled = mosaic::spawn_async(doubled_there, (&steps,));")
    assert runtime.ok("(steps.result().await?, doubled.result().await?)").result == "(7, 14)"


def test_arrays_have_options(runtime):
    runtime.ok('let there = Slow::with(Options::new().worker("worker:0:1")).remote_array(2, 1).await?;')
    assert "len=2, runtime=(worker:0:1)" in runtime.ok("there").result


def test_tasks_are_cancelled_and_waits_limited(runtime):
    error = runtime.run("let never = relay.never(); never.timeout(std::time::Duration::from_millis(5)).await?;").error
    assert "method `never` of `Relay` timed out" in error and "goes on" in error
    assert "was cancelled" in runtime.run("let never = relay.never(); never.cancel(); never.await?;").error


KINDS = """
:dep serde_json = "1"
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Opts {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<u8>,
    b: u8,
    c: Vec<u8>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
enum Untagged { Number(i32), Text(String), Fields { inner: Option<Option<u8>> } }

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "kind")]
enum Tagged { Nothing, Circle { radius: f32 }, Other(Opts) }

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Flattened { id: u64, #[serde(flatten)] tagged: Tagged }

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Nested {
    opts: Vec<Opts>,
    untagged: HashMap<u8, Untagged>,
    flattened: Option<Vec<Flattened>>,
    value: (Value, u8),
}

#[tessera]
#[derive(Serialize, Deserialize)]
struct Keeper { opts: Opts, nested: Nested }

#[tessera]
impl Keeper {
    fn new(opts: Opts, nested: Nested) -> Self { Keeper { opts, nested } }
    fn opts(&self, opts: Opts) -> (Opts, bool) { (opts.clone(), opts == self.opts) }
    fn untagged(&self, them: &Vec<Untagged>) -> Vec<Untagged> { them.clone() }
    fn tagged(&self, it: Tagged) -> Option<Tagged> { Some(it) }
    fn flattened(&self, it: &Flattened) -> Flattened { it.clone() }
    fn value(&self, value: Value) -> Value { value }
    fn nested(&self) -> Nested { self.nested.clone() }
}

fn opts() -> Opts { Opts { a: None, b: 1, c: vec![0, 0] } }
fn untagged() -> Vec<Untagged> {
    vec![Untagged::Number(-1), Untagged::Text("one".into()), Untagged::Fields { inner: Some(None) }]
}
fn flattened(tagged: Tagged) -> Flattened { Flattened { id: 7, tagged } }
fn nested() -> Nested {
    Nested {
        opts: vec![opts(), Opts { a: Some(3), ..opts() }],
        untagged: (0..).zip(untagged()).collect(),
        flattened: Some(vec![flattened(Tagged::Other(opts())), flattened(Tagged::Circle { radius: 1.5 })]),
        value: (json!({ "a": [1, -1, 1.5, null, "text"] }), 4),
    }
}
"""


def test_values_arrive_as_they_left(runtime):
    """The attributes of serde may let a value write less, or read more, than its type says."""
    runtime.ok(KINDS, timeout=200)
    runtime.ok("let keeper = Keeper::remote(opts(), nested());")
    checks = [
        "assert_eq!(keeper.opts(opts()).result().await?, (opts(), true));",
        "assert_eq!(keeper.untagged(untagged()).result().await?, untagged());",
        """for tagged in [Tagged::Nothing, Tagged::Circle { radius: 0.1 }, Tagged::Other(opts())] {
            assert_eq!(keeper.tagged(&tagged).result().await?.as_ref(), Some(&tagged));
            let it = flattened(tagged);
            assert_eq!(keeper.flattened(&it).result().await?, it);
        }""",
        'let value = json!({ "a": [1, null, { "b": 1.5 }] }); assert_eq!(keeper.value(&value).result().await?, value);',
        "assert_eq!(keeper.nested().result().await?, nested());",
    ]
    runtime.ok("\n".join(checks))
    checks = [
        "let stored = mosaic::put(&nested()).await?; assert_eq!(stored.get().await?, nested());",
        "assert_eq!(*stored.view().await?, nested());",
        "let mut parameter = mosaic::parameter(opts()).await?; parameter.set(|opts| opts.b += 1).await?;",
        "parameter.pull().await?; assert_eq!(*parameter, Opts { b: 2, ..opts() });",
        "let made = mosaic::spawn(|opts: Opts, nested: Nested| Keeper { opts, nested }, (&parameter, &stored));",
        "let moved = made.remote();",
        "assert_eq!(moved.nested().result().await?, nested());",
        "assert_eq!(moved.opts(opts()).result().await?, (opts(), false));",
    ]
    runtime.ok("\n".join(checks))


def test_a_redefined_type_has_other_fields(runtime):
    """Has to come last: it redefines the items that the other tests use."""
    runtime.ok(MODEL.replace("steps: u64 }", "steps: u64, name: String }").replace("steps: 0 }", "steps: 0, name: String::new() }"))
    error = runtime.run("model.get(|model| model.name.clone()).await?;").error
    assert "earlier definition of `Model`" in error
