"""The kernel's promises, as marks of the tests that prove them.

`pytest --promises FILE` runs only these tests, and writes how many passed for each promise. The tests use plain Jupyter
messages and plain Rust, so that they can test another kernel too: `MOSAIC_TEST_KERNEL` names it.
"""

import json
from pathlib import Path

import pytest

WAITING = pytest.mark.promise("An interrupt stops a cell that waits and keeps every variable")
COMPUTING = pytest.mark.promise("An interrupt ends a cell that computes; definitions stay, lost variables are named")
DEATH = pytest.mark.promise("After abort, exit or segfault: output complete, definitions there, lost variables named")
STALE = pytest.mark.promise("A redefined type never reinterprets an old value, which is dropped by name")
SURVIVE = pytest.mark.promise("Variables survive `:dep`, `:opt`, the first `.await` and a panic")
NAMED = pytest.mark.promise("A lost variable is always named")
UNSTORABLE = pytest.mark.promise("The error for a variable that cannot be kept shows what to write instead")
ERRORS = pytest.mark.promise("One error per failing cell: rustc's words, the user's line, a caret, no warnings")
WARNINGS = pytest.mark.promise("Warnings of a cell that ran are shown once")
PLACE = pytest.mark.promise("Output appears under the cell it belongs to, complete and in order")
PROTOCOL = pytest.mark.promise("No output of a cell is mistaken for a protocol message")
COMMANDS = pytest.mark.promise("`:help` and `:vars` are tables; unknown commands suggest the nearest")


class Record:
    """A plugin that runs the marked tests and writes how many passed for each promise."""

    def __init__(self, file):
        self._file = Path(file)
        self._promises = {}
        self._outcomes = {}

    def pytest_collection_modifyitems(self, config, items):
        marked = [item for item in items if item.get_closest_marker("promise")]
        config.hook.pytest_deselected(items=[item for item in items if item not in marked])
        items[:] = marked
        for item in items:
            self._promises[item.nodeid] = item.get_closest_marker("promise").args[0]

    def pytest_runtest_logreport(self, report):
        # A failed setup fails the test. A failed teardown does not: what a kernel leaves behind is another promise.
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self):
        table = {}
        for test, outcome in self._outcomes.items():
            row = table.setdefault(self._promises[test], {"passed": 0, "failed": []})
            if outcome == "passed":
                row["passed"] += 1
            elif outcome == "failed":
                row["failed"].append(test)
        self._file.write_text(json.dumps(table, indent=2))
