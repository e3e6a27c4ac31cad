"""Tesserae: calls, dependencies, errors, and workers that die."""

import os
import re
import signal
import time

import psutil
import pytest
from world import wait_until

# The tessera that the tests call. `span` tells when it ran, `pid` in which process.
PROBE = """
use mosaic::prelude::*;
use std::{thread::sleep, time::{Duration, SystemTime, UNIX_EPOCH}};

fn now() -> u64 { SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64 }

#[tessera]
struct Probe { seen: Vec<u32> }

#[tessera]
impl Probe {
    fn new() -> Self { Probe { seen: Vec::new() } }
    fn pid(&self) -> u32 { std::process::id() }
    fn span(&self, milliseconds: u64) -> (u64, u64) {
        let start = now();
        sleep(Duration::from_millis(milliseconds));
        (start, now())
    }
    fn push(&mut self, value: u32, milliseconds: u64) -> u32 {
        sleep(Duration::from_millis(milliseconds));
        self.seen.push(value);
        value
    }
    fn seen(&self) -> Vec<u32> { self.seen.clone() }
    fn double(&self, value: u32) -> u32 { value * 2 }
    fn sum(&self, values: &[f32]) -> f32 { values.iter().sum() }
    fn greet(&self, name: &str) -> String { format!("hello {name}") }
    fn fails(&self) -> u32 { panic!("no stones left") }
    fn nap(&self) { println!("napping"); sleep(Duration::from_secs(60)); }
    fn talk(&self, lines: u32) {
        for i in 0..lines { println!("line {i}"); }
        eprintln!("to stderr");
        println!();
        println!("two\\nlines");
    }
}
"""


@pytest.fixture(scope="module")
def bare(kernel):
    """A kernel that has defined the probe and has not turned the runtime on."""
    kernel.ok(PROBE)
    return kernel


@pytest.fixture(scope="module")
def runtime(bare):
    """Starts two workers and two probes, p and q, one on each worker."""
    bare.started = bare.ok("mosaic::interactive(On).num_workers(2).await?;")
    bare.ok("let p = Probe::remote(); let q = Probe::remote();")
    return bare


def value(kernel, code):
    """The value of a task, as Rust prints it."""
    return kernel.ok(f"let value = {code}.await?.result().await?; value").result


def test_remote_without_runtime_says_what_to_call(bare):
    """Has to come first: later tests start the runtime."""
    cell = bare.run("let early = Probe::remote().pid(); early.await?;")
    assert "mosaic::interactive(On)" in cell.error


def test_start_prints_who_listens(runtime):
    lines = runtime.started.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["HEAD", "MONITOR", "NODE:0", "WORKER:0:0", "WORKER:0:1"]


def test_values_go_there_and_back(runtime):
    assert value(runtime, "p.double(21)") == "42"
    assert value(runtime, 'p.greet("mosaic")') == '"hello mosaic"'
    assert value(runtime, "p.sum(&vec![1.0, 2.5])") == "3.5"


def test_tesserae_live_in_different_processes(runtime):
    pids = {value(runtime, "p.pid()"), value(runtime, "q.pid()"), str(runtime.pid)}
    assert len(pids) == 3
    ours = {str(process.pid) for process in runtime.processes()}
    assert pids <= ours


def test_a_second_on_changes_nothing(runtime):
    before = value(runtime, "p.pid()")
    runtime.ok("mosaic::interactive(On).num_workers(2).await?;")
    assert value(runtime, "p.pid()") == before


def test_calls_return_at_once(runtime):
    code = "let start = now(); let slow = p.span(1500); let took = now() - start; println!(\"{took}\"); slow"
    cell = runtime.ok(code)
    assert int(cell.stdout.split()[0]) < 500
    assert re.fullmatch(r"<TaskProxy object, uid=task-probe-span-\w+, runtime=worker:0:[01], state=\w+>", cell.result)
    assert "state=done" in runtime.ok("(&slow).await?; slow").result


def test_different_tesserae_run_in_parallel(runtime):
    code = (
        "let (a, b) = (p.span(700), q.span(700));\n"
        "let (a, b) = (a.await?.result().await?, b.await?.result().await?);\n"
        "a.0 < b.1 && b.0 < a.1"
    )
    assert runtime.ok(code).result == "true"


