"""Completion and inspection, also while a cell runs."""

import time

import pytest

TESSERA = """
use mosaic::prelude::*;
#[tessera]
struct Solver1 { data: u64 }
#[tessera]
impl Solver1 {
    fn new(data: u64) -> Self { Solver1 { data } }
    /// Solves it.
    fn solve(&mut self, by: u64) -> u64 { self.data += by; self.data }
    fn solve_more(&mut self) {}
}
mosaic::interactive(On).num_workers(1).await?;
let solver_1 = Solver1::remote(3);
let späte_werte = vec![1u8];
"""


def complete(kernel, code, cursor=None):
    """The reply, once rust-analyzer has read the standard library. Until then the kernel may give up on it."""
    cursor = len(code) if cursor is None else cursor
    end = time.monotonic() + 60
    while True:
        reply = kernel.request(kernel.client.complete, code, cursor)
        assert reply["status"] == "ok"
        if reply["matches"] or time.monotonic() > end:
            return reply
        time.sleep(0.5)


def test_what_lies_in_files_beside_the_notebook_is_completed(start, tmp_path, monkeypatch):
    (tmp_path / "helpers.rs").write_text("/// Lends a hand.\npub fn lend_a_hand() {}\npub mod inner { pub struct Toolbox; }")
    monkeypatch.chdir(tmp_path)
    kernel = start()
    kernel.ok("mod helpers;\nhelpers::lend_a_hand();")
    assert "lend_a_hand" in names(complete(kernel, "helpers::len"))
    assert "Toolbox" in names(complete(kernel, "let it = helpers::inner::To"))
    assert "Lends a hand" in inspect(kernel, "helpers::lend_a_hand")["data"]["text/plain"]


def names(reply):
    return [match.split("(")[0] for match in reply["matches"]]


def inspect(kernel, code, cursor=None):
    cursor = len(code) if cursor is None else cursor
    return kernel.request(kernel.client.inspect, code, cursor)


@pytest.fixture(scope="module")
def running(kernel):
    """A kernel whose running cell has variables of its own."""
    kernel.ok(TESSERA)
    cell = kernel.submit('let own = String::from("x"); println!("begun"); std::thread::sleep(std::time::Duration::MAX);')
    kernel.read_until(lambda: "begun" in cell.stdout, timeout=120)
    yield kernel
    kernel.control("interrupt_request")
    kernel.finish(cell)


# Variables of earlier cells, of the running cell and of the cell that is being typed are completed with full types.
@pytest.mark.parametrize(
    "code, name", [("späte_werte.pus", "push"), ("own.push_s", "push_str"), ("let mine = 1.5f64; mine.sqr", "sqrt")]
)
def test_completion_while_a_cell_runs(running, code, name):
    reply = complete(running, code)
    assert name in names(reply)
    typed = code.split(".")[-1] if "mine" not in code else "sqr"
    assert (reply["cursor_start"], reply["cursor_end"]) == (len(code) - len(typed), len(code))


# Inspection shows the type and the documentation, with paths as the user wrote them.
def test_inspection_while_a_cell_runs(running):
    assert complete(running, "own.push_s")["matches"]
    assert "String" in inspect(running, "own")["data"]["text/plain"]
    found = inspect(running, "solver_1.solve(4)", 12)["data"]
    assert "Solves it." in found["text/plain"] and "Solver1Proxy" in found["text/plain"]
    for text in found.values():
        assert "__" not in text and "ctx" not in text


# Offsets count code points: JavaScript's two units of 𝒳, and its four bytes, are one.
def test_offsets_count_code_points(running):
    code = 'let x = "ü𝒳"; späte_werte.pus'
    reply = complete(running, code)
    assert "push" in names(reply)
    assert (reply["cursor_start"], reply["cursor_end"]) == (len(code) - 3, len(code))
    types = reply["metadata"]["_jupyter_types_experimental"]
    assert {"text", "type", "start", "end"} <= types[0].keys() and types[0]["start"] == len(code) - 3


# A proxy offers the user's methods first, and no items that exist for the macro only.
def test_proxies(running):
    shown = names(complete(running, "solver_1."))
    assert set(shown[:2]) == {"solve", "solve_more"}, shown
    assert {"after", "uid"} <= set(shown)
    assert not [name for name in shown if name.startswith("_") or name in ("raw", "await.map")]


