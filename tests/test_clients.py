"""The clients that people use, each with habits of its own. JupyterLab, nbconvert and nbclient have suites too."""

import json
import subprocess
import sys

import nbformat
import pexpect
import pytest
from mosaic_papermill import RustTranslator
from wire import WireKernel
from world import KERNEL_NAME

INFO = "kernel_info_request"


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_as_vs_code_starts(world, transport):
    """The client asks on shell and control before the kernel listens, with one identity for all channels."""
    kernel = WireKernel(world, transport=transport)
    try:
        client = kernel.client(identity=b"the-same-everywhere")
        asked = {channel: client.send(channel, INFO) for channel in ("shell", "control")}
        for channel, header in asked.items():
            reply = client.receive(channel, 60)
            assert reply["msg_type"] == "kernel_info_reply"
            assert reply["parent_header"]["msg_id"] == header["msg_id"]
            assert reply["content"]["implementation"] == "mosaic-kernel"
        client.wait_for_welcome()
        code = {"code": 'println!("from VS Code"); 6 * 7', "allow_stdin": True, "stop_on_error": False}
        reply = client.request("shell", "execute_request", code, timeout=120)
        assert reply["content"]["status"] == "ok"
        contents = {it["msg_type"]: it["content"] for it in client.published(reply["parent_header"])}
        assert contents["stream"]["text"] == "from VS Code\n"
        assert contents["execute_result"]["data"]["text/plain"] == "42"
        # The client's debugger asks too, and hears that it is off.
        request = {"seq": 1, "type": "request", "command": "debugInfo"}
        assert client.request("control", "debug_request", request)["content"]["body"]["isStarted"] is False
    finally:
        kernel.close()


def notebook(path, *cells):
    """Writes a notebook of (source, tag) cells."""
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": [tag] if tag else []}) for source, tag in cells]
    spec = {"name": KERNEL_NAME, "display_name": "Rust (mosaic)", "language": "rust"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)


def test_papermill(world):
    source, result = world.home / "in.ipynb", world.home / "out.ipynb"
    notebook(
        source,
        ('let steps: i64 = 10; // how many\nlet name = String::from("default");', "parameters"),
        ('println!("{name}: {}", steps * 2); (rate, on, list.len(), map["a"])', None),
    )
    parameters = ["-p", "steps", "21", "-p", "name", 'a "quoted" 🦀', "-p", "rate", "0.5", "-p", "on", "True"]
    more = ["-y", json.dumps({"list": [1, 2], "map": {"a": 1}})]
    world.python("-m", "papermill", source, result, *parameters, *more)
    outputs = nbformat.read(result, as_version=4).cells[2].outputs
    assert outputs[0]["text"] == 'a "quoted" 🦀: 42\n'
    assert outputs[1]["data"]["text/plain"] == "(0.5, true, 2, 1)"
    described = world.python("-m", "papermill", "--help-notebook", source)
    assert "steps: i64 (default 10)" in described and "how many" in described, described


def test_parameters_of_papermill():
    """Each kind of value has a text in Rust."""
    value = {"none": None, "big": 2**63, "small": -(2**63), "nan": float("nan"), "text": 'a\n"b"\\', "empty": []}
    lines = RustTranslator.codify({**value, "mixed": [1, 2.5], "map": {"a": [True]}}).splitlines()
    assert lines == [
        "// Parameters",
        "let none: Option<String> = None;",
        "let big: u64 = 9223372036854775808;",
        "let small: i64 = -9223372036854775808;",
        "let nan: f64 = f64::NAN;",
        'let text: String = String::from("a\\n\\"b\\"\\\\");',
        "let empty: Vec<String> = vec![];",
        "let mixed: Vec<f64> = vec![1.0, 2.5];",
        "let map: std::collections::BTreeMap<String, Vec<bool>> = "
        'std::collections::BTreeMap::from([(String::from("a"), vec![true])]);',
    ]
    with pytest.raises(ValueError, match="different types"):
        RustTranslator.codify({"list": [1, "a"]})


@pytest.fixture
def console(world):
    """A function that starts jupyter_console in a terminal."""
    consoles = []

    def start():
        command = ["-m", "jupyter_console", "--kernel", KERNEL_NAME, "--JupyterConsoleApp.confirm_exit=False"]
        environment = world.environment(TERM="xterm", PROMPT_TOOLKIT_NO_CPR="1")
        options = {"env": environment, "encoding": "utf-8", "timeout": 120, "dimensions": (40, 120)}
        consoles.append(pexpect.spawn(sys.executable, command, **options))
        consoles[-1].expect("mosaic-kernel")
        consoles[-1].expect("In .*1.*:")
        return consoles[-1]

    yield start
    for it in consoles:
        it.close(force=True)


def leave(console):
    console.send("\x04")
    console.expect(pexpect.EOF)


def test_jupyter_console(console):
    first = console()
    first.send("6 * 7\r")
    first.expect("Out.*1.*42")
    first.expect("In .*2.*:")
    # The kernel replies that the first line is incomplete, so that Enter begins a second line.
    first.send("fn triple(x: u32) -> u32 {\r3 * x }\r")
    first.expect("In .*3.*:")
    first.send("triple(5)\r")
    first.expect("Out.*3.*15")
    first.expect("In .*4.*:")
    leave(first)

    # The arrow key finds an input that an earlier kernel ran.
    second = console()
    second.send("\x1b[A")
    second.expect("triple")
    second.send("\r")
    second.expect("cannot find function")
    second.expect("In .*2.*:")
    leave(second)


def test_nbconvert_from_standard_input(world):
    """Also with a kernel that the command line names and not the notebook."""
    file = world.home / "converted.ipynb"
    notebook(file, ("6 * 7", None))
    options = ["--to=markdown", "--execute", f"--ExecutePreprocessor.kernel_name={KERNEL_NAME}", "--stdin", "--stdout"]
    command = [sys.executable, "-m", "nbconvert", *options]
    with open(file) as it:
        done = subprocess.run(
            command, stdin=it, env=world.environment(), capture_output=True, text=True, timeout=240, cwd=world.home
        )
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout
