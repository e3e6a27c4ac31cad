"""Tesserae outlive the cell process, however it ends, and a new cell process gets proxies of them."""

import psutil
import pytest
from world import wait_until

COUNTER = """
use mosaic::prelude::*;
use std::{thread::sleep, time::Duration};

#[tessera]
struct Counter { total: u64 }

#[tessera]
impl Counter {
    fn new() -> Self { Counter { total: 0 } }
    fn add(&mut self, n: u64) -> u64 { self.total += n; self.total }
    fn add_slowly(&mut self, n: u64, file: &str) -> u64 {
        println!("waiting");
        while !std::path::Path::new(file).exists() { sleep(Duration::from_millis(10)); }
        println!("going on");
        self.total += n;
        self.total
    }
    fn pid(&self) -> u32 { std::process::id() }
}

#[tessera]
struct Other;

#[tessera]
impl Other {
    fn new() -> Self { Other }
    fn idle(&self) {}
}
"""

# How a cell ends its process, and what its error says.
DEATHS = {
    "abort": ("std::process::abort();", "SIGABRT"),
    "illegal instruction": ('unsafe { std::arch::asm!("ud2") }', "compiled for another CPU"),
    # rustc refuses a pointer that it can see to be null.
    "segfault": ("unsafe { *std::hint::black_box(8 as *mut u8) = 1; }", "SIGSEGV"),
    "exit": ("std::process::exit(7);", "7"),
}
# A cell in which no interrupt can stop anything.
COMPUTE = 'println!("computing"); let mut x = 1u64; loop { x = std::hint::black_box(x.wrapping_mul(3)); }'


def value(kernel, code):
    return kernel.ok(f"let value = {code}.result().await?; value").result


def kill(kernel, death):
    """Ends the cell process."""
    if death in DEATHS:
        code, reason = DEATHS[death]
        assert reason in kernel.run(code).error
        return
    cell = kernel.submit(COMPUTE)
    kernel.read_until(lambda: "computing" in cell.stdout, timeout=60)
    assert kernel.control("interrupt_request")["status"] == "ok"
    assert kernel.finish(cell, timeout=60).error


def begin(kernel):
    """Turns the runtime on and creates a counter at 42. Returns its uid."""
    kernel.ok(COUNTER)
    kernel.ok("mosaic::interactive(On).num_workers(2).await?;")
    kernel.ok("let counter = Counter::remote();")
    assert value(kernel, "counter.add(42)") == "42"
    return kernel.ok("counter.uid()").result.strip('"')


@pytest.fixture
def kernel(start):
    """A kernel for each test, since the test ends its cell process."""
    return start()


@pytest.mark.parametrize("death", [*DEATHS, "interrupt"])
def test_a_counter_goes_on(kernel, death):
    uid = begin(kernel)
    pid = value(kernel, "counter.pid()")
    kill(kernel, death)
    assert "counter" in kernel.run("counter.add(1)").error, "its proxy is lost with the process"

    table = kernel.ok("mosaic::tesserae().await?").result
    header, row = table.splitlines()
    assert header.split() == ["TYPE", "UID", "WORKER", "STATE"]
    assert row.split() == ["Counter", uid, "worker:0:0", "done"]

    kernel.ok(f'let counter = Counter::attach("{uid}").await?;')
    assert value(kernel, "counter.add(1)") == "43"
    assert value(kernel, "counter.pid()") == pid, "it has not moved"
    assert kernel.ok("counter.uid()").result == f'"{uid}"'
    assert "runtime=worker:0:0, state=done" in kernel.ok("counter").result


def test_two_deaths_and_off(kernel):
    uid = begin(kernel)
    workers = [child for child in kernel.processes() if child.ppid() == kernel.pid and "guard" not in child.cmdline()]
    pid = int(value(kernel, "counter.pid()"))
    kill(kernel, "abort")
    kernel.ok(f'let counter = Counter::attach("{uid}").await?;')
    assert value(kernel, "counter.add(1)") == "43"
    kill(kernel, "segfault")

    # The listing has not changed, and new tesserae need no `On`.
    said = kernel.ok("let second = Counter::remote(); (&second).await?;")
    assert "WORKER" not in said.text
    listed = kernel.ok("mosaic::interactive(On).await?;").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["HEAD", "MONITOR", "NODE:0", "WORKER:0:0", "WORKER:0:1"]
    kernel.ok(f'let counter = Counter::attach("{uid}").await?;')
    assert value(kernel, "counter.add(1)") == "44"
    assert kernel.ok("let count = mosaic::tesserae().await?.len(); count").result == "2"
    kernel.ok("drop(second);")
    kernel.ok("let tesserae = mosaic::tesserae().await?;")
    assert kernel.ok("(tesserae.len(), tesserae[0].uid == counter.uid())").result == "(1, true)"

    kernel.ok("mosaic::interactive(Off).await?;")
    assert wait_until(lambda: not psutil.pid_exists(pid), timeout=5)
    assert kernel.ok("mosaic::tesserae().await?").result == "no tessera lives"
    assert "mosaic::interactive(On)" in kernel.run(f'Counter::attach("{uid}").await?;').error
    assert len([worker for worker in workers if worker.is_running()]) <= 1, "only the process of the cells is left"


