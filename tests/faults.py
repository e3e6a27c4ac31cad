"""Signals to each process of a kernel at random moments of a load of calls, arrays and output.

After each signal, what survives answers, errors name what is gone, no value is wrong, and no line of output is lost or
doubled. A killed kernel leaves nothing. Run a hundred of them by `cargo xtask faults --rounds 100`.
"""

import argparse
import contextlib
import random
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from kernels import Kernel
from world import World, wait_until

ITEMS = """
use mosaic::prelude::*;
use std::io::Write;

fn note(path: &str, line: &str) {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.unwrap().write_all(format!("{line}\\n").as_bytes()).unwrap();
}

/// Prints a line, and notes in a file that it was printed.
fn say(path: &str, line: &str) {
    println!("{line}");
    note(path, line);
}

#[tessera]
struct Loader;

#[tessera]
impl Loader {
    fn new() -> Self { Loader }
    fn pid(&self) -> u32 { std::process::id() }
    fn shift(&self, values: Vec<f64>, by: f64, path: &str, line: &str) -> Vec<f64> {
        say(path, line);
        values.iter().map(|value| value + by).collect()
    }
}

async fn load(round: u64, steps: u64, path: &str) -> Result<u64, TaskError> {
    let loaders = [Loader::remote(), Loader::remote()];
    let pids = (std::process::id(), loaders[0].pid().result().await?, loaders[1].pid().result().await?);
    note(&format!("{path}.pids"), &format!("{} {} {}", pids.0, pids.1, pids.2));
    for step in 0..steps {
        say(path, &format!("line {round} {step} head"));
        let values = vec![(round * 1000 + step) as f64; 100_000];
        let once = loaders[0].shift(&values, 0.25, path, &format!("line {round} {step} first"));
        let twice = loaders[1].shift(&once, 0.5, path, &format!("line {round} {step} second"));
        let values = twice.result().await?;
        let expected = (round * 1000 + step) as f64 + 0.75;
        assert!(values.len() == 100_000 && values.iter().all(|it| *it == expected), "WRONG DATA");
    }
    Ok(steps)
}
"""
START = "mosaic::interactive(On).num_workers(2).replace_lost_workers(u32::MAX).await?;"
STEPS = 40
# How long a stopped process is stopped, in seconds.
STOPPED = 0.3
# Far more than anything takes. Whatever takes longer hangs.
DEADLINE = 90

# Who gets the signal, which, and what the cell of the load may say then. `None`: it must end well.
TABLE = [
    ("cell process", signal.SIGKILL, ["SIGKILL"]),
    ("first worker", signal.SIGKILL, ["SIGKILL", "ended", "closed"]),
    ("second worker", signal.SIGKILL, ["SIGKILL", "ended", "closed"]),
    ("rustc", signal.SIGKILL, [""]),
    ("cargo", signal.SIGKILL, [""]),
    ("cell process", signal.SIGSTOP, None),
    ("first worker", signal.SIGSTOP, None),
    ("second worker", signal.SIGSTOP, None),
    ("kernel", signal.SIGSTOP, None),
    ("rustc", signal.SIGSTOP, None),
    ("cargo", signal.SIGSTOP, None),
    ("kernel", signal.SIGKILL, []),
]


