"""The debugger, by the messages that clients such as VS Code send."""

import os
import shutil
import signal

import pytest
from debugging import Debugger, places, values

TWICE = """fn twice(n: i32) -> i32 {
    let doubled = n * 2;
    println!("doubled {doubled}");
    doubled
}"""

CELL = """let x = 20;
let name = String::from("ferris");
let mut map = std::collections::HashMap::new();
map.insert("a".to_string(), x);
let y = twice(x);
let z = y + before[0];
println!("{name} {z}");
z"""

COUNTER = """use mosaic::prelude::*;
struct Counter { count: u64 }
#[tessera]
impl Counter {
    pub fn new() -> Self { Self { count: 0 } }
    pub fn add(&mut self, n: u64) -> u64 {
        let before = self.count;
        self.count += n;
        before + n
    }
}"""


@pytest.fixture(scope="session", autouse=True)
def adapter():
    names = ["lldb-dap", *(f"lldb-dap-{version}" for version in range(18, 30))]
    if not any(map(shutil.which, names)):
        missing = "no debug adapter on PATH: install the package lldb-19"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture
def debugger(start):
    debugger = Debugger(start())
    yield debugger
    # What is stopped must not hold up the end of the kernel.
    debugger.kernel.debug_events.clear()


def test_a_kernel_says_whether_it_has_a_debugger(start):
    for variables, has_debugger in [({}, True), ({"MOSAIC_LLDB_DAP": "/nowhere/lldb-dap"}, False)]:
        kernel = start(**variables)
        info = kernel.request(kernel.client.kernel_info)
        assert info["debugger"] is has_debugger
        assert ("debugger" in info["supported_features"]) is has_debugger
        help = kernel.ok(":debug").messages[0][1]["data"]["text/plain"]
        assert ("the debugger is there" in help) is has_debugger, help
        assert ("apt install lldb-19" in help) is not has_debugger, help
        if not has_debugger:
            assert "apt install lldb-19" in Debugger(kernel).refused("initialize")


def test_a_debugger_that_is_off(debugger):
    info = debugger.request("debugInfo")
    assert (info["isStarted"], info["breakpoints"], info["stoppedThreads"]) == (False, [], [])
    assert (info["hashMethod"], info["tmpFileSuffix"], info["copyToGlobals"]) == ("Murmur2", ".rs", False)
    assert "is off" in debugger.refused("setBreakpoints", source={"path": "x"}, breakpoints=[])
    assert "cannot be copied" in debugger.refused("copyToGlobals", srcVariableName="x", dstVariableName="x")
    assert debugger.request("inspectVariables") == {"variables": []}


def test_a_cell_stops_steps_and_goes_on(debugger):
    kernel = debugger.kernel
    kernel.ok("let before = vec![1, 2, 3];")
    debugger.start()
    assert "without optimisation" in kernel.ok(TWICE).stderr
    path = debugger.set_breakpoints(CELL, 5)
    info = debugger.request("debugInfo")
    assert info["isStarted"] and info["breakpoints"] == [{"source": path, "breakpoints": [{"line": 5}]}]
    assert path.startswith(info["tmpFilePrefix"]) and path.endswith(info["tmpFileSuffix"])
    assert debugger.request("source", source={"path": path})["content"] == CELL

    cell = kernel.submit(CELL)
    thread, frames = debugger.stopped()
    assert places(frames) == [("cell [3]", 5)] and frames[0]["source"]["path"] == path
    assert debugger.request("debugInfo")["stoppedThreads"] == [thread]
    local = debugger.locals(frames[0])
    assert values(local) == {
        "before": ("Vec<i32>", "[1, 2, 3] (3)"),
        "x": ("i32", "20"),
        "name": ("String", '"ferris"'),
        "map": ("HashMap<String, i32>", '[("a", 20)] (1)'),
    }
    elements = debugger.variables(local["before"]["variablesReference"])
    assert [it["value"] for it in elements.values()] == ["1", "2", "3"]
    evaluated = debugger.request("evaluate", expression="name", frameId=frames[0]["id"])
    assert (evaluated["result"], evaluated["type"]) == ('"ferris"', "String")
    assert "calls no Rust code" in debugger.refused("evaluate", expression="twice(1)", frameId=frames[0]["id"])
    rich = debugger.request("richInspectVariables", variableName="before", frameId=frames[0]["id"])
    assert "before: Vec<i32> = [1, 2, 3] (3)" in rich["data"]["text/plain"]

    frames = debugger.step("stepIn", thread)
    assert places(frames) == [("twice", 2), ("cell [3]", 5)]
    frames = debugger.step("next", thread)
    assert places(frames) == [("twice", 3), ("cell [3]", 5)]
    assert values(debugger.locals(frames[0]))["doubled"] == ("i32", "40")
    # The frame of the caller has its own variables.
    assert values(debugger.locals(frames[1]))["x"] == ("i32", "20")
    assert places(debugger.step("stepOut", thread)) == [("cell [3]", 5)]
    frames = debugger.step("next", thread)
    assert places(frames) == [("cell [3]", 6)] and values(debugger.locals(frames[0]))["y"] == ("i32", "40")
    debugger.go_on(thread)
    assert debugger.event("continued")["threadId"] == thread
    kernel.finish(cell)
    assert cell.result == "41" and "ferris 41" in cell.stdout
    assert debugger.request("debugInfo")["stoppedThreads"] == []


