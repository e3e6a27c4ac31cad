"""The fast path saves time and changes nothing else."""

import json
import os
import platform
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module", params=["1", "0"], ids=["on", "off"])
def either(world, request):
    """A kernel with the fast path, and a kernel without."""
    from kernels import Kernel

    kernel = Kernel(world, MOSAIC_FAST_PATH=request.param)
    yield kernel
    kernel.close()


def test_cells(either):
    assert either.ok("40 + 2").result == "42"
    either.ok("let lengths = [\"a\", \"bc\"].iter().map(|it| it.len()).collect::<std::collections::BTreeSet<_>>();")
    assert either.ok("lengths").result == "{1, 2}"
    assert either.ok("let later = async { 7 }.await; later").result == "7"
    assert "mismatched types" in either.run('let wrong: i32 = "";').error
    assert "oh" in either.run('panic!("oh")').error
    assert either.ok("lengths.len()").result == "2"


def test_types_of_the_crates(either):
    either.ok("let cube = ndarray::Array3::<f32>::zeros((1, 2, 3)); let (sender, _rest) = tokio::sync::mpsc::channel::<u8>(1);")
    assert either.ok("cube.shape().to_vec()").result == "[1, 2, 3]"
    assert either.ok("sender.capacity()").result == "1"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are x86's intrinsics")
def test_types_of_intrinsics(either):
    either.ok("let ones = unsafe { std::arch::x86_64::_mm_set1_epi32(1) };")
    assert either.ok("unsafe { std::arch::x86_64::_mm_cvtsi128_si32(ones) }").result == "1"


def test_the_path_is_the_users(either):
    path = os.environ["PATH"]
    assert either.ok('println!("{}", std::env::var("PATH").unwrap())').stdout == path + "\n"
    assert either.ok("!echo $PATH").result.strip() == path


def test_cargos_and_rustups_variables_are_the_users(start, tmp_path, capfd):
    """cargo and rustup set these variables for programs that they run. rust-analyzer would start what they name."""
    called = tmp_path / "called"
    cargo = tmp_path / "cargo"
    cargo.write_text(f'#!/bin/sh\necho "$@" >> {called}\nexec cargo "$@"\n')
    cargo.chmod(0o755)
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    kernel = start(CARGO=str(cargo), RUSTUP_TOOLCHAIN=sysroot)
    code = "String::new().is_em"
    assert kernel.request(kernel.client.complete, code, len(code))["matches"] == ["is_empty()"]
    names = ["CARGO", "RUSTUP_TOOLCHAIN", "MOSAIC_SHIM", "MOSAIC_USERS_CARGO"]
    kernel.ok(f"fn seen() -> Vec<Option<String>> {{ {json.dumps(names)}.iter().map(|it| std::env::var(it).ok()).collect() }}")
    expected = f'[Some("{cargo}"), Some("{sysroot}"), None, None]'
    assert kernel.ok("seen()").result == expected
    assert kernel.ok(f"!echo {' '.join(f'${it}' for it in names)}").result.strip() == f"{cargo} {sysroot}"
    kernel.ok("use mosaic::prelude::*;\nmosaic::interactive(On).num_workers(1).await?;")
    assert kernel.ok("mosaic::spawn(seen, ()).result().await?").result == expected
    assert not called.exists(), called.read_text()
    assert "cargo" not in capfd.readouterr().err


def test_completion(either):
    code = "lengths.contai"
    reply = either.request(either.client.complete, code, len(code))
    assert any(match.startswith("contains") for match in reply["matches"])


TYPES = """
use std::{borrow::Cow, collections::HashMap};
mod inner { #[derive(Debug)] pub struct Deep<T>(pub T); }
type Result<T> = std::result::Result<T, String>;
"""

# A `let`, an expression with its variable, and the value of the expression.
LETS = [
    ("let (names, mut count) = (vec![\"a\"], 1usize);", "count += names.len(); count", "2"),
    ("let by_name: HashMap<_, _> = [(\"a\", 1u8)].into_iter().collect();", "by_name[\"a\"]", "1"),
    ("let inner::Deep(deep) = inner::Deep([Some(inner::Deep(0.5))]);", "deep[0].as_ref().unwrap().0", "0.5"),
    ("let lent: Cow<str> = \"lent\".into(); let boxed: Box<dyn Fn(i32) -> i32 + Send> = Box::new(|x| x + 1);", "boxed(1)", "2"),
    ("let (Ok(either) | Err(either)) = \"5\".parse::<u8>().map_err(|_| 0);", "either", "5"),
    ("let result = \"x\".parse::<u8>().map_err(|error| error.to_string());", "result.is_err()", "true"),
    ("fn own() -> Result<u8> { Ok(1) }\nlet own = own();", "own", "Ok(1)"),
    ("let shadowed = 1; let shadowed = [shadowed; 2].len().to_string();", "shadowed", '"2"'),
    ("let Some(found) = Some(b'x') else { panic!() }; let function = u8::is_ascii as fn(&u8) -> bool;", "function(&found)", "true"),
    ("use mosaic::prelude::*;\n#[tessera] struct Cup { tea: u8 }\n#[tessera] impl Cup { fn new() -> Self { Cup { tea: 3 } } fn tea(&mut self) -> u8 { self.tea } }\n"
     "mosaic::interactive(On).num_workers(1).await?; let cup = Cup::local(); let task = cup.tea();", "task.result().await?", "3"),
]  # fmt: skip


