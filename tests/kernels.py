"""A kernel behind jupyter_client, as most clients use it. `kernel.run(code)` returns all that the code caused."""

import contextlib
import re
import time
import uuid
from queue import Empty

import psutil
from jupyter_client.manager import KernelManager

from world import KERNEL_MARK, KERNEL_NAME, OWN_KERNEL, marked_processes

ANSI = re.compile(r"\x1b\[[0-9;]*m")
OUTPUTS = {"stream", "display_data", "execute_result", "error", "clear_output", "update_display_data"}


class Cell:
    """One execute_request and the messages that it caused."""

    def __init__(self, code):
        self.code = code
        self.messages = []  # (type, content), outputs only, in order
        self.late = []  # the outputs that came after idle
        self.idle = False
        self.reply = None

    def take(self, message):
        kind, content = message["msg_type"], message["content"]
        if kind == "status":
            self.idle |= content["execution_state"] == "idle"
        elif kind in OUTPUTS:
            self.messages.append((kind, content))
            if self.idle:
                self.late.append((kind, content))

    def _contents(self, kind):
        return [content for it, content in self.messages if it == kind]

    def _stream(self, *names):
        return "".join(it["text"] for it in self._contents("stream") if it["name"] in names)

    @property
    def stdout(self):
        return self._stream("stdout")

    @property
    def stderr(self):
        return self._stream("stderr")

    @property
    def text(self):
        """Both streams, in the order in which they came."""
        return self._stream("stdout", "stderr")

    @property
    def result(self):
        """The text of the last expression, or None."""
        results = self._contents("execute_result")
        assert len(results) <= 1, f"{len(results)} results: {self}"
        return results[0]["data"]["text/plain"] if results else None

    @property
    def errors(self):
        return self._contents("error")

    @property
    def error(self):
        """The text of the one error, without colours."""
        assert self.reply["status"] == "error", f"no error reply: {self}"
        assert len(self.errors) == 1, f"{len(self.errors)} errors instead of one: {self}"
        content = self.errors[0]
        return ANSI.sub("", "\n".join([content["ename"], content["evalue"], *content["traceback"]]))

    def __str__(self):
        lines = [f"cell:\n{self.code}", f"reply: {self.reply}", *map(str, self.messages)]
        return ANSI.sub("", "\n".join(lines))


class Barrier:
    """A barrier that cells wait for, so that a test need not guess how long something takes."""

    def __init__(self, world):
        self._path = world.home / f"barrier-{uuid.uuid4().hex[:8]}"

    @property
    def wait(self):
        """The Rust statement that waits for the barrier."""
        waiting = f'while !std::path::Path::new("{self._path}").exists()'
        return waiting + " { std::thread::sleep(std::time::Duration::from_millis(10)); }"

    def open(self):
        self._path.touch()


class Kernel:
    def __init__(self, world, transport="tcp", prepare=lambda manager: None, **environment):
        self.world = world
        self.id = uuid.uuid4().hex
        self.cells = {}
        self.debug_events = []
        self._replies = {}
        self.manager = KernelManager(kernel_name=KERNEL_NAME, transport=transport)
        self.manager.connection_file = str(world.home / f"kernel-{self.id[:8]}.json")
        if transport == "ipc":
            self.manager.ip = str(world.home / self.id[:8])
        prepare(self.manager)
        self.manager.start_kernel(env=world.environment(**{KERNEL_MARK: self.id}, **environment))
        self.connect()

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        # A message that is published before the kernel knows of the subscription is lost. jupyter_client does not wait.
        while KERNEL_NAME == OWN_KERNEL and self.client.get_iopub_msg(timeout=60)["msg_type"] != "iopub_welcome":
            pass
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def processes(self):
        """The kernel's process and all processes that it started."""
        return marked_processes(KERNEL_MARK, self.id)

    def programs(self, *names):
        """The kernel's processes whose program's name contains one of these names."""
        found = []
        for process in self.processes():
            # The process may have ended meanwhile.
            with contextlib.suppress(psutil.Error):
                found += [process] if any(name in process.name() for name in names) else []
        return found

    def submit(self, code, **options):
        """Sends code and returns the cell, which fills while messages are read."""
        message_id = self.client.execute(code, **options)
        self.cells[message_id] = cell = Cell(code)
        return cell

    def barrier(self):
        return Barrier(self.world)

    def read(self, timeout):
        """Reads one iopub message, if one comes in time, and adds it to its cell."""
        try:
            message = self.client.get_iopub_msg(timeout=timeout)
        except Empty:
            return None
        cell = self.cells.get(message["parent_header"].get("msg_id"))
        if cell:
            cell.take(message)
        if message["msg_type"] == "debug_event":
            self.debug_events.append(message)
        return message

    def read_until(self, condition, timeout=60):
        """Reads iopub until the condition holds. Fails if that takes longer than the timeout."""
        end = time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            assert left > 0, f"nothing of the kind within {timeout} s; the last cells:\n{self._last_cells()}"
            self.read(min(left, 0.2))

    def _last_cells(self):
        return "\n".join(str(cell) for cell in list(self.cells.values())[-2:])

    def finish(self, cell, timeout=120):
        """Reads until the cell is idle and its reply has come."""
        self.read_until(lambda: cell.idle, timeout)
        message_id = next(key for key, value in self.cells.items() if value is cell)
        while message_id not in self._replies:
            reply = self.client.get_shell_msg(timeout=60)
            self._replies[reply["parent_header"].get("msg_id")] = reply
        cell.reply = self._replies.pop(message_id)["content"]
        return cell

    def run(self, code, timeout=120, **options):
        return self.finish(self.submit(code, **options), timeout)

    def ok(self, code, timeout=120):
        """Runs code, and fails if the code does."""
        cell = self.run(code, timeout)
        assert cell.reply["status"] == "ok" and not cell.errors, str(cell)
        return cell

    def request(self, send, *arguments, timeout=60, **options):
        """Sends a request with a method of the client and returns the content of its reply."""
        message_id = send(*arguments, **options)
        while message_id not in self._replies:
            reply = self.client.get_shell_msg(timeout=timeout)
            self._replies[reply["parent_header"].get("msg_id")] = reply
        return self._replies.pop(message_id)["content"]

    def control(self, kind, content=None, timeout=60):
        """Sends a request on the control channel and returns the content of its reply."""
        message = self.client.session.msg(kind, content or {})
        self.client.control_channel.send(message)
        while True:
            reply = self.client.get_control_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return reply["content"]

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=not self.manager.is_alive())
        self.manager.cleanup_resources()
