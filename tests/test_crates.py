"""The crates that cells use without `:dep`, and `.await` at the top level."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def fresh(world):
    """A kernel whose first cell awaits."""
    from kernels import Kernel

    kernel = Kernel(world)
    kernel.first = kernel.run(
        "use std::time::Duration;\n"
        "tokio::time::sleep(Duration::from_millis(50)).await;\n"
        'println!("awake");'
    )
    yield kernel
    kernel.close()


def test_await_in_the_first_cell(fresh):
    assert fresh.first.reply["status"] == "ok" and fresh.first.stdout == "awake\n", str(fresh.first)


def test_await_again(fresh):
    for _ in range(3):
        assert fresh.ok("std::future::ready(42).await").result == "42"


def test_spawned_tasks_that_sleep(fresh):
    """The same cell twice: with a runtime per cell, the second run finds no reactor."""
    code = (
        "let answer = tokio::spawn(async {\n"
        "    tokio::time::sleep(std::time::Duration::from_millis(20)).await;\n"
        "    40 + 2\n"
        "}).await?;\n"
        "answer"
    )
    for _ in range(2):
        assert fresh.ok(code).result == "42"


def test_a_task_outlives_its_cell(fresh):
    fresh.ok("let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<u32>();")
    fresh.ok("tokio::spawn(async move { tokio::time::sleep(std::time::Duration::from_millis(300)).await; sender.send(7) });")
    assert fresh.ok("receiver.recv().await").result == "Some(7)"


def test_tokio_sockets(fresh):
    code = (
        'let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;\n'
        "let (client, server) = tokio::join!(tokio::net::TcpStream::connect(listener.local_addr()?), listener.accept());\n"
        "client.is_ok() && server.is_ok()"
    )
    assert fresh.ok(code).result == "true"


def test_variables_survive_the_first_await(start):
    kernel = start()
    kernel.ok("#[derive(Debug)] struct Kept(u8); let kept = Kept(3);")
    kernel.ok("std::future::ready(()).await;")
    assert kernel.ok("kept").result == "Kept(3)"


def test_ndarray(fresh):
    fresh.ok("use ndarray::{array, Array3};")
    fresh.ok("let a = array![[1.0, 2.0], [3.0, 4.0]];")
    assert fresh.ok("a.dot(&a).sum()").result == "54.0"
    assert fresh.ok("Array3::<f32>::zeros((1024, 1024, 1)).shape().to_vec()").result == "[1024, 1024, 1]"


def test_serde_derive(fresh):
    fresh.ok("#[derive(serde::Serialize, serde::Deserialize)] struct Stone { colour: String }")
    fresh.ok("fn travels<T: serde::Serialize + serde::de::DeserializeOwned>() -> bool { true }")
    assert fresh.ok("travels::<Stone>()").result == "true"


def test_other_crates(fresh):
    fresh.ok(':dep itoa = "1"', timeout=200)
    assert fresh.ok("itoa::Buffer::new().format(42).to_owned()").result == '"42"'
    assert fresh.ok("std::future::ready(1).await").result == "1"



SESSION = r"""{
let maps = std::fs::read_to_string("/proc/self/maps")?;
let library = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("/session-"));
println!("{}", library.unwrap().split("/target/").next().unwrap());
}"""


def test_crates_that_another_session_built_are_not_built_again(start):
    """By the file: each session has a link to what the first one left."""
    files = []
    for _ in range(2):
        kernel = start()
        assert kernel.ok(':dep hex = "=0.4.3"\nhex::encode([42])').result == '"2a"'
        session = Path(kernel.ok(SESSION).stdout.strip())
        files += [path.stat().st_ino for path in session.glob("target/*/debug/deps/libhex-*.rlib")]
        kernel.close()
    assert len(files) == 2 and len(set(files)) == 1
