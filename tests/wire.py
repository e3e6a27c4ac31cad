"""The protocol without jupyter_client's managers: a kernel started by hand, and sockets that send any frames."""

import contextlib
import json
import socket
import struct
import subprocess
import time
import uuid

import zmq
from jupyter_client.session import Session

from world import kernel_command

CHANNELS = ("shell", "control", "stdin", "iopub", "hb")
DELIMITER = b"<IDS|MSG>"


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for it in sockets:
            it.bind(("127.0.0.1", 0))
        return [it.getsockname()[1] for it in sockets]


def _connection(world, transport, key):
    """The content of a connection file."""
    ip = "127.0.0.1" if transport == "tcp" else str(world.home / uuid.uuid4().hex[:8])
    ports = _free_ports(len(CHANNELS)) if transport == "tcp" else range(1, len(CHANNELS) + 1)
    return {
        "transport": transport,
        "ip": ip,
        "key": uuid.uuid4().hex if key is None else key,
        "signature_scheme": "hmac-sha256",
        **{f"{channel}_port": port for channel, port in zip(CHANNELS, ports)},
    }


class WireKernel:
    """A kernel process and its connection file."""

    def __init__(self, world, transport="tcp", key=None, connection=None, wrapper=(), **environment):
        """`wrapper` is a program that runs the kernel, and its arguments."""
        self.connection = connection or _connection(world, transport, key)
        file = world.home / f"wire-{uuid.uuid4().hex[:8]}.json"
        file.write_text(json.dumps(self.connection))
        self._log = file.with_suffix(".log")
        with open(self._log, "wb") as log:
            command = [*wrapper, *kernel_command(file)]
            self.process = world.start(*command, env=environment, stdin=subprocess.DEVNULL, stderr=log)
        self._clients = []

    @property
    def log(self):
        """What the kernel has said on standard error."""
        return self._log.read_text()

    def address(self, channel):
        it, port = self.connection, self.connection[f"{channel}_port"]
        return f"tcp://{it['ip']}:{port}" if it["transport"] == "tcp" else f"ipc://{it['ip']}-{port}"

    def client(self, **options):
        self._clients.append(WireClient(self, **options))
        return self._clients[-1]

    def close(self):
        if self.process.poll() is None and self._clients:
            self._clients[0].send("control", "shutdown_request", {"restart": False})
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        for client in self._clients:
            client.close()
        self.process.kill()
        self.process.wait()
        print(self.log)


class Stranger:
    """A connection that sends any bytes. It speaks ZMTP by hand and does not know the key."""

    GREETING = (b"\xff" + bytes(8) + b"\x7f\x03\x00NULL").ljust(64, b"\x00")

    def __init__(self, kernel, channel, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(60)
        self.socket.connect((kernel.connection["ip"], kernel.connection[f"{channel}_port"]))

    @staticmethod
    def frame(body, flags=0):
        if len(body) < 256:
            return bytes([flags, len(body)]) + body
        return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body

    @classmethod
    def message(cls, frames):
        return b"".join(cls.frame(body, flags=1) for body in frames[:-1]) + cls.frame(frames[-1])

    def introduce(self, kind, identity=b""):
        """Sends greeting and READY. Does not wait for an answer."""
        ready = b"\x05READY"
        for name, value in ((b"Socket-Type", kind), (b"Identity", identity)):
            ready += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
        self.send(self.GREETING + self.frame(ready, flags=4))
        return self

    def send(self, data):
        """Sends bytes; returns whether the kernel still has the connection."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def receive(self, count):
        """The next bytes: as many as asked for, or less if the kernel closes the connection."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while len(data) < count and (more := self.socket.recv(count - len(data))):
                data += more
        return data

    def is_accepted(self):
        """Whether the kernel ends the handshake, and does not close the connection."""
        return self.receive(len(self.GREETING)) == self.GREETING and b"READY" in self.receive(2 + 6)

    def is_closed(self):
        """Reads until the kernel closes the connection."""
        with contextlib.suppress(ConnectionResetError):
            while self.socket.recv(65536):
                pass
        return True

    def close(self):
        self.socket.close()


class WireClient:
    """A client with sockets and a session of its own."""

    def __init__(self, kernel, identity=None, key=None):
        key = kernel.connection["key"] if key is None else key
        self.session = Session(key=key.encode())
        self.context = zmq.Context()
        self.sockets = {}
        kinds = {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER, "iopub": zmq.SUB, "hb": zmq.REQ}
        for channel, kind in kinds.items():
            it = self.sockets[channel] = self.context.socket(kind)
            it.linger = 0
            if identity and kind == zmq.DEALER:
                it.setsockopt(zmq.IDENTITY, identity)
            it.connect(kernel.address(channel))
        self.sockets["iopub"].setsockopt(zmq.SUBSCRIBE, b"")

    def wait_for_welcome(self, timeout=60):
        """Waits until the kernel knows of the subscription. The client does not get messages published before."""
        message = self.receive("iopub", timeout)
        assert message and message["msg_type"] == "iopub_welcome", message

    def send(self, channel, kind, content=None):
        """Sends a well-formed request and returns its header."""
        return self.session.send(self.sockets[channel], kind, content or {})["header"]

    def send_frames(self, channel, frames):
        self.sockets[channel].send_multipart(frames)

    def frames_of(self, kind, content=None):
        """The frames of a well-formed request: delimiter, signature, and four frames of JSON."""
        return self.session.serialize(self.session.msg(kind, content or {}))

    def receive_frames(self, channel, timeout=60):
        """The next frames, or None."""
        if not self.sockets[channel].poll(timeout * 1000):
            return None
        return self.sockets[channel].recv_multipart()

    def receive(self, channel, timeout=60):
        """The next message with a verified signature, or None. `topic` holds the frames before the delimiter."""
        frames = self.receive_frames(channel, timeout)
        if frames is None:
            return None
        topic, frames = self.session.feed_identities(frames)
        message = self.session.deserialize(frames)
        message["topic"] = topic
        return message

    def request(self, channel, kind, content=None, timeout=60):
        """Sends a request and returns its reply. Skips replies to other requests."""
        header = self.send(channel, kind, content)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            message = self.receive(channel, end - time.monotonic())
            if message and message["parent_header"].get("msg_id") == header["msg_id"]:
                return message
        raise AssertionError(f"no reply to {kind} on {channel} within {timeout} s")

    def published(self, header, timeout=60):
        """The messages on iopub that a request caused, until idle."""
        messages, end = [], time.monotonic() + timeout
        while time.monotonic() < end:
            message = self.receive("iopub", end - time.monotonic())
            if message and message["parent_header"].get("msg_id") == header["msg_id"]:
                messages.append(message)
                if message["content"].get("execution_state") == "idle":
                    return messages
        raise AssertionError(f"no idle for {header['msg_type']} within {timeout} s")

    def close(self):
        self.context.destroy(linger=0)
