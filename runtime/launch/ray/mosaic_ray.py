"""Starts one node process on each of several hosts of a Ray cluster.

mosaic-launch runs this program and talks to it by lines of JSON: operations on its standard input, events on its
standard output. The end of the standard input ends everything. Bytes are hexadecimal digits.

Operations:
    {"op": "start", "address", "hosts": N or null, "cpus", "executable", "sha256", "size", "arguments": [...],
     "environment": [[name, value], ...], "grace": SECONDS}   first, once
    {"op": "run", "host"}            after the event "host": the host can run the executable
    {"op": "send", "host", "line"}
    {"op": "replace", "host": NEW, "old"}
    {"op": "end", "host"}
    {"op": "stop"}

Events:
    {"event": "planned", "hosts"}
    {"event": "host", "host", "name", "machine", "glibc", "flags"}   waits for "run" or "end"
    {"event": "started", "host"}, {"event": "line", "host", "line"}, {"event": "ended", "host", "reason"}
    {"event": "refused", "host", "reason"}, {"event": "says", "text"}, {"event": "gone", "reason"}
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import platform
import signal
import socket
import stat
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

# Ray prints to file descriptor 1, whatever it is told. Only events may go there.
EVENTS: TextIO = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# After the death of this program, a server of Ray's clients waits this long for its return, in seconds.
os.environ.setdefault("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "5")

import ray  # noqa: E402
from ray.util.placement_group import PlacementGroup, placement_group  # noqa: E402
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy  # noqa: E402

# The longest line of a node process, in bytes.
LONGEST_LINE = 16 << 20
# How long the cluster may take before the user is told what is waited for, in seconds.
PATIENCE = 5.0
# How long the address of a cluster may take to answer, in seconds.
CONNECT_PATIENCE = 10.0
# How long this program may take to end after the grace of the node processes, in seconds.
LAST_PATIENCE = 3.0
# How many executables a host keeps, however old they are.
KEPT = 4
DAY = 24 * 60 * 60

Event = dict[str, Any]


class Node:
    """The actor that starts and follows the node process of its host.

    Ray copies this class to other hosts without the rest of this file, except what it names.
    """

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.directory: Path | None = None
        self.executable = Path()
        self.process: asyncio.subprocess.Process | None = None

    async def describe(self, sha256: str, size: int) -> Event:
        """Returns what the host is, and whether it has the executable."""
        self.directory = _find_directory()
        is_cached = False
        if self.directory is not None:
            self.executable = self.directory / sha256
            with suppress(OSError):
                is_cached = self.executable.stat().st_size == size and os.access(self.executable, os.X_OK)
        return {
            "name": socket.gethostname(),
            "machine": platform.machine(),
            "glibc": _glibc(),
            "flags": _cpu_flags(),
            "has_directory": self.directory is not None,
            "is_cached": is_cached,
        }

    async def install(self, data: bytes) -> None:
        """Keeps the executable, under the name that is its hash."""
        assert self.directory is not None
        if hashlib.sha256(data).hexdigest() != self.executable.name:
            raise ValueError("the executable was changed while it was sent")
        incoming = self.directory / f"incoming.{socket.gethostname()}.{os.getpid()}"
        try:
            with os.fdopen(os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "wb") as file:
                file.write(data)
            incoming.rename(self.executable)
        finally:
            incoming.unlink(missing_ok=True)
        _remove_old(self.directory)

    async def start(self, arguments: list[bytes], environment: list[tuple[bytes, bytes]], cpus: int) -> None:
        """Starts the node process."""
        os.utime(self.executable)
        variables = dict(os.environb)
        # Ray sets it to the CPUs of this actor. The workers may use more.
        if variables.get(b"OMP_NUM_THREADS") == str(cpus).encode():
            del variables[b"OMP_NUM_THREADS"]
        variables.update(environment)
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            self.executable,
            *arguments,
            env=variables,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        self.following = asyncio.create_task(self._follow(self.process))

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        async def lines(stream: asyncio.StreamReader | None, kind: str) -> None:
            assert stream is not None
            while line := await stream.readline():
                await self.events.put({kind: line.decode(errors="replace").rstrip("\n")})

        readers = [
            asyncio.create_task(lines(process.stdout, "line")),
            asyncio.create_task(lines(process.stderr, "error")),
        ]
        code = await process.wait()
        # A process that it has left may hold the pipes.
        await asyncio.wait(readers, timeout=0.5)
        await self.events.put({"code": code})

    async def next_events(self) -> list[Event]:
        """Waits for an event of the node process, and returns all that there are."""
        events = [await self.events.get()]
        while not self.events.empty():
            events.append(self.events.get_nowait())
        return events

    async def send(self, line: str) -> None:
        """Writes a line to the standard input of the node process."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(line.encode() + b"\n")

    async def end(self, grace: float) -> None:
        """Closes the standard input of the node process, and kills it if it does not end within the grace."""
        process = self.process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except asyncio.TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _find_directory() -> Path | None:
    """Returns a directory for executables that is this user's alone, and in which they can be executed."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    candidates = [Path(cache) / "mosaic-node", Path(f"/tmp/mosaic-node-{os.getuid()}")]
    return next((it for it in candidates if it.is_absolute() and _is_usable(it)), None)


def _is_usable(directory: Path) -> bool:
    probe = directory / f".probe.{os.getpid()}"
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        # Not a symbolic link, and nobody else's: in /tmp others may have made it.
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o777 != 0o700 or found.st_uid != os.getuid():
            return False
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT, 0o700))
        return os.access(probe, os.X_OK)
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.unlink()


def _remove_old(directory: Path) -> None:
    """Keeps the executables that were used last, and those of the last day. Others may be used by running nodes."""
    with suppress(OSError):
        files = sorted(directory.iterdir(), key=lambda it: it.stat().st_mtime, reverse=True)
        executables = [it for it in files if len(it.name) == 64]
        old = executables[KEPT:] + [it for it in files if it.name.startswith("incoming.")]
        for file in old:
            if file.stat().st_mtime < time.time() - DAY:
                file.unlink()


def _glibc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return "musl" if any(Path("/lib").glob("ld-musl-*")) else ""


def _cpu_flags() -> str:
    with suppress(OSError), open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith(("flags", "Features")):
                return line.partition(":")[2].strip()
    return ""


@dataclass
class Host:
    """A host of the launch."""

    actor: Any = None
    name: str = ""
    may_run: asyncio.Event = field(default_factory=asyncio.Event)
    is_ended: bool = False
    is_running: bool = False
    waiting: list[str] = field(default_factory=list)


class Launch:
    """The node processes on all hosts."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.cpus: int = order["cpus"]
        self.hosts: dict[int, Host] = {}
        self.bundles: dict[int, int] = {}
        self.executable: Any = None
        self.group: PlacementGroup | None = None
        # asyncio itself keeps no task alive.
        self.tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connects to the cluster, reserves the hosts and starts all node processes."""
        await self.connect(self.order["address"])
        nodes = [node for node in ray.nodes() if node["Alive"]]
        fitting = [node for node in nodes if node["Resources"].get("CPU", 0) >= self.cpus]
        count = self.order["hosts"] or len(fitting)
        if count == 0:
            raise RuntimeError(f"no host of the cluster has {self.cpus} CPUs")
        # Operations for a host can come as soon as it is planned.
        self.hosts = {number: Host() for number in range(count)}
        report(event="planned", hosts=count)
        self.group = placement_group([{"CPU": self.cpus}] * count, strategy="STRICT_SPREAD")
        ready = asyncio.ensure_future(get(self.group.ready()))
        text = f"waiting until Ray has {count} hosts with {self.cpus} free CPUs each; {len(fitting)} hosts have so many"
        await wait(ready, text)
        for number in range(count):
            self.start_host(number, number)

    async def connect(self, address: str) -> None:
        """Connects to the cluster."""
        named = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
        try:
            # Ray tries for half a minute, or longer, to reach an address at which nothing listens.
            host, _, port = named.removeprefix("ray://").rpartition(":")
            if port.isdecimal():
                await asyncio.to_thread(lambda: socket.create_connection((host, int(port)), CONNECT_PATIENCE).close())
            connecting = asyncio.to_thread(
                lambda: ray.init(address=address, log_to_driver=False, logging_level="ERROR")
            )
            await wait(asyncio.ensure_future(connecting), f"waiting for Ray at the address {named}")
        except Exception as error:
            advice = (
                "start Ray on this machine with `ray start`, or name a cluster by `ray://HOST:10001`"
                if named == "auto"
                else "is that the address of a cluster, and has the cluster the same version of Ray and Python?"
            )
            raise RuntimeError(f"cannot connect to Ray at the address {named}: {explain(error)}; {advice}") from error

    def start_host(self, number: int, bundle: int) -> None:
        """Starts a node process in a bundle of the placement group."""
        host = self.hosts.setdefault(number, Host())
        self.bundles[number] = bundle
        self.spawn(self.run_host(number, host))

    def spawn(self, work: Any) -> None:
        """Runs something in the background."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run_host(self, number: int, host: Host) -> None:
        try:
            await self.prepare(number, host)
        except Exception as error:
            report(event="refused", host=number, reason=explain(error))
            kill(host.actor)
            return
        if host.is_ended:
            report(event="refused", host=number, reason="the launch of this host was ended")
            kill(host.actor)
            return
        report(event="started", host=number)
        host.is_running = True
        for line in host.waiting:
            host.actor.send.remote(line)
        reason = await self.follow(number, host)
        host.is_running = False
        report(event="ended", host=number, reason=reason)
        # The actor's CPUs are free for a replacement.
        kill(host.actor)

    async def prepare(self, number: int, host: Host) -> None:
        """Installs the executable on a host, and starts it unless the host is ended meanwhile."""
        order = self.order
        host.actor = ray.remote(num_cpus=self.cpus, max_restarts=0, max_task_retries=0)(Node).options(
            scheduling_strategy=PlacementGroupSchedulingStrategy(self.group, self.bundles[number]),
            runtime_env={
                "env_vars": {
                    # Ray would kill the node process when the actor exits. It ends by itself, and removes its files.
                    "RAY_kill_child_processes_on_worker_exit": "0",
                    # Ray would hide the GPUs from an actor that has asked for none.
                    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
                }
            },
        ).remote()
        found = await get(host.actor.describe.remote(order["sha256"], order["size"]))
        host.name = found["name"]
        report(event="host", host=number, **{key: found[key] for key in ("name", "machine", "glibc", "flags")})
        await host.may_run.wait()
        if host.is_ended:
            return
        if not found["has_directory"]:
            raise RuntimeError(
                f"host {host.name} has no place for the executable: neither the cache directory in the home directory "
                "nor /tmp can be written, belongs to the user alone, and allows executables"
            )
        if not found["is_cached"]:
            megabytes = -(-order["size"] // 1_000_000)
            report(event="says", text=f"copying the program to host {host.name} ({megabytes} MB)")
            if self.executable is None:
                # Ray sends an object to each host once.
                self.executable = ray.put(Path(os.fsdecode(bytes.fromhex(order["executable"]))).read_bytes())
            await get(host.actor.install.remote(self.executable))
        arguments = [bytes.fromhex(it) for it in order["arguments"]]
        environment = [(bytes.fromhex(name), bytes.fromhex(value)) for name, value in order["environment"]]
        await get(host.actor.start.remote(arguments, environment, self.cpus))

    async def follow(self, number: int, host: Host) -> str:
        """Reports the lines of a node process, and returns how it has ended."""
        last_error = ""
        is_seen = True
        while True:
            try:
                events = await get(host.actor.next_events.remote())
            except ray.exceptions.ActorUnavailableError:
                if is_seen:
                    report(event="says", text=f"Ray has lost sight of host {host.name}")
                is_seen = False
                await asyncio.sleep(0.2)
                continue
            except Exception as error:
                return explain(error)
            is_seen = True
            for event in events:
                if "line" in event:
                    report(event="line", host=number, line=event["line"])
                elif "error" in event:
                    last_error = event["error"]
                    report(event="says", text=f"{host.name}: {last_error}")
                else:
                    return how_it_ended(event["code"], last_error)

    def run(self, host: int) -> None:
        """Allows a host to run the executable."""
        self.hosts[host].may_run.set()

    def send(self, host: int, line: str) -> None:
        """Sends a line to a host. It waits until the node process runs."""
        found = self.hosts.get(host)
        if found is None:
            return
        if found.is_running:
            found.actor.send.remote(line)
        else:
            found.waiting.append(line)

    def end(self, host: int) -> None:
        """Ends the node process of a host."""
        if host in self.hosts:
            self.spawn(self.end_host(self.hosts[host]))

    def replace(self, host: int, old: int) -> None:
        """Starts a node process in the bundle of a host that was lost. Ray finds a host for the bundle."""
        self.hosts[host] = Host()
        self.spawn(self.replace_host(host, old))

    async def replace_host(self, number: int, old: int) -> None:
        if old in self.hosts:
            # An actor that cannot be reached cannot be asked.
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.end_host(self.hosts[old]), 1.0)
            kill(self.hosts[old].actor)
        self.start_host(number, self.bundles.get(old, old))

    async def end_host(self, host: Host) -> None:
        host.is_ended = True
        host.may_run.set()
        if host.is_running:
            with suppress(Exception):
                await get(host.actor.end.remote(self.order["grace"]))

    async def stop(self) -> None:
        """Ends all node processes, and disconnects from the cluster."""
        ends = [asyncio.ensure_future(self.end_host(host)) for host in self.hosts.values()]
        if ends:
            await asyncio.wait(ends, timeout=self.order["grace"] + 1)
        if self.tasks:
            # They report the ends.
            await asyncio.wait(self.tasks, timeout=0.5)
        if ray.is_initialized():
            await asyncio.to_thread(ray.shutdown)


