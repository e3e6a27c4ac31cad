"""The kernels that are compared: ours as it is installed, and evcxr_jupyter, each behind jupyter_client."""

import json
import os
import time
from pathlib import Path
from queue import Empty
from subprocess import DEVNULL

import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

PATIENCE = 600


class Failed(Exception):
    """A cell that should have succeeded did not, or the other way round."""


class Peer:
    """A kernel under test: its name, and how it is started."""

    def __init__(self, name, kernel_name, directory=None, **environment):
        self.name = name
        self.kernel_name = kernel_name
        self.directory = directory
        self.environment = environment

    def start(self):
        return Kernel(self)

    def specs(self):
        """Where its kernelspec is found."""
        specs = KernelSpecManager()
        if self.directory:
            specs.kernel_dirs = [self.directory, *specs.kernel_dirs]
        return specs


def ours():
    return Peer("mosaic-kernel", "rust-mosaic")


def evcxr(executable, directory):
    """evcxr_jupyter, with a kernelspec written into `directory` and a configuration of its own, as after installation."""
    spec = Path(directory) / "kernels" / "rust-evcxr"
    spec.mkdir(parents=True, exist_ok=True)
    content = {"argv": [str(executable), "--control_file", "{connection_file}"], "display_name": "Rust", "language": "rust"}
    (spec / "kernel.json").write_text(json.dumps(content))
    return Peer("evcxr_jupyter", "rust-evcxr", str(spec.parent), EVCXR_CONFIG_DIR=str(directory))


class Kernel:
    """A running kernel. `started` is when its process was asked for."""

    def __init__(self, peer):
        self.peer = peer
        self.manager = KernelManager(kernel_name=peer.kernel_name, kernel_spec_manager=peer.specs())
        self.started = time.perf_counter()
        self.manager.start_kernel(env={**os.environ, **peer.environment}, stdout=DEVNULL, stderr=DEVNULL)
        self.client = self.manager.client()
        self.client.start_channels()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def wait_for_info(self):
        """Seconds from the start to the first kernel_info_reply."""
        while time.perf_counter() - self.started < PATIENCE:
            self.client.kernel_info()
            try:
                self.client.get_shell_msg(timeout=0.25)
            except Empty:
                continue
            answered = time.perf_counter() - self.started
            self._forget_shell()
            return answered
        raise Failed(f"{self.peer.name} does not answer")

    def _forget_shell(self):
        while True:
            try:
                self.client.get_shell_msg(timeout=0.3)
            except Empty:
                return

    def run(self, code, fails=False):
        """Seconds from the request to the last of reply and idle, as a notebook sees a cell."""
        begun = time.perf_counter()
        reply = self.client.execute_interactive(code, timeout=PATIENCE, output_hook=lambda _: None, allow_stdin=False)
        elapsed = time.perf_counter() - begun
        if (reply["content"]["status"] == "error") != fails:
            raise Failed(f"{self.peer.name}: {code!r}: {reply['content']}")
        return elapsed

    def result(self, code):
        """The text of a cell's result."""
        results = []

        def keep(message):
            if message["msg_type"] == "execute_result":
                results.append(message["content"]["data"]["text/plain"])

        reply = self.client.execute_interactive(code, timeout=PATIENCE, output_hook=keep, allow_stdin=False)
        if reply["content"]["status"] == "error" or not results:
            raise Failed(f"{self.peer.name}: {code!r}: {reply['content']}")
        return results[-1]

    def complete(self, code):
        """Seconds until names are offered after `code`, for which rust-analyzer has loaded at the latest."""
        begun = time.perf_counter()
        asked = self.client.complete(code, len(code))
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == asked:
                break
        if not reply["content"].get("matches"):
            raise Failed(f"{self.peer.name} offers nothing after {code!r}")
        return time.perf_counter() - begun

    def memory(self):
        """Proportional memory of the kernel and all processes that it started, in MB."""
        kernel = psutil.Process(self.manager.provisioner.pid)
        return sum(it.memory_full_info().pss for it in [kernel, *kernel.children(recursive=True)]) / 1e6