def test_one_tessera_keeps_the_order_of_calls(runtime):
    runtime.ok("let ordered = Probe::remote();")
    runtime.ok("for i in 0..10u32 { ordered.push(i, if i == 0 { 300 } else { 0 }); }")
    assert value(runtime, "ordered.seen()") == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]", "calls that nobody awaits run too"


@pytest.mark.parametrize(("first", "second"), [("p", "q"), ("q", "p"), ("p", "p")])
def test_implicit_dependency(runtime, first, second):
    runtime.ok(f"let slow = {first}.push(21, 300);")
    assert value(runtime, f"{second}.double(&slow)") == "42"


@pytest.mark.parametrize(("first", "second"), [("p", "q"), ("q", "p")])
def test_explicit_dependency(runtime, first, second):
    runtime.ok(f"let before = {first}.span(500); let after = {second}.after(&before).span(0);")
    code = "let (a, b) = (before.await?.result().await?, after.await?.result().await?); a.1 <= b.0"
    assert runtime.ok(code).result == "true"


def test_a_task_runs_once(runtime):
    """A task runs once, however often it is awaited and however many tasks depend on it."""
    runtime.ok("let once = Probe::remote();")
    runtime.ok("let task = once.push(5, 200); let (x, y) = (p.double(&task), q.double(&task));")
    runtime.ok("(&task).await?; (&task).await?; (&x).await?; (&y).await?;")
    assert runtime.ok("let twice = (task.result().await?, task.result().await?); twice").result == "(5, 5)"
    assert value(runtime, "once.seen()") == "[5]"


def test_workers_output_is_complete_and_before_the_reply(runtime):
    cell = runtime.ok("p.talk(1000).await?;")
    said = re.findall(r"^WORKER:0:\d(?: {6})(.*)$", cell.text, re.MULTILINE)
    out = [line for line in said if line != "to stderr"]
    assert out == [f"line {i}" for i in range(1000)] + ["", "two", "lines"]
    assert "to stderr" in said
    assert not cell.late


def test_output_without_a_running_cell(runtime):
    """Text of a worker goes to the last cell."""
    cell = runtime.ok("let later = p.span(1000); let talk = p.talk(1);")
    runtime.read_until(lambda: "lines" in cell.text)
    runtime.ok("(&talk).await?;")


def test_a_panic_is_an_error_with_its_place(runtime):
    before = value(runtime, "p.pid()")
    error = runtime.run("p.fails().await?;").error
    for part in ("Probe", "fails", "worker:0:", "no stones left"):
        assert part in error
    assert value(runtime, "p.pid()") == before, "the worker lives on"
    assert value(runtime, "p.double(4)") == "8", "the tessera lives on"


def test_a_failed_task_is_shown_as_failed(runtime):
    runtime.ok("let failing = p.fails(); let outcome = (&failing).await.is_err();")
    assert "state=failed" in runtime.ok("failing").result


def test_failures_pass_on_to_dependents(runtime):
    error = runtime.run("let bad = p.fails(); q.double(&bad).await?;").error
    assert "no stones left" in error or "fails" in error


def test_a_failing_constructor(runtime):
    runtime.ok(
        "#[tessera]\nstruct Broken;\n#[tessera]\nimpl Broken {\n"
        '    fn new() -> Self { panic!("cannot be made") }\n    fn get(&self) -> u32 { 1 }\n}'
    )
    error = runtime.run("Broken::remote().get().await?;").error
    assert "cannot be made" in error and "Broken" in error


def test_a_wrong_argument_is_a_compile_error(runtime):
    cell = runtime.run('p.double("text");')
    assert "double" in cell.error


def test_redefinition_serves_new_instances(runtime):
    source = (
        "#[tessera]\nstruct Version;\n#[tessera]\nimpl Version {{\n"
        "    fn new() -> Self {{ Version }}\n    fn get(&self) -> u32 {{ {} }}\n}}"
    )
    runtime.ok(source.format(1))
    assert value(runtime, "Version::remote().get()") == "1"
    runtime.ok(source.format(2))
    assert value(runtime, "Version::remote().get()") == "2"


