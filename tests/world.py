"""The processes and files of a test, and the proof that none is left.

A `World` marks the environment of every process that it starts. A process inherits the mark however it is started and
whatever becomes its parent. The world thereby finds its kernels, cell processes, workers and compilers, and leaves
other worlds alone. Temporary files and sockets go to directories of the world.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil
from jupyter_client.kernelspec import KernelSpecManager

OWN_KERNEL = "rust-mosaic"
# The promises are also tested with other kernels.
KERNEL_NAME = os.environ.get("MOSAIC_TEST_KERNEL", OWN_KERNEL)
MARK = "MOSAIC_TEST_WORLD"
KERNEL_MARK = "MOSAIC_TEST_KERNEL_ID"


def wait_until(condition, timeout, every=0.05):
    """Waits for the condition. Returns whether it came true in time."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return value


def kernel_command(connection_file):
    """The command line that the installed kernelspec starts a kernel with."""
    argv = KernelSpecManager().get_kernel_spec(KERNEL_NAME).argv
    return [argument.format(connection_file=connection_file) for argument in argv]


def marked_processes(mark, value):
    """The running processes whose environment has `mark=value`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(mark) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


class World:
    def __init__(self, parent="/tmp"):
        self.id = uuid.uuid4().hex
        # Short: the path of a Unix socket has at most 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="mk-", dir=parent))
        self.home = self._subdirectory("home")
        self.temporary = self._subdirectory("tmp")
        self.run = self._subdirectory("run")
        self._sessions_before = set(_sessions())

    def _subdirectory(self, name):
        path = self.directory / name
        path.mkdir(mode=0o700)
        return path

    def environment(self, **more):
        """The environment for a process of this world. All worlds share the cache of prebuilt crates."""
        own = {
            MARK: self.id,
            "TMPDIR": self.temporary,
            "XDG_RUNTIME_DIR": self.run,
            "XDG_CONFIG_HOME": self.home,
            "XDG_DATA_HOME": self.home,
            "XDG_STATE_HOME": self.home,
            "JUPYTER_CONFIG_DIR": self.home / "jupyter",
            "JUPYTER_DATA_DIR": self.home / "jupyter",
            "JUPYTER_RUNTIME_DIR": self.home / "runtime",
            "IPYTHONDIR": self.home / "ipython",
        }
        return {**os.environ, **{name: str(value) for name, value in own.items()}, **more}

    def start(self, *command, **options):
        """Starts a program in this world."""
        environment = self.environment(**options.pop("env", {}))
        return subprocess.Popen([str(word) for word in command], env=environment, **options)

    def python(self, *arguments, timeout=240, **environment):
        """Runs the tests' Python interpreter to its end. Returns its output on both streams."""
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def processes(self):
        return marked_processes(MARK, self.id)

    def leaks(self):
        """The processes and files that are left of this world, as text."""
        processes = [f"process {it.pid}: {_command_line(it)}" for it in self.processes()]
        roots = (self.temporary, self.run)
        files = [f"file {path}" for root in roots for path in _files(root)]
        directories = [f"directory {path}" for root in roots for path in sorted(root.iterdir()) if path.is_dir()]
        sessions = [f"session {path}" for path in _sessions() if path not in self._sessions_before and _orphaned(path)]
        return processes + files + directories + sessions

    def close(self):
        """Waits until all processes and files are gone. Removes what is left, and fails if there was any."""
        wait_until(lambda: not self.leaks(), timeout=60, every=0.2)
        leaks = self.leaks()
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not leaks, "left behind:\n" + "\n".join(leaks)


def _files(root):
    """The files in a directory and its subdirectories, of which some may vanish meanwhile."""
    return sorted(os.path.join(directory, name) for directory, _, names in os.walk(root) for name in names)


def _command_line(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return "(ended meanwhile)"


def in_cache(pattern):
    """The kernels' files in the cache, of all toolchains."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(os.environ.get("MOSAIC_CACHE_DIR") or Path(cache) / "mosaic-kernel")
    return sorted(directory.glob(f"*/{pattern}"))


def _sessions():
    """The directories in which kernels compile cells, and their locks."""
    return in_cache("session-*")


def _orphaned(session):
    """Whether no kernel holds the session's lock any more."""
    lock = session if session.suffix == ".lock" else session.with_name(session.name + ".lock")
    try:
        with open(lock) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return session.exists()
    except BlockingIOError:
        return False


def read_json(path):
    return json.loads(Path(path).read_text())
