"""The debugger, by the messages that clients such as VS Code send."""

import contextlib
import os
import shutil
import signal

import psutil
import pytest
from debugging import Debugger, places, values
from world import wait_until

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

# A view of an array cannot be a variable of the notebook, so these are variables of a function.
LOOK = """fn look(view: ArrayView1<f64>, table: &Array2<i32>, list: &Vec<i32>, part: &ndarray::ArrayRef1<f64>) -> f64 {
    let turned = table.t();
    let back = view.slice(s![..;-1]);
    let later: Array1<f64>;
    let sum = back.sum() + turned[[2, 1]] as f64;
    later = array![sum, part[0], list[0] as f64];
    later.sum()
}"""

ARRAYS = """let a = array![1.5, 2.0, 3.0];
let table = array![[1, 2, 3], [4, 5, 6]];
let deep = ndarray::Array::from_shape_fn(ndarray::IxDyn(&[2, 2, 2]), |i| (i[0] * 4 + i[1] * 2 + i[2]) as i64);
let deeper = ndarray::Array::<u8, _>::ones(ndarray::IxDyn(&[1, 2, 1, 2, 1]));
let none = Array2::<f32>::zeros((0, 3));
let one = ndarray::arr0(5u8);
let large = Array2::<f64>::zeros((3000, 3000));
let shared = ndarray::ArcArray1::from(vec![1u16, 2]);
let maybe = Some(table.clone());
let model = Model { weights: array![[1.0]], names: vec!["x".to_string()] };
let list = vec![7, 8];
let complex = array![num_complex::Complex::new(1.5, -2.0), num_complex::Complex::i()];
println!("{}", look(a.slice(s![1..]), &table, &list, &a));"""

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


CALLS = """let (t, u) = (a.add(5), b.add(7));
println!("{} {} {} {}", t.uid(), a.uid(), u.uid(), b.uid());
println!("{} {}", t.result().await?, u.result().await?);"""

WORK = """use std::sync::LazyLock;
static BOTH: LazyLock<[std::sync::Barrier; 2]> = LazyLock::new(|| [2, 2].map(std::sync::Barrier::new));
struct Work { number: u64 }
#[tessera]
impl Work {
    pub fn new(number: u64) -> Self { Self { number } }
    pub fn hold(&self) { BOTH.iter().for_each(|it| { it.wait(); }); }
    pub fn free(&self) {
        BOTH[0].wait();
        BOTH[1].wait();
    }
    pub async fn later(&mut self) -> u64 {
        tokio::task::yield_now().await;
        self.twice()
    }
}
impl Work { fn twice(&self) -> u64 { self.number * 2 } }
fn look(work: &Work) -> u64 { work.number }
fn alone(n: u64) -> u64 { n + 1 }"""


def executed_by(frame):
    """The function of a frame, the worker, the task and the tessera, as far as they are told."""
    function, told = frame["name"].removesuffix(")").split(" (")
    return (function, *told.split(", "))


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


