"""Who can connect and does not know the key: the kernel goes on, and clients do not notice."""

import contextlib
import os
import resource
import socket
import subprocess
import threading
import uuid

import pytest
from wire import DELIMITER, Stranger, WireKernel
from world import kernel_command, wait_until

# As many descriptors as a kernel has on a small machine.
DESCRIPTORS = 256


@pytest.fixture(scope="module")
def wire(world):
    soft_limit_below_the_hard_one = ("prlimit", f"--nofile=64:{DESCRIPTORS}")
    kernel = WireKernel(world, wrapper=soft_limit_below_the_hard_one, MOSAIC_OUTPUT_RATE="unlimited")
    client = kernel.client()
    client.wait_for_welcome()
    execute(client, "1", timeout=240)
    # The warnings about these are counted for ten seconds. The last test looks at them.
    stranger = Stranger(kernel, "stdin").introduce(b"DEALER")
    assert stranger.is_accepted()
    stranger.send(Stranger.message([b"garbage", b"more"]) * 120)
    yield kernel
    stranger.close()
    kernel.close()


@pytest.fixture
def client(wire):
    client = wire.client()
    client.wait_for_welcome()
    yield client
    client.close()


@pytest.fixture
def connect(wire):
    """Connects strangers, who leave at the end of the test."""
    strangers = []

    def connect(channel, *options, **more):
        strangers.append(Stranger(wire, channel, *options, **more))
        return strangers[-1]

    yield connect
    for stranger in strangers:
        stranger.close()


def execute(client, code, timeout=120):
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    reply = client.request("shell", "execute_request", content, timeout=timeout)
    assert reply["content"]["status"] == "ok", reply["content"]
    return client.published(reply["parent_header"])


def closed_by_the_kernel(strangers):
    return all(stranger.is_closed() for stranger in strangers)


def test_descriptors_are_raised_to_the_hard_limit(wire):
    assert resource.prlimit(wire.process.pid, resource.RLIMIT_NOFILE) == (DESCRIPTORS, DESCRIPTORS)


def test_who_says_nothing_makes_way(wire, client, connect):
    silent = [connect(channel) for channel in ("shell", "iopub", "hb") for _ in range(150)]
    late = wire.client()
    late.wait_for_welcome()
    execute(late, "40 + 2")
    execute(client, "40 + 2")
    used = len(os.listdir(f"/proc/{wire.process.pid}/fd"))
    assert used < DESCRIPTORS * 3 // 4, used
    late.close()
    # Also those whom no other displaces, and who have said a part of what they have to.
    halves = [connect("control") for _ in range(3)]
    halves[1].send(Stranger.GREETING[:20])
    halves[2].introduce(b"DEALER" * 10)
    assert closed_by_the_kernel(silent + halves)


