"""Tasks as people use them: as futures, with failures that nobody awaits, and of tesserae in modules."""

import re

import pytest

from test_completion import complete, names

SOLVER = """
use mosaic::prelude::*;

#[tessera]
struct Solver { shots: u64 }

#[tessera]
impl Solver {
    fn new() -> Self { Solver { shots: 0 } }
    fn solve(&mut self, shot: u64) -> u64 { self.shots += 1; shot * 2 }
    fn check(&self, shot: u64) -> u64 { panic!("there is no shot {shot}") }
}
"""


@pytest.fixture(scope="module")
def runtime(kernel):
    """Checks tesserae without a runtime, and starts it. Later cells use its variables, whose types the kernel has to infer."""
    kernel.ok(SOLVER)
    cell = kernel.ok("let early = Solver::remote();")
    assert cell.stderr == ""
    assert "call `mosaic::interactive(On).await?` first" in kernel.run("early.solve(1).await?;").error
    assert "state=failed" in kernel.ok("early").result
    unseen = kernel.ok("Solver::remote();")
    assert re.fullmatch(r"mosaic: nobody awaited tess-solver-\w+, which failed: the mosaic runtime is off: .*\n", unseen.stderr)
    kernel.ok("mosaic::interactive(On).num_workers(2).await?;")
    kernel.ok("let solver = Solver::remote(); let other = Solver::remote();")
    return kernel


def test_tasks_are_futures(runtime):
    """`join_all`, `FuturesUnordered`, `select!` and `join!` take tasks as they are, from this cell and from earlier ones."""
    runtime.ok(':dep futures = "0.3"\nuse futures::{StreamExt, future::{join_all, try_join_all}, stream::FuturesUnordered};', timeout=230)
    runtime.ok("let tasks: Vec<TaskProxy<u64>> = (0..4).map(|shot| solver.solve(shot)).collect();")
    joined = "let mut values = Vec::new(); for done in join_all(tasks).await { values.push(done?.result().await?); } values"
    assert runtime.ok(joined).result == "[0, 2, 4, 6]"
    unordered = (
        "let mut unordered: FuturesUnordered<_> = (0..4).map(|shot| other.solve(shot)).collect();\n"
        "let mut sum = 0; while let Some(done) = unordered.next().await { sum += done?.result().await?; } sum"
    )
    assert runtime.ok(unordered).result == "12"
    selected = (
        "let (mut first, mut never) = (solver.solve(21), mosaic::spawn_async(async || std::future::pending::<u64>().await, ()));\n"
        "let by_tokio = tokio::select! { done = &mut first => done?.result().await?, _ = &mut never => 0 };\n"
        "use futures::FutureExt;\n"
        "let mut fused = solver.solve(4).fuse();\n"
        "let by_futures = futures::select! { done = fused => done?.result().await?, _ = (&mut never).fuse() => 0 };\n"
        "never.cancel();\n"
        "let (a, b) = tokio::join!(first, solver.solve(5));\n"
        "let all = try_join_all([solver.solve(1), other.solve(2)]).await?.len();\n"
        "(by_tokio, by_futures, a?.result().await?, b?.result().await?, all)"
    )
    assert runtime.ok(selected).result == "(42, 8, 42, 10, 2)"


NOTICE = r"mosaic: nobody awaited task-solver-check-\w+, which failed on worker:0:\d: there is no shot {}, at cell \[\d+\]:\d+:\d+\n"


def test_a_failure_that_nobody_awaited_is_said_once_under_its_cell(runtime):
    runtime.ok("let kept = solver.check(1); solver.solve(1).await?;")
    cell = runtime.ok("drop(solver.check(2)); solver.solve(2).await?;")
    assert re.fullmatch(NOTICE.format(2), cell.stderr), cell
    cell = runtime.ok("let kept = other.solve(3);")
    assert re.fullmatch(NOTICE.format(1), cell.stderr), cell
    # Seen: returned, shown, or passed on to a task that failed for it.
    for seen in [
        "solver.check(4).await.is_err()",
        "solver.check(4).result().await.is_err()",
        "let failed = solver.check(4); other.solve(&failed).await.is_err()",
        'let failed = solver.check(4); solver.solve(1).await?; format!("{failed}").contains("failed")',
    ]:
        cell = runtime.ok(seen)
        assert (cell.result, cell.stderr) == ("true", ""), cell
    error = runtime.run("solver.check(4).await?;")
    assert "there is no shot 4" in error.error and "nobody" not in error.text
    # For the last test.
    runtime.ok("let last = solver.check(5); solver.solve(5).await?;")


