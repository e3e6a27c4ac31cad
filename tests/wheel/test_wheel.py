"""The wheel, as `pip install` installs it into a fresh environment. Run by `cargo xtask test wheel`."""

import json
import os
import subprocess
import venv
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT

WHEEL = os.environ.get("MOSAIC_TEST_WHEEL")
pytestmark = [pytest.mark.skipif(WHEEL is None, reason="run by `cargo xtask test wheel`"), pytest.mark.timeout(1800)]
CLIENTS = ["jupyterlab", "nbconvert", "papermill"]
NAME = "rust-mosaic"


class Fresh:
    """A virtual environment whose directory of executables is on no PATH."""

    def __init__(self, prefix, world):
        self.prefix, self.world = prefix, world
        venv.create(prefix, with_pip=True)

    def run(self, *command, **environment):
        # Jupyter would look for kernels in the environment of the tests, too.
        variables = self.world.environment(JUPYTER_PATH="", JUPYTER_PREFER_ENV_PATH="1", **environment)
        program = self.prefix / "bin" / command[0]
        done = subprocess.run(
            [program, *map(str, command[1:])], env=variables, capture_output=True, text=True, timeout=900, cwd=self.prefix
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def ours(self):
        """Everything in the environment that has our name, and the files of pip's own records."""
        return sorted(str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*mosaic*"))


@pytest.fixture(scope="module")
def fresh(world, tmp_path_factory):
    environment = Fresh(tmp_path_factory.mktemp("wheel") / "environment", world)
    pinned = ROOT / "tests" / "requirements.txt"
    environment.run("pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", pinned, WHEEL, *CLIENTS)
    return environment


def test_jupyter_finds_the_kernel(fresh):
    found = json.loads(fresh.run("jupyter", "kernelspec", "list", "--json"))["kernelspecs"][NAME]
    assert Path(found["resource_dir"]) == fresh.prefix / "share" / "jupyter" / "kernels" / NAME
    assert found["spec"]["display_name"] == "Rust (mosaic)"
    logos = {path.name for path in Path(found["resource_dir"]).iterdir()}
    assert logos == {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}


def test_the_kernelspec_is_that_of_install(fresh, tmp_path):
    """The wheel starts the kernel by another command; the rest is what `mosaic-kernel install` writes."""
    fresh.run("mosaic-kernel", "install", "--prefix", tmp_path)
    written = json.loads((tmp_path / "share" / "jupyter" / "kernels" / NAME / "kernel.json").read_text())
    shipped = json.loads((fresh.prefix / "share" / "jupyter" / "kernels" / NAME / "kernel.json").read_text())
    assert shipped.pop("argv") == ["python", "-m", "mosaic_kernel", "run", "-f", "{connection_file}"]
    written.pop("argv")
    assert shipped == written


def test_the_tutorial_runs(fresh):
    notebook = ROOT / "notebooks" / "parallelism.ipynb"
    speed = {"MOSAIC_NOTEBOOK_SPEED": "20"}
    fresh.run("jupyter", "nbconvert", "--to=notebook", "--execute", f"--output-dir={fresh.prefix}", notebook, **speed)
    executed = nbformat.read(fresh.prefix / notebook.name, as_version=4)
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(output.output_type != "error" for cell in cells for output in cell.outputs)


def test_papermill_sets_parameters(fresh):
    kernelspec = {"name": NAME, "display_name": "Rust (mosaic)", "language": "rust"}
    cells = [nbformat.v4.new_code_cell("let steps = 1;", metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell("steps * 2")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, fresh.prefix / "in.ipynb")
    fresh.run("papermill", fresh.prefix / "in.ipynb", fresh.prefix / "out.ipynb", "-p", "steps", 21)
    result = nbformat.read(fresh.prefix / "out.ipynb", as_version=4).cells[-1].outputs[0]
    assert result.data["text/plain"] == "42"


def test_uninstalling_leaves_nothing(fresh):
    assert fresh.ours(), "the wheel is installed"
    fresh.run("pip", "uninstall", "--yes", "--quiet", "mosaic-kernel")
    assert fresh.ours() == []
