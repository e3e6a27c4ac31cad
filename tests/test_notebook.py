"""The notebooks, run as `cargo xtask demo` runs them."""

import re

import nbformat
import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SPEED = {"MOSAIC_NOTEBOOK_SPEED": "20"}


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request, world, target):
    """The executed notebook, and the output of nbconvert."""
    results = target / "tests"
    options = ["--config", ROOT / "xtask" / "progress.py", "--output-dir", results]
    printed = world.python("-m", "nbconvert", "--to=notebook", "--execute", *options, request.param, **SPEED)
    page = world.python("-m", "nbconvert", "--to=html", results / request.param.name)
    assert "error" not in page.lower()
    return nbformat.read(results / request.param.name, as_version=4), printed


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def output_of(notebook, cell_id):
    cell = next(it for it in notebook.cells if it.id == cell_id)
    return "".join(it.get("text") or it["data"]["text/plain"] + "\n" for it in cell.outputs)


def test_committed_without_outputs():
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "rust-mosaic"
        assert all(not it.outputs and it.execution_count is None for it in code_cells(notebook)), path


def test_every_cell_succeeds(executed):
    notebook, printed = executed
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(output.output_type != "error" for cell in cells for output in cell.outputs)
    assert printed.count("-- ok,") == len(cells), "progress shows each cell"


@pytest.fixture(scope="module")
def tutorial(executed):
    notebook, _ = executed
    if "parallel" not in notebook.cells[0].source.lower():
        pytest.skip("another notebook")
    return notebook


def test_runtime_starts(tutorial):
    lines = output_of(tutorial, "on").splitlines()
    assert [line.split()[0] for line in lines] == ["HEAD", "MONITOR", "NODE:0", "WORKER:0:0", "WORKER:0:1"]
    for line, uid in zip(lines, ["head", "monitor", "node:0", "worker:0:0", "worker:0:1"]):
        assert f"uid={uid}," in line and "state=" in line and "address=" in line


def test_proxies(tutorial):
    tessera = r"<TesseraProxy object, uid=tess-solver1-[0-9a-f]{32}, runtime=\S+, state=\w+>"
    task = r"<TaskProxy object, uid=task-solver{}-{}-[0-9a-f]{{32}}, runtime=\S+, state={}>"
    expected = {
        "create": tessera,
        "call": task.format(1, "solve", r"\w+"),
        "wait": task.format(2, "solve", "done"),
        "implicit": task.format(1, "solve", r"\w+"),
        "implicit-wait": task.format(2, "solve", "done"),
        "explicit": task.format(1, "solve_more", r"\w+"),
        "explicit-wait": task.format(2, "solve_more", "done"),
    }
    for cell_id, pattern in expected.items():
        assert re.search(pattern, output_of(tutorial, cell_id)), (cell_id, output_of(tutorial, cell_id))


def test_results(tutorial):
    assert output_of(tutorial, "results") == "[1024, 1024, 1]\n" * 2


def test_workers_output(tutorial):
    """Every line comes from the worker that owns the solver, in an order that the dependencies allow."""
    text = "".join(output_of(tutorial, cell.id) for cell in code_cells(tutorial))
    lines = re.findall(r"^(WORKER:0:[01])\s+((?:Solve|Done)[ \w]*)$", text, re.MULTILINE)
    by_worker = {worker: [line for it, line in lines if it == worker] for worker in ("WORKER:0:0", "WORKER:0:1")}
    for number, worker in ((1, "WORKER:0:0"), (2, "WORKER:0:1")):
        once = [f"Solve {number}", f"Done {number}"]
        assert by_worker[worker] == once * 2 + [f"Solve More {number}", f"Done More {number}"]
    said = [line for _, line in lines]
    assert said.index("Solve 2") < said.index("Done 1"), "the first two run in parallel"
    assert said[4:] == [
        *("Solve 1", "Done 1", "Solve 2", "Done 2"),
        *("Solve More 1", "Done More 1", "Solve More 2", "Done More 2"),
    ]