def test_what_was_submitted_runs_on(kernel, tmp_path):
    """A task goes on in order, and its output is shown, also while there is no cell process."""
    uid = begin(kernel)
    door = tmp_path / "door"
    cell = kernel.submit(f'let slow = counter.add_slowly(8, "{door}"); let next = counter.add(50); slow.await?;')
    kernel.read_until(lambda: "waiting" in cell.text)
    # Waiting for a task is interrupted at once and loses nothing. Only the next cell ends the process.
    kernel.control("interrupt_request")
    kernel.finish(cell)
    dead = kernel.run("std::process::abort();")
    assert dead.error
    door.touch()
    kernel.read_until(lambda: any("going on" in cell.text for cell in kernel.cells.values()))
    kernel.ok(f'let counter = Counter::attach("{uid}").await?;')
    assert value(kernel, "counter.add(1)") == "101"


def test_what_cannot_be_attached(kernel):
    uid = begin(kernel)
    kill(kernel, "abort")
    error = kernel.run('Counter::attach("tess-counter-1").await?;').error
    assert 'no tessera "tess-counter-1" lives' in error and uid in error
    error = kernel.run(f'Other::attach("{uid}").await?;').error
    assert "is a `Counter`, not a `Other`" in error or "is a `Counter`, not an `Other`" in error

    kernel.ok(f'let counter = Counter::attach("{uid}").await?;')
    psutil.Process(int(value(kernel, "counter.pid()"))).kill()
    error = kernel.run("counter.add_slowly(1, \"/nowhere\").await?;").error
    assert "worker:0:0" in error
    error = kernel.run(f'Counter::attach("{uid}").await?;').error
    assert "worker:0:0" in error and "SIGKILL" in error


def test_a_redefined_type(kernel):
    """A proxy calls the methods that the tessera was created with, even if its type was redefined."""
    uid = begin(kernel)
    kill(kernel, "abort")
    kernel.ok(
        "#[tessera]\nstruct Counter { sum: i64, more: String }\n#[tessera]\nimpl Counter {\n"
        "    fn new() -> Self { Counter { sum: 0, more: String::new() } }\n    fn fresh(&self) -> i64 { 99 }\n"
        "    fn pid(&self) -> u32 { 0 }\n    fn add(&mut self, n: u64) -> u64 { n }\n}"
    )
    kernel.ok(f'let counter = Counter::attach("{uid}").await?;')
    assert value(kernel, "counter.add(1)") == "43"
    error = kernel.run("counter.fresh().result().await?").error
    assert "earlier definition of `Counter`" in error and "fresh" in error


def test_completion_shows_attach(kernel):
    kernel.ok(COUNTER)
    code = "Counter::att"

    def shown():
        """Whether `attach` is offered. The first completion may give up before rust-analyzer has started."""
        found = kernel.request(kernel.client.complete, code, len(code))
        return any("attach" in match for match in found["matches"])

    assert wait_until(shown, timeout=60)


PHOENIX = """
use mosaic::prelude::*;

#[tessera]
struct Phoenix { start: u64 }

#[tessera(restarts = 1, max_retries = 1)]
impl Phoenix {
    fn new(start: u64) -> Self { Phoenix { start } }
    fn add(&mut self, n: u64) -> u64 { self.start += n; self.start }
    fn pid(&self) -> u32 { std::process::id() }
}
"""


def test_a_worker_that_dies_is_replaced_and_a_tessera_rises_again(kernel):
    kernel.ok(PHOENIX)
    kernel.ok("mosaic::interactive(On).num_workers(1).replace_lost_workers(1).affinity(true).await?;")
    kernel.ok("let phoenix = Phoenix::remote(40);")
    assert value(kernel, "phoenix.add(1)") == "41"
    psutil.Process(int(value(kernel, "phoenix.pid()"))).kill()
    # The tessera is as its constructor made it.
    assert value(kernel, "phoenix.add(2)") == "42"
    assert "worker:0:1" in kernel.ok("phoenix").result
    kernel.ok("mosaic::retire(mosaic::select_worker().await?).await?;")
    error = kernel.run("phoenix.add(3).await?;").error
    assert "worker:0:1 ended: it was retired" in error, "who retires a worker means it"
