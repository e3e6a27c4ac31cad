"""The guide: every Rust cell of every chapter runs in a real kernel and shows what the chapter says that it shows.

`chapters.py` says how fences are written.
"""

import os
import subprocess

import chapters
import pytest
from conftest import ROOT

from kernels import ANSI, Kernel

GUIDE = ROOT / "docs" / "src"
CHAPTERS = sorted(path for path in GUIDE.glob("*.md") if path.name != "SUMMARY.md")
SOURCES = [ROOT / "README.md", *CHAPTERS]
WITH_CELLS = [path for path in SOURCES if chapters.cells(path.read_text())]
PROGRAMS = [(path, text) for path in SOURCES for text in chapters.programs(path.read_text())]
INCLUDE = "{{#include ../../runtime/engine/examples/"


def name(path):
    return path.stem


@pytest.fixture(scope="module")
def shared(world):
    """One kernel for all chapters."""
    # Sleeps in the guide's methods stand for work.
    kernel = Kernel(world, MOSAIC_NOTEBOOK_SPEED="20")
    yield kernel
    kernel.close()


@pytest.fixture
def fresh(shared):
    """The shared kernel without anything of the chapters before, whose runtime is off."""
    shared.ok("mosaic::interactive(mosaic::prelude::Off).await?;")
    shared.ok(":clear")
    yield shared


def output(cell):
    """What a cell has shown, as text."""
    text = ""
    for kind, content in cell.messages:
        if kind == "stream":
            text += content["text"]
        elif kind in ("display_data", "execute_result", "update_display_data"):
            text += newline(text) + plain(content["data"]).rstrip("\n") + "\n"
        elif kind == "error":
            text += newline(text) + "\n".join(content["traceback"]) + "\n"
    return ANSI.sub("", text)


def plain(data):
    """A display as text: some have a single format, which may be another one."""
    return data.get("text/plain") or str(next(iter(data.values())))


def newline(text):
    return "\n" if text and not text.endswith("\n") else ""


COMPILED = """
use mosaic::prelude::*;
async fn of_the_chapter() -> Result<(), Box<dyn std::error::Error>> {{
{code}
Ok(())
}}
"""


def run(kernel, cell):
    code = COMPILED.format(code=cell.code) if "hosts" in cell.flags else cell.code
    running = kernel.submit(code, allow_stdin=bool(cell.answers))
    for answer in cell.answers:
        kernel.client.get_stdin_msg(timeout=60)
        kernel.client.input(answer)
    if "interrupt" in cell.flags:
        kernel.read_until(lambda: running.text, timeout=60)
        kernel.control("interrupt_request")
    return kernel.finish(running, timeout=200)


@pytest.mark.parametrize("path", WITH_CELLS, ids=name)
def test_cells_show_what_the_chapter_shows(fresh, path):
    for cell in chapters.cells(path.read_text()):
        where = f"{path.relative_to(ROOT)}:{cell.line}"
        ran = run(fresh, cell)
        shown = output(ran)
        status = "error" if "fails" in cell.flags else "ok"
        assert ran.reply["status"] == status, f"{where}: {status} was expected\n{cell.code}\n\n{shown}"
        if "unshown" in cell.flags:
            assert shown and not cell.shows, f"{where}: the cell shows nothing, or its output is shown"
        else:
            fits = chapters.matches(cell.shows, shown, "any-order" in cell.flags)
            assert fits, f"{where}\n{cell.code}\n\nthe chapter shows:\n{cell.shows}\nthe cell shows:\n{shown}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_fences_are_of_a_known_kind(path):
    assert chapters.unknown(path.read_text()) == []


def test_no_cell_escapes():
    """A rule that finds no cells would pass."""
    counts = {path.stem: len(chapters.cells(path.read_text())) for path in SOURCES}
    assert counts["README"] >= 1 and counts["actors"] > 10 and sum(counts.values()) > 60, counts


@pytest.mark.parametrize(("path", "text"), PROGRAMS, ids=[path.stem for path, _ in PROGRAMS])
def test_programs_run(world, target, path, text):
    """A program is an example of the engine; the chapter shows its output behind it."""
    assert text.startswith(INCLUDE) and text.count("\n") == 1, f"{path.name} does not include an example: {text}"
    example = text.removeprefix(INCLUDE).split(".rs")[0]
    build = ["cargo", "build", "--release", "--locked", "--workspace", "--example", example]
    subprocess.run(build, cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(target)}, check=True)
    program = target / "release" / "examples" / example
    ran = subprocess.run([program], env=world.environment(), capture_output=True, text=True, timeout=60)
    source = path.read_text()
    (at,) = [it for it, fence in enumerate(chapters.fences(source)) if fence.text == text]
    shown = chapters.fences(source)[at + 1]
    assert shown.info == "text", f"{path.name}:{shown.line} is no output"
    assert ran.returncode == 0 and chapters.matches(shown.text, ran.stdout, any_order=True), ran.stdout + ran.stderr


CHAPTER = """
```rust
let x = 1;
x
```

```text
1
```

```rust,fails,answer=a b,any-order
y
```

Words between a cell and a text.

```text
not of the cell
```

```rust,program
{{#include ../../runtime/engine/examples/measure/main.rs}}
```
"""


def test_reading_of_chapters():
    first, second = chapters.cells(CHAPTER)
    assert (first.code, first.shows, first.line) == ("let x = 1;\nx", "1\n", 2)
    assert (second.flags, second.answers, second.shows) == ({"fails", "any-order"}, ["a b"], "")
    assert len(chapters.programs(CHAPTER)) == 1 and not chapters.unknown(CHAPTER)
    assert chapters.unknown("```rust,fail\n```\n") == ["line 1: ```rust,fail"]
    assert chapters.unknown("```\n```\n") and chapters.unknown("```text\na\n")


@pytest.mark.parametrize(
    ("shown", "actual", "any_order", "expected"),
    [
        ("a\nb", "a\nb\n", False, True),
        ("a\nb", "b\na\n", False, False),
        ("a\nb", "b\na\n", True, True),
        ("a\nb", "a\n", True, False),
        ("", "", False, True),
        ("", "a", False, False),
        ("a …, c", "a b, c", False, True),
        ("a …, c", "a , d", False, False),
        ("a…c", "a\nc", False, False),
        ("a\n…\nd", "a\nb\nc\nd", False, True),
        ("a\n…\nd", "a\nd", False, True),
        ("a\n…\nd", "a\nb\nc", False, False),
        ("(a|b)", "a", False, False),
    ],
)
def test_comparing_of_outputs(shown, actual, any_order, expected):
    assert chapters.matches(shown, actual, any_order) is expected
