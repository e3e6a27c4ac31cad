"""Where the time goes: `:time`, `:bench` and `:profile`."""

import re

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
