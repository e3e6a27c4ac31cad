"""Outputs of cells: streams, results and errors. Also the requests beside execute."""

import nbformat
import promises
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from world import KERNEL_NAME


def test_println(kernel):
    cell = kernel.ok('println!("one"); println!("two");')
    assert cell.stdout == "one\ntwo\n" and cell.stderr == "" and cell.result is None


def test_statement_without_semicolon_shows_no_unit(kernel):
    cell = kernel.ok('println!("hi")')
    assert cell.stdout == "hi\n" and cell.result is None


def test_result(kernel):
    assert kernel.ok("6 * 7").result == "42"
    assert kernel.ok("vec![Some(\"é\"), None]").result == '[Some("é"), None]'


def test_variables_and_items_persist(kernel):
    kernel.ok("let mut stones = vec![1, 2]; struct Mosaic { stones: usize }")
    kernel.ok("stones.push(3); let mosaic = Mosaic { stones: stones.len() };")
    assert kernel.ok("mosaic.stones").result == "3"


def test_what_a_cell_needs_of_many_items(kernel):
    item = "struct Item{i} {{ name: String }} impl Item{i} {{ fn size(&self) -> usize {{ {i} }} }}"
    kernel.ok("\n".join(f"#[derive(Clone, Debug, Default)] {item.format(i=i)}" for i in range(60)))
    kernel.ok("trait Double { fn double(self) -> Self; } impl Double for u8 { fn double(self) -> u8 { 2 * self } }")
    show = 'fn fmt(&self, f: &mut std::fmt::Formatter<\'_>) -> std::fmt::Result { write!(f, "seven") }'
    kernel.ok(f'type Same = Item7; impl std::fmt::Display for Same {{ {show} }}\nconst UNIT: &str = "cm";')
    kernel.ok("fn make() -> impl std::fmt::Debug { Item8 { name: String::from(\"x\") } }")
    for code, result in (
        ("1 + 1", "2"),
        ("Item7::default().to_string()", '"seven"'),
        ("4u8.double()", "8"),
        ("make()", 'Item8 { name: "x" }'),
        ('format!("{UNIT}")', '"cm"'),
    ):
        assert kernel.ok(code).result == result
    kernel.ok("let kept = Item9::default();")
    assert kernel.ok("kept.size()").result == "9"
    assert "similar name" in kernel.run("Itam7::default()").error
    kernel.ok("impl Item9 { fn more(&self) -> usize { self.size() + 1 } }")
    assert kernel.ok("kept.more()").result == "10"
    kernel.ok("fn make() -> u8 { 3 }")
    assert kernel.ok("make()").result == "3"


def test_macros_are_known_to_items_in_whatever_order(kernel):
    """evcxr orders items at random."""
    pair = "macro_rules! tenfold{i} {{ ($x:expr) => {{ 10 * $x }} }}\nfn call{i}() -> u8 {{ tenfold{i}!({i}) }}"
    kernel.ok("\n".join(pair.format(i=i) for i in range(8)))
    assert kernel.ok("[call0(), call7(), tenfold3!(2)]").result == "[0, 70, 20]"
    kernel.ok("macro_rules! tenfold7 { ($x:expr) => { $x } }")
    kernel.ok("let called = call7();")
    assert kernel.ok("called").result == "7"


@promises.PLACE
def test_print_without_newline_shows_while_the_cell_runs(kernel):
    barrier = kernel.barrier()
    cell = kernel.submit(f'print!("half"); {barrier.wait} println!(" done");')
    kernel.read_until(lambda: cell.stdout == "half")
    assert not cell.idle
    barrier.open()
    assert kernel.finish(cell).stdout == "half done\n"


@promises.PLACE
def test_print_without_any_newline(kernel):
    assert kernel.ok('print!("no newline")').stdout == "no newline"
    assert kernel.ok('eprint!("neither here")').stderr == "neither here"
    assert kernel.ok("1 + 1").text == ""


@promises.PLACE
def test_streams_keep_their_order(kernel):
    code = 'for i in 0..50 { println!("out {i}"); eprintln!("err {i}"); }'
    cell = kernel.ok(code)
    assert cell.text == "".join(f"out {i}\nerr {i}\n" for i in range(50))
    assert cell.stdout == "".join(f"out {i}\n" for i in range(50))


