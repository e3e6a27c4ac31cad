"""Types that are redefined while tesserae, tasks and stored values of the earlier definition exist.

No bytes may be read as another type: in memory, on the way to a worker, or on the way back. All cases share a kernel: a
cell defines the types, another makes the objects, a third one redefines the types, and the last ones use the objects.
"""

import re

import pytest

HEAD = """
use mosaic::prelude::*;
use serde::{Serialize, Deserialize};

fn show<T: std::fmt::Debug, E: std::fmt::Display>(outcome: Result<T, E>) -> String {
    match outcome { Ok(value) => format!("{value:?}"), Err(error) => format!("error: {error}") }
}

#[tessera]
struct Alive;
#[tessera]
impl Alive {
    fn new() -> Self { Alive }
    fn pid(&self) -> u32 { std::process::id() }
}
"""

# Each type's definition, and the definition that takes its place. What has no second definition stays.
ITEMS = {
    "fields of the same size": (
        """#[tessera] struct Fields { a: usize, f: f64 }
        #[tessera] impl Fields {
            fn new() -> Self { Fields { a: 1, f: 1.0 } }
            fn number(&self) -> u64 { self.a as u64 }
        }""",
        """#[tessera] struct Fields { a: Box<u64>, f: u64 }
        #[tessera] impl Fields {
            fn new() -> Self { Fields { a: Box::new(2), f: 2 } }
            fn number(&self) -> u64 { *self.a }
        }""",
    ),
    "a type in the fields": (
        """struct Inner { f: f64 }
        #[tessera] struct Outer { inner: Inner, n: u64 }
        #[tessera] impl Outer {
            fn new() -> Self { Outer { inner: Inner { f: Default::default() }, n: 3 } }
            fn number(&self) -> u64 { self.n }
        }
        struct Holder { proxy: <Outer as mosaic::Actor>::Proxy }""",
        "struct Inner { f: u64 }",
    ),
    "arguments and results": (
        """#[derive(Serialize, Deserialize, Debug, Default)] struct Point { f: f64 }
        type Scalar = f64;
        const N: usize = 2;
        mod inside { #[derive(serde::Serialize, serde::Deserialize, Debug, Default)] pub struct Point2 { pub f: f64 } }
        #[tessera] struct Taker;
        #[tessera] impl Taker {
            fn new() -> Self { Taker }
            fn takes(&self, points: Vec<Point>) -> u32 { points.len() as u32 }
            fn gives(&self) -> Point { Point::default() }
            fn alias(&self, scalar: Scalar) -> u32 { scalar as u32 }
            fn array(&self, array: [u8; N]) -> u32 { array.len() as u32 }
            fn module(&self, point: inside::Point2) -> u32 { point.f as u32 }
            fn plain(&self, n: u32) -> u32 { n }
        }""",
        """#[derive(Serialize, Deserialize, Debug, Default)] struct Point { f: u64 }
        type Scalar = u64;
        const N: usize = 4;
        mod inside { #[derive(serde::Serialize, serde::Deserialize, Debug, Default)] pub struct Point2 { pub f: u64 } }""",
    ),
    "a generic tessera": (
        """#[derive(Default)] struct Parameter1 { f: f64 }
        struct Generic<T> { t: T, n: u64 }
        #[tessera] impl Generic<Parameter1> {
            fn new() -> Self { Generic { t: Default::default(), n: 5 } }
            fn number(&self) -> u64 { self.n }
        }""",
        "#[derive(Default)] struct Parameter1 { f: u64 }",
    ),
    "code that encodes": (
        """#[derive(Debug)] struct Coded { f: f64 }
        impl Serialize for Coded {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { to.serialize_f64(self.f) }
        }
        impl<'de> Deserialize<'de> for Coded {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Ok(Coded { f: f64::deserialize(from)? })
            }
        }
        #[tessera] struct Coder;
        #[tessera] impl Coder {
            fn new() -> Self { Coder }
            fn takes(&self, coded: Coded) -> u32 { coded.f as u32 }
        }""",
        """#[derive(Debug)] struct Coded { f: f64 }
        impl Serialize for Coded {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { to.serialize_u64(self.f as u64) }
        }
        impl<'de> Deserialize<'de> for Coded {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Ok(Coded { f: u64::deserialize(from)? as f64 })
            }
        }""",
    ),
    "stored values and tasks": (
        """#[derive(Serialize, Deserialize, Debug, Clone)] struct Kept { f: f64 }
        #[derive(Serialize, Deserialize, Debug, Clone)] struct Same { f: f64 }""",
        "#[derive(Serialize, Deserialize, Debug, Clone)] struct Kept { f: u64 }",
    ),
    "no redefinition": (
        """#[derive(Serialize, Deserialize, Debug, Clone, Copy)] struct Step { f: f64 }
        #[tessera] struct Steady { step: Step }
        #[tessera] impl Steady {
            fn new() -> Self { Steady { step: Step { f: 1.0 } } }
            fn add(&mut self, step: Step) -> Step { self.step.f += step.f; self.step }
        }""",
        """/// A comment.
        #[derive(Serialize, Deserialize, Debug, Clone, Copy)]
        struct Step { f: f64, }
        impl std::ops::Add for Step { type Output = Step; fn add(self, other: Step) -> Step { Step { f: self.f + other.f } } }
        #[tessera] struct Steady { step: Step }
        #[tessera] impl Steady {
            fn new() -> Self { Steady { step: Step { f: 1.0 } } }
            fn fresh(&self) -> u32 { 1 }
            fn add(&mut self, step: Step) -> Step { self.step = self.step + step; self.step }
        }""",
    ),
    "a tessera that has a tessera": (
        """#[tessera] struct Hub { outer: <Outer as mosaic::Actor>::Proxy }
        #[tessera] impl Hub {
            fn new() -> Self { Hub { outer: Outer::remote() } }
            async fn asks(&self) -> f64 { self.outer.get(|outer| outer.inner.f as f64).result().await.unwrap() }
        }""",
        "",
    ),
}

