"""The guide's chapters: their code fences, and what a chapter shows as the output of a cell.

A fence that begins with ```` ```rust ```` is a cell. Words behind a comma say how it is run:

- `fails`: the cell must end with an error.
- `interrupt`: the test interrupts the cell as soon as it has printed something.
- `answer=TEXT`: the text that answers the cell's question; once for each question.
- `any-order`: the lines of the output may come in any order.
- `unshown`: the chapter does not show the output, which is a picture or a page.
- `hosts`: the cell needs several hosts. It is only compiled; the tests in `tests/hosts` run such code.
- `program`: no cell but a whole program, included from an example of the engine.

A fence ```` ```text ```` right behind a cell is what the cell shows: its output, its result and its error, in this order
and without colours. A cell without it shows nothing. `…` stands for one or more characters of a line, and a line that is
`…` for any number of lines.
"""

import re
from dataclasses import dataclass, field

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```[ ]*\n?", re.MULTILINE | re.DOTALL)
FLAGS = {"fails", "interrupt", "any-order", "unshown", "hosts", "program"}
# Fences of other kinds, which nothing runs.
OTHERS = {"text", "sh", "toml", "python", "console"}
ANY = "…"


@dataclass
class Fence:
    line: int
    info: str
    text: str
    begin: int
    end: int


@dataclass
class Cell:
    line: int
    code: str
    flags: set = field(default_factory=set)
    answers: list = field(default_factory=list)
    shows: str = ""


def fences(source):
    """The code fences of a Markdown text, in order."""
    found = []
    for match in FENCE.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        found.append(Fence(line, match["info"].strip(), match["text"], match.start(), match.end()))
    return found


def language(info):
    return info.split(",")[0].strip()


def unknown(source):
    """The fences whose information no rule above covers, and the marks of fences that have no end."""
    marks = [number for number, line in enumerate(source.splitlines(), 1) if line.startswith("```")]
    known = [fence for fence in fences(source) if _is_known(fence.info)]
    closed = 2 * len(fences(source))
    wrong = [f"line {fence.line}: ```{fence.info}" for fence in fences(source) if fence not in known]
    return wrong + ([f"{len(marks)} marks of fences, of which {closed} belong together"] if len(marks) != closed else [])


def _is_known(info):
    kind, *words = [word.strip() for word in info.split(",")]
    if kind in OTHERS:
        return not words
    return kind == "rust" and all(word in FLAGS or word.startswith("answer=") for word in words)


def cells(source):
    """The cells of a chapter, each with what the chapter shows of it."""
    found, all_fences = [], fences(source)
    following = [*all_fences[1:], None]
    for fence, after in zip(all_fences, following):
        words = [word.strip() for word in fence.info.split(",")]
        if words[0] != "rust" or "program" in words:
            continue
        answers = [word.removeprefix("answer=") for word in words if word.startswith("answer=")]
        cell = Cell(fence.line, fence.text.rstrip("\n"), FLAGS & set(words), answers)
        if after and after.info == "text" and not source[fence.end : after.begin].strip():
            cell.shows = after.text
        found.append(cell)
    return found


def programs(source):
    """The texts of the fences that are whole programs."""
    return [fence.text for fence in fences(source) if fence.info.startswith("rust") and "program" in fence.info]


def matches(shown, actual, any_order=False):
    """Whether a cell's output is what the chapter shows."""
    shown, actual = _lines(shown), _lines(actual)
    if any_order:
        shown, actual = sorted(shown), sorted(actual)
    pattern = "".join(r"(?:.*\n)*?" if line == ANY else _pattern(line) + r"\n" for line in shown)
    return re.fullmatch(pattern, "".join(line + "\n" for line in actual)) is not None


def _lines(text):
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _pattern(line):
    return ".+".join(re.escape(part) for part in line.split(ANY))
