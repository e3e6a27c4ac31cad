"""Hosts on one machine: each has namespaces of its own for network, mounts, PIDs, hostname and IPC.

No namespace has a name. A namespace lives as long as its processes, and these live as long as a pipe from the tests'
process. So nothing is left when that process ends, even by SIGKILL, and several clusters do not know of each other.
"""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent
NETWORK = "10.77.0"
# Users of the hosts beside root, with their numbers.
USERS = {"alice": 2001, "bob": 2002}
# The directories that are empty on every host, and their modes.
TEMPORARY = {"/tmp": "1777", "/var/tmp": "1777", "/run": "755", "/dev/shm": "1777"}
# The files that come and go with the services, and the executables that a launcher keeps for its next start.
EXPECTED = (
    "/run/slurm/",
    "/run/munge/",
    f"{pwd.getpwuid(0).pw_dir}/.cache/mosaic-node/",
    *(f"/home/{user}/.cache/mosaic-node/" for user in USERS),
)
# The environment of a program that is started on a host as if somebody had logged in.
LOGIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

# The interpreter behind the virtual environment of the tests, which every host has.
PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")


def missing():
    """Says why this machine cannot have hosts, or returns None."""
    if os.geteuid() != 0:
        return "hosts need network namespaces, and these need root"
    for program in ("ip", "tc", "nsenter", "unshare"):
        if not shutil.which(program):
            return f"no {program}: install the packages iproute2 and util-linux"
    tried = subprocess.run(["unshare", *NAMESPACES, "--mount-proc", "true"], capture_output=True, text=True)
    return f"cannot make namespaces: {tried.stderr.strip()}" if tried.returncode else None


NAMESPACES = ["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]


class Cluster:
    """A number of hosts, h0, h1, …, joined by a bridge.

    h0 is the notebook host: it sees the repository and the home directory, and so has the toolchain, the kernel and its
    cache. The other hosts see neither. `shared` are directories that h0 sees although they lie in a temporary directory.
    `kept` are directories that every host sees although they lie in the repository or in a home directory.
    """

    def __init__(self, count, shared=(), kept=()):
        alive = ["sh", "-c", "echo ready; exec cat >/dev/null"]
        self.switch = subprocess.Popen(
            ["unshare", "--net", *alive], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.hosts = []
        self._services = []
        try:
            assert self.switch.stdout.readline() == "ready\n", "no namespace for the bridge"
            self._ip("link set lo up", "link add br0 type bridge", "link set br0 up")
            self.hosts = [Host(self, number, count, shared if number == 0 else (), kept) for number in range(count)]
            for host in self.hosts:
                host.power_on()
        except BaseException:
            self.close()
            raise

    def __getitem__(self, number):
        return self.hosts[number]

    def _ip(self, *lines):
        _batch(self.switch.pid, "ip", lines)

    def plug(self, host):
        port = host.port
        self._ip(
            # The same address each time: the other hosts remember it.
            f"link add {port} type veth peer name eth0 address {host.hardware_address} netns {host.pid}",
            f"link set {port} master br0",
            f"link set {port} up",
        )

    def unplug(self, host):
        self._ip(f"link del {host.port}")

    def set_link(self, host, state):
        self._ip(f"link set {host.port} {state}")

    def limit(self, host, rate):
        """Limits what goes to the host, or ends the limit (None)."""
        self._limit_at(self.switch.pid, host.port, rate)

    @staticmethod
    def _limit_at(pid, device, rate):
        # `replace` also works where there is no queue yet; `del` does not.
        kind = f"tbf rate {rate} burst 256k latency 100ms" if rate else "pfifo_fast"
        _batch(pid, "tc", [f"qdisc replace dev {device} root {kind}"])

    def add_service(self, service):
        """Starts a service on every host. `restore` starts it again on a host that was off."""
        self._services.append(service)
        for host in self.hosts:
            service.start(host)
            host.remember()
        return service

    def restore(self):
        """Undoes what a test did to the hosts: all are on, and their links are whole and fast."""
        for host in self.hosts:
            if host.is_on:
                host.heal()
                host.limit(None)
                continue
            host.power_on()
            for service in self._services:
                service.start(host)
            host.remember()

    def leaks(self):
        """What is on the hosts beside their services, as text."""
        return [leak for host in self.hosts if host.is_on for leak in host.leaks()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for host in self.hosts:
            host.power_off()
        self.switch.stdin.close()
        self.switch.stdout.close()
        self.switch.wait()


class Host:
    """One host. `run` and `start` execute commands on it."""

    def __init__(self, cluster, number, count, shared, kept):
        self.cluster = cluster
        self.number = number
        self.name = f"h{number}"
        self.address = f"{NETWORK}.{10 + number}"
        self.hardware_address = f"02:00:00:00:00:{10 + number:02x}"
        self.port = f"port{number}"
        self._plan = _plan(number, count, shared, kept)
        self._unshare = None
        self._services = []
        self._own = set()
        self.pid = None

    @property
    def is_on(self):
        return self._unshare is not None

    def power_on(self):
        """Starts the host, with empty temporary directories and no process but its first."""
        assert not self.is_on, f"{self.name} is on"
        first = [sys.executable, "-I", "-S", str(Path(__file__).with_name("first_process.py"))]
        self._unshare = subprocess.Popen(
            ["unshare", *NAMESPACES, "--mount-proc", *first], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._unshare.stdin.write(json.dumps(self._plan) + "\n")
        self._unshare.stdin.flush()
        assert self._unshare.stdout.readline() == "ready\n", f"{self.name} did not start"
        # The number of the host's process 1 outside of the host.
        (self.pid,) = children(self._unshare.pid)
        self.cluster.plug(self)
        _batch(self.pid, "ip", ["link set lo up", f"addr add {self.address}/24 dev eth0", "link set eth0 up"])

    def power_off(self):
        """Ends the host as a power failure does: nobody hears a last word, and all its files are gone."""
        if not self.is_on:
            return
        if self.pid is not None:
            with contextlib.suppress(OSError):
                self.cluster.unplug(self)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._unshare.kill()
        for process in (self._unshare, *self._services):
            process.wait()
        self._unshare.stdin.close()
        self._unshare.stdout.close()
        self._unshare = self.pid = None
        self._services = []

    def cut(self):
        """Cuts the host's link: packets vanish, and no process learns of it."""
        self.cluster.set_link(self, "down")

    def heal(self):
        self.cluster.set_link(self, "up")

    def limit(self, rate):
        """Limits the host's link to a rate such as `100mbit` in both directions; None ends the limit."""
        self.cluster.limit(self, rate)
        Cluster._limit_at(self.pid, "eth0", rate)

    def command(self, *words, user=None):
        """The command that runs a command on this host."""
        enter = ["nsenter", "--target", str(self.pid), "--net", "--mount", "--uts", "--ipc", "--pid"]
        if user:
            enter += ["--setuid", str(USERS[user]), "--setgid", str(USERS[user])]
        return [*enter, "--", *map(str, words)]

    def environment(self, user=None, **more):
        name = user or "root"
        home = f"/home/{user}" if user else pwd.getpwuid(0).pw_dir
        return {**LOGIN, "HOME": home, "USER": name, "LOGNAME": name, **{key: str(it) for key, it in more.items()}}

    def start(self, *words, user=None, env=None, **options):
        """Starts a command on this host. Its standard streams are those of `subprocess.Popen`."""
        env = self.environment(user) if env is None else env
        return subprocess.Popen(self.command(*words, user=user), env=env, **options)

    def service(self, *words, log, **environment):
        """Starts a command that runs until the host is off."""
        env = self.environment(**environment)
        self._services.append(self.start(*words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def run(self, *words, user=None, env=None, timeout=60, **options):
        """Runs a command on this host and returns its standard output. Fails if the command does."""
        done = self.attempt(*words, user=user, env=env, timeout=timeout, **options)
        assert done.returncode == 0, f"{self.name}: {words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, *words, user=None, env=None, timeout=60, **options):
        """Runs a command on this host and returns how it ended."""
        env = self.environment(user) if env is None else env
        command = self.command(*words, user=user)
        options.setdefault("stdin", subprocess.DEVNULL) if "input" not in options else None
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, **options)

    def reaches(self, host):
        """Whether a packet gets from this host to the other one and back within a second."""
        probe = f"import socket as s; c = s.socket(); c.settimeout(1); print(c.connect_ex(('{host.address}', 1)))"
        # Nobody listens on port 1: a host that is there refuses.
        return self.run(PYTHON, "-I", "-S", "-c", probe).strip() == str(111)

    def listens(self, port):
        """Whether a process of this host listens on a TCP port, at any address."""
        return port in self.listening_ports()

    def listening_ports(self):
        """The TCP ports on which processes of this host listen."""
        lines = []
        for name in ("tcp", "tcp6"):
            lines += Path(f"/proc/{self.pid}/net/{name}").read_text().splitlines()[1:]
        fields = [line.split() for line in lines]
        return {int(it[1].rsplit(":", 1)[1], 16) for it in fields if it[3] == "0A"}

    def path(self, path):
        """The path at which the tests see a file of this host."""
        return Path(f"/proc/{self.pid}/root") / str(path).lstrip("/")

    def processes(self):
        """The processes of this host, but for its process 1 and those that only enter it."""
        namespace = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if os.readlink(f"/proc/{process.pid}/ns/pid") == namespace and process.pid != self.pid:
                    if process.status() != psutil.STATUS_ZOMBIE:
                        found.append(process)
        return found

    def remember(self):
        """Takes all that is on the host now for a part of its services."""
        self._own = self._things()

    def leaks(self):
        """What is on the host beside its services, as text: processes, TCP ports and files."""
        return sorted(f"{self.name}: {it}" for it in self._things() - self._own)

    def kill_leaks(self):
        """Ends the processes that are no services."""
        for process in self.processes():
            if _described(process) not in self._own:
                with contextlib.suppress(psutil.Error):
                    process.kill()

    def _things(self):
        processes = {_described(it) for it in self.processes()}
        ports = {f"TCP port {it}" for it in self.listening_ports()}
        roots = ["/tmp", "/var/tmp", "/run", "/dev/shm", "/home"]
        # The home directory of h0 is the real one.
        roots += [pwd.getpwuid(0).pw_dir] if self.number > 0 else []
        found = (self._files(root) for root in roots)
        return processes | ports | {f"file {it}" for paths in found for it in paths if not it.startswith(EXPECTED)}

    def _files(self, root):
        top = str(self.path("/"))
        device = os.stat(self.path(root)).st_dev
        for directory, below, names in os.walk(self.path(root)):
            # What is mounted there comes from outside of the host.
            below[:] = [it for it in below if _device(os.path.join(directory, it)) == device]
            for name in names:
                yield "/" + os.path.relpath(os.path.join(directory, name), top)


def _device(path):
    try:
        return os.lstat(path).st_dev
    except OSError:
        return None


def _described(process):
    try:
        return f"process {process.pid}: {' '.join(process.cmdline())}"
    except psutil.Error:
        return f"process {process.pid}: (ended meanwhile)"


def _plan(number, count, shared, kept):
    """What process 1 does to the host's file system."""
    names = [f"{NETWORK}.{10 + it} h{it}" for it in range(count)]
    files = {"/etc/hosts": "\n".join(["127.0.0.1 localhost", *names, ""])}
    files["/etc/passwd"] = _with_users("/etc/passwd", "{name}:x:{number}:{number}::/home/{name}:/bin/sh")
    files["/etc/group"] = _with_users("/etc/group", "{name}:x:{number}:")
    empty = {**TEMPORARY, **{path: "755" for path in ("/etc/ssh", "/etc/slurm", "/home") if os.path.isdir(path)}}
    if number > 0:
        # /usr/local/bin comes early in PATH: a test may put a program there that says something else.
        hidden = [pwd.getpwuid(0).pw_dir, str(Path.home()), str(ROOT), "/usr/local/bin"]
        empty |= {path: "755" for path in hidden}
    kept = [*shared, *kept]
    if any(Path(sys.base_prefix).is_relative_to(it) for it in empty):
        kept.append(sys.base_prefix)
    kept = [str(it) for it in kept]
    return {"name": f"h{number}", "empty": empty, "kept": kept, "files": files}


def _with_users(path, line):
    lines = [line.format(name=name, number=number) for name, number in USERS.items()]
    return Path(path).read_text().rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def children(pid):
    """The processes that a process has started."""
    return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _batch(pid, program, lines):
    """Runs lines of `ip` or `tc` in the network namespace of a process."""
    command = ["nsenter", "--target", str(pid), "--net", program, "-batch", "-"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"`{program} -batch` failed: {done.stderr.strip()}; the lines: {list(lines)}")