def test_the_notebooks_variables_are_shown_while_nothing_is_stopped(debugger):
    kernel = debugger.kernel
    kernel.ok("let old = 1;")
    debugger.start()
    kernel.ok("#[derive(Debug)] struct Point { x: f64, y: f64 }")
    kernel.ok("let point = Point { x: 1.5, y: -2.0 }; let points = vec![3u8, 4]; let mut grown = String::from(\"a\");")
    kernel.ok("grown.push('b');")
    shown = {it["name"]: it for it in debugger.request("inspectVariables")["variables"]}
    assert list(shown) == ["grown", "old", "point", "points"]
    assert (shown["old"]["type"], shown["old"]["variablesReference"]) == ("i32", 0)
    assert (shown["grown"]["value"], shown["points"]["value"]) == ('"ab"', "[3, 4] (2)")
    fields = debugger.variables(shown["point"]["variablesReference"])
    assert values(fields) == {"x": ("f64", "1.5"), "y": ("f64", "-2")}
    assert debugger.request("richInspectVariables", variableName="points")["data"]["text/plain"] == "[3, 4]"
    assert "no variable `nothing`" in debugger.refused("richInspectVariables", variableName="nothing")
    kernel.ok("drop(point);")
    assert "point" not in {it["name"] for it in debugger.request("inspectVariables")["variables"]}


def test_a_line_of_a_loop_stops_once_in_each_turn(debugger):
    """Also in an asynchronous cell, and with a condition."""
    kernel = debugger.kernel
    debugger.start()
    code = "tokio::task::yield_now().await;\nfor i in 0..3 {\n    println!(\"{i}\");\n}"
    debugger.set_breakpoints(code, {"line": 3, "condition": "i > 0"})
    cell = kernel.submit(code)
    for i in ("1", "2"):
        thread, frames = debugger.stopped()
        assert places(frames) == [("cell [1]", 3)] and debugger.locals(frames[0])["i"]["value"] == i
        debugger.go_on(thread)
    assert kernel.finish(cell).stdout == "0\n1\n2\n"


def test_a_panic_stops_if_the_client_asks_for_it(debugger):
    kernel = debugger.kernel
    debugger.start()
    code = "let values = vec![1, 2];\nlet index = 7;\nprintln!(\"{}\", values[index]);"
    debugger.request("setExceptionBreakpoints", filters=["panic"])
    cell = kernel.submit(code)
    event = debugger.event("stopped")
    thread = event["threadId"]
    assert event["reason"] == "exception" and event["text"] == "panic"
    frames = debugger.frames(thread)
    assert places(frames) == [("cell [1]", 3)] and values(debugger.locals(frames[0]))["index"][1] == "7"
    assert debugger.request("exceptionInfo", threadId=thread)["exceptionId"] == "panic"
    debugger.go_on(thread)
    assert "index out of bounds" in kernel.finish(cell).error
    debugger.request("setExceptionBreakpoints", filters=[])
    assert "index out of bounds" in kernel.run(code).error


def test_a_running_cell_can_be_paused(debugger):
    kernel = debugger.kernel
    kernel.ok("1")
    debugger.start()
    assert "no cell runs" in debugger.refused("pause", threadId=1)
    cell = kernel.submit("println!(\"begun\");\nlet mut count = 0u64;\nlet go_on = true;\nwhile std::hint::black_box(go_on) {\n    count += 1;\n}")
    kernel.read_until(lambda: "begun" in cell.stdout)
    debugger.request("pause", threadId=1)
    thread, frames = debugger.stopped()
    assert frames[-1]["name"] == "cell [2]" and "count" in debugger.locals(frames[-1])
    kernel.control("interrupt_request")
    assert "Interrupted" in kernel.finish(cell).error or "ended" in cell.error


def test_an_optimised_cell_follows_when_the_debugger_is_off(debugger):
    """A library that was compiled for the debugger is not used again afterwards, and the other way round."""
    kernel = debugger.kernel
    kernel.ok("let n = 2;")
    debugger.start()
    debugger.set_breakpoints("n + 1", 1)
    for _ in range(2):
        cell = kernel.submit("n + 1")
        thread, _ = debugger.stopped()
        debugger.go_on(thread)
        assert kernel.finish(cell).result == "3"
    debugger.stop()
    assert kernel.ok("n + 1").result == "3"
    assert debugger.request("debugInfo")["breakpoints"] == []
    debugger.start()
    debugger.set_breakpoints("n + 1", 1)
    cell = kernel.submit("n + 1")
    thread, _ = debugger.stopped()
    debugger.go_on(thread)
    kernel.finish(cell)