MAKE = """
let alive = Alive::remote().await?;
let fields = Fields::remote().await?;
let fields_uid = fields.uid();
let fields_array = Fields::remote_array(2).await?;
let outer = Outer::remote().await?;
let holder = Holder { proxy: outer.clone() };
let taker = Taker::remote().await?;
let generic = Generic::<Parameter1>::remote().await?;
let coder = Coder::remote().await?;
let steady = Steady::remote().await?;
let hub = Hub::remote().await?;
let kept = mosaic::put(&Kept { f: 1.0 }).await?;
let same = mosaic::put(&Same { f: 1.0 }).await?;
let (kept_uid, same_uid) = (kept.uid(), same.uid());
std::mem::forget(kept.clone());
let task = mosaic::spawn(|| Kept { f: 1.0 }, ());
let task_of_coded = mosaic::spawn(|| Coded { f: 1.0 }, ());
let pid = alive.pid().result().await?;
"""

# An expression after the redefinitions, and what its error says, or its value.
FIELDS = "made by an earlier definition of `{0}`: the type, or one that it contains, was redefined.*make it anew with `{0}::remote`"
TYPES = "made before `{}`, or a type that it contains, was redefined.*make it anew with `Taker::remote`"
USES = {
    "fields.get(|it| it.f).result()": FIELDS.format("Fields"),
    "fields.update(|it, f: u64| { it.f = f; *it.a }, 7).result()": FIELDS.format("Fields"),
    "fields.number().result()": r"^1$",
    "fields_array.map(|it| it.get(|it| it.f)).results()": FIELDS.format("Fields"),
    "fields_array.map(|it| it.number()).results()": r"^\[1, 1\]$",
    "Fields::attach(&fields_uid).await?.get(|it| it.f).result()": FIELDS.format("Fields"),
    "Fields::attach(&fields_uid).await?.number().result()": r"^1$",
    "Fields::remote().get(|it| *it.a + it.f).result()": r"^4$",
    "outer.get(|it| it.inner.f).result()": FIELDS.format("Outer"),
    "outer.number().result()": r"^3$",
    "Outer::remote().get(|it| it.inner.f + 1).result()": r"^1$",
    "taker.takes(vec![Point { f: 1 }]).result()": TYPES.format("Vec<Point>"),
    "taker.gives().result()": TYPES.format("Point"),
    "taker.alias(1).result()": TYPES.format("Scalar"),
    "taker.array([1; N]).result()": TYPES.format(r"\[u8; N\]"),
    "taker.module(inside::Point2 { f: 1 }).result()": TYPES.format(".*Point2"),
    "taker.plain(8).result()": r"^8$",
    "Taker::remote().takes(vec![Point { f: 1 }]).result()": r"^1$",
    "generic.get(|it| it.t.f).result()": FIELDS.format(".*Generic.*").replace("`.*Generic.*::remote`", ""),
    "generic.number().result()": r"^5$",
    "coder.takes(Coded { f: 3.0 }).result()": TYPES.format("Coded").replace("Taker", "Coder"),
    "Coder::remote().takes(Coded { f: 3.0 }).result()": r"^3$",
    "async { mosaic::Stored::<Kept>::attach(&kept_uid).await?.get().await }": "stored before `.*Kept`, or a type.*redefined",
    "async { mosaic::Stored::<Same>::attach(&same_uid).await?.get().await }": r"^Same \{ f: 1.0 \}$",
    "same.get()": r"^Same \{ f: 1.0 \}$",
    "steady.add(Step { f: 1.0 }).result()": r"^Step \{ f: 2.0 \}$",
    # An `impl` of a type in the fields counts as well, though it leaves the fields as they are.
    "steady.get(|it| it.step.f).result()": FIELDS.format("Steady"),
    "steady.fresh().result()": "earlier definition of `Steady`, which has no method `fresh",
    "hub.asks().result()": r"^0.0$",
    "async { Ok::<_, TaskError>(alive.pid().result().await? == pid) }": "^true$",
}


@pytest.fixture(scope="module")
def shown(kernel):
    """What is said of variables after the redefinitions, and what each use shows."""
    kernel.ok(HEAD)
    kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
    kernel.ok("\n".join(first for first, _ in ITEMS.values()))
    kernel.ok(MAKE)
    # The same definitions again change nothing.
    kernel.ok("\n".join(first for first, _ in ITEMS.values()))
    assert kernel.ok("steady.get(|it| it.step.f).result().await?").result == "1.0"
    redefinition = kernel.ok("\n".join(second for _, second in ITEMS.values()))
    uses = "".join(f'println!("{number}\\t{{}}", show({use}.await));\n' for number, use in enumerate(USES))
    used = kernel.ok(uses)
    lines = (line.split("\t", 1) for line in used.stdout.splitlines() if "\t" in line)
    outcomes = {int(number): text for number, text in lines}
    # Variables are dropped when the next cell runs that has any.
    return redefinition.stderr + used.stderr, {use: outcomes.get(number, "nothing") for number, use in enumerate(USES)}


@pytest.mark.parametrize("use", USES)
def test_an_object_of_an_earlier_definition(shown, use):
    assert re.search(USES[use], shown[1][use]), shown[1][use]


@pytest.mark.parametrize("variable", ["kept", "task", "task_of_coded", "holder"])
def test_a_handle_to_a_value_of_an_earlier_definition_is_dropped_by_name(shown, variable):
    assert re.search(rf"`{variable}`.*redefined", shown[0]), shown[0]
