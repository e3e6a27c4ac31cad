"""Details of execute requests, and requests while a cell runs. The cases follow ipykernel's tests."""

import time

import promises
import pytest
from world import wait_until


def published(kernel, code, **options):
    """The messages on iopub that a cell caused, as (type, content), with states."""
    message_id = kernel.client.execute(code, **options)
    messages = []
    while not messages or messages[-1][1].get("execution_state") != "idle":
        message = kernel.client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") == message_id:
            messages.append((message["msg_type"], message["content"]))
    return kernel.request(lambda: message_id), messages


def test_user_expressions(kernel):
    kernel.ok('let text = String::from("kept"); let number = 20;')
    expressions = {"value": "number + 1", "text": "text", "unknown": "no_such_name", "panic": 'panic!("bang")'}
    reply = kernel.run("let number = number * 2;", user_expressions=expressions).reply
    assert reply["status"] == "ok"
    results = reply["user_expressions"]
    assert results["value"] == {"status": "ok", "data": {"text/plain": "41"}, "metadata": {}}
    assert results["text"]["data"]["text/plain"] == '"kept"'
    for name in ("unknown", "panic"):
        assert results[name]["status"] == "error" and results[name]["ename"] and results[name]["evalue"]
        assert isinstance(results[name]["traceback"], list)
    assert kernel.ok("text").result == '"kept"', "an expression takes nothing away"


def test_user_expressions_define_nothing(kernel):
    kernel.ok("let given = 1;")
    expressions = {"statement": "let defined = 2; defined", "command": ":vars", "item": "fn defined() {}"}
    reply = kernel.run("given", user_expressions=expressions).reply
    assert {it["status"] for it in reply["user_expressions"].values()} == {"error"}
    assert "defined" in kernel.run("defined").error


def test_user_expressions_come_after_the_result(kernel):
    code = 'println!("cell"); 1 + 1'
    _, messages = published(kernel, code, user_expressions={"late": '{ println!("expression"); 3 }'})
    said = [(kind, content.get("text")) for kind, content in messages if kind in ("stream", "execute_result")]
    assert said == [("stream", "cell\n"), ("execute_result", None), ("stream", "expression\n")]


def test_user_expressions_of_a_failing_cell(kernel):
    reply = kernel.run('panic!("bang")', user_expressions={"one": "1"}).reply
    assert reply["status"] == "error" and reply["user_expressions"] == {}


def test_messages_of_a_cell_keep_their_order(kernel):
    reply, messages = published(kernel, 'println!("out"); eprintln!("err"); 42')
    kinds = [kind for kind, _ in messages]
    assert kinds == ["status", "execute_input", "stream", "stream", "execute_result", "status"]
    assert {content["execution_count"] for _, content in messages if "execution_count" in content} == {
        reply["execution_count"]
    }


def test_a_silent_cell_publishes_nothing(kernel):
    count = kernel.ok("1").reply["execution_count"]
    for code, status in [
        ('println!("hush"); eprintln!("hush"); 42', "ok"),
        ('println!("hush"); panic!("hush")', "error"),
        ("no_such_name", "error"),
        ('println!("EVCXR_BEGIN_CONTENT text/html\\n<b>hush</b>\\nEVCXR_END_CONTENT")', "ok"),
    ]:
        reply, messages = published(kernel, code, silent=True, user_expressions={"a": '{ println!("hush"); 2 }'})
        assert reply["status"] == status and reply["execution_count"] == count
        assert [kind for kind, _ in messages] == ["status", "status"], messages
    assert kernel.ok("2").reply["execution_count"] == count + 1


def test_text_of_threads_is_not_a_silent_cells(kernel):
    """Text that a visible cell's thread prints after a silent cell is shown under the visible cell."""
    barrier = kernel.barrier()
    visible = kernel.ok(f'std::thread::spawn(|| {{ {barrier.wait} println!("from the thread"); }});')
    silent = kernel.run("let silent = 1;", silent=True)
    barrier.open()
    kernel.read_until(lambda: visible.stdout == "from the thread\n")
    assert not silent.messages


@promises.PLACE
def test_text_of_threads_is_shown_under_the_last_cell(kernel):
    """Text of a thread is shown under the next cell if that starts soon enough."""
    first, second = kernel.barrier(), kernel.barrier()
    code = f'std::thread::spawn(|| {{ {first.wait} println!("one"); {second.wait} println!("two"); }});'
    earlier = kernel.ok(code + ' println!("cell")')
    first.open()
    kernel.read_until(lambda: earlier.stdout == "cell\none\n")
    done = kernel.barrier()
    cell = kernel.submit(f'println!("next"); {done.wait}')
    kernel.read_until(lambda: cell.stdout == "next\n")
    second.open()
    kernel.read_until(lambda: cell.stdout == "next\ntwo\n")
    assert earlier.stdout == "cell\none\n"
    done.open()
    kernel.finish(cell)


@promises.PLACE
def test_text_of_a_child_behind_its_cell(kernel):
    cell = kernel.ok(
        'std::process::Command::new("sh").args(["-c", "sleep 0.5; echo from the child"]).spawn()?; println!("cell");'
    )
    kernel.read_until(lambda: "from the child\n" in cell.stdout)


