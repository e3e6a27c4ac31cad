"""The exporter that nbconvert loads for `jupyter nbconvert --to rust`."""

import contextlib
import importlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbconvert.exporters import Exporter

_KERNELSPEC = "rust-mosaic"
_EXECUTABLE = "mosaic-kernel"


class RustExporter(Exporter):
    """Writes a notebook as a program, and the program's Cargo project beside it: `mosaic-kernel export`."""

    output_mimetype = "text/x-rust"
    export_from_notebook = "Rust"
    file_extension = ".rs"

    def from_notebook_node(self, nb, resources=None, **options):
        nb, resources = super().from_notebook_node(nb, resources, **options)
        about = resources.get("metadata") or {}
        name = about.get("name") or "notebook"
        with tempfile.TemporaryDirectory() as temporary:
            # Relative paths of crates begin at the notebook's directory.
            notebook = Path(about.get("path") or ".") / f"{name}.ipynb"
            if not notebook.is_file():
                notebook = Path(temporary) / f"{name}.ipynb"
                nbformat.write(nb, notebook)
            project = Path(temporary) / "project"
            command = [_executable(nb), "export", notebook, "--to", project]
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
            if done.returncode:
                raise ValueError(done.stderr.strip())
            for notice in done.stderr.splitlines():
                self.log.warning(notice)
            files = {str(Path(name) / it.relative_to(project)): it.read_bytes() for it in project.rglob("*") if it.is_file()}
            resources["outputs"] = {**(resources.get("outputs") or {}), **files}
            return (project / "src" / "main.rs").read_text(), resources


def _executable(nb):
    """The executable of the notebook's kernel, or else of this kernel's own kernelspec, or the one on the path."""
    kernelspec = (nb.metadata.get("kernelspec") or {}).get("name")
    for name in filter(None, (kernelspec, _KERNELSPEC)):
        try:
            program = KernelSpecManager().get_kernel_spec(name).argv[0]
        except NoSuchKernel:
            continue
        if Path(program).stem == _EXECUTABLE:
            return program
    # The wheel starts its kernel by Python.
    with contextlib.suppress(ImportError, FileNotFoundError):
        return importlib.import_module("mosaic_kernel").executable()
    found = shutil.which(_EXECUTABLE)
    if not found:
        raise ValueError(f"there is no {_EXECUTABLE}: install the kernel, or put it on the PATH")
    return found
