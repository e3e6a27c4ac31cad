"""Takes the pictures of JupyterLab that README and guide show: `cargo xtask screenshot`, or `python tests/screenshot.py FILE`.

FILE is the picture of a short form of the tutorial. The pictures of plots and of a profile lie beside it. The cells run in a real kernel,
and the pictures are what a browser shows.
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

SOLVERS = "## Two solvers, two processes"
SOLVERS_CELLS = [
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


PLOTS = "## Plots without another crate"
PLOTS_CELLS = [
    """use notebook::plot;

let xs: Vec<f64> = (0..=60).map(|i| f64::from(i) / 10.0).collect();
let ys: Vec<f64> = xs.iter().map(|x| x.sin()).collect();
let measured: Vec<f64> = xs.iter().map(|x| x.sin() + 0.1 * (x * 40.0).cos()).collect();
plot::line(&xs, &ys)?
    .label("model")
    .scatter(&xs, &measured)?
    .label("measured")
    .x_label("time in s")""",
    """use ndarray::Array2;

fn height((y, x): (usize, usize)) -> f64 {
    (y as f64 / 5.0).sin() * (x as f64 / 8.0).cos()
}
plot::heat_map(&Array2::from_shape_fn((30, 50), height))""",
]


PROFILE = "## Where the time goes"
PROFILE_CELLS = [
    """fn slow(n: u64) -> f64 {
    (0..n).map(|i| (i as f64).sqrt().sin()).sum()
}

fn fast(n: u64) -> f64 {
    (0..n).map(|i| (i as f64).sqrt()).sum()
}""",
    """:profile
slow(40_000_000) + fast(40_000_000)""",
]


def notebook(path, title, cells):
    cells = [nbformat.v4.new_markdown_cell(title), *map(nbformat.v4.new_code_cell, cells)]
    kernelspec = {"name": "rust-mosaic", "display_name": "Rust (mosaic)", "language": "rust"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)


def take(page, address, picture, is_done, is_first):
    page.goto(address)
    wait_for_the_kernel(page)
    # Room for the notebook: the file browser goes, and a question about news, which is asked once.
    page.keyboard.press("Control+b")
    if is_first:
        page.get_by_role("button", name="No", exact=True).click()
    run_all(page)
    is_done(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=picture)
    print(f"{picture}: {picture.stat().st_size} bytes")


def solvers_are_done(page):
    expect(page.locator(".jp-OutputArea-executeResult", has_text="42.0")).to_be_visible(timeout=120_000)


def plots_are_drawn(page):
    expect(page.locator(".jp-RenderedVegaCommon5 canvas")).to_have_count(2, timeout=120_000)


def profile_is_shown(page):
    expect(page.locator(".jp-RenderedSVG img")).to_have_count(1, timeout=120_000)
    expect(page.locator(".jp-RenderedHTML table")).to_have_count(2)


def main():
    picture = Path(sys.argv[1]).absolute()
    browser = next(path for name in BROWSERS if (path := shutil.which(name)))
    world = World()
    notebook(world.home / "solvers.ipynb", SOLVERS, SOLVERS_CELLS)
    notebook(world.home / "plots.ipynb", PLOTS, PLOTS_CELLS)
    notebook(world.home / "profile.ipynb", PROFILE, PROFILE_CELLS)
    pictures = [
        ("solvers.ipynb", picture, solvers_are_done, 822),
        ("plots.ipynb", picture.with_name("plots.png"), plots_are_drawn, 1230),
        ("profile.ipynb", picture.with_name("profile.png"), profile_is_shown, 1080),
    ]
    try:
        with jupyter_server(world, "jupyterlab", "--LabApp.news_url=None") as address, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=[*FLAGS, PLAIN_LETTERS])
            for name, file, is_done, height in pictures:
                page = chromium.new_page(viewport={"width": 900, "height": height})
                take(page, address(f"lab/tree/{name}") + "&reset", file, is_done, file == picture)
            chromium.close()
    finally:
        world.close()


if __name__ == "__main__":
    main()
