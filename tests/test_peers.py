"""Published notebooks for evcxr: this kernel gives the same outputs as evcxr_jupyter, which are stored in them.

`cargo xtask bench notebooks -- --store` lets evcxr_jupyter make the stored outputs again.
"""

import nbformat
import pytest
from conftest import ROOT

from outputs import code_cells, differences, run
from world import OWN_KERNEL

NOTEBOOKS = sorted((ROOT / "tests" / "notebooks").glob("*.ipynb"))
# The other notebooks use crates, which take long to build. tests/test_fast_path.py has quicker tests of crates.
PLAIN = [path for path in NOTEBOOKS if path.stem == "orders"]


def stem(path):
    return path.stem


def same(world, path, **environment):
    stored = nbformat.read(path, as_version=4)
    kernel = {"kernel_name": OWN_KERNEL, "connection_file": str(world.home / f"{path.stem}.json")}
    executed, _ = run(stored, world.environment(**environment), **kernel)
    for number, theirs, ours in differences(stored, executed):
        pytest.fail(f"cell {number} of {path.name}:\n{code_cells(stored)[number - 1].source}\n\n{theirs}\n\n{ours}")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=stem)
def test_outputs_are_those_of_evcxr_jupyter(world, path):
    same(world, path)


@pytest.mark.parametrize("path", PLAIN, ids=stem)
def test_outputs_are_the_same_without_the_fast_path(world, path):
    same(world, path, MOSAIC_FAST_PATH="0")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=stem)
def test_stored_by_evcxr_jupyter_in_one_run(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert notebook.metadata.kernelspec.name == "rust"
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)
