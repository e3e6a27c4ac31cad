"""The process 1 of a host. It prepares the host's file system, says so, and then reaps orphans.

Reads a plan (one line of JSON) from standard input and writes a line to standard output when the host is ready. The
host lives until standard input ends: the kernel kills all processes of a PID namespace with its process 1.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys

MS_BIND, MS_REC = 4096, 16384


def mount(source, target, kind=None, flags=0, options=None):
    encoded = [None if it is None else os.fsencode(it) for it in (source, target, kind, options)]
    source, target, kind, options = encoded
    if libc.mount(source, target, kind, flags, options) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot mount on {os.fsdecode(target)}: {os.strerror(code)}")


def prepare(plan):
    # A descriptor still names the directory when a tmpfs covers its path.
    kept = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in plan["kept"]}
    for path, mode in plan["empty"].items():
        mount("tmpfs", path, "tmpfs", 0, f"mode={mode},size=6g")
    for path, descriptor in kept.items():
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC)
        os.close(descriptor)
    for path, text in plan["files"].items():
        replace_file(path, text)
    socket.sethostname(plan["name"])


def replace_file(path, text):
    copy = f"/run/host{path}"
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    with open(copy, "w") as file:
        file.write(text)
    mount(copy, path, None, MS_BIND)


def reap(*_):
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


libc = ctypes.CDLL(None, use_errno=True)
prepare(json.loads(sys.stdin.readline()))
signal.signal(signal.SIGCHLD, reap)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