def test_a_proxy_calls_the_methods_it_was_made_with(runtime):
    """A proxy finds its methods, however a later definition orders and names them."""
    source = (
        "#[tessera]\nstruct Account {{ sum: i64 }}\n#[tessera]\nimpl Account {{\n"
        "    fn new() -> Self {{ Account {{ sum: 0 }} }}\n    {}\n}}"
    )
    add = "fn add(&mut self) -> i64 { self.sum += 1; self.sum }"
    take = "fn take(&mut self) -> i64 { self.sum -= 1; self.sum }"
    runtime.ok(source.format(add + take))
    runtime.ok("let account = Account::remote();")
    runtime.ok(source.format(take + "fn fresh(&self) -> i64 { 99 }" + add))
    assert value(runtime, "account.add()") == "1"
    cell = runtime.run("account.fresh().result().await?")
    assert "earlier definition of `Account`" in cell.error and "fresh" in cell.error


def tessera(fields, methods, generics=""):
    return (
        f"#[tessera]\nstruct Odd{generics} {{ {fields} }}\n#[tessera]\nimpl{generics} Odd{generics} {{\n"
        f"    {methods}\n}}"
    )


NEW = "fn new() -> Self { Odd { stones: Vec::new() } }\n    "
MALFORMED = {
    "generic": (tessera("stone: T", "fn new(stone: T) -> Self { Odd { stone } }", "<T>"), "Odd", "generic"),
    "self by value": (tessera("stones: Vec<u32>", NEW + "fn consume(self) -> u32 { 1 }"), "consume", "self"),
    "borrowed return": (tessera("stones: Vec<u32>", NEW + "fn view(&self) -> &Vec<u32> { &self.stones }"), "view", "borrow"),
    "argument": (
        tessera("stones: Vec<u32>", NEW + "fn hold(&mut self, sender: std::sync::mpsc::Sender<u32>) {}"),
        "hold",
        "serde|serialize|portable",
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_tesserae_say_why(runtime, kind):
    code, name, reason = MALFORMED[kind]
    error = runtime.run(code).error
    assert name in error and re.search(reason, error, re.IGNORECASE), error
    assert value(runtime, "p.double(1)") == "2"


def test_compile_errors_in_methods_point_to_the_line(runtime):
    methods = NEW + 'fn wrong(&self) -> u32 {\n        let wrong: u32 = "text";\n        wrong\n    }'
    error = runtime.run(tessera("stones: Vec<u32>", methods)).error
    assert "7:26" in error and 'let wrong: u32 = "text";' in error


def test_a_killed_worker_fails_its_tasks(runtime):
    """Comes late: it takes a worker from the runtime, which is then started again."""
    victim = int(value(runtime, "p.pid()"))
    runtime.ok("let queued = p.double(1);")
    cell = runtime.submit("let lost = p.nap(); lost.await?;")
    runtime.read_until(lambda: "napping" in cell.text)
    killed = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    runtime.finish(cell)
    assert time.monotonic() - killed < 3
    assert "worker:0:" in cell.error and "Probe" in cell.error and "nap" in cell.error
    assert "worker:0:" in runtime.run("p.double(1).await?;").error, "calls to a lost tessera fail as well"
    assert value(runtime, "q.double(2)") == "4", "the other worker goes on"

    runtime.ok("mosaic::interactive(Off).await?;")
    runtime.ok("mosaic::interactive(On).num_workers(2).await?;")
    runtime.ok("let p = Probe::remote(); let q = Probe::remote();")
    assert int(value(runtime, "p.pid()")) != victim


def test_off_ends_the_workers(runtime):
    """Has to come last."""
    pids = [int(value(runtime, f"{name}.pid()")) for name in "pq"]
    runtime.ok("mosaic::interactive(Off).await?;")
    assert wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids), timeout=30)
    assert "mosaic::interactive(On)" in runtime.run("Probe::remote().pid().await?;").error
    runtime.ok("mosaic::interactive(Off).await?;")


FORMER = """
#[tessera]
struct Former { n: u8 }
#[tessera]
impl Former {
    fn new() -> Self { Former { n: 1 } }
    fn n(&self) -> u8 { self.n }
}
fn far() { Former::remote(); }
"""

PLAIN = """
#[derive(Debug)]
struct Former { n: String }
impl Former {
    fn new() -> Self { Former { n: String::new() } }
    fn n(&self) -> usize { self.n.len() }
}
fn far() {}
"""


def test_a_tessera_can_become_a_plain_type_again(bare):
    """The generated code of a former tessera is removed, so that its methods can be defined again."""
    bare.ok(FORMER)
    bare.ok(PLAIN)
    assert bare.ok("Former::new().n()").result == "0"
    assert "E0599" in bare.run("Former::remote()").error
    bare.ok(FORMER)