def test_arrays_show_their_elements(debugger):
    kernel = debugger.kernel
    kernel.ok(':dep num-complex = "0.4"', timeout=200)
    kernel.ok("use ndarray::prelude::*; struct Model { weights: Array2<f64>, names: Vec<String> }")
    debugger.start()
    kernel.ok(LOOK)
    debugger.set_breakpoints(LOOK, 5)
    debugger.set_breakpoints(ARRAYS, 13)
    cell = kernel.submit(ARRAYS)

    thread, frames = debugger.stopped()
    local = debugger.locals(frames[0])
    zeros = ", ".join(["0"] * 10)

    def parts(variable):
        return debugger.variables(variable["variablesReference"])

    shown = {
        "a": ("Array1<f64>", "[1.5, 2, 3] (3)"),
        "table": ("Array2<i32>", "[[1, 2, 3], [4, 5, 6]] (2, 3)"),
        "deep": ("ArrayD<i64>", "[[[0, 1], [2, 3]], [[4, 5], [6, 7]]] (2, 2, 2)"),
        "deeper": ("ArrayD<u8>", "[[[[[1], [1]]], [[[1], [1]]]]] (1, 2, 1, 2, 1)"),
        "none": ("Array2<f32>", "[] (0, 3)"),
        "one": ("Array0<u8>", "5 ()"),
        "large": ("Array2<f64>", f"[[{zeros}, …], [{zeros}, …], …] (3000, 3000)"),
        "shared": ("ArcArray1<u16>", "[1, 2] (2)"),
        "maybe": ("Option<Array2<i32>>", "Some([[1, 2, 3], [4, 5, 6]] (2, 3))"),
        "list": ("Vec<i32>", "[7, 8] (2)"),
        "complex": ("Array1<Complex<f64>>", "[1.5-2i, 0+1i] (2)"),
    }
    # The adapter writes as much of a struct as it can in 10 ms.
    assert local["model"]["value"].startswith("{weights:[[1]] (1, 1)")
    assert values(parts(local.pop("model"))) == {
        "weights": ("Array2<f64>", "[[1]] (1, 1)"),
        "names": ("Vec<String>", '["x"] (1)'),
    }
    assert values(local) == shown

    assert values(parts(local["a"])) == {"[0]": ("f64", "1.5"), "[1]": ("f64", "2"), "[2]": ("f64", "3")}
    rows = parts(local["table"])
    assert values(rows) == {"[0]": ("ArrayView1<i32>", "[1, 2, 3] (3)"), "[1]": ("ArrayView1<i32>", "[4, 5, 6] (3)")}
    assert values(parts(rows["[1]"])) == {"[0]": ("i32", "4"), "[1]": ("i32", "5"), "[2]": ("i32", "6")}
    row = parts(local["deep"])["[1]"]
    assert row["value"] == "[[4, 5], [6, 7]] (2, 2)" and parts(row)["[0]"]["value"] == "[4, 5] (2)"
    # The lengths of more than four axes are on the heap.
    row = parts(parts(local["deeper"])["[0]"])["[1]"]
    assert row["value"] == "[[[1], [1]]] (1, 2, 1)"
    assert values(parts(local["one"])) == {"[]": ("u8", "5")}
    assert local["none"]["variablesReference"] == 0
    # Of a large array, as many rows as a person looks at.
    rows = list(parts(local["large"]).values())
    assert len(rows) == 201 and rows[199]["value"] == f"[{zeros}, …] (3000)" and "more parts" in rows[200]["value"]
    asked = debugger.request("variables", variablesReference=local["large"]["variablesReference"], start=2998, count=5)
    assert [it["name"] for it in asked["variables"]] == ["[2998]", "[2999]"]

    def evaluate(expression):
        evaluated = debugger.request("evaluate", expression=expression, frameId=frames[0]["id"])
        return evaluated["result"]

    assert (evaluate("table[1]"), evaluate("table[1][2]"), evaluate("deep[1][0][1]")) == ("[4, 5, 6] (3)", "6", "5")
    debugger.refused("evaluate", expression="table[2]", frameId=frames[0]["id"])

    # The line has more code behind the call.
    debugger.set_breakpoints(ARRAYS)
    debugger.go_on(thread)
    thread, frames = debugger.stopped()
    local = debugger.locals(frames[0])
    # Declared and not initialised.
    assert local.pop("later")["value"] == "no valid array: not initialised yet?"
    assert values(local) == {
        "view": ("ArrayView1<f64>", "[2, 3] (2)"),
        "table": ("&Array2<i32>", "[[1, 2, 3], [4, 5, 6]] (2, 3)"),
        "list": ("&Vec<i32>", "[7, 8] (2)"),
        "part": ("&ArrayRef1<f64>", "[1.5, 2, 3] (3)"),
        "turned": ("ArrayView2<i32>", "[[1, 4], [2, 5], [3, 6]] (3, 2)"),
        "back": ("ArrayView1<f64>", "[3, 2] (2)"),
    }
    assert [it["value"] for it in parts(local["turned"]).values()] == ["[1, 4] (2)", "[2, 5] (2)", "[3, 6] (2)"]
    assert [it["value"] for it in parts(local["back"]).values()] == ["3", "2"]
    # An element of a reference is that of the container, and not what lies behind it in memory.
    assert (evaluate("list[1]"), evaluate("table[1]"), evaluate("back[1]")) == ("8", "[4, 5, 6] (3)", "2")
    for expression, reason in [("list[2]", "`list` has no element 2"), ("table[1][2]", "`table` is a reference")]:
        assert reason in debugger.refused("evaluate", expression=expression, frameId=frames[0]["id"])
    debugger.go_on(thread)
    kernel.finish(cell)

    # While nothing is stopped.
    seen = {it["name"]: it for it in debugger.request("inspectVariables")["variables"]}
    assert parts(seen.pop("model"))["weights"]["value"] == "[[1]] (1, 1)"
    assert {name: it["value"] for name, it in seen.items()} == {name: value for name, (_, value) in shown.items()}
    assert [it["value"] for it in parts(seen["table"]).values()] == ["[1, 2, 3] (3)", "[4, 5, 6] (3)"]
    assert [it["value"] for it in parts(parts(seen["table"])["[1]"]).values()] == ["4", "5", "6"]
    assert len(parts(seen["large"])) == 101


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


