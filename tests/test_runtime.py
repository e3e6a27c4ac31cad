"""Many tesserae at once, and views of a running system."""

import pytest

SOLVER = """
use mosaic::prelude::*;

#[tessera]
struct Solver { scale: u32 }

#[tessera]
impl Solver {
    fn new(scale: u32) -> Self { Solver { scale } }
    fn solve(&self, shot: u32) -> u32 { self.scale * shot }
    fn pid(&self) -> u32 { std::process::id() }
    fn steps(&self) {
        for _ in mosaic::track(0..3) {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    fn crew(&self) {
        let progress = mosaic::progress_handle();
        for step in 1..=2u64 {
            let progress = progress.clone();
            std::thread::spawn(move || progress.report(step, 2)).join().unwrap();
        }
    }
    fn fails(&self) -> u32 { panic!("no stones left") }
}
"""


@pytest.fixture(scope="module")
def runtime(kernel):
    """Starts two workers and an array of three solvers."""
    kernel.ok(SOLVER)
    kernel.ok("mosaic::interactive(On).num_workers(2).log_level(mosaic::LogLevel::Info).await?;")
    kernel.ok("let solvers = Solver::remote_array(3, 2).await?;")
    return kernel


def test_arrays(runtime):
    shown = runtime.ok("solvers").result
    assert shown == "<ProxyArray object, len=3, runtime=(worker:0:0, worker:0:1), state=done>"
    code = "let results = solvers.map_indexed(|index, solver| solver.solve(index as u32)).results().await?; results"
    assert runtime.ok(code).result == "[0, 2, 4]"
    runtime.ok("let tasks = solvers.map(|solver| solver.solve(1)).await?;")
    assert runtime.ok("tasks").result == "<TaskArray object, len=3, state=done>"
    assert "no stones left" in runtime.run("solvers.map(|solver| solver.fails()).await?;").error


def test_a_local_tessera_lives_with_the_cells(runtime):
    code = "let here = Solver::local(5); let pid = here.pid().result().await?; pid == std::process::id()"
    assert runtime.ok(code).result == "true"
    assert "runtime=head" in runtime.ok("here").result


def test_loops(runtime):
    code = """let shots = mosaic::for_each(0..6u32).run(|worker, shot| {
        let task = solvers.on(&worker).map(|there| there[0].solve(shot));
        async move { task?.result().await }
    }).await?; shots"""
    assert runtime.ok(code).result == "[0, 2, 4, 6, 8, 10]"
    runtime.ok("mosaic::barrier().await?;")


def test_what_is_said_has_a_level(runtime):
    cell = runtime.ok('mosaic::info!("{} shots", 12); mosaic::debug!("not this");')
    assert cell.stderr == "HEAD            INFO  12 shots\n"


def contents(cell, kind):
    return [content["data"] for it, content in cell.messages if it == kind]


def test_a_bar_shows_how_far_a_method_is(runtime):
    cell = runtime.ok("solvers[0].steps().await?;")
    (shown,) = contents(cell, "display_data")
    assert "<progress" in shown["text/html"] and "Solver::steps on worker:0:0: 0 of 3" in shown["text/plain"]
    assert "3 of 3" in contents(cell, "update_display_data")[-1]["text/plain"]
    assert not cell.late


def test_threads_of_a_method_have_its_bar(runtime):
    cell = runtime.ok("solvers[1].crew().await?;")
    shown = contents(cell, "display_data") + contents(cell, "update_display_data")
    assert "Solver::crew" in shown[0]["text/plain"] and "2 of 2" in shown[-1]["text/plain"]


def test_a_status_is_watched_until_all_is_done(runtime):
    cell = runtime.ok("let slow = solvers[0].steps(); mosaic::status().watch().await?;")
    (first,) = (data for data in contents(cell, "display_data") if "node:0" in data["text/plain"])
    assert "0 done" not in first["text/plain"] and "<td>worker:0:1</td>" in first["text/html"]
    last = [data for data in contents(cell, "update_display_data") if "node:0" in data["text/plain"]][-1]
    assert "0 pending, 0 queued, 0 running" in last["text/plain"]
    assert "0 pending, 0 queued, 0 running" not in first["text/plain"]


def test_status_and_timeline_are_shown(runtime):
    (status,) = contents(runtime.ok("let status = mosaic::status().await?; status"), "execute_result")
    assert "worker:0:1" in status["text/plain"] and "<td>worker:0:1</td>" in status["text/html"]
    assert "3 failed" in status["text/plain"]
    (timeline,) = contents(runtime.ok("let timeline = mosaic::timeline().await?; timeline"), "execute_result")
    assert "2 workers, 4 tesserae" in timeline["text/plain"]
    assert "<svg" in timeline["text/html"] and "Solver::steps" in timeline["text/html"]


def test_a_new_tessera_costs_no_variable(runtime):
    runtime.ok("let kept = mosaic::spawn(|x: u64| x + 1, (1,));")
    cell = runtime.ok(
        "#[tessera]\nstruct Other;\n#[tessera]\nimpl Other { fn new() -> Self { Other } fn n(&self) -> u32 { 7 } }\n"
        "Other::remote().n().result().await?"
    )
    assert (cell.result, cell.stderr) == ("7", "")
    assert runtime.ok("kept.result().await?").result == "2"
