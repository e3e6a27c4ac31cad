"""Where the time goes: `:time`, `:bench` and `:profile`."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from kernels import ANSI

TIME = r"(\d[\d.]*) (ns|µs|ms|s)"
BENCH = re.compile(rf"{TIME} ± {TIME} per loop \(mean ± standard deviation of (\d) rounds of ([\d,]+) loops?\)\nmedian {TIME}, fastest {TIME}")


def displays(cell):
    return [it["data"] for it in cell._contents("display_data")]


def plain(text):
    return ANSI.sub("", text)


def test_time_shows_wall_time_and_processor_time_beside_the_result(kernel):
    cell = kernel.ok(":time\nlet timed: u64 = (0..1000).sum();\ntimed")
    (shown,) = displays(cell)
    lines = shown["text/plain"].splitlines()
    assert re.fullmatch(f"wall time: {TIME}", lines[0])
    assert re.fullmatch(rf"CPU time: {TIME} \(user {TIME}, system {TIME}\)", lines[1])
    assert re.fullmatch(f"compiled in {TIME}", lines[2])
    assert cell.result == "499500"
    # It holds for one cell.
    assert displays(kernel.ok("timed")) == []


def test_time_counts_a_sleep_as_wall_time_alone(kernel):
    cell = kernel.ok(":time\nstd::thread::sleep(std::time::Duration::from_millis(1500));")
    wall, processor, _ = displays(cell)[0]["text/plain"].splitlines()
    assert float(re.match(f"wall time: {TIME}", wall)[1]) >= 1.5 and wall.endswith(" s"), wall
    assert " ms (" in processor or " µs (" in processor, processor


def test_time_of_a_cell_that_fails(kernel):
    cell = kernel.run(':time\npanic!("late");')
    assert "wall time" in displays(cell)[0]["text/plain"] and "late" in cell.error
    (shown,) = displays(kernel.ok(":time"))
    assert "no code" in shown["text/plain"]
    assert "on the next line" in kernel.run(":time 1 + 1").error
    # What does not compile takes no time.
    assert displays(kernel.run(":time\nnot_defined_at_all")) == []


def test_bench_measures_by_reference(kernel):
    kernel.ok('let measured = vec![1.0; 1000]; let text = String::from("kept");')
    cell = kernel.ok(":bench measured.iter().sum::<f64>()")
    match = BENCH.fullmatch(cell.result)
    assert match, cell.result
    assert int(match[6].replace(",", "")) > 1000, "a round takes long enough"
    assert BENCH.fullmatch(kernel.ok(":bench text.clone() // a comment").result)
    assert kernel.ok("(measured.len(), text.len())").result == "(1000, 4)"


def test_bench_awaits(kernel):
    cell = kernel.ok(":bench tokio::time::sleep(std::time::Duration::from_millis(2)).await")
    match = BENCH.fullmatch(cell.result)
    assert match and float(match[1]) >= 2 and match[2] == "ms", cell.result


def test_bench_moves_no_variable(kernel):
    kernel.ok('let moved = String::from("a");')
    for expression in ("drop(moved)", "moved"):
        error = plain(kernel.run(f":bench {expression}").error)
        assert "cannot move out of" in error and "must not move a variable" in error, error
        assert f":bench {expression}" in error, error
    assert kernel.ok("moved.len()").result == "1"


@pytest.mark.parametrize(
    "code, part",
    [
        (":bench", "wants an expression"),
        (":bench let x = 1", "no expression"),
        (":bench f(", "no expression"),
        (':bench "1".parse::<u8>()?', "must not return early"),
        (":bench not_defined(1)", "cannot find function `not_defined`"),
    ],
)
def test_bench_says_what_is_wrong(kernel, code, part):
    error = plain(kernel.run(code).error)
    assert part in error and "^" in error, error


def test_a_panic_of_a_benchmark_names_its_place(kernel):
    kernel.ok("let short = vec![1];")
    error = plain(kernel.run("\n :bench short[7]").error)
    assert "index out of bounds" in error and "]:2:" in error and ":bench short[7]" in error, error


def test_bench_and_code_in_their_order(kernel):
    kernel.ok("let before = 2;")
    cell = kernel.ok(':bench before + 1\nprintln!("after");')
    assert BENCH.search(cell.result) and cell.stdout == "after\n"


def test_an_interrupt_ends_a_benchmark(kernel):
    cell = kernel.submit(':bench { println!("runs"); std::thread::sleep(std::time::Duration::from_secs(3)) }')
    kernel.read_until(lambda: "runs" in cell.stdout)
    kernel.control("interrupt_request")
    assert "Interrupted" in kernel.finish(cell).error


FUNCTIONS = """
fn hot(n: u64) -> f64 { (0..n).map(|i| (i as f64).sqrt().sin()).sum() }
fn cold(n: u64) -> f64 { (0..n).map(|i| (i as f64).cos()).sum() }
"""
# Burns 0.5 s or more, whatever the speed of the machine: most of it in `hot`.
BURN = """
let begun = std::time::Instant::now();
let mut sum = 0.0;
while begun.elapsed().as_millis() < 500 { sum += std::hint::black_box(hot(400_000)) + cold(50_000); }
"""


def table(text):
    """The parts of the time by function or line, in percent: its own, and all."""
    rows = re.findall(r"^ *([\d.]+) % +([\d.]+) %  (.*)$", text, re.MULTILINE)
    return {name: (float(own), float(total)) for own, total, name in rows}


def profile_of(cell):
    graph, shown = displays(cell)
    assert shown["text/html"].count("<table>") == 2
    return graph, table(shown["text/plain"])


def titles(svg):
    return [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")]


def test_a_profile_names_the_functions_and_their_shares(kernel):
    number = kernel.ok(FUNCTIONS).reply["execution_count"]
    cell = kernel.ok(f":profile{BURN}sum.is_nan()")
    graph, rows = profile_of(cell)
    hot, cold = rows[f"hot (cell [{number}])"], rows[f"cold (cell [{number}])"]
    assert hot[0] > 60 and 1 < cold[0] < 30, rows
    # Lines of the cell that defines a function, and of the cell that calls it.
    assert rows[f"cell [{number}]:2"][0] > 60 and rows[f"cell [{number + 1}]:4"][1] > 90, rows
    names = titles(graph["image/svg+xml"])
    assert any(name.startswith(f"hot (cell [{number}])") for name in names), names
    assert not any("mosaic_cell" in name or "run_user_code" in name for name in names), names
    assert cell.result == "false"
    # The next cell is compiled and run as before.
    assert displays(kernel.ok("1 + 1")) == []


def test_a_profile_of_an_idle_cell(kernel):
    shown = displays(kernel.ok(":profile\nstd::thread::sleep(std::time::Duration::from_millis(300));"))[-1]
    assert "almost no CPU time" in shown["text/plain"] or table(shown["text/plain"])
    assert "no code of this cell has run" in kernel.ok(":profile").stderr
    assert "next line" in kernel.run(":profile hot(1)").error


def test_a_profile_of_a_cell_that_panics(kernel):
    kernel.ok(FUNCTIONS)
    cell = kernel.run(f':profile{BURN}assert!(sum.is_nan(), "late");')
    assert "late" in cell.error
    _, rows = profile_of(cell)
    assert any(name.startswith("hot") for name in rows), rows
    # What does not compile has none, and the next cell neither.
    assert displays(kernel.run(":profile\nnot_defined_at_all")) == []
    assert displays(kernel.ok("1 + 1")) == []


def test_a_profile_has_all_threads(kernel):
    kernel.ok(FUNCTIONS)
    cell = kernel.ok(f":profile\nlet thread = std::thread::spawn(|| {{ {BURN} sum }}); thread.join().unwrap();")
    _, rows = profile_of(cell)
    (hot,) = [shares for name, shares in rows.items() if name.startswith("hot")]
    assert hot[0] > 60, rows


def test_profiles_are_saved(kernel, tmp_path):
    number = kernel.ok(FUNCTIONS).reply["execution_count"]
    assert "the profile is in" in kernel.ok(f":profile --save {tmp_path}/profile.svg{BURN}").stderr
    assert any(name.startswith(f"hot (cell [{number}])") for name in titles((tmp_path / "profile.svg").read_text()))
    kernel.ok(f":profile --save {tmp_path}/profile.json{BURN}")
    profile = json.loads((tmp_path / "profile.json").read_text())
    strings = profile.get("shared", {}).get("stringArray") or profile["threads"][0]["stringArray"]
    assert any(name.startswith(f"hot (cell [{number}])") for name in strings), strings
    assert sum(thread["samples"]["length"] for thread in profile["threads"]) > 20
    assert "`.svg`" in kernel.run(f":profile --save {tmp_path}/profile.png\n1").error
    assert "is not saved" in kernel.ok(f":profile --save {tmp_path}/none/profile.svg{BURN}").stderr


TESSERA = """
use mosaic::prelude::*;
#[tessera]
struct Burner;
#[tessera]
impl Burner {
    fn new() -> Burner { Burner }
    fn burn(&self) -> f64 {
        let begun = std::time::Instant::now();
        let mut sum = 0.0;
        while begun.elapsed().as_millis() < 500 { sum += std::hint::black_box(hot(400_000)) + cold(50_000); }
        sum
    }
}
"""


def test_a_profile_reaches_workers(kernel):
    kernel.ok(FUNCTIONS)
    kernel.ok("use mosaic::prelude::*; mosaic::interactive(On).num_workers(2).await?;")
    number = kernel.ok(TESSERA).reply["execution_count"]
    cell = kernel.ok(":profile\nlet burner = Burner::remote(); burner.burn().result().await?;")
    graph, rows = profile_of(cell)
    names = titles(graph["image/svg+xml"])
    assert any(name.startswith("worker:0:") for name in names), names
    assert rows[f"Burner::burn (cell [{number}])"][1] > 60, rows
    (hot,) = [shares for name, shares in rows.items() if name.startswith("hot (")]
    assert hot[0] > 60, rows


def test_a_profile_of_calls(kernel):
    kernel.ok(FUNCTIONS)
    kernel.ok("use mosaic::prelude::*; mosaic::interactive(On).num_workers(2).await?;")
    kernel.ok(TESSERA)
    kernel.ok('let profiled = Burner::with(Options::new().worker("worker:0:1")).remote();')
    kernel.ok('let profiling = mosaic::profile().on("worker:0:1").start().await?;')
    assert "being taken already" in kernel.run("mosaic::profile().start().await?;").error
    kernel.ok("profiled.burn().result().await?;")
    (shown,) = kernel.ok("profiling.stop().await?")._contents("execute_result")
    assert any(name.startswith("worker:0:1") for name in titles(shown["data"]["image/svg+xml"]))
    rows = table(shown["data"]["text/plain"])
    assert any(name.startswith(("Burner::", "hot")) for name in rows), rows
    assert not any(name.startswith("cells") for name in titles(shown["data"]["image/svg+xml"]))
    assert "no worker `worker:0:9`" in kernel.run('mosaic::profile().on("worker:0:9").start().await?;').error
    kernel.ok("let dropped = mosaic::profile().start().await?; drop(dropped);")
    kernel.ok("for _ in 0..3 { mosaic::profile().start().await?.stop().await?; }")
    assert "no profile is being taken" in kernel.run("profiling.stop().await?;").error


def test_code_that_handles_the_signal_itself_is_not_disturbed(kernel):
    kernel.ok(":restart")
    kernel.ok(
        """unsafe extern "C" { fn signal(number: i32, handler: usize) -> usize; }
        extern "C" fn own(_: i32) {}
        unsafe { signal(27, own as *const () as usize) };"""
    )
    cell = kernel.ok(":profile\nlet not_profiled = 1;")
    assert "SIGPROF" in cell.stderr + str(displays(cell))
    assert kernel.ok("not_profiled").result == "1"
