"""Runs notebooks with nbclient, and compares the outputs of two kernels."""

import copy
import re
import time

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

# Seconds. The first `:dep` builds crates.
PATIENCE = 600
# The value that evcxr_jupyter shows for a cell without one.
UNIT = {"text/plain": "()"}
# What remains of the progress of a build that took more than two seconds.
BUILT = re.compile(r"compiled \d+ crates? in \d+ s$")


def run(notebook, environment, **kernel):
    """Runs a copy of the notebook to its end, whether cells fail or not. Returns the copy and the seconds that it took.

    The keywords go to the kernel manager, and choose the kernel.
    """
    executed = copy.deepcopy(notebook)
    for cell in code_cells(executed):
        cell.outputs, cell.execution_count = [], None
    manager = AsyncKernelManager(**kernel)
    client = NotebookClient(executed, km=manager, timeout=PATIENCE, allow_errors=True, record_timing=False)
    begun = time.perf_counter()
    client.execute(env=environment, cleanup_kc=True)
    return executed, time.perf_counter() - begun


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def normalised(cell):
    """The outputs of a cell, without what differs from run to run: how a stream is split, and where its pieces stand.

    Two habits of evcxr_jupyter are left out too: it calls every bundle a result, and it shows `()`. So is the line of this
    kernel that says how long the build of crates took.
    """
    shown = {"stdout": "", "stderr": "", "bundles": [], "failed": False}
    for output in cell.outputs:
        if output.output_type == "stream":
            shown[output.name] += output.text
        elif output.output_type == "error":
            shown["failed"] = True
        elif output.data != UNIT and not BUILT.match(output.data.get("text/plain", "")):
            shown["bundles"].append(dict(output.data))
    return shown


def in_formats_of(stored, shown):
    """The outputs of a cell in the formats of the stored ones. A value may be shown in more formats here."""
    bundles = [*shown["bundles"]]
    for at, (theirs, ours) in enumerate(zip(stored["bundles"], bundles)):
        bundles[at] = {mime: content for mime, content in ours.items() if mime in theirs}
    return {**shown, "bundles": bundles}


def differences(stored, executed):
    """The cells whose outputs differ: number of the cell, stored outputs, new outputs."""
    pairs = zip(code_cells(stored), code_cells(executed), strict=True)
    both = [(theirs, in_formats_of(theirs, ours)) for theirs, ours in ((normalised(one), normalised(two)) for one, two in pairs)]
    return [(number, one, other) for number, (one, other) in enumerate(both, 1) if one != other]
