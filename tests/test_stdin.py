"""Questions to the user, from cells, threads and libraries: answered, interrupted and refused."""

import time

import pytest

READ = "let mut line = String::new(); std::io::stdin().read_line(&mut line)?;"


@pytest.fixture(scope="module")
def kernel(kernel):
    kernel.ok("let mut kept = 7;")
    return kernel


def question(kernel, timeout=60):
    """The next `input_request`."""
    return kernel.client.get_stdin_msg(timeout=timeout)


def ask(kernel, code, *answers, **options):
    """Submits a cell that asks. Returns the cell and its question."""
    cell = kernel.submit(code, allow_stdin=True, **options)
    asked = []
    for answer in answers:
        asked.append(question(kernel))
        kernel.client.input(answer)
    return kernel.finish(cell), asked


def test_input_and_password(kernel):
    cell, asked = ask(kernel, 'notebook::input("name? ")? + &notebook::password("secret? ")?', "grüße ", "p w")
    assert cell.result == '"grüße p w"', str(cell)
    assert [it["content"] for it in asked] == [
        {"prompt": "name? ", "password": False},
        {"prompt": "secret? ", "password": True},
    ]
    request = next(key for key, value in kernel.cells.items() if value is cell)
    assert all(it["parent_header"]["msg_id"] == request for it in asked)
    assert all(it["msg_type"] == "input_request" for it in asked)


def test_standard_input(kernel):
    cell, asked = ask(kernel, f'print!("name? "); {READ} line', "Ada")
    assert cell.result == '"Ada\\n"' and cell.stdout == "name? "
    assert asked[0]["content"] == {"prompt": "", "password": False}


def test_standard_input_line_by_line(kernel):
    code = "let sum: i32 = std::io::stdin().lines().take(3).map(|it| it.unwrap().parse::<i32>().unwrap()).sum(); sum"
    assert ask(kernel, code, "1", "2", "39")[0].result == "42"


def test_from_threads_and_asynchronous_cells(kernel):
    thread = 'std::thread::spawn(|| notebook::input("thread? ").unwrap()).join().unwrap()'
    assert ask(kernel, thread, "yes")[0].result == '"yes"'
    cell, _ = ask(kernel, 'tokio::task::yield_now().await; notebook::input("async? ")?', "yes")
    assert cell.result == '"yes"'
    spawned = 'tokio::spawn(async { notebook::input("task? ") }).await??'
    assert ask(kernel, spawned, "yes")[0].result == '"yes"'


@pytest.mark.parametrize("code", ['notebook::input("? ")?', READ], ids=["input", "stdin"])
@pytest.mark.parametrize("way", ["message", "signal"])
def test_interrupt(kernel, code, way):
    """A cell that waits for input stops at once, and keeps its variables."""
    kernel.ok("kept = 8;")
    cell = kernel.submit(code, allow_stdin=True)
    question(kernel)
    begun = time.monotonic()
    if way == "message":
        kernel.control("interrupt_request")
    else:
        kernel.manager.provisioner.process.send_signal(2)
    kernel.read_until(lambda: cell.errors, timeout=10)
    took = time.monotonic() - begun
    kernel.finish(cell)
    assert cell.errors[0]["ename"] == "Interrupted", str(cell)
    assert took < 2, "long before a cell is stopped by force"
    assert kernel.ok("kept").result == "8"
    # A late answer is ignored.
    kernel.client.input("late")
    assert ask(kernel, 'notebook::input("again? ")?', "now")[0].result == '"now"'


def test_where_the_client_does_not_answer(kernel):
    refused = kernel.run('notebook::input("? ")?', allow_stdin=False)
    assert "allow_stdin" in refused.error
    refused = kernel.run(READ, allow_stdin=False)
    assert refused.reply["status"] == "error" and "allow_stdin" in refused.stderr
    assert kernel.ok("1 + 1").result == "2"


def test_where_no_cell_runs(kernel):
    kernel.ok("""
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel::<String>();
        std::thread::spawn(move || {
            let _ = gone.recv();
            std::thread::sleep(std::time::Duration::from_millis(500));
            let _ = tell.send(notebook::input("? ").unwrap_err().to_string());
        });
    """)
    kernel.ok("drop(go);")
    time.sleep(1)
    assert "no cell is running" in kernel.ok("told.recv()?").result


def test_answers_to_other_questions_are_ignored(kernel):
    cell = kernel.submit('notebook::input("? ")?', allow_stdin=True)
    asked = question(kernel)
    session = kernel.client.session
    for parent, value in (({**asked["header"], "msg_id": "another"}, "wrong"), (asked["header"], "right")):
        reply = session.msg("input_reply", {"value": value, "status": "ok"}, parent=parent)
        kernel.client.stdin_channel.send(reply)
    assert kernel.finish(cell).result == '"right"'


def test_other_files_are_read_as_ever(kernel):
    code = 'std::fs::write("/dev/null", "")?; std::fs::read_to_string("/proc/self/comm")?.len() > 0'
    assert kernel.ok(code).result == "true"