MODULE = """
mod geometry {{
    use super::*;
    use mosaic::prelude::*;

    #[tessera]
    pub struct Square {{ side: f64 }}

    #[tessera]
    impl Square {{
        pub fn new(side: f64) -> Self {{ Square {{ side }} }}
        pub fn area(&self) -> f64 {{ factor() * {} }}
    }}

    pub mod round {{
        #[tessera]
        #[derive(Clone)]
        pub struct Circle(f64);
        #[tessera] impl Circle {{
            pub fn new(radius: f64) -> Self {{ Circle(radius) }}
            pub fn area(&self) -> f64 {{ 3.0 * self.0 * self.0 }}
        }}
    }}
}}
"""


def test_tesserae_in_modules(runtime):
    runtime.ok("fn factor() -> f64 { 1.0 }")
    runtime.ok(MODULE.format("self.side * self.side"))
    runtime.ok("let square = geometry::Square::remote(3.0); let circle = geometry::round::Circle::remote(1.0); let area = square.area();")
    assert runtime.ok("(area.result().await?, circle.area().result().await?)").result == "(9.0, 3.0)"
    # A redefined module serves new instances; the old ones keep their code.
    runtime.ok(MODULE.format("self.side"))
    runtime.ok("use geometry::{Square, round::*}; let line = Square::remote(3.0); let array = Circle::remote_array(2, 2.0).await?;")
    assert runtime.ok("(line.area().result().await?, square.area().result().await?)").result == "(3.0, 9.0)"
    assert runtime.ok("array.map(|circle| circle.area()).results().await?").result == "[12.0, 12.0]"
    # The type of an argument, and errors of both kinds, point to the user's lines.
    assert "where a remote method takes a `f64`" in runtime.run('geometry::Square::remote("wide");').error
    error = runtime.run(MODULE.format("self.wide")).error
    assert "12:53" in error and "self.wide" in error, error
    error = runtime.run("mod bad {\n    #[tessera]\n    pub struct Bad;\n    #[tessera]\n    impl Bad {\n        fn f(&self) {}\n    }\n}").error
    assert "needs a constructor" in error and "5:10" in error, error
    assert runtime.ok("line.area().result().await?").result == "3.0"


def test_code_help_knows_tesserae_in_modules(runtime):
    code = "geometry::Square::remote(1.0).ar"
    assert names(complete(runtime, code)) == ["area"]


def test_the_end_of_the_runtime_says_the_rest(runtime):
    """Has to come last."""
    cell = runtime.ok("mosaic::interactive(Off).await?;")
    assert re.fullmatch(NOTICE.format(5), cell.stderr), cell
    assert runtime.ok("drop(last);").stderr == ""


CIRCLES = """
#[tessera]
struct Stage { passed: u64 }

#[tessera]
impl Stage {
    fn new() -> Self { Stage { passed: 0 } }
    async fn pass(&mut self, route: Vec<String>) -> String {
        self.passed += 1;
        let Some((next, rest)) = route.split_first() else { return "end".to_owned() };
        let next = Stage::attach(next).await.unwrap();
        match next.pass(rest.to_vec()).result().await { Ok(end) => end, Err(error) => error.to_string() }
    }
    async fn both(&mut self, own: String, other: String) -> String {
        let own = Stage::attach(&own).await.unwrap().pass(vec![]);
        let other = Stage::attach(&other).await.unwrap().after(&own).pass(vec![]);
        match other.result().await { Ok(end) => end, Err(error) => error.to_string() }
    }
}
"""


def check_circle(message, calls):
    """Any of the waits in the circle may be the one that fails."""
    assert "method `pass` of `Stage` was not awaited" in message and "this call waits for `Stage::pass`" in message, message
    assert message.count("waits for `Stage::pass`") == calls, message
    assert message.endswith(('which is this call"', 'cannot begin before this call has ended"')), message


def test_calls_in_a_circle_end(runtime):
    """A method that waits for itself gets an error that names the circle, and the tesserae go on."""
    runtime.ok("mosaic::interactive(On).num_workers(2).await?;")
    runtime.ok(CIRCLES)
    runtime.ok("let stages: Vec<_> = (0..3).map(|_| Stage::remote()).collect();\nmosaic::barrier().await?;")
    runtime.ok("let ids: Vec<String> = stages.iter().map(|stage| stage.uid()).collect();")
    for route, calls in [([0], 1), ([1, 0], 2), ([1, 2, 0], 3), ([1, 2, 1], 2)]:
        route = ", ".join(f"ids[{number}].clone()" for number in route)
        check_circle(runtime.ok(f"stages[0].pass(vec![{route}]).result().await?").result, calls)
    # What a call needs counts, too.
    check_circle(runtime.ok("stages[0].both(ids[0].clone(), ids[1].clone()).result().await?").result, 1)
    assert runtime.ok("stages[0].pass(vec![ids[1].clone(), ids[2].clone()]).result().await?").result == '"end"'
