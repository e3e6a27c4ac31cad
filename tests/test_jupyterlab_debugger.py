"""The debugger in JupyterLab, in a browser, as a person uses it. Screenshots are kept, and one is in the guide."""

import re

import nbformat
from playwright.sync_api import expect
from test_debugger import COUNTER, TWICE, adapter  # noqa: F401
from test_jupyterlab import lab, page, screenshot, wait_for_the_kernel  # noqa: F401

CELL = """let x = 20;
let name = String::from("ferris");
let y = twice(x);
let z = y + 1;
println!("{name} {z}");"""


def open_notebook(page, lab, world, name, *cells):
    kernelspec = {"name": "rust-mosaic", "display_name": "Rust (mosaic)", "language": "rust"}
    cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, world.home / "notebooks" / name)
    page.goto(lab(f"lab/tree/{name}") + "&reset")
    wait_for_the_kernel(page)


def cell(page, number):
    return page.locator(".jp-Notebook:visible .jp-CodeCell").nth(number)


def turn_on(page):
    bug = page.locator(".jp-NotebookPanel:visible .jp-DebuggerBugButton")
    bug.click()
    expect(page.locator(".jp-NotebookPanel[data-jp-debugger='true']")).to_be_visible(timeout=60_000)
    expect(cell(page, 0).locator(".cm-gutter.cm-breakpoint-gutter")).to_be_visible(timeout=60_000)


def click_gutter(page, number, line):
    """Clicks beside a line of a cell."""
    code = cell(page, number)
    gutter = code.locator(".cm-gutter.cm-breakpoint-gutter").bounding_box()
    text = code.locator(".cm-line").nth(line - 1).bounding_box()
    page.mouse.click(gutter["x"] + gutter["width"] / 2, text["y"] + text["height"] / 2)
    # The list of breakpoints, since the gutter shows a breakpoint before the kernel has it.
    expect(page.locator(".jp-DebuggerBreakpoint")).to_be_visible(timeout=60_000)


def run(page, number):
    cell(page, number).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def press(page, command):
    page.locator(f'.jp-DebuggerSidebar [data-command="debugger:{command}"]').click()


def expect_frames(page, *frames):
    names = page.locator(".jp-DebuggerCallstackFrame-name")
    expect(names).to_have_text([re.compile(frame) for frame in frames], timeout=60_000)


def expect_variable(page, name, value):
    names = page.locator(".jp-DebuggerVariables-name", has_text=re.compile(rf"^{name}$"))
    expect(names.locator("..").locator(".jp-DebuggerVariables-detail").first).to_have_text(value, timeout=60_000)


def expect_line(page, number, text):
    expect(cell(page, number).locator(".jp-DebuggerEditor-highlight")).to_have_text(text, timeout=60_000)


def test_a_cell(page, lab, screenshot, world, target):  # noqa: F811
    """Stops a cell at a line, reads a variable, steps, steps into a function of an earlier cell, and goes on."""
    open_notebook(page, lab, world, "debugger.ipynb", TWICE, CELL)
    turn_on(page)
    run(page, 0)
    expect(cell(page, 0).locator(".jp-InputPrompt")).to_have_text("[1]:", timeout=60_000)
    click_gutter(page, 1, 3)
    run(page, 1)
    expect_frames(page, r"^cell \[2\]$")
    expect_line(page, 1, "let y = twice(x);")
    expect_variable(page, "name", 'String = "ferris"')
    expect_variable(page, "x", "i32 = 20")
    press(page, "stepIn")
    expect_frames(page, "^twice$", r"^cell \[2\]$")
    expect_line(page, 0, "    let doubled = n * 2;")
    press(page, "next")
    expect_line(page, 0, re.compile("println"))
    expect_variable(page, "doubled", "i32 = 40")
    (target / "screenshots").mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target / "screenshots" / "debugger.png", clip={"x": 0, "y": 0, "width": 1280, "height": 720})
    press(page, "stepOut")
    expect_line(page, 1, "let y = twice(x);")
    press(page, "next")
    expect_line(page, 1, "let z = y + 1;")
    expect_variable(page, "y", "i32 = 40")
    press(page, "continue")
    expect(cell(page, 1).locator(".jp-OutputArea")).to_contain_text("ferris 41", timeout=60_000)
    expect(page.locator(".jp-DebuggerCallstackFrame-name")).to_have_count(0, timeout=60_000)
    # The variables of the notebook, while nothing is stopped.
    expect_variable(page, "z", "i32 = 41")


def test_a_method(page, lab, screenshot, world):  # noqa: F811
    """Stops a method in the worker that executes it."""
    started = "use mosaic::prelude::*;\nmosaic::interactive(On).num_workers(2).await?;\nlet counter = Counter::remote();"
    call = 'println!("counted {}", counter.add(5).result().await?);'
    open_notebook(page, lab, world, "method.ipynb", COUNTER, started, call)
    turn_on(page)
    click_gutter(page, 0, 8)
    run(page, 0)
    run(page, 1)
    expect(cell(page, 1).locator(".jp-InputPrompt")).to_have_text("[2]:", timeout=120_000)
    run(page, 2)
    expect_frames(page, r"^Counter::add \(worker:0:\d, task-counter-add-[0-9a-f]{32}, tess-counter-[0-9a-f]{32}\)$")
    expect_line(page, 0, "        self.count += n;")
    expect_variable(page, "n", "u64 = 5")
    press(page, "next")
    expect_line(page, 0, "        before + n")
    press(page, "continue")
    expect(cell(page, 2).locator(".jp-OutputArea")).to_contain_text("counted 5", timeout=60_000)
