"""Notebooks run by nbclient, and what came of their cells in a form in which two kernels can be compared."""

import copy
import time

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

# A first `:dep` builds crates.
PATIENCE = 600
# The value of a cell that has none.
UNIT = {"text/plain": "()"}


def run(notebook, environment, **kernel):
    """A copy of the notebook, run to its end whether cells fail or not, and the seconds that this took.

    The keywords say which kernel: what a kernel manager takes.
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
    """What a cell shows, but for what differs from run to run: the pieces of a stream, and their place.

    Two habits of evcxr_jupyter's are left out too: it calls every bundle a result, and it shows `()`.
    """
    shown = {"stdout": "", "stderr": "", "bundles": [], "failed": False}
    for output in cell.outputs:
        if output.output_type == "stream":
            shown[output.name] += output.text
        elif output.output_type == "error":
            shown["failed"] = True
        elif output.data != UNIT:
            shown["bundles"].append(dict(output.data))
    return shown


def differences(stored, executed):
    """The cells of which something else came: the number of each, what is stored, and what it shows."""
    pairs = zip(code_cells(stored), code_cells(executed), strict=True)
    both = [(normalised(one), normalised(other)) for one, other in pairs]
    return [(number, one, other) for number, (one, other) in enumerate(both, 1) if one != other]