def test_an_interrupt_ends_what_is_stopped(debugger):
    kernel = debugger.kernel
    kernel.ok("let kept = 1;")
    debugger.start()
    code = "let mut n = 0u64;\nloop {\n    n += 1;\n    println!(\"{n}\");\n}"
    debugger.set_breakpoints(code, 3)
    cell = kernel.submit(code)
    thread, _ = debugger.stopped()
    kernel.control("interrupt_request")
    assert "Interrupted" in kernel.finish(cell).error
    assert debugger.event("continued")["threadId"] == thread
    assert kernel.ok("kept").result == "1"
    # The breakpoint is still there.
    cell = kernel.submit(code)
    debugger.stopped()
    kernel.control("interrupt_request")
    kernel.finish(cell)


@pytest.mark.parametrize("victim", ["cells", "adapter"])
def test_a_killed_process_hangs_nothing(debugger, victim):
    kernel = debugger.kernel
    debugger.start()
    debugger.set_breakpoints("let x = 1 + std::process::id();\nx", 1)
    cell = kernel.submit("let x = 1 + std::process::id();\nx")
    thread, _ = debugger.stopped()
    pid = next(it.pid for it in kernel.programs("lldb-dap")) if victim == "adapter" else thread
    os.kill(pid, signal.SIGKILL)
    assert debugger.event("continued")["threadId"] == thread
    kernel.finish(cell)
    # A new cell process is debugged as the one before.
    cell = kernel.submit("let x = 1 + std::process::id();\nx")
    thread, frames = debugger.stopped()
    debugger.go_on(thread)
    assert kernel.finish(cell).reply["status"] == "ok", str(cell)


@pytest.mark.parametrize("restart", [False, True])
def test_a_kernel_ends_while_a_cell_is_stopped(debugger, restart):
    kernel = debugger.kernel
    debugger.start()
    debugger.set_breakpoints("let x = std::process::id();", 1)
    kernel.submit("let x = std::process::id();")
    debugger.stopped()
    if restart:
        kernel.client.stop_channels()
        kernel.manager.restart_kernel()
        kernel.connect()
        assert not debugger.request("debugInfo")["isStarted"]
        assert not kernel.programs("lldb")


def test_a_method_stops_in_its_worker(debugger):
    kernel = debugger.kernel
    kernel.ok("use mosaic::prelude::*; mosaic::interactive(On).num_workers(2).await?;")
    debugger.start()
    path = debugger.set_breakpoints(COUNTER, 8)
    kernel.ok(COUNTER)
    kernel.ok("let (a, b) = (Counter::remote(), Counter::remote());")
    cell = kernel.submit("let (t, u) = (a.add(5), b.add(7));\nprintln!(\"{} {}\", t.result().await?, u.result().await?);")
    stops = [debugger.stopped(), debugger.stopped()]
    workers = set()
    for thread, frames in stops:
        (frame,) = frames
        assert frame["line"] == 8 and frame["source"]["path"] == path
        method, worker = frame["name"].removesuffix(")").split(" (")
        assert method == "Counter::add" and worker.startswith("worker:0:")
        workers.add(worker)
        assert debugger.locals(frame)["n"]["value"] in ("5", "7")
    assert len(workers) == 2
    # One worker goes on while the other is stopped.
    (first, _), (second, _) = stops
    frames = debugger.step("next", first)
    assert frames[0]["line"] == 9
    debugger.go_on(first)
    assert debugger.event("continued")["threadId"] == first
    # JupyterLab shows one stop, so the other one is told again.
    assert debugger.event("stopped")["threadId"] == second
    # No time limit of the runtime ends a worker that is stopped.
    status = kernel.control("kernel_info_request")
    assert status["status"] == "ok"
    debugger.go_on(second)
    assert kernel.finish(cell).stdout == "5 7\n"


def test_a_worker_that_starts_later_misses_no_breakpoint(debugger):
    kernel = debugger.kernel
    debugger.start()
    debugger.set_breakpoints(COUNTER, 7)
    kernel.ok(COUNTER)
    kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
    cell = kernel.submit("let counter = Counter::remote();\nprintln!(\"{}\", counter.add(3).result().await?);")
    thread, frames = debugger.stopped()
    assert places(frames) == [("Counter::add (worker:0:0)", 7)]
    # A stopped worker that is killed ends its call, and hangs nothing.
    worker = next(it for it in kernel.processes() if thread in {t.id for t in it.threads()})
    os.kill(worker.pid, signal.SIGKILL)
    assert debugger.event("continued")["threadId"] == thread
    assert "worker:0:0" in kernel.finish(cell).error


def test_what_a_kernel_uses(kernel):
    kernel.ok("1")
    first = kernel.control("usage_request")
    assert (first["pid"], first["kernel_cpu"]) == (kernel.pid, 0)
    kernel.ok("let memory = vec![1u8; 300 << 20]; let mut n = 0u64; for i in 0..200_000_000u64 { n ^= std::hint::black_box(i); }")
    second = kernel.control("usage_request")
    assert second["kernel_cpu"] > 0 and second["kernel_memory"] > first["kernel_memory"] + (200 << 20)
    assert 0 < second["host_virtual_memory"]["available"] < second["host_virtual_memory"]["total"]
