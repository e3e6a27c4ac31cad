"""How long cells take: ours and evcxr_jupyter, interleaved in one run. Called by `cargo xtask bench cells`."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import notebooks
import peers
from peers import Failed

ASYNC = "async fn ready() -> i32 { 42 }"
FUNCTION = "fn double(x: i32) -> i32 { 2 * x }"
DEPENDENCY = ':dep hex = "=0.4.3"'

# Seconds in which a kernel does what it does while nobody asks anything.
IDLE = 5

# Of the cells of one kind in a notebook, how many are its first, and its last.
LIKE = 3

# Of a session that has used `.await`: the name, the code of one round, and whether it must fail.
CELLS = {
    "expression": ("{i} + 1", False),
    "println!": ('println!("{i}")', False),
    "let": ("let value_{i} = {i} + 1;", False),
    "function call": ("double({i})", False),
    ".await": ("ready().await + {i}", False),
    "compile error": ('let wrong: i32 = "{i}";', True),
}

# A session with a tessera, of which every round awaits a task; the peer awaits a function, its shortest cell that waits.
TESSERA = """
use mosaic::prelude::*;
#[tessera]
struct Counter { total: i64 }
#[tessera]
impl Counter {
    fn new() -> Self { Counter { total: 0 } }
    fn add(&mut self, number: i64) -> i64 { self.total += number; self.total }
}
"""
CONSTRUCT = "mosaic::interactive(On).num_workers(2).await?;\nlet counter = Counter::remote().await?;"
TASKS = {
    ".await of a task": ("counter.add({i}).await?;", "ready().await + {i}"),
    "`let` of a task's result": ("let sum_{i} = counter.add({i}).result().await?;", "let sum_{i} = ready().await + {i};"),
}


def starts(peer, figures):
    """One fresh kernel: what a user waits for first."""
    with peer.start() as kernel:
        add(figures, "start to kernel_info_reply", peer, kernel.wait_for_info())
        kernel.run("40 + 2")
        add(figures, "start to the first result", peer, time.perf_counter() - kernel.started)
        add(figures, "first let", peer, kernel.run("let first = 40 + 2;"))
        kernel.run(ASYNC)
        add(figures, "first .await", peer, kernel.run("ready().await"))
        add(figures, "first completion", peer, kernel.complete("first.che"))


def dependency(peer, figures):
    """A crate that an earlier session has built already."""
    with peer.start() as kernel:
        kernel.wait_for_info()
        kernel.run("1")
        add(figures, ":dep built before", peer, kernel.run(f"{DEPENDENCY}\nhex::encode([1u8]).len()"))


def rounds(kernels, figures, count):
    """Every kind of cell in every kernel, one after the other, so that a slow moment of the machine hits all."""
    for kernel in kernels:
        kernel.wait_for_info()
        for code in (ASYNC, FUNCTION, "ready().await", "let first = 1;"):
            kernel.run(code)
        # From now on rust-analyzer is there in all of them.
        kernel.complete("first.che")
    for i in range(count):
        for name, (code, fails) in CELLS.items():
            for kernel in kernels if i % 2 else kernels[::-1]:
                add(figures, name, kernel.peer, kernel.run(code.replace("{i}", str(i)), fails))


def tasks(both, figures, count):
    """Cells that call a tessera and wait for it, in sessions of their own."""
    ours, peer = both
    for it, codes in ((ours, (TESSERA, CONSTRUCT)), (peer, (ASYNC, "ready().await", "let first = 1;"))):
        it.wait_for_info()
        for code in codes:
            it.run(code)
    for i in range(count):
        for name, codes in TASKS.items():
            for kernel, code in list(zip(both, codes))[:: 1 if i % 2 else -1]:
                add(figures, name, kernel.peer, kernel.run(code.replace("{i}", str(i))))


def notebook(both, figures, number):
    """One notebook in both kernels, cell by cell: how much longer its last cells take than its first of the same kind.

    Returns the seconds of each cell by its kernel and kind, in the order of the notebook.
    """
    cells = notebooks.notebook(seed=number)
    seconds = {peer.name: {} for peer in both}
    with ExitStack() as running:
        kernels = [running.enter_context(peer.start()) for peer in both]
        for kernel in kernels:
            kernel.wait_for_info()
            kernel.run("let warm_up = 40 + 2;")
        for i, cell in enumerate(cells):
            for kernel in kernels if i % 2 else kernels[::-1]:
                seconds[kernel.peer.name].setdefault(cell.kind, []).append(kernel.run(cell.code))
    name = f"notebook of {len(cells)} cells and {sum(cell.items for cell in cells)} items: last cells against first"
    for peer in both:
        for series in seconds[peer.name].values():
            add(figures, name, peer, statistics.median(series[-LIKE:]) / statistics.median(series[:LIKE]), "times")
    return seconds


def idle(peer, figures):
    """Memory after 20 cells, when nothing has been asked for a while."""
    with peer.start() as kernel:
        kernel.wait_for_info()
        for i in range(20):
            kernel.run(f"let value_{i} = {i};")
        kernel.complete("value_1.che")
        time.sleep(IDLE)
        add(figures, "idle after 20 cells", peer, kernel.memory(), "MB")


def growth(peer, items):
    """Seconds of one kind of cell, by the number of items defined before."""
    series = []
    with peer.start() as kernel:
        kernel.wait_for_info()
        kernel.run("1")
        defined = 0
        for number in items:
            while defined < number:
                count = min(10, number - defined)
                kernel.run("\n".join(item(defined + k) for k in range(count)))
                defined += count
            series.append([number, statistics.median(kernel.run(f"{k} + 1") for k in range(5))])
    return series


def item(number):
    return (
        f"#[derive(Clone, Debug, Default)] pub struct Item{number} {{ pub name: String, pub values: Vec<f64> }}\n"
        f"impl Item{number} {{ pub fn total(&self) -> f64 {{ self.values.iter().sum::<f64>() + {number} as f64 }} }}"
    )


def add(figures, name, peer, value, unit="s"):
    figure = figures.setdefault(name, {"unit": unit, "samples": {}})
    figure["samples"].setdefault(peer.name, []).append(value)


SHOWN = {"s": lambda it: f"{it * 1000:.0f} ms", "MB": lambda it: f"{it:.0f} MB", "times": lambda it: f"{it:.2f} times"}


def table(figures, names):
    """Medians and their ratio, as Markdown."""
    lines = [f"| | {names[0]} | {names[1]} | ratio |", "| --- | --- | --- | --- |"]
    for name, figure in figures.items():
        medians = [statistics.median(figure["samples"][peer]) for peer in names]
        shown = [SHOWN[figure["unit"]](it) for it in medians]
        lines.append(f"| {name} | {shown[0]} | {shown[1]} | {medians[0] / medians[1]:.2f} |")
    return "\n".join(lines)


def against_first(runs, peer):
    """By the round of a notebook: the median, over kinds and notebooks, of a cell's time against the first ones'."""
    every = [series for run in runs for series in run[peer].values()]
    relative = [[it / statistics.median(series[:LIKE]) for it in series] for series in every]
    return [statistics.median(its) for its in zip(*relative)]


def plot(report, path):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    times = {name: it["samples"] for name, it in report["figures"].items() if it["unit"] == "s"}
    figure, (bars, lines, rounds) = pyplot.subplots(1, 3, figsize=(16, 5), width_ratios=(3, 2, 2))
    for offset, peer in enumerate(report["peers"]):
        positions = [index + 0.4 * offset for index in range(len(times))]
        bars.barh(positions, [statistics.median(it[peer]) for it in times.values()], height=0.4, label=peer)
        lines.plot(*zip(*report["growth"][peer]), marker="o", label=peer)
        rounds.plot(against_first(report["notebooks"], peer), marker="o", label=peer)
    bars.set_yticks([index + 0.2 for index in range(len(times))], times)
    bars.set_xscale("log")
    bars.set_xlabel("seconds, median")
    bars.legend()
    lines.set_xlabel("items defined before")
    lines.set_ylabel("seconds of an expression, median")
    lines.set_ylim(bottom=0)
    rounds.set_xlabel("round of a notebook")
    rounds.set_ylabel("times what its first cells took, median")
    rounds.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(path)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--evcxr", required=True, help="the executable evcxr_jupyter")
    arguments.add_argument("--output", required=True, help="the directory for the results")
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--starts", type=int, default=5)
    arguments.add_argument("--notebooks", type=int, default=2)
    arguments.add_argument("--items", type=int, nargs="*", default=[0, 10, 40, 100, 300])
    options = arguments.parse_args()

    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        both = [peers.ours(), peers.evcxr(options.evcxr, directory)]
        figures = {}
        with ExitStack() as running:
            rounds([running.enter_context(peer.start()) for peer in both], figures, options.rounds)
        with ExitStack() as running:
            tasks([running.enter_context(peer.start()) for peer in both], figures, options.rounds)
        runs = [notebook(both, figures, number) for number in range(options.notebooks)]
        for number in range(options.starts):
            for peer in both if number % 2 else both[::-1]:
                starts(peer, figures)
                dependency(peer, figures)
        for peer in both:
            idle(peer, figures)
        report = {
            "machine": platform.platform(),
            "rustc": subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip(),
            "peers": [peer.name for peer in both],
            "figures": figures,
            "notebooks": runs,
            "growth": {peer.name: growth(peer, options.items) for peer in both},
        }
    (output / "cells.json").write_text(json.dumps(report, indent=1))
    plot(report, output / "cells.svg")
    print(table(figures, report["peers"]))
    print(f"\nitems defined before, and the seconds of an expression: {json.dumps(report['growth'])}")
    print(f"\nfigures: {output / 'cells.json'}\nplot:    {output / 'cells.svg'}")


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        raise SystemExit(f"error: {error}") from None
