"""Numeric code in a cell, in a tessera, in evcxr_jupyter, in a release build, and numpy's, interleaved in one run.

Called by `cargo xtask bench numeric`. All but numpy compile the same text, `numeric/src/kernels.rs`.
"""

import argparse
import json
import platform
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy

import peers
from peers import Failed

KERNELS = Path(__file__).parent / "numeric" / "src" / "kernels.rs"
RELEASE = "release build"

# The kernels: the call in a cell, and the name in the table.
NAMES = {
    "stencil by index": ("stencil({rounds}, stencil_by_index)", "stencil over `Array2<f32>`, `[[i, j]]`"),
    "stencil by views": ("stencil({rounds}, stencil_by_views)", "the same over whole views"),
    "saxpy": ("saxpy({rounds})", "saxpy over slices"),
    "dot": ("dot({rounds})", "`ndarray`: product of matrices"),
    "sums": ("sums({rounds})", "`ndarray`: sums of arrays"),
    "bodies": ("bodies({rounds})", "n-body in f64"),
    "sort": ("sort({rounds})", "sort of f64"),
    "count": ("count({rounds})", "counts in a hash map"),
    "parse": ("parse({rounds})", "numbers parsed from text"),
    "fft": ("fft({rounds})", "complex FFT (rustfft)"),
    "collatz": ("collatz({rounds})", "Collatz sequences in u64"),
}

DEPENDENCIES = ':dep ndarray = "0.17"\n:dep rustfft = "6"'
TESSERA = """
use mosaic::prelude::*;
#[tessera]
struct Bench;
#[tessera]
impl Bench {
    fn new() -> Self { Bench }
    fn measure(&mut self, name: String, rounds: usize) -> Vec<f64> { measure(&name, rounds) }
}
"""
CONSTRUCT = "mosaic::interactive(On).num_workers(1).await?;\nlet bench = Bench::remote().await?;"


class InCell:
    """A kernel whose cells call the functions."""

    def __init__(self, name, peer, running, release=False):
        self.name = name
        self.kernel = running.enter_context(peer.start())
        self.kernel.wait_for_info()
        settings = [":release"] if release else []
        for code in (DEPENDENCIES, *settings, KERNELS.read_text()):
            self.kernel.run(code)

    def seconds(self, kernel, rounds):
        return json.loads(self.kernel.result(NAMES[kernel][0].format(rounds=rounds)))


class InTessera(InCell):
    """A kernel whose cells call a tessera."""

    def __init__(self, peer, running):
        super().__init__("tessera", peer, running)
        for code in (TESSERA, CONSTRUCT):
            self.kernel.run(code)

    def seconds(self, kernel, rounds):
        code = f"bench.measure({json.dumps(kernel)}, {rounds}).result().await?"
        return json.loads(self.kernel.result(code))


class Program:
    """The release build."""

    name = RELEASE

    def __init__(self, executable, running):
        self.process = running.enter_context(
            subprocess.Popen([executable], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        running.callback(self.process.stdin.close)

    def seconds(self, kernel, rounds):
        print(kernel, rounds, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Numpy:
    """What numpy has of the kernels."""

    name = "numpy"

    def __init__(self):
        random = numpy.random.default_rng(1)
        self.image = random.random((1000, 1000), dtype=numpy.float32)
        self.vector = random.random(1 << 14, dtype=numpy.float32)
        self.matrix = random.random((300, 300))
        self.long = random.random(1 << 16)
        self.unsorted = random.random(300_000)
        self.keys = (random.random(300_000) * 5000).astype(numpy.uint64)
        self.signal = random.random(1 << 16).astype(complex)

    def stencil(self):
        for _ in range(10):
            a = self.image
            b = a.copy()
            b[1:-1, 1:-1] = 0.25 * (a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:])

    def saxpy(self):
        y = self.vector.copy()
        for _ in range(500):
            y += numpy.float32(0.001) * self.vector

    def sums(self):
        for _ in range(50):
            self.long.sum() + (self.long * 2.0).sum()

    def seconds(self, kernel, rounds):
        body = {
            "stencil by views": self.stencil,
            "saxpy": self.saxpy,
            "dot": lambda: (self.matrix @ self.matrix).sum(),
            "sums": self.sums,
            "sort": lambda: numpy.sort(self.unsorted),
            "count": lambda: numpy.unique(self.keys, return_counts=True),
            "fft": lambda: numpy.fft.fft(self.signal),
        }.get(kernel)
        if body is None:
            return []
        body()
        return [self.timed(body) for _ in range(rounds)]

    @staticmethod
    def timed(body):
        begun = time.perf_counter()
        body()
        return time.perf_counter() - begun


def table(figures, names):
    """Medians, and how many times the release build's each is, as Markdown."""
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for kernel, (_, label) in NAMES.items():
        medians = {name: statistics.median(of) for name, of in figures[kernel].items() if of}
        shown = [f"{medians[name] * 1e3:.2f} ms ({medians[name] / medians[RELEASE]:.2f})" if name in medians else "-" for name in names]
        lines.append(f"| {label} | {' | '.join(shown)} |")
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--evcxr", required=True, help="the executable evcxr_jupyter")
    arguments.add_argument("--program", required=True, help="the release build")
    arguments.add_argument("--output", required=True, type=Path, help="the directory for the results")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--without-evcxr", action="store_true", help="leaves evcxr_jupyter out, which takes most of the time")
    options = arguments.parse_args()

    figures = {kernel: {} for kernel in NAMES}
    with tempfile.TemporaryDirectory() as directory, ExitStack() as running:
        parties = [
            Program(options.program, running),
            InCell("cell", peers.ours(), running),
            InTessera(peers.ours(), running),
            InCell("cell after `:release`", peers.ours(), running, release=True),
            Numpy(),
        ]
        if not options.without_evcxr:
            parties.append(InCell("evcxr_jupyter", peers.evcxr(options.evcxr, directory), running))
        for number in range(options.rounds):
            for kernel in NAMES:
                for party in parties if number % 2 else parties[::-1]:
                    # Each party compiles a cell for the call, so its rounds begin on a machine that is as warm.
                    figures[kernel].setdefault(party.name, []).extend(party.seconds(kernel, 3))
        report = {
            "machine": platform.platform(),
            "rustc": subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip(),
            "numpy": numpy.__version__,
            "figures": figures,
        }
        names = [party.name for party in parties]
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "numeric.json").write_text(json.dumps(report, indent=1))
    print(table(figures, names))
    print(f"\nIn brackets: times the release build's time.\nfigures: {options.output / 'numeric.json'}")


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        raise SystemExit(f"error: {error}") from None
