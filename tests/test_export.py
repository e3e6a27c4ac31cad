"""`mosaic-kernel export`: a notebook as a program that prints what the notebook shows."""

import json
import os
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from world import kernel_command

NOTEBOOKS = ROOT / "tests" / "notebooks"
SPEED = {"MOSAIC_NOTEBOOK_SPEED": "20"}

PLAIN = [
    "# A notebook of plain cells\n\nwith *text*",
    ":help",
    "use std::collections::BTreeMap;\n// About Point.\n#[derive(Debug, Clone)]\nstruct Point { x: i32 }",
    "!echo not in a program",
    'let point = Point { x: 1 };\nlet text = "two\n   lines"; // stays as it is',
    "point",
    "let point = Point { x: point.x + 1 };\npoint.x",
    "use std::collections::{BTreeMap, HashSet};\nfn double(n: i32) -> i32 { n * 2 };\nlet map = BTreeMap::from([(double(point.x), text)]);\nmap",
    "for n in 0..2 { println!(\"{n}\"); }",
    "if map.is_empty() { 1 } else { 2 }",
    'let number: u8 = "12".parse()?;\nSome(number)',
    ":fmt {:#?}\npoint",
    ":fmt\nlet later = std::future::ready(number).await;\nlater",
    'println!("no semicolon")',
    "let Some(kept) = Some(5) else { panic!() }; kept;",
    ":edition 2021\nlet gen = 3; gen",
]


def notebook(*cells):
    """A notebook whose first cell is Markdown if it begins with a heading."""
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "rust-mosaic", "display_name": "Rust", "language": "rust"}})
    new = nbformat.v4
    made.cells = [new.new_markdown_cell(it) if it.startswith("# ") else new.new_code_cell(it) for it in cells]
    return made