@pytest.fixture(scope="module", params=["rustc", "rust-analyzer", "off"])
def typed(world, request):
    """A kernel that learns the types of variables from rustc, from rust-analyzer, or the way evcxr does."""
    from kernels import Kernel

    kernel = Kernel(world, MOSAIC_FAST_PATH="0" if request.param == "off" else "1")
    kernel.ok(TYPES)
    if request.param == "rust-analyzer":
        code = "String::new().is_em"
        assert kernel.request(kernel.client.complete, code, len(code))["matches"] == ["is_empty()"]
    yield kernel
    kernel.close()


@pytest.mark.parametrize("code, then, shown", LETS, ids=[code for code, *_ in LETS])
def test_types_of_variables(typed, code, then, shown):
    typed.ok(code)
    assert typed.ok(then).result == shown


def test_what_has_no_type_that_can_be_written(typed):
    assert "cannot be kept" in typed.run("let by = 1; let closure = |x: i32| x + by;").error
    assert "cannot be kept" in typed.run("let local = vec![1]; let borrows = local.iter();").error
    assert typed.ok("let moved = vec![1]; drop(moved); 1").result == "1"
    assert "cannot find" in typed.run("moved").error
    assert "cannot find" in typed.run("struct Unused { field: Missing } let after = 1;").error


# A cell, why its variable cannot be kept, and what to write instead.
UNSTORABLE = [
    ("let by = 1; let f = |x: i32| x + by;", "cannot be kept", "let f: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + by);"),
    ("let mut n = 0; let mut up = |by: u8| n += by; up(1);", "cannot be kept", "let mut up: Box<dyn FnMut(u8)> = Box::new(move |by: u8| n += by);"),
    ("let v = vec![1]; let mapped = v.iter().map(|x| x + 1);", "cannot be kept", "let mapped = v.iter().map(|x| x + 1).collect::<Vec<_>>();"),
    ("let v = vec![1]; let first = &v[0];", "borrows", "let first = v[0].clone();"),
    ("let v = vec![1]; let all = v.iter();", "borrows", "let all = v.iter().collect::<Vec<_>>();"),
    ("let t = String::from(\" a\"); let trimmed = t.trim();", "borrows", "let trimmed = t.trim().to_owned();"),
    ("let counts = HashMap::from([(1, 2)]); let seen = &counts;", "borrows", "let seen = counts.clone();"),
]  # fmt: skip


@pytest.mark.parametrize("code, why, instead", UNSTORABLE, ids=[code for code, *_ in UNSTORABLE])
def test_why_a_variable_is_not_kept(typed, request, code, why, instead):
    if request.node.callspec.params["typed"] == "off" and "up(1)" in code:
        pytest.skip("the plain path shows rustc's error, which says to write `move`")
    cell = typed.run(code)
    assert "VariableError" == cell.errors[0]["ename"] and why in cell.error, cell.error
    assert f"write `{instead}`" in cell.error, cell.error


def test_why_a_variable_is_not_kept_is_known_without_rust_analyzer(start, world):
    def states():
        return set(Path(world.run).glob("mosaic-*/shim/state.json"))

    others = states()
    kernel = start()
    kernel.ok(TYPES)
    for code, why, _ in UNSTORABLE:
        assert why in kernel.run(code).error
    kernel.ok("let power = i32::pow; let shadowed = |x: i32| x; let shadowed = shadowed(2);")
    assert kernel.ok("power(2, 3) + shadowed").result == "10"
    (state,) = states() - others
    assert not json.loads(state.read_text())["analysing"]


def test_a_type_that_rust_analyzer_does_not_know(typed, request):
    """rust-analyzer does not expand `derive(Serialize)`."""
    if request.node.callspec.params["typed"] == "off":
        pytest.skip("a limit of the plain path")
    typed.ok("mosaic::interactive(On).num_workers(1).await?;")
    typed.ok(
        "#[derive(serde::Serialize, serde::Deserialize)] struct Shot(u8);\nfn shot(n: u8) -> Shot { Shot(n) }\n"
        "let later = mosaic::spawn(shot, (3,));"
    )
    assert typed.ok("later.result().await?.0").result == "3"
