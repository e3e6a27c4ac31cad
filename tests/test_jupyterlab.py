"""JupyterLab in a browser, as a person uses it. Screenshots are kept."""

import json
import re
import shutil

import nbformat
import pytest
from conftest import ROOT
from playwright.sync_api import expect, sync_playwright
from server import jupyter_server
from world import wait_until

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def lab(world):
    """A JupyterLab that serves a copy of the notebooks, as a function from paths to addresses."""
    directory = world.home / "notebooks"
    shutil.copytree(ROOT / "notebooks", directory, ignore=shutil.ignore_patterns(".*"))
    options = {"directory": directory, "MOSAIC_NOTEBOOK_SPEED": "20"}
    with jupyter_server(world, "jupyterlab", "--LabApp.news_url=None", **options) as address:
        yield address


@pytest.fixture(scope="module")
def page(lab, browser):
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(60_000)
        yield page
        chromium.close()


@pytest.fixture
def screenshot(page, target, request):
    """Saves a screenshot at the end of the test, also if the test has failed."""
    yield
    page.screenshot(path=target / "screenshots" / f"{request.node.name}.png")


def wait_for_the_kernel(page):
    """Waits for a kernel. JupyterLab drops cells that are run before it is connected to one."""
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Rust (mosaic) | Idle", timeout=60_000)


def run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def test_launcher(page, lab, screenshot):
    """From the launcher's tile to the output of a cell."""
    page.goto(lab("lab"))
    page.locator('.jp-LauncherCard[data-category="Notebook"]', has_text="Rust (mosaic)").click()
    wait_for_the_kernel(page)
    editor = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    editor.click()
    page.keyboard.type('println!("from JupyterLab"); 6 * 7')
    page.keyboard.press("Shift+Enter")
    outputs = page.locator(".jp-Notebook .jp-OutputArea").first
    expect(outputs).to_contain_text("from JupyterLab", timeout=90_000)
    expect(outputs.locator(".jp-OutputArea-executeResult")).to_contain_text("42", timeout=60_000)
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle", timeout=60_000)


def test_tutorial(page, lab, screenshot, world):
    """Runs all cells of the tutorial."""
    # The workspace of the test before would have a kernel that is ready already.
    page.goto(lab("lab/tree/parallelism.ipynb") + "&reset")
    wait_for_the_kernel(page)
    run_all(page)
    notebook = world.home / "notebooks" / "parallelism.ipynb"
    cells = json.loads(notebook.read_text())["cells"]
    count = sum(cell["cell_type"] == "code" for cell in cells)
    # JupyterLab keeps only the visible cells in the page, so the test looks at the saved notebook.
    prompt = page.locator(".jp-Notebook:visible .jp-CodeCell .jp-InputPrompt", has_text=re.compile(rf"^\[{count}\]:$"))
    expect(prompt).to_be_visible(timeout=150_000)
    page.keyboard.press("Control+s")
    expected = ("state=done", "[1024, 1024, 1]", "Solve 1", "Solve 2", "Done More 2")
    assert wait_until(lambda: all(text in notebook.read_text() for text in expected), 30), notebook.read_text()
    assert '"output_type": "error"' not in notebook.read_text()


def test_widgets(page, lab, screenshot, world):
    """A slider, a button and a progress bar, changed by the kernel and by the user."""
    source = """use notebook::prelude::*;
let slider = IntSlider::new(3, 0..=10).with_description("steps");
let bar = IntProgress::new(0, 0..=10).with_description("done");
let label = Label::new("not clicked");
let button = Button::new("run");
let output = Output::new();
button.on_click({
    let (slider, bar, label, output) = (slider.clone(), bar.clone(), label.clone(), output.clone());
    move || {
        bar.set_value(slider.value());
        label.set_value(format!("clicked at {}", slider.value()));
        output.capture(|| println!("captured"));
    }
});
let picture = Html("<svg width='40' height='20'><circle cx='10' cy='10' r='9' fill='orange'/></svg>");
let _ = display(&picture);
VBox::new([&slider as &dyn Widget, &bar, &button, &label, &output])"""
    cells = [nbformat.v4.new_code_cell(source), nbformat.v4.new_code_cell("slider.set_value(8);")]
    kernelspec = {"name": "rust-mosaic", "display_name": "Rust (mosaic)", "language": "rust"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, world.home / "notebooks" / "widgets.ipynb")
    page.goto(lab("lab/tree/widgets.ipynb") + "&reset")
    wait_for_the_kernel(page)
    run_all(page)
    outputs = page.locator(".jp-Notebook:visible .jp-OutputArea")
    readout = outputs.locator(".widget-readout")
    expect(readout).to_have_text("8", timeout=120_000)
    button = outputs.get_by_role("button", name="run")
    button.click()
    expect(outputs.locator(".widget-label", has_text="clicked at 8")).to_be_visible(timeout=60_000)
    expect(outputs.locator("pre", has_text="captured").last).to_be_visible(timeout=60_000)
    # By the user: keys move the slider, and the button's closure reads it.
    outputs.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    expect(readout).to_have_text("9", timeout=60_000)
    button.click()
    expect(outputs.locator(".widget-label", has_text="clicked at 9")).to_be_visible(timeout=60_000)


PLOTS = """use notebook::plot;
let xs: Vec<f64> = (0..=100).map(|i| f64::from(i) / 10.0).collect();
let waves = plot::line(&xs, &xs.iter().map(|x| x.sin() * 1e-9).collect::<Vec<_>>())?
    .label("sine")
    .scatter(&xs, &xs.iter().map(|x| x.cos() * 1e-9).collect::<Vec<_>>())?
    .label("cosine");
waves.title("Two waves").x_label("time in s").y_label("current in A").show();
let grid = ndarray::Array2::from_shape_fn((30, 50), |(y, x)| (y as f64 / 5.0).sin() * (x as f64 / 8.0).cos());
plot::heat_map(&grid).x_label("column").y_label("row").show();
plot::bar(&["helium", "neon", "argon"], &[4.2, 27.1, 87.3])?.y_label("boiling point in K").size(400, 240).show();
grid.slice(ndarray::s![..5, ..5])"""


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_plots(page, lab, screenshot, world, theme):
    """Plots and an array in both themes. Vega draws on a canvas, whose pixels the test looks at."""
    kernelspec = {"name": "rust-mosaic", "display_name": "Rust (mosaic)", "language": "rust"}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PLOTS)], metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, world.home / "notebooks" / "plots.ipynb")
    page.goto(lab("lab/tree/plots.ipynb") + "&reset")
    wait_for_the_kernel(page)
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for label in ["Theme", f"JupyterLab {theme}"]:
        page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{label}$")).click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme == "Light").lower())
    run_all(page)
    outputs = page.locator(".jp-Notebook:visible .jp-OutputArea")
    expect(outputs.locator(".jp-RenderedHTMLCommon table")).to_contain_text("0.7173560908995228", timeout=120_000)
    canvases = outputs.locator(".jp-RenderedVegaCommon5 canvas")
    expect(canvases).to_have_count(3, timeout=60_000)
    for number, fewest in enumerate([20, 100, 10]):
        colours = canvases.nth(number).evaluate(
            """canvas => {
                const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                return new Set(new Uint32Array(pixels.buffer)).size;
            }"""
        )
        assert colours >= fewest, f"plot {number} has {colours} colours"
