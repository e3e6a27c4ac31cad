"""Takes the picture of JupyterLab that the README shows: `cargo xtask screenshot`, or `python tests/screenshot.py FILE`.

The notebook is a short form of the tutorial. The cells run in a real kernel, and the picture is what a browser shows.
"""

import shutil
import sys
from pathlib import Path

import nbformat
from conftest import BROWSERS
from playwright.sync_api import expect, sync_playwright
from server import jupyter_server
from test_jupyterlab import FLAGS, run_all, wait_for_the_kernel
from world import World

# Without coloured edges of letters, which make the file larger.
PLAIN_LETTERS = "--disable-lcd-text"
SIZE = {"width": 900, "height": 822}

TITLE = "## Two solvers, two processes"
CELLS = [
    """use mosaic::prelude::*;

#[tessera]
struct Solver { scale: f64 }

#[tessera]
impl Solver {
    fn new(scale: f64) -> Self { Solver { scale } }
    fn solve(&self, shot: f64) -> f64 {
        println!("solving {shot}");
        self.scale * shot
    }
}""",
    "mosaic::interactive(On).num_workers(2).await?;",
    """let (first, second) = (Solver::remote(0.5), Solver::remote(4.0));
let task = first.solve(21.0);          // returns at once
let next = second.solve(&task);        // waits for the first
next.result().await?""",
]


def notebook(path):
    cells = [nbformat.v4.new_markdown_cell(TITLE), *map(nbformat.v4.new_code_cell, CELLS)]
    kernelspec = {"name": "rust-mosaic", "display_name": "Rust (mosaic)", "language": "rust"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)


def take(page, address, picture):
    page.goto(address("lab/tree/solvers.ipynb") + "&reset")
    wait_for_the_kernel(page)
    # Room for the notebook: the file browser and a question about news go.
    page.keyboard.press("Control+b")
    page.get_by_role("button", name="No", exact=True).click()
    run_all(page)
    result = page.locator(".jp-OutputArea-executeResult", has_text="42.0")
    expect(result).to_be_visible(timeout=120_000)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=picture)


def main():
    picture = Path(sys.argv[1]).absolute()
    browser = next(path for name in BROWSERS if (path := shutil.which(name)))
    world = World()
    notebook(world.home / "solvers.ipynb")
    try:
        with jupyter_server(world, "jupyterlab", "--LabApp.news_url=None") as address, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=[*FLAGS, PLAIN_LETTERS])
            take(chromium.new_page(viewport=SIZE), address, picture)
            chromium.close()
    finally:
        world.close()
    print(f"{picture}: {picture.stat().st_size} bytes")


if __name__ == "__main__":
    main()