# The same holds behind a tessera in the same cell, where generated code stands in between.
def test_after_a_tessera_in_the_same_cell(running):
    code = TESSERA.replace("Solver1", "Fresh").replace("solver_1", "fresh").replace("solve", "mend") + "fresh.men"
    assert {"mend", "mend_more"} <= set(names(complete(running, code)))


@pytest.mark.parametrize(
    "code, name",
    [("mos", "mosaic::"), ("mosaic::inter", "interactive"), ("Solver1::rem", "remote"), ("use mosaic::prelude::Tas", "TaskProxy")],
)
def test_mosaic_names(running, code, name):
    assert name in names(complete(running, code))


# Commands and their arguments are completed, except for commands that the kernel refuses.
@pytest.mark.parametrize(
    "code, matches",
    [
        (":timin", [":timing"]),
        ("  :timin", [":timing"]),
        (":dep serde\n:timi", [":timing"]),
        (":opt ", ["0", "1", "2", "3"]),
        (":dep nd", ["ndarray"]),
        (":type solver", ["solver_1"]),
    ],
)
def test_commands(running, code, matches):
    assert complete(running, code)["matches"] == matches


def test_refused_commands_are_not_offered(running):
    assert ":quit" not in complete(running, ":")["matches"]


# Completing runs nothing. evcxr would run the commands before the cursor.
def test_commands_are_not_followed(start):
    kernel = start()
    kernel.ok("let kept = vec![1];")
    assert "push" in names(complete(kernel, ":restart\n:timing\nkept.pus"))
    inspect(kernel, ":restart\nkept")
    cell = kernel.ok("kept")
    assert cell.result == "[1]" and cell.stderr == ""


# Code that is being typed may be anything (evcxr issue 422).
INCOMPLETE = ['let x = "', "let x = 'a", 'r#"', "/*", "f(", "((((((((", "fn f( {", "vec![", "match x {", "#[tessera]\nimpl X { fn ",
              "use ", "let ", "x.", "::", "&&&", "\\", "}", "'", "𝒳", "macro_rules! m {", "if let Some(x) = ", "#", "|", "\x00"]  # fmt: skip


def test_incomplete_code_never_hangs(running):
    for code in INCOMPLETE:
        for cursor in {0, len(code)}:
            assert running.request(running.client.complete, code, cursor, timeout=15)["status"] == "ok", code
            assert inspect(running, code, cursor)["status"] == "ok", code
            assert running.request(running.client.is_complete, code)["status"] in ("complete", "incomplete", "invalid")
    assert "push_str" in names(complete(running, "own.push_s"))


# A cursor beyond the end of the code, and many requests at once.
def test_odd_requests(running):
    assert running.request(running.client.complete, "own", 1000)["status"] == "ok"
    assert running.request(running.client.complete, "", 0)["status"] == "ok"
    asked = [running.client.complete("own.push_s", 10) for _ in range(20)]
    running.request(running.client.kernel_info)
    end = time.monotonic() + 60
    while not all(it in running._replies for it in asked):
        assert time.monotonic() < end
        reply = running.client.get_shell_msg(timeout=30)
        running._replies[reply["parent_header"].get("msg_id")] = reply


# While rustc runs, a reply comes soon, also while crates are being added.
def test_completion_while_a_cell_is_compiled(start):
    kernel = start()
    kernel.ok("let kept = vec![1];")
    # rust-analyzer has read the standard library.
    assert "push" in names(complete(kernel, "kept.pus"))
    cell = kernel.submit(':dep rand = "0.9"\nrand::random::<u8>() > 0;')
    kernel.read_until(lambda: kernel.programs("cargo"), timeout=60)
    begun = time.monotonic()
    assert "push" in names(kernel.request(kernel.client.complete, "kept.pus", 8))
    assert time.monotonic() - begun < 4
    kernel.finish(cell, timeout=300)
    assert "push" in names(complete(kernel, "kept.pus"))


# Variables of a cell that failed are not offered, since they do not exist.
def test_variables_that_were_never_stored(start):
    kernel = start()
    kernel.run('let stored_not = vec![1]; drop(stored_not); panic!("bang")')
    kernel.ok("let stored_indeed = 1;")
    kernel.run('let stored_neither = vec![1]; drop(stored_neither); panic!("bang")')
    assert complete(kernel, "stored_")["matches"] == ["stored_indeed"]