def test_connections_are_bounded_and_free_places_are_found(wire, client, connect):
    strangers = [connect("shell").introduce(b"DEALER") for _ in range(DESCRIPTORS // 8)]
    accepted = [stranger for stranger in strangers if stranger.is_accepted()]
    assert 0 < len(accepted) < DESCRIPTORS // 8
    execute(client, "40 + 2")
    for stranger in accepted:
        stranger.close()
    late = wire.client()
    execute(late, "40 + 2")
    late.close()


def test_subscriptions_are_nobody_elses_business(wire, client, connect):
    """A stranger subscribes and cancels in a loop, and another one to topic after topic, while a cell runs."""
    busy = connect("iopub").introduce(b"SUB")
    assert busy.is_accepted()
    stop = threading.Event()

    def subscribe_in_a_loop():
        while not stop.is_set() and busy.send(Stranger.frame(b"\x01topic") + Stranger.frame(b"\x00topic")):
            pass

    loop = threading.Thread(target=subscribe_in_a_loop)
    reader = threading.Thread(target=busy.is_closed)
    loop.start()
    reader.start()
    try:
        greedy = connect("iopub").introduce(b"SUB")
        for number in range(10_000):
            if not greedy.send(Stranger.frame(b"\x01" + str(number).encode())):
                break
        assert greedy.is_closed()
        long = connect("iopub").introduce(b"SUB")
        long.send(Stranger.frame(b"\x01" + b"x" * 100_000))
        assert long.is_closed()
        execute(client, 'for i in 0..1000 { println!("{i}"); }')
        # A round trip, so that all that was published before has come.
        header = client.request("shell", "kernel_info_request")["parent_header"]
        published = client.published(header)
        assert {message["msg_type"] for message in published} == {"status"}
        client.send_frames("hb", [b"ping"])
        assert client.receive_frames("hb") == [b"ping"]
        assert client.receive("iopub", timeout=1) is None, "a stranger's welcome"
    finally:
        stop.set()
        busy.socket.shutdown(socket.SHUT_RDWR)
        loop.join()
        reader.join()


def test_many_subscribers_that_do_not_read(wire, client, connect):
    stalled = [connect("iopub", receive_buffer=4096).introduce(b"SUB") for _ in range(8)]
    for stranger in stalled:
        assert stranger.is_accepted()
        stranger.send(Stranger.frame(b"\x01"))
    # So much that the buffers of the system and the kernel are full.
    messages = execute(client, 'let line = "x".repeat(1 << 16); for _ in 0..800 { println!("{line}"); }')
    texts = [message["content"]["text"] for message in messages if message["msg_type"] == "stream"]
    assert sum(len(text) for text in texts) == 800 * ((1 << 16) + 1)
    assert closed_by_the_kernel(stalled)


def test_an_identity_in_use_is_refused(wire, connect):
    identity = uuid.uuid4().bytes
    channels = ("shell", "control")
    client = wire.client(identity=identity)
    for channel in channels:
        client.request(channel, "kernel_info_request")
    thieves = [connect(channel).introduce(b"DEALER", identity) for channel in channels]
    assert not any(thief.is_accepted() for thief in thieves)
    for channel in channels:
        client.request(channel, "kernel_info_request")
    client.close()
    for channel in channels:
        assert connect(channel).introduce(b"DEALER", identity).is_accepted(), "the identity is free again"


def test_a_client_comes_back_under_its_identity(wire):
    """The client's machine loses its connection, and the kernel is not told."""
    identity = uuid.uuid4().bytes
    before = Stranger(wire, "shell").introduce(b"DEALER", identity)
    assert before.is_accepted()
    tcp_repair = 19
    try:
        before.socket.setsockopt(socket.IPPROTO_TCP, tcp_repair, 1)
    except PermissionError:
        pytest.skip("only root can close a connection without a word")
    before.close()
    after = wire.client(identity=identity)
    after.request("shell", "kernel_info_request", timeout=30)
    after.close()


def test_a_message_is_taken_once(wire, client):
    frames = client.frames_of("kernel_info_request")
    for again in (frames, frames, [frames[0], frames[1].upper(), *frames[2:]]):
        client.send_frames("control", again)
    assert client.receive("control")["msg_type"] == "kernel_info_reply"
    client.send_frames("shell", frames)
    client.request("shell", "kernel_info_request")
    assert client.receive_frames("control", timeout=1) is None and client.receive_frames("shell", timeout=0) is None
    assert wait_until(lambda: wire.log.count("control: dropped a message: a repetition") == 2, 10), wire.log


def test_the_kernels_own_messages_are_refused(wire, client):
    """A stranger sends back what iopub has told it."""
    client.request("shell", "kernel_info_request")
    frames = client.receive_frames("iopub")
    client.send_frames("control", frames[frames.index(DELIMITER) :])
    assert wait_until(lambda: "the kernel's own message" in wire.log, 10), wire.log


def test_warnings_about_strangers_are_bounded(wire):
    assert wait_until(lambda: "stdin: 110 more warnings of this kind were not logged" in wire.log, 30), wire.log
    assert wire.log.count("stdin: dropped a message") == 10


@pytest.mark.parametrize("key", ["", "a-key"])
def test_a_key_is_missed_over_tcp(world, key):
    kernel = WireKernel(world, key=key)
    try:
        kernel.client().request("control", "kernel_info_request")
        assert ("the connection file has no key" in kernel.log) == (key == "")
    finally:
        kernel.close()


def refusal(world, file, wrapper=()):
    """What a kernel says that cannot use a connection file."""
    command = [*wrapper, *kernel_command(file)]
    process = world.start(*command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    return said


def test_what_is_no_connection_file_is_refused(world):
    directory = world.directory / "files"
    directory.mkdir()
    os.mkfifo(directory / "fifo")
    (directory / "huge.json").write_bytes(b" " * (2 << 20))
    (directory / "empty.json").touch()
    (directory / "link.json").symlink_to(directory / "fifo")
    for name, reason in [
        ("fifo", "is not a regular file"),
        ("link.json", "is not a regular file"),
        (".", "is not a regular file"),
        ("huge.json", "has more than"),
        ("empty.json", "is not one that jupyter writes"),
        ("missing.json", "No such file"),
    ]:
        assert reason in refusal(world, directory / name), name


def test_a_connection_file_of_another_user_is_refused(world):
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    world.directory.chmod(0o755)
    file = world.directory / "foreign.json"
    file.write_text("{}")
    os.chown(file, 12345, 12345)
    nobody = ("setpriv", "--reuid=65534", "--clear-groups", "--regid=65534")
    with contextlib.suppress(PermissionError):
        executable = kernel_command(file)[0]
        if subprocess.run([*nobody, "test", "-x", executable]).returncode:
            pytest.skip(f"other users cannot run {executable}")
    assert "belongs to another user (uid 12345)" in refusal(world, file, nobody)


def has_namespaces():
    return subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode == 0


@pytest.mark.parametrize("where", ["ended", "in another namespace"])
def test_a_parent_that_is_not_here(world, where):
    """JPY_PARENT_PID can name a process that the kernel cannot see, as in a container."""
    if where == "ended":
        parent = subprocess.Popen(["true"])
        parent.wait()
        parent, wrapper = parent.pid, ()
    elif has_namespaces():
        parent, wrapper = os.getpid(), ("unshare", "--pid", "--fork", "--kill-child")
    else:
        pytest.skip("unshare --pid needs root")
    kernel = WireKernel(world, wrapper=wrapper, JPY_PARENT_PID=str(parent))
    try:
        client = kernel.client()
        client.request("shell", "kernel_info_request")
        execute(client, "40 + 2", timeout=240)
        assert f"JPY_PARENT_PID is {parent}" in kernel.log
    finally:
        kernel.close()