def run_export(world, path, *options):
    command = [kernel_command("")[0], "export", str(path), *map(str, options)]
    return subprocess.run(command, env=world.environment(), capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def export(world, tmp_path_factory):
    """Exports a notebook, builds the program and runs it. Returns what it prints, its sources and the export's notices."""

    def export(path, *options, **environment):
        directory = tmp_path_factory.mktemp("exported") / "program"
        done = run_export(world, path, "--to", directory, *options)
        assert done.returncode == 0, done.stderr
        # Cargo then finds the versions that have been downloaded already.
        (directory / "Cargo.lock").write_text((ROOT / "Cargo.lock").read_text())
        target = Path(os.environ.get("MOSAIC_TEST_TARGET", ROOT / "target")) / "exported"
        environment = world.environment(CARGO_TARGET_DIR=str(target), **environment)
        cargo = ["cargo", "run", "--release", "--color=never"]
        program = subprocess.run(cargo, cwd=directory, env=environment, capture_output=True, text=True, timeout=900)
        assert program.returncode == 0, program.stderr
        assert "warning" not in program.stderr, program.stderr
        return program.stdout, (directory / "src" / "main.rs").read_text(), done.stderr

    return export


def shown_in(kernel, cells):
    """What the code cells of a notebook show as text."""
    shown = ""
    for cell in cells:
        done = kernel.ok(cell, timeout=300)
        commands = cell.startswith((":help", "!"))
        shown += done.stdout
        for result in done._contents("execute_result"):
            text = result["data"].get("text/plain", "")
            # Settings say what they set, too.
            text = "".join(it for it in text.splitlines(keepends=True) if not it.startswith(("Output format", "Edition")))
            shown += text + "\n" if text and not commands else ""
    return shown


def test_a_program_prints_what_the_cells_show(kernel, world, export):
    path = world.home / "Plain cells.ipynb"
    nbformat.write(notebook(*PLAIN), path)
    printed, source, notices = export(path)
    assert printed == shown_in(kernel, PLAIN[1:])
    for part in ("// # A notebook of plain cells\n    //\n    // with *text*", "// About Point.\n#[derive", "// stays as it is"):
        assert part in source, source
    assert notices.count(":help") == 1 and "`!echo not in a program` (cell 3)" in notices, notices


@pytest.mark.parametrize("name", ["arrays", "orders"])
def test_published_notebooks(start, export, name):
    cells = [cell.source for cell in nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells if cell.cell_type == "code"]
    printed, _, _ = export(NOTEBOOKS / f"{name}.ipynb")
    # The notebook shows these as HTML and SVG.
    printed = re.sub(r"EVCXR_BEGIN_CONTENT.*?EVCXR_END_CONTENT\n", "", printed, flags=re.DOTALL)
    assert printed == shown_in(start(), cells)


def comparable(text):
    """The lines without what differs from run to run: names, places, states, and the order of workers."""
    text = re.sub(r"[0-9a-f]{32}|address=\S+|pid=\d+|runtime=\S+|state=\w+", "*", text)
    return sorted(text.splitlines())


def test_a_program_with_tesserae_has_the_crates_of_the_runtime(world):
    directory = world.home / "with tesserae"
    done = run_export(world, ROOT / "notebooks" / "parallelism.ipynb", "--to", directory)
    assert done.returncode == 0, done.stderr
    source = (directory / "src" / "main.rs").read_text()
    assert "#[tessera]" in source and "use mosaic::tessera;" in source and "mosaic_engine::run" in source
    metadata = ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"]
    for manifest in (directory / "Cargo.toml", directory / "mosaic" / "Cargo.toml"):
        read = subprocess.run([*metadata, "--manifest-path", manifest], capture_output=True, text=True, timeout=60)
        assert read.returncode == 0, read.stderr


@pytest.mark.skipif(not os.environ.get("MOSAIC_TEST_EXPORTED"), reason="building the runtime takes minutes: MOSAIC_TEST_EXPORTED=1")
def test_a_program_with_tesserae_prints_what_the_cells_show(world, export):
    path = ROOT / "notebooks" / "parallelism.ipynb"
    results = world.home / "executed"
    world.python("-m", "nbconvert", "--to=notebook", "--execute", "--output-dir", results, path, **SPEED)
    outputs = [it for cell in json.loads((results / path.name).read_text())["cells"] for it in cell.get("outputs", [])]
    text = ["".join(it["text"]) if "text" in it else "".join(it["data"]["text/plain"]) + "\n" for it in outputs]
    printed, _, _ = export(path, **SPEED)
    assert comparable(printed) == comparable("".join(text))


def test_nbconvert(world):
    path = world.home / "by_nbconvert.ipynb"
    nbformat.write(notebook("# Title", "let one = 1;\none"), path)
    world.python("-m", "nbconvert", "--to=rust", path)
    source = path.with_suffix(".rs").read_text()
    assert "show_result!(one);" in source and source == (world.home / "by_nbconvert/src/main.rs").read_text()
    assert (world.home / "by_nbconvert/Cargo.toml").is_file()


def test_what_cannot_be_exported_names_its_cell(world):
    path = world.home / "refused.ipynb"
    for cells, reason in [
        (["fn f() -> u8 { 1 }", "f()", "fn f() -> u8 { 2 }"], "cell 3: the function `f` is defined again, after cell 1"),
        (["1", "if true { return; }"], "cell 2: `return`"),
        (["let x = (;"], "cell 1: the code does not parse"),
        (["fn main() {}"], "cell 1: a program has a function `main`"),
        ([":dep mine = { path = 'no_such_crate' }"], "cell 1: cannot find"),
    ]:
        nbformat.write(notebook(*cells), path)
        done = run_export(world, path, "--to", world.home / "refused")
        assert done.returncode != 0 and reason in done.stderr, done.stderr
        assert not (world.home / "refused").exists(), "nothing is written"
    path.write_text("{}")
    assert "format 4" in run_export(world, path).stderr
    (world.home / "full").mkdir()
    (world.home / "full" / "file").touch()
    nbformat.write(notebook("1"), path)
    assert "is not empty" in run_export(world, path, "--to", world.home / "full").stderr