def test_a_function_stops_in_each_cell_that_calls_it(debugger):
    """Each cell has a function of an earlier cell anew, at another address."""
    kernel = debugger.kernel
    debugger.start()
    kernel.ok(TWICE)
    debugger.set_breakpoints(TWICE, 3)
    for n in (1, 2, 3):
        cell = kernel.submit(f"twice({n})")
        thread, frames = debugger.stopped()
        assert places(frames)[0] == ("twice", 3) and debugger.locals(frames[0])["n"]["value"] == str(n)
        debugger.go_on(thread)
        kernel.finish(cell)


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


@pytest.mark.parametrize(("is_stopped", "command"), [(True, "variables"), (True, "stackTrace"), (False, "threads")])
def test_an_adapter_that_does_not_answer_is_replaced(debugger, is_stopped, command):
    kernel = debugger.kernel
    kernel.ok("1")
    debugger.start()
    code = "let x = 1 + std::process::id();\nx"
    arguments = {}
    if is_stopped:
        debugger.set_breakpoints(code, 1)
        cell = kernel.submit(code)
        thread, frames = debugger.stopped()
        (scope,) = debugger.request("scopes", frameId=frames[0]["id"])["scopes"]
        arguments = {"threadId": thread, "variablesReference": scope["variablesReference"]}
    silence(kernel)
    assert "has not answered" in debugger.refused(command, **arguments)
    if is_stopped:
        assert debugger.event("continued")["threadId"] == thread
        kernel.finish(cell)
    else:
        debugger.set_breakpoints(code, 1)
        # The process of the cells may have ended with its adapter.
        kernel.run("2")
        debugger.request("attach")
    stops_again(debugger, code)


def test_an_interrupt_ends_what_a_silent_adapter_has_stopped(debugger):
    kernel = debugger.kernel
    debugger.start()
    code = "let x = 1 + std::process::id();\nx"
    debugger.set_breakpoints(code, 1)
    cell = kernel.submit(code)
    debugger.stopped()
    silence(kernel)
    kernel.control("interrupt_request")
    assert kernel.finish(cell).reply["status"] == "error"
    debugger.event("continued")
    stops_again(debugger, code)


def test_an_interrupt_ends_a_cell_whose_adapter_is_silent(debugger):
    """The process stops where the adapter looks at each cell, and the adapter does not look."""
    kernel = debugger.kernel
    kernel.ok("1")
    debugger.start()
    silence(kernel)
    cell = kernel.submit('println!("begun");')
    assert wait_until(lambda: any(map(is_stopped, kernel.processes())), 60)
    kernel.control("interrupt_request")
    assert kernel.finish(cell).reply["status"] == "error"
    code = "let x = 1 + std::process::id();\nx"
    debugger.set_breakpoints(code, 1)
    stops_again(debugger, code)


def is_stopped(process):
    # The process may have ended meanwhile.
    with contextlib.suppress(psutil.Error):
        return process.status() == psutil.STATUS_TRACING_STOP
    return False


def silence(kernel):
    """Stops the adapter of the process of the cells."""
    (adapter,) = kernel.programs("lldb-dap")
    adapter.suspend()


