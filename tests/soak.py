"""Runs cells, redefinitions, tesserae, arrays, interrupts and deaths of workers in one kernel for a long time.

It samples each process after each round and writes a table and a plot. It fails if memory, descriptors or files are not
flat after the warm-up. Run it by `cargo xtask soak --minutes N`.
"""

import argparse
import csv
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

from kernels import Kernel
from plot import write_plot
from world import World, in_cache, wait_until

ITEMS = """
use mosaic::prelude::*;

#[tessera]
struct Solver { total: f64 }

#[tessera]
impl Solver {
    fn new() -> Self { Solver { total: 0.0 } }
    fn add(&mut self, n: f64) -> f64 { self.total += n; self.total }
    fn fill(&self, n: f64) -> Vec<f64> { vec![n; 200_000] }
    fn sum(&self, values: Vec<f64>) -> f64 { values.iter().sum() }
    fn pid(&self) -> u32 { std::process::id() }
}
"""
START = "mosaic::interactive(On).num_workers(2).replace_lost_workers(u32::MAX).await?;"
PIDS = """
let workers = mosaic::workers().await?;
println!("{} {}", std::process::id(), workers.iter().map(|it| it.pid.to_string()).collect::<Vec<_>>().join(" "));
"""

# The part of the run that counts as warm-up.
WARM_UP = 0.25
# The growth between the first and the last third after the warm-up that still counts as flat: a part, something for
# each cell (its library stays loaded, and its file stays in the session), and something in any case.
FLAT = {
    "memory": (0.05, 30, 3_000),
    "descriptors": (0.0, 0.0, 4),
    "threads": (0.0, 0.0, 8),
    "session files": (0.0, 3, 20),
    "other files": (0.0, 0.0, 4),
}


class Soak:
    def __init__(self, world, seed):
        self.world = world
        self.random = random.Random(seed)
        # The directory of stored values of this kernel alone.
        self.memory = Path(tempfile.mkdtemp(prefix="soak-", dir="/dev/shm"))
        self.kernel = Kernel(world, MOSAIC_MEMORY_DIR=str(self.memory))
        self.cells = 0
        self.deaths = 0
        self.run(ITEMS)
        self.run(START)

    def run(self, code):
        self.cells += 1
        cell = self.kernel.ok(code)
        # A client forgets a cell that is done, and so does this one.
        self.kernel.cells.clear()
        return cell

    def variables(self):
        name = f"value_{self.random.randrange(8)}"
        number = self.random.randrange(1000)
        self.run(f"let {name}: Vec<u64> = (0..{number}).collect();")
        assert self.run(f"{name}.len()").result == str(number)

    def redefinition(self):
        number = self.random.randrange(1000)
        self.run(f"fn helper() -> u64 {{ {number} }}\nstruct Shape {{ side_{number % 7}: u64 }}")
        assert self.run("helper()").result == str(number)

    def output(self):
        assert self.run('for n in 0..2000 { println!("line {n}"); }').stdout.count("\n") == 2000

    def tesserae(self):
        code = "{ let solvers = Solver::remote_array(4); let tasks = solvers.map(|it| it.add(2.5)); "
        assert self.run(code + "tasks.results().await? }").result == "[2.5, 2.5, 2.5, 2.5]"

    def arrays(self):
        code = "{ let (a, b) = (Solver::remote(), Solver::remote()); let filled = a.fill(0.5); "
        code += "let sum = b.sum(&filled).result().await?; let local = filled.result().await?.len(); (sum, local) }"
        assert self.run(code).result == "(100000.0, 200000)"

    def stored(self):
        code = "{ let stored = mosaic::put(&vec![1.0f64; 300_000]).await?; let solver = Solver::remote(); "
        assert self.run(code + "solver.sum(&stored).result().await? }").result == "300000.0"

    def interrupt(self):
        cell = self.kernel.submit('println!("begun"); std::thread::sleep(std::time::Duration::from_secs(600));')
        self.cells += 1
        self.kernel.read_until(lambda: "begun" in cell.stdout)
        self.kernel.control("interrupt_request")
        assert self.kernel.finish(cell).errors, str(cell)
        self.kernel.cells.clear()

    def failure(self):
        assert self.kernel.run('let never: u64 = "no number";').errors
        assert self.kernel.run('panic!("{}", 1 + 1);').errors
        self.cells += 2
        self.kernel.cells.clear()

    def death(self):
        """Kills a worker, and waits for the worker that replaces it."""
        _, *workers = self.pids()
        victim = self.random.choice(workers)
        psutil.Process(victim).send_signal(signal.SIGKILL)
        assert wait_until(lambda: len(now := self.pids()) == 3 and victim not in now, timeout=60)
        self.deaths += 1

    def pids(self):
        return [int(pid) for pid in self.run(PIDS).stdout.split()]

    def round(self, number):
        steps = [self.variables, self.redefinition, self.output, self.tesserae, self.arrays, self.stored]
        steps += [self.interrupt] if number % 3 == 0 else []
        steps += [self.failure] if number % 4 == 1 else []
        steps += [self.death] if number % 10 == 9 else []
        self.random.shuffle(steps)
        for step in steps:
            step()

    def sample(self):
        """Returns the present numbers: (subject, quantity) and the number."""
        head, *workers = self.pids()
        numbers = defaultdict(float)
        for role, pids in (("kernel", [self.kernel.pid]), ("cell process", [head]), ("workers", workers)):
            for pid in pids:
                process = psutil.Process(pid)
                numbers[role, "memory"] += anonymous_kilobytes(pid)
                numbers[role, "descriptors"] += process.num_fds()
                numbers[role, "threads"] += process.num_threads()
        numbers["all", "processes"] = len(self.kernel.processes())
        sessions = [path for path in in_cache("session-*") if path.is_dir() and self.is_ours(path)]
        numbers["kernel", "session files"] = sum(1 for path in sessions for it in path.rglob("*") if it.is_file())
        directories = [self.world.temporary, self.world.run, self.memory]
        numbers["kernel", "other files"] = sum(1 for path in directories for it in path.rglob("*") if not it.is_dir())
        return dict(numbers)

    def is_ours(self, session):
        """Whether a process of this kernel has a file of the session open, as its lock is."""
        lock = session.with_name(session.name + ".lock")
        fds = Path(f"/proc/{self.kernel.pid}/fd")
        return any(fd.exists() and lock.exists() and fd.samefile(lock) for fd in fds.iterdir())


