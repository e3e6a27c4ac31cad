"""The runtime, beside what a user would pick instead and what the machine allows. Called by `cargo xtask bench runtime`.

Each measurement of each party is a process of its own, and a round measures all parties once, so that a slow moment of the
machine hits all of them.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from comparison import OURS, medians, table

MACHINE = "machine"
PATIENCE = 180
SETTLING, IDLE = 2, 5

# What is measured, by whom it can be, and what is quick.
MEASUREMENTS = ["machine", "start", "calls", "wide", "create", "echo", "lent", "pass", "store", "many", "million", "idle"]
ONLY = {"machine": {MACHINE}, "wide": {OURS}, "million": {OURS}}
CANNOT = {"many": {"Ray"}, "pass": {"Dask", "Python mosaic"}}
QUICK = {"machine", "start", "calls", "create", "echo", "lent", "pass", "store"}

# The rows of the table: a figure's name, what it is called, its unit, and whether more is better.
ROWS = [
    ("start", "start with 2 workers to the first result", "s", False),
    ("create", "create a tessera and have it answer", "s", False),
    ("call", "empty call, result fetched (machine: socket ping-pong)", "s", False),
    ("call_p99", "the same, 99th percentile", "s", False),
    ("pipelined_one", "empty calls pipelined, one tessera", "/s", True),
    ("pipelined_all", "the same, two tesserae", "/s", True),
    *((f"echo_{size}", f"echo of {size} MiB (machine: two copies)", "s", False) for size in (4, 64, 256)),
    ("echo_inside", "echo of 64 MiB inside of a tuple", "s", False),
    *((f"echo_view_{size}", f"echo of {size} MiB, its result looked at", "s", False) for size in (4, 64, 256)),
    *((f"lent_{size}", f"lent argument of {size} MiB (machine: a copy)", "s", False) for size in (4, 64, 256)),
    ("lent_stored", "stored value of 256 MiB, lent again", "s", False),
    ("pass_lent", "result of 64 MiB as an argument, lent", "s", False),
    ("pass_owned", "the same, owned", "s", False),
    ("put", "put 256 MiB (machine: a copy)", "GB/s", True),
    ("get", "get 256 MiB (machine: a copy)", "GB/s", True),
    ("get_view", "the same, looked at", "s", False),
    ("many", "10,000 tesserae on 2 workers (others: 1,000, times ten)", "s", False),
    ("million", "1,000,000 tasks before any is awaited", "s", False),
    ("million_bytes", "the head's memory for each of them", "bytes", False),
    ("call_wide", "empty call with 64 workers", "s", False),
    ("pipelined_all_wide", "empty calls pipelined, 64 tesserae on 64 workers", "/s", True),
    ("idle_pss", "idle with 2 workers, proportional memory", "MB", False),
    ("idle_cpu", "the same, of a core", "%", False),
]


class Party:
    """One of those that are compared: its name, and the command that a measurement's name is appended to."""

    def __init__(self, name, command, **environment):
        self.name = name
        self.command = command
        self.environment = {**os.environ, **environment}

    def can(self, measurement):
        if self.name == MACHINE or measurement in ONLY:
            return self.name in ONLY.get(measurement, ())
        return self.name not in CANNOT.get(measurement, ())

    def measure(self, measurement):
        """The figures of one measurement; none where this party has no such thing."""
        if not self.can(measurement):
            return {}
        # Python mosaic leaves files in the current directory, and does not start where it finds those of a killed run.
        with tempfile.TemporaryDirectory() as directory:
            figures = self._run(measurement, directory)
        if not figures:
            print(f"{self.name}: {measurement} gave no figures within {PATIENCE} s", file=sys.stderr)
        return figures

    def _run(self, measurement, directory):
        process = subprocess.Popen(
            [*self.command, measurement],
            cwd=directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        watchdog = threading.Timer(PATIENCE, end, [process.pid])
        watchdog.start()
        try:
            return idle(process) if measurement == "idle" else read(process)
        finally:
            watchdog.cancel()
            end(process.pid)
            process.wait()


def read(process):
    """The figures that a process prints."""
    figures = [json.loads(line) for line in process.communicate()[0].splitlines() if line.startswith("{")]
    return {it["name"]: it["value"] for it in figures}


def idle(process):
    """Memory and time of all processes while nothing happens, beyond the memory of this one before it started the rest."""
    figures = {}
    for line in process.stdout:
        if line.startswith("{"):
            figures = json.loads(line)
        if line.strip() == "idle":
            break
    else:
        return {}
    time.sleep(SETTLING)
    own = psutil.Process(process.pid)
    tree = [own, *own.children(recursive=True)]
    used = cpu_seconds(tree)
    time.sleep(IDLE)
    tree = [it for it in tree if it.is_running()]
    return {
        "idle_pss": (sum(it.memory_full_info().pss for it in tree) - figures["value"]) / 1e6,
        "idle_cpu": 100 * (cpu_seconds(tree) - used) / IDLE,
    }


def cpu_seconds(processes):
    """As the scheduler counts it: the ticks of /proc/PID/stat are too coarse for what is idle."""
    tasks = (task for it in processes for task in Path(f"/proc/{it.pid}/task").glob("*/schedstat"))
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def end(pid):
    """Ends a process and all that it started."""
    try:
        own = psutil.Process(pid)
        for process in [*own.children(recursive=True), own]:
            process.kill()
    except psutil.NoSuchProcess:
        pass


def plot(figures, names, path):
    """How many times better ours is than each of the others."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    rows = [row for row in ROWS if OURS in figures.get(row[0], {}) and len(figures[row[0]]) > 1][::-1]
    figure, axes = pyplot.subplots(figsize=(11, 0.35 * len(rows) + 1.5))
    for party in names:
        if party == OURS:
            continue
        points = []
        for index, (name, _, _, more_is_better) in enumerate(rows):
            of = figures[name]
            if of.get(party) and of[OURS]:
                points.append((of[OURS] / of[party] if more_is_better else of[party] / of[OURS], index))
        if points:
            axes.plot(*zip(*points), "o", label=party)
    axes.set_yticks(range(len(rows)), [label for _, label, _, _ in rows])
    axes.axvline(1, color="grey")
    axes.set_xscale("log")
    axes.set_xlabel(f"how many times better {OURS} is")
    axes.legend()
    axes.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)


def parties(options):
    """Ours, the machine, and the peers that are installed."""
    found = [Party(OURS, [options.measure]), Party(MACHINE, [options.measure])]
    scripts = str(Path(__file__).with_name("runtime_peers.py"))
    # Ray would write a token into the home directory.
    environment = {"RAY_AUTH_MODE": "disabled"}
    if options.python_mosaic:
        environment["PYTHONPATH"] = options.python_mosaic
    for name, label in (("ray", "Ray"), ("dask", "Dask"), ("mosaic", "Python mosaic")):
        python = Path(options.peers) / name / "bin" / "python"
        if python.exists() and (name != "mosaic" or options.python_mosaic):
            found.append(Party(label, [str(python), scripts, name], **environment))
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--measure", required=True, help="the executable that measures ours")
    arguments.add_argument("--peers", required=True, help="the directory of the peers' virtual environments")
    arguments.add_argument("--output", required=True, type=Path, help="the directory for the results")
    arguments.add_argument("--python-mosaic", help="a directory of the sources of trustimaging/stride")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--quick", action="store_true", help="without what takes long")
    arguments.add_argument("--only", nargs="*", choices=MEASUREMENTS, default=MEASUREMENTS)
    options = arguments.parse_args()

    everyone, samples = parties(options), {}
    chosen = [it for it in MEASUREMENTS if it in options.only and (it in QUICK or not options.quick)]
    for number in range(options.rounds):
        for measurement in chosen:
            for party in everyone if number % 2 else everyone[::-1]:
                begun = time.perf_counter()
                for name, value in party.measure(measurement).items():
                    samples.setdefault(name, {}).setdefault(party.name, []).append(value)
                print(f"round {number + 1}, {measurement}, {party.name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    figures, names = medians(samples), [it.name for it in everyone]
    options.output.mkdir(parents=True, exist_ok=True)
    report = {"machine": platform.platform(), "cpus": os.cpu_count(), "load": os.getloadavg(), "samples": samples}
    (options.output / "runtime.json").write_text(json.dumps(report, indent=1))
    plot(figures, names, options.output / "runtime.svg")
    result = table(ROWS, figures, names)
    (options.output / "runtime.md").write_text(result + "\n")
    print(f"{result}\n\nIn brackets: how many times better {OURS} is; medians of {options.rounds} rounds.")
    print(f"figures: {options.output / 'runtime.json'}\nplot:    {options.output / 'runtime.svg'}")


if __name__ == "__main__":
    main()
