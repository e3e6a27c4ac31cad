"""The tutorial notebook, unchanged, over three hosts. Only the environment says where it runs."""

import re
import sys

import nbformat
import pytest
from conftest import ROOT

from hosts import services

SPEED = {"MOSAIC_NOTEBOOK_SPEED": "20"}
WORKERS = [f"worker:{host}:{number}" for host in range(3) for number in range(2)]


def run_over(world, host, target, name, **environment):
    """Runs the tutorial on the host with nbconvert. Returns the executed notebook."""
    results = target / "tests" / name
    options = ("--to=notebook", "--execute", f"--output-dir={results}", ROOT / "notebooks" / "parallelism.ipynb")
    env = world.environment(**SPEED, **environment)
    done = host.attempt(sys.executable, "-m", "nbconvert", *options, env=env, timeout=180)
    assert done.returncode == 0, done.stderr
    return nbformat.read(results / "parallelism.ipynb", as_version=4)


def output_of(cell):
    return "".join(it.get("text") or it["data"]["text/plain"] + "\n" for it in cell.outputs)


def check(notebook):
    cells = {cell.id: output_of(cell) for cell in notebook.cells if cell.cell_type == "code"}
    started = re.findall(r"uid=([a-z0-9:]+),", cells["on"])
    assert started == ["head", "monitor", "node:0", "node:1", "node:2", *WORKERS], cells["on"]
    assert cells["results"] == "[1024, 1024, 1]\n" * 2
    said = re.findall(r"^(WORKER:\d:\d) +((?:Solve|Done)[ \w]*)$", "".join(cells.values()), re.MULTILINE)
    for number in (1, 2):
        own = [(worker, line) for worker, line in said if line.endswith(f" {number}")]
        assert len({worker for worker, _ in own}) == 1, own
        once = [f"Solve {number}", f"Done {number}"]
        assert [line for _, line in own] == once * 2 + [f"Solve More {number}", f"Done More {number}"], own
    lines = [line for _, line in said]
    assert lines.index("Solve 2") < lines.index("Done 1"), "the first two run in parallel"
    assert "hosts" not in cells["off"] and "lost" not in "".join(cells.values())


@pytest.mark.core
def test_by_ssh(cluster, world, target):
    check(run_over(world, cluster[0], target, "ssh", MOSAIC_ON="ssh:h1,h2,h3"))


def test_by_slurm_with_an_allocation_of_its_own(cluster, world, target):
    check(run_over(world, cluster[0], target, "slurm", MOSAIC_ON="slurm:--nodes=3"))
    assert cluster[0].run("squeue", "--noheader") == "", "the allocation is given back"


def test_by_ray(ray_cluster, world, target):
    python = str(services.RAY / "bin" / "python")
    check(run_over(world, ray_cluster[0], target, "ray", MOSAIC_ON="ray", MOSAIC_PYTHON=python))