def test_control_is_answered_while_a_cell_runs(kernel):
    barrier = kernel.barrier()
    cell = kernel.submit(f'println!("running"); {barrier.wait}')
    kernel.read_until(lambda: cell.text == "running\n")
    queued = kernel.submit("1 + 1")
    assert kernel.control("kernel_info_request")["status"] == "ok"
    assert kernel.request(kernel.client.is_complete, "1 + 1")["status"] == "complete"
    assert kernel.request(kernel.client.history, hist_access_type="tail", n=1)["history"]
    barrier.open()
    kernel.finish(cell)
    assert kernel.finish(queued).result == "2"


def have_arrived(kernel):
    """Waits until all requests sent before have arrived. The shell channel keeps their order."""
    kernel.request(kernel.client.kernel_info)


def test_queued_cells_are_aborted_in_order(kernel):
    barrier = kernel.barrier()
    failing = kernel.submit(barrier.wait + ' panic!("first")')
    queued = [kernel.submit(f'println!("{i}")') for i in range(3)]
    have_arrived(kernel)
    barrier.open()
    kernel.finish(failing)
    for cell in queued:
        assert kernel.finish(cell).reply["status"] == "aborted" and not cell.messages
    assert kernel.ok('println!("next")').stdout == "next\n", "what comes behind the error is run"


def test_only_what_was_queued_is_aborted(kernel):
    """A cell that is sent after the error reply runs, even if other cells were aborted."""
    barrier = kernel.barrier()
    failing, queued = kernel.submit(barrier.wait + ' panic!("first")'), kernel.submit("1")
    have_arrived(kernel)
    barrier.open()
    message_id = next(key for key, value in kernel.cells.items() if value is failing)
    assert kernel.request(lambda: message_id)["status"] == "error"
    after = kernel.submit("2 + 2")
    assert kernel.finish(queued).reply["status"] == "aborted"
    assert kernel.finish(after).result == "4"


def test_stop_on_error_is_the_failing_cells_choice(kernel):
    barrier = kernel.barrier()
    failing = kernel.submit(barrier.wait + ' panic!("first")', stop_on_error=False)
    queued = kernel.submit("3", stop_on_error=True)
    have_arrived(kernel)
    barrier.open()
    kernel.finish(failing)
    assert kernel.finish(queued).result == "3"


UNSUPPORTED = ["create_subshell_request", "delete_subshell_request", "list_subshell_request"]


@pytest.mark.parametrize("kind", [*UNSUPPORTED, "nonsense_request"])
def test_what_is_not_supported_is_told_so(kernel, kind):
    reply = kernel.control(kind, {"command": "initialize", "type": "request", "seq": 1})
    assert reply["status"] == "error" and kind in reply["evalue"] and reply["ename"] and reply["traceback"] == []


def test_only_what_works_is_advertised(kernel):
    info = kernel.request(kernel.client.kernel_info)
    # `test_debugger.py` checks that the debugger is there if its adapter is.
    assert info["supported_features"] == (["debugger"] if info["debugger"] else [])


COMPLETENESS = [
    ("1 + 1", "complete", None),
    ("let x = 3;", "complete", None),
    ("fn f() -> u32 { 3 }", "complete", None),
    ("#[derive(Debug)]\nstruct S;", "complete", None),
    ("", "complete", None),
    ("// only a comment", "complete", None),
    (":vars", "complete", None),
    (':dep rand = "0.9"', "complete", None),
    (":opt 2\nlet a = 1;", "complete", None),
    ("fn f() {", "incomplete", "    "),
    ("if a {\n    if b {", "incomplete", "        "),
    ("let v = vec![", "incomplete", "    "),
    ('let s = "', "incomplete", ""),
    ("/* a comment", "incomplete", ""),
    ("let x = )", "invalid", None),
    ("fn f() }", "invalid", None),
]


@pytest.mark.parametrize(("code", "status", "indent"), COMPLETENESS)
def test_is_complete(kernel, code, status, indent):
    reply = kernel.request(kernel.client.is_complete, code)
    assert (reply["status"], reply.get("indent")) == (status, indent)


def test_is_complete_is_quick(kernel):
    """Consoles ask with each line, and wait for the answer. The best of several, since the machine may be busy."""
    code = "fn f() {\n" + "    let x = vec![1, 2, 3].iter().map(|x| x + 1).collect::<Vec<_>>();\n" * 500
    times = []
    for _ in range(10):
        begin = time.monotonic()
        assert kernel.request(kernel.client.is_complete, code)["status"] == "incomplete"
        times.append(time.monotonic() - begin)
    assert min(times) < 0.25, times


def test_children_of_cells_end_with_the_kernel(start):
    kernel = start()
    pid = kernel.ok('std::process::Command::new("sleep").arg("1000").spawn()?.id()').result
    assert pid in [str(it.pid) for it in kernel.processes()]
    kernel.control("shutdown_request", {"restart": False})
    assert wait_until(lambda: not kernel.processes(), 15), kernel.processes()