@promises.PLACE
def test_output_of_child_processes(kernel):
    cell = kernel.ok('std::process::Command::new("echo").arg("from a child").status()?;')
    assert cell.stdout == "from a child\n"


@promises.PLACE
def test_output_of_threads(kernel):
    cell = kernel.ok('std::thread::spawn(|| println!("from a thread")).join().unwrap();')
    assert cell.stdout == "from a thread\n"


@promises.PLACE
def test_large_output_is_complete_and_in_order(kernel):
    cell = kernel.ok('for i in 0..200_000 { println!("line {i}"); }')
    assert cell.stdout == "".join(f"line {i}\n" for i in range(200_000))
    assert not cell.late, "output came after idle"
    assert len(cell.messages) < 2_000, "streams are batched"


@promises.PLACE
def test_output_is_never_late(kernel):
    for i in range(10):
        cell = kernel.ok(f'println!("{i}")')
        assert cell.stdout == f"{i}\n"
    kernel.read(0.5)
    assert not any(cell.late for cell in kernel.cells.values())


def test_unicode(kernel):
    text = "žluťoučký 🦀 日本語 \\u{1F468}\\u{200D}\\u{1F469}"
    cell = kernel.ok(f'println!("{text}"); "🦀".to_string()')
    assert cell.stdout == "žluťoučký 🦀 日本語 \U0001f468\u200d\U0001f469\n"
    assert cell.result == '"🦀"'


@promises.PLACE
def test_bytes_that_are_no_unicode(kernel):
    code = 'use std::io::Write; std::io::stdout().write_all(b"a\\xffb\\n")?;'
    assert kernel.ok(code).stdout == "a\ufffdb\n"
    assert kernel.ok("1 + 1").result == "2"


MARKERS = [
    "EVCXR_EXECUTION_COMPLETE",
    "EVCXR_PANIC_NOTIFICATION",
    "EVCXR_ERROR_OCCURRED",
    "EVCXR_VARIABLE_CHANGED_TYPE:stones",
    "EVCXR_BEGIN_CONTENT text/plain",
    "EVCXR_END_CONTENT",
]


@promises.PROTOCOL
@pytest.mark.parametrize("stream", ["print", "eprint"])
@pytest.mark.parametrize("marker", MARKERS)
def test_markers_are_plain_text(kernel, marker, stream):
    kernel.ok("let kept = 5;")
    cell = kernel.ok(f'{stream}ln!("{marker}"); {stream}ln!("after");')
    assert cell.text == f"{marker}\nafter\n" and cell.result is None
    following = kernel.ok('println!("next"); kept')
    assert following.text == "next\n" and following.result == "5"


ERRORS = {
    "panic": ('panic!("out of stones")', "out of stones"),
    "unwrap": ("let empty: Option<u8> = None; empty.unwrap();", "unwrap"),
    "question mark": ('"no number".parse::<u8>()?;', "invalid digit"),
    "compile": ('let wrong: u32 = "text";', "mismatched types"),
    "syntax": ("let = 3;", "expected"),
    "unknown name": ("no_such_stone", "no_such_stone"),
}


@promises.ERRORS
@pytest.mark.parametrize("kind", ERRORS)
def test_errors(kernel, kind):
    """A failing cell has one error message and an error reply. Queued cells are aborted, and the kernel goes on."""
    code, text = ERRORS[kind]
    # Both cells are queued before the first one fails.
    busy = kernel.submit("std::thread::sleep(std::time::Duration::from_millis(300));")
    failing = kernel.submit(code)
    queued = kernel.submit("println!(\"must not run\")")
    kernel.finish(busy)
    kernel.finish(failing)
    kernel.finish(queued)
    assert text in failing.error
    content = failing.errors[0]
    for part in ("ename", "evalue", "traceback"):
        assert content[part] == failing.reply[part]
    assert content["ename"] and isinstance(content["traceback"], list)
    assert queued.reply["status"] == "aborted" and queued.text == ""
    assert kernel.ok("1 + 1").result == "2"


@promises.PLACE
def test_output_before_an_error(kernel):
    cell = kernel.run('println!("before"); panic!("then");')
    assert cell.stdout == "before\n"
    assert [kind for kind, _ in cell.messages] == ["stream", "error"]


@promises.SURVIVE
def test_variables_survive_a_panic(kernel):
    kernel.ok("let survivor = 7;")
    kernel.run('panic!("bang")')
    assert kernel.ok("survivor").result == "7"


def test_errors_do_not_abort_when_not_asked_to(kernel):
    failing = kernel.submit('panic!("bang")', stop_on_error=False)
    queued = kernel.submit("2 + 2")
    kernel.finish(failing)
    assert kernel.finish(queued).reply["status"] == "ok"


@promises.ERRORS
def test_compile_errors_name_line_and_column(kernel):
    cell = kernel.run('let fine = 1;\nlet also_fine = 2;\nlet wrong: u32 = "text";')
    assert "3:18" in cell.error and 'let wrong: u32 = "text";' in cell.error


@promises.ERRORS
def test_errors_in_the_last_expression_are_rustcs_own(kernel):
    """The error has rustc's text, and no notes about the code that wraps the cell."""
    kernel.ok("fn twice(x: u64) -> u64 { 2 * x }")
    cell = kernel.run("twice()")
    assert "E0061" in cell.error and "this function takes 1 argument" in cell.error and ":1:1" in cell.error


def test_nbclient_stops_at_an_error(world, monkeypatch):
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    sources = ["let a = 1;", 'panic!("stop here")', "a"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(it) for it in sources])
    with pytest.raises(CellExecutionError, match="stop here"):
        NotebookClient(notebook, kernel_name=KERNEL_NAME, timeout=120).execute()
    assert [it.output_type for it in notebook.cells[1].outputs] == ["error"]
    assert not notebook.cells[2].outputs


def test_silent_and_store_history(kernel):
    count = kernel.ok("1").reply["execution_count"]
    silent = kernel.run("2 + 2", silent=True)
    assert silent.reply["status"] == "ok" and silent.result is None
    unstored = kernel.run("3", store_history=False)
    assert unstored.reply["status"] == "ok"
    assert kernel.ok("4").reply["execution_count"] == count + 1


def test_empty_cells(kernel):
    for code in ("", "   \n", "// nothing", "/* nothing */"):
        cell = kernel.ok(code)
        assert cell.text == "" and cell.result is None


@pytest.mark.parametrize(
    ("code", "status"),
    [("1 + 1", "complete"), ("fn f() {", "incomplete"), ('let s = "', "incomplete"), ("let x = )", "invalid")],
)
def test_is_complete(kernel, code, status):
    reply = kernel.request(kernel.client.is_complete, code)
    assert reply["status"] == status
    assert status != "incomplete" or isinstance(reply["indent"], str)


def test_complete(kernel):
    kernel.ok("let number_of_stones = 3;")
    for before in ("", 'let crab = "🦀é"; '):
        code = before + "number_of_st"
        reply = kernel.request(kernel.client.complete, code, len(code))
        assert reply["status"] == "ok" and "number_of_stones" in reply["matches"]
        assert (reply["cursor_start"], reply["cursor_end"]) == (len(before), len(code))


def test_inspect(kernel):
    kernel.ok("let inspected: Vec<u16> = vec![3];")
    reply = kernel.request(kernel.client.inspect, "inspected", 4)
    assert reply["status"] == "ok" and reply["found"] is True
    assert "Vec<u16>" in reply["data"]["text/plain"]
    reply = kernel.request(kernel.client.inspect, "no_such_name", 4)
    assert reply["status"] == "ok" and reply["found"] is False and reply["data"] == {}


def test_history(kernel):
    kernel.ok("let for_history = 1;")
    reply = kernel.request(kernel.client.history, hist_access_type="tail", n=1, raw=True, output=False)
    assert [it[2] for it in reply["history"]] == ["let for_history = 1;"]


def test_comm_info(kernel):
    assert kernel.request(kernel.client.comm_info)["comms"] == {}
