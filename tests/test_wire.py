"""The wire protocol: sockets, signatures, frames, and which client is answered. Requests are made by hand."""

import datetime
import socket
import subprocess

import pytest
import zmq
from wire import CHANNELS, DELIMITER, WireKernel

from world import World


@pytest.fixture(scope="module")
def wire(world):
    kernel = WireKernel(world)
    kernel.first = kernel.client()
    kernel.first.request("shell", "kernel_info_request", timeout=60)
    yield kernel
    kernel.close()


@pytest.fixture
def client(wire):
    client = wire.client()
    client.wait_for_welcome()
    return client


def execute(code):
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    return {**content, "stop_on_error": True}


def assert_lives(client, timeout=60):
    for channel in ("shell", "control"):
        assert client.request(channel, "kernel_info_request", timeout=timeout)["content"]["status"] == "ok"


def test_ready_before_the_evaluator(world):
    kernel = WireKernel(world)
    try:
        client = kernel.client()
        shell = client.request("shell", "kernel_info_request")["content"]
        control = client.request("control", "kernel_info_request")["content"]
        assert shell["implementation"] == control["implementation"] == "mosaic-kernel"
    finally:
        kernel.close()


def test_kernel_info(client):
    info = client.request("shell", "kernel_info_request")["content"]
    assert info["status"] == "ok"
    assert info["protocol_version"] == "5.5"
    assert info["implementation"] and info["implementation_version"] and info["banner"]
    language = info["language_info"]
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert language["name"] == "rust"
    assert language["version"] == rustc
    assert language["mimetype"] == "text/x-rustsrc"
    assert language["file_extension"] == ".rs"


def test_heartbeat_echoes(client):
    for ping in (b"ping", b"", b"\x00\xff" * 500):
        client.send_frames("hb", [ping])
        assert client.receive_frames("hb") == [ping]


def test_busy_and_idle_around_every_request(client):
    for channel, kind in [("shell", "kernel_info_request"), ("control", "kernel_info_request"), ("shell", "comm_info_request")]:
        header = client.request(channel, kind)["parent_header"]
        states = [it["content"]["execution_state"] for it in client.published(header) if it["msg_type"] == "status"]
        assert states == ["busy", "idle"], (channel, kind)


def test_headers(client):
    """Headers have unique ids, dates and topics, and name the kernel's one session."""
    reply = client.request("shell", "execute_request", execute("40 + 2"), timeout=120)
    messages = [reply, *client.published(reply["parent_header"])]
    kinds = [it["msg_type"] for it in messages]
    assert kinds == ["execute_reply", "status", "execute_input", "execute_result", "status"]
    assert len({it["header"]["msg_id"] for it in messages}) == len(messages)
    sessions = {it["header"]["session"] for it in messages}
    assert len(sessions) == 1 and sessions != {client.session.session}
    assert {it["header"]["version"] for it in messages} == {"5.5"}
    for message in messages:
        date = message["header"]["date"]
        assert isinstance(date, datetime.datetime) and date.tzinfo, "the client parses only ISO 8601"
    for message in messages[1:]:
        assert message["msg_type"].encode() in message["topic"][0]


def test_each_subscriber_is_welcomed(world):
    kernel = WireKernel(world)
    try:
        # One client connects before the kernel starts, the other later.
        for client in (kernel.client(), kernel.client()):
            message = client.receive("iopub")
            assert message["msg_type"] == "iopub_welcome" and message["parent_header"] == {}
            assert message["content"]["subscription"] == ""
            client.request("shell", "kernel_info_request")
    finally:
        kernel.close()


def test_bad_signature_is_not_acted_on(wire, client):
    stranger = wire.client(key="not-the-key")
    for channel in ("shell", "control"):
        stranger.send(channel, "shutdown_request" if channel == "control" else "kernel_info_request", {"restart": False})
        assert stranger.receive_frames(channel, timeout=1) is None
    frames = client.frames_of("kernel_info_request")
    for signature in (b"", b"0" * 64, b"zz", frames[1][:-1], b"\xff" * 64):
        client.send_frames("shell", [frames[0], signature, *frames[2:]])
    assert client.receive_frames("shell", timeout=1) is None
    assert_lives(client)


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_malformed_messages_are_dropped(client, channel):
    frames = client.frames_of("kernel_info_request")
    malformed = [[b""], [b"garbage"], [DELIMITER], frames[1:], [b"\xff" * 100_000]]
    malformed += [frames[:length] for length in range(1, len(frames))]
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}"):
        signed = [body] * 4
        malformed.append([DELIMITER, client.session.sign(signed), *signed])
    for message in malformed:
        client.send_frames(channel, message)
    assert_lives(client)


