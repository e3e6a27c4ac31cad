"""Notebooks in ours and in evcxr_jupyter: how long each takes, and where the outputs differ.

Called by `cargo xtask bench notebooks`. The notebooks of `tests/notebooks` hold evcxr_jupyter's outputs, and `--store`
makes them anew. The times hold the building of crates, unless a kernel keeps them from one session to the next.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import nbformat

import peers

TESTS = Path(__file__).parent.parent
# The tests compare in the same way.
sys.path.append(str(TESTS))

import outputs  # noqa: E402


def compared(path, ours, theirs, store):
    """One notebook in both, as a row of the report."""
    notebook = nbformat.read(path, as_version=4)
    (here, seconds), (there, their_seconds) = (run(notebook, peer) for peer in (ours, theirs))
    if store:
        nbformat.write(there, path)
    return {
        "notebook": path.stem,
        "cells": len(outputs.code_cells(notebook)),
        "seconds": {ours.name: seconds, theirs.name: their_seconds},
        "differences": [
            {"cell": number, theirs.name: one, ours.name: other}
            for number, one, other in outputs.differences(there, here)
        ],
        "not as stored": [number for number, *_ in outputs.differences(notebook, there)],
    }


def run(notebook, peer):
    environment = {**os.environ, **peer.environment}
    return outputs.run(notebook, environment, kernel_name=peer.kernel_name, kernel_spec_manager=peer.specs())


def table(rows, names):
    """Seconds and differences, as Markdown."""
    head = ["", "cells", *names, "ratio", "cells that differ"]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' --- |' * (len(head) - 1)}"]
    for row in rows:
        ours, theirs = (row["seconds"][name] for name in names)
        times = f"{ours:.1f} s | {theirs:.1f} s | {ours / theirs:.2f}"
        lines.append(f"| {row['notebook']} | {row['cells']} | {times} | {len(row['differences'])} |")
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--evcxr", required=True, help="the executable evcxr_jupyter")
    arguments.add_argument("--output", required=True, type=Path, help="the directory for the results")
    arguments.add_argument("--store", action="store_true", help="has the notebooks keep what evcxr_jupyter shows now")
    arguments.add_argument("names", nargs="*", help="of notebooks; all where none is given")
    options = arguments.parse_args()
    known = {path.stem: path for path in sorted((TESTS / "notebooks").glob("*.ipynb"))}
    if missing := set(options.names) - set(known):
        arguments.error(f"no notebook {', '.join(sorted(missing))}: there are {', '.join(known)}")

    rows = []
    with tempfile.TemporaryDirectory() as directory:
        both = [peers.ours(), peers.evcxr(options.evcxr, directory)]
        for name in options.names or known:
            rows.append(compared(known[name], *both, options.store))
            for difference in rows[-1]["differences"]:
                print(f"{name}: {json.dumps(difference, indent=1, ensure_ascii=False)}", flush=True)
            if not options.store and rows[-1]["not as stored"]:
                print(f"{name}: evcxr_jupyter shows something else than what is stored: {rows[-1]['not as stored']}")
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "notebooks.json").write_text(json.dumps(rows, indent=1))
    result = table(rows, [peer.name for peer in both])
    print(f"\n{result}\n\nfigures: {options.output / 'notebooks.json'}")


if __name__ == "__main__":
    main()