def anonymous_kilobytes(pid):
    """The memory of a process that is its own: what it has mapped of files can be read again."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) + int(status["RssShmem"].split()[0])


def judge(samples):
    """Returns a line for each series, and whether all of them are flat. `samples` are (seconds, cells, numbers)."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(warm) // 3)
    lines, is_flat = [], True
    for key in sorted(warm[-1][2]):
        subject, quantity = key
        if quantity not in FLAT:
            continue
        first, last = ([it[2].get(key, 0) for it in part] for part in (warm[:third], warm[-third:]))
        first, last = statistics.median(first), statistics.median(last)
        cells = statistics.median(it[1] for it in warm[-third:]) - statistics.median(it[1] for it in warm[:third])
        part, each, always = FLAT[quantity]
        allowed = first * part + each * cells + always
        verdict = "flat" if last - first <= allowed else "GROWS"
        is_flat &= verdict == "flat"
        per_cell = (last - first) / max(cells, 1)
        lines.append(
            f"{subject:<14} {quantity:<14} {first:>10.0f} -> {last:>10.0f}  {per_cell:>8.2f} per cell"
            f"  (allowed: {allowed:.0f} more)  {verdict}"
        )
    return lines, is_flat


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    options.output.mkdir(parents=True, exist_ok=True)
    world = World()
    soak, samples, start = Soak(world, seed), [], time.monotonic()
    try:
        while (seconds := time.monotonic() - start) < options.minutes * 60 or len(samples) < 4:
            soak.round(len(samples))
            samples.append((seconds, soak.cells, soak.sample()))
            if len(samples) % 10 == 1:
                print(f"{seconds:6.0f} s, round {len(samples)}, {soak.cells} cells, {soak.deaths} deaths of workers")
    finally:
        soak.kernel.close()
        soak.memory.rmdir()
        if samples:
            write_table(options.output / "soak.csv", samples)
            write_plot(options.output / "soak.svg", samples)
    lines, is_flat = judge(samples)
    print(f"{len(samples)} rounds, {soak.cells} cells, {soak.deaths} deaths of workers; memory in kB")
    print("\n".join(lines))
    print(f"table and plot: {options.output}")
    world.close()
    sys.exit(0 if is_flat else 1)


def write_table(path, samples):
    keys = sorted({key for _, _, numbers in samples for key in numbers})
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seconds", "cells", *(" ".join(key) for key in keys)])
        for seconds, cells, numbers in samples:
            table.writerow([round(seconds, 1), cells, *(numbers.get(key, "") for key in keys)])


if __name__ == "__main__":
    main()