def resume(process):
    """Lets a stopped process go on, if it still exists."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.resume()


class Load:
    """A kernel under load, in a world of its own."""

    def __init__(self, with_cargo):
        self.world = World()
        # Otherwise the kernel repeats recorded calls of rustc without cargo.
        environment = {"MOSAIC_FAST_PATH": "0"} if with_cargo else {}
        self.kernel = Kernel(self.world, **environment)
        # Without its shortcuts, a kernel takes minutes for its first cell while others compile.
        self.kernel.ok(ITEMS, 600)
        self.kernel.ok(START, 600)

    def close(self):
        self.kernel.close()
        self.world.close()

    def strike(self, number, role, kind, says, chance):
        """Runs the load, sends a signal to one process, and checks all that must hold."""
        path = self.world.home / f"noted-{number}"
        code = f'let done = load({number}, {STEPS}, "{path}").await?; println!("done {{done}}");'
        cell = self.kernel.submit(code)
        struck = self.send(role, kind, path, chance, cell)
        if role == "kernel" and kind == signal.SIGKILL:
            return self.killed_kernel(number, path, struck)
        self.kernel.finish(cell, DEADLINE)
        if not struck:
            assert f"done {STEPS}" in cell.stdout, str(cell)
        elif says is None:
            assert cell.reply["status"] == "ok" and f"done {STEPS}" in cell.stdout, str(cell)
        elif cell.reply["status"] != "ok":
            assert any(word in cell.error for word in says), str(cell)
        assert "WRONG DATA" not in cell.text, str(cell)
        # What survived goes on: the kernel, the runtime, and the compiler.
        again = self.world.home / f"noted-{number}-again"
        code = f'{START} println!("again {{}}", load({number + 10_000}, 2, "{again}").await?);'
        cell = self.kernel.run(code, DEADLINE)
        if role == "cell process" and kind == signal.SIGKILL and cell.reply["status"] == "error":
            # The load had ended before the signal. The next cell learns of it.
            assert "SIGKILL" in cell.error, str(cell)
            cell = self.kernel.ok(code, DEADLINE)
        assert "again 2" in cell.stdout, str(cell)
        self.check_lines(number, path)
        self.check_lines(number + 10_000, again)
        self.kernel.cells.clear()
        return struck

    def send(self, role, kind, path, chance, cell):
        """Sends the signal at a random moment. Returns whether the process was still there."""
        if role in ("rustc", "cargo"):
            pid = self.wait_for_program(role)
            pause = chance * 0.1
        else:
            noted = Path(f"{path}.pids")
            self.kernel.read_until(lambda: noted.exists() and noted.read_text().endswith("\n") or cell.idle, DEADLINE)
            head, first, second = map(int, noted.read_text().split())
            pid = {"kernel": self.kernel.pid, "cell process": head, "first worker": first, "second worker": second}[role]
            pause = chance * 0.6
        if not pid:
            return False
        process = psutil.Process(pid)
        # The moment is random on purpose; nothing is expected to have happened by then.
        time.sleep(pause)
        try:
            process.send_signal(kind)
        except psutil.NoSuchProcess:
            return False
        if kind == signal.SIGSTOP:
            threading.Timer(STOPPED, resume, [process]).start()
        return True

    def wait_for_program(self, name):
        """The pid of a program that the kernel's compilation runs; None if it runs none."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for process in psutil.Process(self.kernel.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if Path(process.exe()).name == name:
                        return process.pid
        return None

    def lines(self, number):
        texts = [cell.text for cell in self.kernel.cells.values()]
        return Counter(match for text in texts for match in re.findall(rf"line {number} \d+ \w+$", text, re.MULTILINE))

    def check_lines(self, number, path):
        """Each line that was printed for certain came once, and no line came twice."""
        noted = path.read_text().splitlines() if path.exists() else []

        def missing():
            lines = self.lines(number)
            return [line for line in noted if lines[line] != 1]

        with contextlib.suppress(AssertionError):
            self.kernel.read_until(lambda: not missing(), 20)
        assert not missing(), f"lost or doubled: {missing()[:5]}"
        doubled = [line for line, count in self.lines(number).items() if count > 1]
        assert not doubled, f"doubled: {doubled[:5]}"

    def killed_kernel(self, number, path, struck):
        """Everything that the kernel had ends with it, and nothing of it is left."""
        assert struck
        # What the kernel had not published is lost with it, but nothing comes twice.
        while self.kernel.read(0.2):
            pass
        assert all(count == 1 for count in self.lines(number).values())
        assert wait_until(lambda: not self.kernel.processes(), timeout=30), f"left: {self.kernel.processes()}"
        self.close()
        return True


def run(rounds, seed):
    """Goes through the table from a random place, and gives each round a moment of its own."""
    print(f"seed {seed}", flush=True)
    chances, loads, hits = random.Random(seed), {}, Counter()
    order = [TABLE[number % len(TABLE)] for number in range(rounds)]
    chances.shuffle(order)
    try:
        for number, (role, kind, says) in enumerate(order):
            with_cargo = role == "cargo"
            load = loads.get(with_cargo) or Load(with_cargo)
            loads[with_cargo] = load
            chance = chances.random()
            started = time.monotonic()
            try:
                struck = load.strike(number, role, kind, says, chance)
            except BaseException as error:
                raise AssertionError(f"seed {seed}, round {number}: {kind.name} to {role} at {chance:.2f}") from error
            hits[role, kind.name] += struck
            took = time.monotonic() - started
            print(f"{number:3} {kind.name:<8} {role:<14} {'hit' if struck else 'missed':<7} {took:5.1f} s", flush=True)
            if role == "kernel" and kind == signal.SIGKILL:
                del loads[with_cargo]
    finally:
        for load in loads.values():
            load.close()
    return hits


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    hits = run(options.rounds, seed)
    for (role, kind), count in sorted(hits.items()):
        print(f"{kind:<8} {role:<14} {count}")
    print(f"{sum(hits.values())} of {options.rounds} signals reached their process, and everything went on")


if __name__ == "__main__":
    main()
