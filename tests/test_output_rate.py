"""Large output: complete, in order, at a rate that clients accept, and never in the way of other messages."""

import json
import time
import urllib.request
import uuid

import pytest
import websocket
import zmq
from kernels import Kernel
from server import jupyter_server
from wire import WireKernel
from world import KERNEL_NAME, wait_until

LINE = "x" * 92
# Each line has 100 bytes with its number and newline.
LINES = 'for i in 0..{} {{ println!("{{i:07}}' + LINE + '"); }}'
FLOOD = 'for i in 0u64.. { println!("{i:07}' + LINE + '"); }'


def assert_lines(text, count):
    """Compares the texts in pieces, so that a failure shows where they differ."""
    for start in range(0, count, 1000):
        expected = "".join(f"{i:07}{LINE}\n" for i in range(start, min(start + 1000, count)))
        assert text[start * 100 : (start + 1000) * 100] == expected, f"from line {start}"
    assert len(text) == count * 100


@pytest.fixture(scope="module")
def server(world):
    with jupyter_server(world, "jupyter_server") as address:
        yield address


def request(address, path, method="GET", content=None):
    data = None if content is None else json.dumps(content).encode()
    with urllib.request.urlopen(urllib.request.Request(address(path), data, method=method), timeout=60) as response:
        return json.loads(response.read() or "null")


def test_through_jupyter_server(server):
    """Prints 6 MB through the websocket of a server with default limits."""
    kernel = request(server, "api/kernels", "POST", {"name": KERNEL_NAME})["id"]
    socket = websocket.create_connection(server(f"api/kernels/{kernel}/channels").replace("http", "ws", 1), timeout=120)
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": uuid.uuid4().hex}
    header |= {"username": "", "version": "5.3", "date": ""}
    content = {"code": LINES.format(60_000), "silent": False, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    socket.send(json.dumps(message))
    texts = []
    while True:
        message = json.loads(socket.recv())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if message["msg_type"] == "stream":
            texts.append(message["content"])
        if message["content"].get("execution_state") == "idle":
            break
    socket.close()
    request(server, f"api/kernels/{kernel}", "DELETE")
    stderr = "".join(it["text"] for it in texts if it["name"] == "stderr")
    assert stderr == "", "the server says when it drops messages"
    assert_lines("".join(it["text"] for it in texts), 60_000)


def test_100_megabytes_at_full_speed(start):
    kernel = start(MOSAIC_OUTPUT_RATE="unlimited")
    cell = kernel.run(LINES.format(1_000_000), timeout=200)
    assert_lines(cell.stdout, 1_000_000)
    assert not cell.late


def test_a_burst_goes_out_at_once_and_a_flood_does_not(start):
    """The rate is so low that the limit shows on any machine."""
    kernel = start(MOSAIC_OUTPUT_RATE="100000")
    kernel.ok("1")
    begin = time.monotonic()
    cell = kernel.ok(LINES.format(5_000))
    assert time.monotonic() - begin > (500_000 - 4 * 65_536) / 100_000, "500 kB, less what is ahead of the pace"
    assert_lines(cell.stdout, 5_000)


@pytest.fixture(scope="module")
def flooded(world):
    kernel = Kernel(world)
    kernel.ok("1")
    yield kernel
    kernel.close()


def test_a_flood_is_in_nobodys_way(flooded):
    """Heartbeat, control and shell answer during a flood of output, and an interrupt ends the flood."""
    flooded.client.hb_channel.unpause()
    cell = flooded.submit(FLOOD)
    flooded.read_until(lambda: len(cell.text) > 1_000_000, timeout=120)
    for _ in range(3):
        assert flooded.control("kernel_info_request")["status"] == "ok"
        assert flooded.request(flooded.client.is_complete, "1")["status"] == "complete"
        flooded.read(0.2)
    assert flooded.client.hb_channel.is_beating() and not cell.idle
    assert flooded.control("interrupt_request")["status"] == "ok"
    interrupted = len(cell.text)
    flooded.finish(cell, timeout=60)
    assert cell.reply["status"] == "error"
    assert "bytes of output]" in cell.stderr and cell.stderr.startswith("\n[the interrupt dropped "), cell.stderr
    # The text that was shown is the beginning, without a gap.
    whole = len(cell.stdout) // 100
    assert_lines(cell.stdout[: whole * 100], whole)
    assert len(cell.stdout) - interrupted < 8_000_000, "a few seconds' worth at most"
    assert flooded.ok('println!("next"); 1 + 1').text == "next\n"


def test_what_an_interrupted_cell_says_in_time_is_shown(flooded):
    """Without a flood, an interrupt drops nothing."""
    code = (
        'struct Last; impl Drop for Last { fn drop(&mut self) { println!("last words"); } }'
        'let last = Last; println!("waiting"); tokio::time::sleep(std::time::Duration::from_secs(100)).await;'
    )
    cell = flooded.submit(code)
    flooded.read_until(lambda: "waiting\n" in cell.text, timeout=120)
    flooded.control("interrupt_request")
    flooded.finish(cell, timeout=60)
    assert "dropped" not in cell.text


def subscriber(kernel):
    """A client that reads from the wire only what it asks for."""
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.linger = 0
    socket.rcvhwm = 1
    socket.setsockopt(zmq.RCVBUF, 64 * 1024)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(kernel.address("iopub"))
    assert socket.poll(60_000), "the welcome"
    return context, socket


def test_slow_and_dead_subscribers_stall_nobody(world):
    """One subscriber reads nothing and another a little now and then. The third still gets everything."""
    kernel = WireKernel(world, MOSAIC_OUTPUT_RATE="unlimited")
    others = []
    try:
        client = kernel.client()
        client.wait_for_welcome()
        others = [subscriber(kernel), subscriber(kernel)]
        dribble = others[1][1]
        code = {"code": LINES.format(600_000), "allow_stdin": False}
        header = client.send("shell", "execute_request", code)
        pieces, read, end = [], time.monotonic(), time.monotonic() + 150
        while time.monotonic() < end:
            message = client.receive("iopub", 1)
            if message and message["parent_header"].get("msg_id") == header["msg_id"]:
                if message["msg_type"] == "stream":
                    pieces.append(message["content"]["text"])
                if message["content"].get("execution_state") == "idle":
                    break
            if time.monotonic() - read > 1 and dribble.poll(0):
                dribble.recv_multipart()
                read = time.monotonic()
        assert_lines("".join(pieces), 600_000)
        assert client.request("control", "kernel_info_request")["content"]["status"] == "ok"
    finally:
        for context, _ in others:
            context.destroy(linger=0)
        kernel.close()
    assert wait_until(lambda: kernel.process.poll() is not None, 30)