async def get(reference: Any) -> Any:
    """Waits for a value of Ray's."""
    future: Future[Any] = reference.future()
    return await asyncio.wrap_future(future)


async def wait(work: asyncio.Future[Any], text: str) -> None:
    """Waits for something, and tells the user what it is if it takes long."""
    done, _ = await asyncio.wait([work], timeout=PATIENCE)
    if not done:
        report(event="says", text=text)
    await work


def kill(actor: Any) -> None:
    """Kills an actor, if it lives."""
    if actor is not None:
        with suppress(Exception):
            ray.kill(actor)


def report(**event: Any) -> None:
    """Writes an event."""
    with suppress(BrokenPipeError):
        EVENTS.write(json.dumps(event) + "\n")


def explain(error: Exception) -> str:
    """Says in one line what has gone wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return str(cause)
    if isinstance(error, ray.exceptions.ActorDiedError):
        lines = [line for line in lines if line.startswith("The actor")] or lines
    text, _, _ = " ".join(lines).partition(" Some common causes include")
    return text[:500].removesuffix(".") or type(error).__name__


def how_it_ended(code: int, last_error: str) -> str:
    """Says how a node process has ended."""
    if code == 0:
        how = "ended"
    elif code > 0:
        how = f"ended with code {code}"
    else:
        how = f"killed by signal {-code}"
    return f"{how}: {last_error}" if last_error else how


async def main() -> None:
    loop = asyncio.get_running_loop()
    operations: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def read() -> None:
        grace = 0.0
        for line in sys.stdin.buffer:
            operation = json.loads(line)
            grace = operation.get("grace", grace)
            loop.call_soon_threadsafe(operations.put_nowait, operation)
        loop.call_soon_threadsafe(operations.put_nowait, None)
        # The loop may hang, for example in `ray.init`. Ray ends the actors when this program ends.
        time.sleep(grace + LAST_PATIENCE)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    first = await operations.get()
    if first is None:
        return
    launch = Launch(first)
    start = asyncio.create_task(launch.start())

    def started(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            report(event="gone", reason=explain(error))  # type: ignore[arg-type]

    start.add_done_callback(started)
    while (operation := await operations.get()) is not None and operation["op"] != "stop":
        name = operation.pop("op")
        try:
            getattr(launch, name)(**operation)
        except Exception as error:
            report(event="says", text=f"Ray: cannot {name}: {explain(error)}")
    if not start.done() and not launch.hosts:
        os._exit(0)
    await launch.stop()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
