"""Which of our promises another kernel keeps: the tests that prove them, run on ours and on evcxr_jupyter."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import peers

TESTS = Path(__file__).parent.parent
OURS, THEIRS = "mosaic-kernel", "evcxr_jupyter"


def kept(kernel, file, arguments, **environment):
    """What came of each promise. That some are broken is a result, and not a failure of the run."""
    command = [sys.executable, "-m", "pytest", "--promises", str(file), *arguments]
    print(f"\n{kernel}", flush=True)
    file.unlink(missing_ok=True)
    subprocess.run(command, cwd=TESTS, env={**os.environ, **environment}, check=False)
    if not file.exists():
        sys.exit(f"error: the tests did not run on {kernel}")
    return json.loads(file.read_text())


def table(results):
    """Markdown: a line for each promise, how many of its tests pass, and of how many."""
    lines = [f"| | {' | '.join(results)} |", f"| --- |{' --- |' * len(results)}"]
    for promise in next(iter(results.values())):
        counts = []
        for result in results.values():
            row = result.get(promise, {"passed": 0, "failed": []})
            counts.append(f"{row['passed']} of {row['passed'] + len(row['failed'])}")
        lines.append(f"| {promise} | {' | '.join(counts)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evcxr", required=True, help="the executable of evcxr_jupyter")
    parser.add_argument("--output", required=True, type=Path, help="the directory for the results")
    arguments, pytest = parser.parse_known_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    directory = arguments.output / "evcxr"
    peer = peers.evcxr(arguments.evcxr, directory)
    results = {
        OURS: kept(OURS, arguments.output / "promises-mosaic.json", pytest),
        THEIRS: kept(
            THEIRS,
            arguments.output / "promises-evcxr.json",
            pytest,
            MOSAIC_TEST_KERNEL=peer.kernel_name,
            JUPYTER_PATH=str(directory),
            **peer.environment,
        ),
    }
    print(f"\n{table(results)}")
    (arguments.output / "truth.md").write_text(table(results) + "\n")


if __name__ == "__main__":
    main()