def stops_again(debugger, code):
    """The next cell is debugged as ever, and one adapter is left."""
    cell = debugger.kernel.submit(code)
    thread, _ = debugger.stopped()
    assert len(debugger.kernel.programs("lldb-dap")) == 1
    debugger.go_on(thread)
    assert debugger.kernel.finish(cell).reply["status"] == "ok", str(cell)


@pytest.mark.parametrize("is_silent", [False, True])
@pytest.mark.parametrize("restart", [False, True])
def test_a_kernel_ends_while_a_cell_is_stopped(debugger, restart, is_silent):
    kernel = debugger.kernel
    debugger.start()
    debugger.set_breakpoints("let x = std::process::id();", 1)
    kernel.submit("let x = std::process::id();")
    debugger.stopped()
    if is_silent:
        silence(kernel)
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
    cell = kernel.submit(CALLS)
    stops = [debugger.stopped(), debugger.stopped()]
    kernel.read_until(lambda: cell.stdout.count("\n") == 1)
    first_task, first_tessera, second_task, second_tessera = cell.stdout.split()
    uids = {"5": (first_task, first_tessera), "7": (second_task, second_tessera)}
    workers = set()
    for thread, frames in stops:
        (frame,) = frames
        assert frame["line"] == 8 and frame["source"]["path"] == path
        method, worker, *executed = executed_by(frame)
        assert method == "Counter::add" and worker.startswith("worker:0:")
        workers.add(worker)
        assert tuple(executed) == uids.pop(debugger.locals(frame)["n"]["value"])
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
    assert kernel.finish(cell).stdout.endswith("\n5 7\n")


def test_each_thread_of_a_worker_shows_its_own_task(debugger):
    """Also a constructor, an async method, and functions with and without a tessera."""
    kernel = debugger.kernel
    kernel.ok("use mosaic::prelude::*; mosaic::interactive(On).num_workers(1).num_threads(2).await?;")
    debugger.start()
    debugger.set_breakpoints(WORK, 6, 10, 17, 18, 19)
    kernel.ok(WORK)

    tesserae = {}
    for name in "ab":
        cell = kernel.submit(f'let {name} = Work::remote(1);\nprintln!("{{}}", {name}.uid());')
        thread, frames = debugger.stopped()
        kernel.read_until(lambda: "\n" in cell.stdout)
        tesserae[name] = cell.stdout.strip()
        assert executed_by(frames[-1]) == ("Work::new", "worker:0:0", tesserae[name])
        debugger.go_on(thread)
        kernel.finish(cell)

    for holds, frees in ["ab", "ba"]:
        # One thread waits in its method until the other one, which stops, goes on.
        cell = kernel.submit(f'let (t, u) = ({holds}.hold(), {frees}.free());\nprintln!("{{}}", u.uid());\nt.result().await?;')
        thread, frames = debugger.stopped()
        kernel.read_until(lambda: "\n" in cell.stdout)
        assert executed_by(frames[-1]) == ("Work::free", "worker:0:0", cell.stdout.strip(), tesserae[frees])
        debugger.go_on(thread)
        kernel.finish(cell)

    for call, name in [
        ("a.later()", "Work::later"),
        ("a.get(look)", "look"),
        ("mosaic::spawn(alone, (3,))", "alone"),
    ]:
        cell = kernel.submit(f"let t = {call};\nprintln!(\"{{}}\", t.uid());\nt.result().await?")
        thread, frames = debugger.stopped()
        kernel.read_until(lambda: "\n" in cell.stdout)
        function, worker, task, *tessera = executed_by(frames[-1])
        assert name in function and (worker, task) == ("worker:0:0", cell.stdout.strip())
        assert tessera == ([] if name == "alone" else [tesserae["a"]])
        debugger.go_on(thread)
        kernel.finish(cell)


def test_a_worker_that_starts_later_misses_no_breakpoint(debugger):
    kernel = debugger.kernel
    debugger.start()
    debugger.set_breakpoints(COUNTER, 7)
    kernel.ok(COUNTER)
    kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
    cell = kernel.submit("let counter = Counter::remote();\nprintln!(\"{}\", counter.add(3).result().await?);")
    thread, frames = debugger.stopped()
    assert frames[0]["line"] == 7 and executed_by(frames[0])[:2] == ("Counter::add", "worker:0:0")
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