@pytest.mark.parametrize("channel", CHANNELS)
def test_garbage_instead_of_zmtp(wire, client, channel):
    for garbage in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 4096, b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f"):
        with socket.create_connection((wire.connection["ip"], wire.connection[f"{channel}_port"])) as it:
            it.sendall(garbage)
    assert_lives(client)
    client.send_frames("hb", [b"ping"])
    assert client.receive_frames("hb") == [b"ping"]
    header = client.request("shell", "kernel_info_request")["parent_header"]
    assert client.published(header)


def test_messages_on_iopub(wire, client):
    """The kernel ignores messages that a client sends on iopub."""
    with client.context.socket(zmq.DEALER) as it:
        it.linger = 0
        it.connect(wire.address("iopub"))
        it.send_multipart([b"\x02garbage", b"more"])
    assert_lives(client)


def test_unknown_requests(client):
    client.send("shell", "no_such_request", {"a": 1})
    client.send("control", "no_such_request", {"a": 1})
    assert_lives(client)


def test_incomplete_contents(client):
    """Requests whose fields are missing or of another type must not end the kernel."""
    for kind in ("execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request"):
        for content in ({}, {"code": 3, "cursor_pos": "x", "hist_access_type": None}):
            client.send("shell", kind, content)
    assert_lives(client)


def test_two_clients(wire, client):
    other = wire.client()
    other.wait_for_welcome()
    other.request("shell", "kernel_info_request")
    first = client.send("shell", "execute_request", execute('println!("from one")'))
    second = other.send("shell", "execute_request", execute('println!("from two")'))
    for it, header in ((client, first), (other, second)):
        reply = it.receive("shell", 120)
        assert reply["parent_header"]["msg_id"] == header["msg_id"]
        assert it.receive("shell", 0.3) is None, "a reply went to another client"
    for it in (client, other):
        messages = it.published(second)
        assert [m["content"]["text"] for m in messages if m["msg_type"] == "stream"] == ["from two\n"]


def test_one_identity_on_all_channels(wire):
    client = wire.client(identity=b"the-same-everywhere")
    assert_lives(client)


def test_a_client_that_goes_away(wire, client):
    guest = wire.client()
    guest.wait_for_welcome()
    header = guest.send("shell", "execute_request", execute("std::thread::sleep(std::time::Duration::from_secs(1))"))
    while guest.receive("iopub")["parent_header"].get("msg_id") != header["msg_id"]:
        pass
    guest.close()
    reply = client.request("shell", "execute_request", execute("1 + 1"), timeout=120)
    assert reply["content"]["status"] == "ok"


@pytest.mark.parametrize("restart", [True, False])
def test_shutdown_echoes_restart(restart):
    world = World()
    kernel = WireKernel(world)
    try:
        client = kernel.client()
        client.request("control", "kernel_info_request", timeout=60)
        content = client.request("control", "shutdown_request", {"restart": restart})["content"]
        assert content == {"status": "ok", "restart": restart}
        assert kernel.process.wait(30) == 0
    finally:
        kernel.close()
        world.close()


@pytest.mark.parametrize(("transport", "key"), [("ipc", None), ("tcp", ""), ("ipc", "")])
def test_transports_and_the_empty_key(world, transport, key):
    kernel = WireKernel(world, transport=transport, key=key)
    try:
        client = kernel.client()
        client.wait_for_welcome()
        reply = client.request("shell", "execute_request", execute("40 + 2"), timeout=120)
        assert reply["content"]["status"] == "ok"
        results = [it for it in client.published(reply["parent_header"]) if it["msg_type"] == "execute_result"]
        assert results[0]["content"]["data"]["text/plain"] == "42"
    finally:
        kernel.close()
    if transport == "ipc":
        assert not list(world.home.glob(kernel.connection["ip"].rsplit("/", 1)[-1] + "-*"))


def test_stale_ipc_sockets_are_replaced(world):
    kernel = WireKernel(world, transport="ipc")
    kernel.client().request("shell", "kernel_info_request", timeout=60)
    kernel.process.kill()
    kernel.process.wait()
    again = WireKernel(world, connection=kernel.connection)
    try:
        assert_lives(again.client(), timeout=60)
    finally:
        again.close()
        kernel.close()
