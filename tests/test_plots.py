"""Plots, tables and arrays: what the notebook's own crate shows without another crate, beside plain text."""

import base64
import json
import re
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
from pictures import pixels
from world import KERNEL_NAME

VEGA_LITE = "application/vnd.vegalite.v5+json"
SHOWN = ("display_data", "execute_result", "update_display_data")


def bundles(cell):
    """What a cell has shown, in order, as kinds and data."""
    return [(kind, content["data"]) for kind, content in cell.messages if kind in SHOWN]


def bundle(cell):
    ((_, data),) = bundles(cell)
    return data


@pytest.fixture(scope="module")
def kernel(kernel):
    kernel.ok("use notebook::plot; use ndarray::{arr2, s, Array, Array2, Array3};")
    return kernel


def test_a_plot_is_the_result_in_three_formats(kernel):
    cell = kernel.ok('plot::line(&[0, 1, 2], &[0.0, 1.0, f64::NAN])?.label("<a>").title("T & t")')
    data = bundle(cell)
    assert set(data) == {"text/plain", "image/svg+xml", VEGA_LITE}
    assert data["text/plain"] == 'Plot "T & t": line of 3 points "<a>"'
    texts = [element.text for element in ElementTree.fromstring(data["image/svg+xml"]).iter() if element.text]
    assert {"T & t", "<a>", "0.0"} <= set(texts)
    assert data[VEGA_LITE]["layer"][1]["data"]["values"] == [
        {"x": 0.0, "y": 0.0, "run": 0, "at": 0},
        {"x": 1.0, "y": 1.0, "run": 0, "at": 1},
    ]


def test_plots_of_variables_of_earlier_cells(kernel):
    kernel.ok("""let grid = Array2::from_shape_fn((30, 40), |(y, x)| (x * y) as f32);
        let values: Vec<u16> = (0..1000).map(|it| it % 7).collect();""")
    for plot in [
        "plot::scatter(&grid.column(3), &grid.slice(s![..;-1, 2]))?.x_log()",
        "plot::bar(&grid.row(1), &grid.row(2))?.size(300, 200)",
        "plot::bar(&[\"a\", \"b\"], &[1, 2])?.line(&(0..2), &[1, 2])?.y_range(0.0, 5.0)",
        "plot::histogram(&values, 7)?.histogram(&values[..100], 7)?",
        "plot::heat_map(&grid.t())",
        "plot::heat_map(&[[1, 2], [3, 4]])",
        "plot::image(&grid)?",
        "plot::image(&Array3::<u8>::zeros((4, 4, 3)))?",
    ]:
        data = bundle(kernel.ok(plot))
        ElementTree.fromstring(data["image/svg+xml"])
        assert data["text/plain"].startswith("Plot: ")
    kernel.ok("let kept = plot::line(&values, &values)?;")
    assert VEGA_LITE in bundle(kernel.ok("kept"))


def test_pictures_of_plots_are_files_that_others_read(kernel):
    svg = bundle(kernel.ok("plot::image(&Array2::from_shape_fn((4, 4), |(y, x)| (y * 60 + x) as u8))?"))["image/svg+xml"]
    ((width, height), found) = pixels(re.search("data:image/png;base64,([^\"]+)", svg)[1])
    assert width == height and found[0] == (0, 0, 0) and found[-1] == (183, 183, 183)


def test_plots_in_loops_and_updates(kernel):
    cell = kernel.ok('for i in 0..3 { plot::line(&[0], &[i])?.show(); println!("{i}"); }')
    kinds = [kind if kind in SHOWN else content["text"] for kind, content in cell.messages]
    assert kinds == ["display_data", "0\n", "display_data", "1\n", "display_data", "2\n"]
    cell = kernel.ok("let shown = plot::line(&[0], &[1])?.display(); shown.update(&plot::line(&[0, 1], &[1, 2])?);")
    assert [kind for kind, _ in bundles(cell)] == ["display_data", "update_display_data"]


def test_what_cannot_be_plotted_says_why(kernel):
    error = kernel.run("plot::line(&[1, 2, 3], &[1.0])?").error
    assert "3 values of x and 1 values of y" in str(error)


def test_arrays_of_one_and_two_dimensions_are_tables(kernel):
    kernel.ok("let square = arr2(&[[1.5, f64::NAN], [-0.0, 1e300]]);")
    data = bundle(kernel.ok("square"))
    assert data["text/plain"] == kernel.ok('print!("{square:?}")').stdout
    assert re.findall("<td>(.*?)</td>", data["text/html"]) == ["1.5", "NaN", "-0.0", "1e300"]
    assert "2 × 2 of <code>f64</code>" in data["text/html"]
    for code in ["&square", "square.t()", "square.row(0)", "arr2(&[[\"<b>\"]])", "square.view().into_dyn()"]:
        data = bundle(kernel.ok(code))
        assert "text/html" in data and "<b>" not in data["text/html"]
    assert "<img" in bundle(kernel.ok("Array2::<f32>::eye(50)"))["text/html"]


def test_large_arrays_are_folded(kernel):
    data = bundle(kernel.ok("Array::range(0.0, 1e8, 1.0).into_shape_with_order((10_000, 10_000))?"))
    assert "99999999.0" in data["text/html"] and len(data["text/html"]) < 50_000
    assert data["text/plain"] == kernel.ok(
        'print!("{:?}", Array::range(0.0, 1e8, 1.0).into_shape_with_order((10_000, 10_000))?)'
    ).stdout


def test_other_values_and_own_types_are_shown_as_ever(kernel):
    for code in ["Array3::<u8>::zeros((1, 1, 2))", "vec![arr2(&[[1]])]", "ndarray::arr0(1)", "(1, 2)"]:
        data = bundle(kernel.ok(code))
        assert data == {"text/plain": kernel.ok(f'print!("{{:?}}", {code})').stdout}
    kernel.ok("""
        #[derive(Debug)] struct Mine(Array2<f64>);
        impl Mine { pub fn evcxr_display(&self) { println!("EVCXR_BEGIN_CONTENT text/html\\nmine\\nEVCXR_END_CONTENT"); } }
        impl std::ops::Deref for Mine { type Target = Array2<f64>; fn deref(&self) -> &Array2<f64> { &self.0 } }
    """)
    assert bundle(kernel.ok("Mine(arr2(&[[1.0]]))")) == {"text/html": "mine"}


def test_tables_of_structs(kernel):
    kernel.ok("""
        #[derive(serde::Serialize)] struct Row { name: String, kelvin: f64, tags: Vec<u8> }
        let rows: Vec<Row> = (0..1000).map(|i| Row { name: format!("<{i}>"), kelvin: i as f64, tags: vec![1, 2] }).collect();
    """)
    data = bundle(kernel.ok("notebook::table(&rows[..2])"))
    assert data["text/plain"].splitlines() == ["   name  kelvin  tags", "0  <0>   0.0     [1,2]", "1  <1>   1.0     [1,2]"]
    assert re.findall("<t[hd]>(.*?)</t[hd]>", data["text/html"])[:8] == [
        *("", "name", "kelvin", "tags"),
        *("0", "&lt;0&gt;", "0.0", "[1,2]"),
    ]
    folded = bundle(kernel.ok("notebook::table(&rows)"))["text/html"]
    assert folded.count("<tr>") == 18 and "1000 rows" in folded


def test_pages_of_nbconvert_contain_the_pictures(world):
    code = 'use notebook::plot;\nplot::heat_map(&[[1.0, 2.0], [3.0, 4.0]]).title("Only here")'
    spec = {"name": KERNEL_NAME, "display_name": "Rust (mosaic)", "language": "rust"}
    cells = [nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("ndarray::arr2(&[[1.25, 2.0]])")]
    path = world.home / "plots.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    world.python("-m", "nbconvert", "--to=html", "--execute", path)
    page = path.with_suffix(".html").read_text()
    (picture,) = re.findall(r'<img[^>]* src="data:image/svg\+xml;base64,([^"]+)"', page)
    svg = base64.b64decode(picture).decode()
    assert ">Only here</text>" in svg and "data:image/png;base64,iVBOR" in svg
    assert "<td>1.25</td>" in page
    world.python("-m", "nbconvert", "--to=notebook", "--execute", "--inplace", path)
    (output,) = json.loads(path.read_text())["cells"][0]["outputs"]
    assert set(output["data"]) == {"text/plain", "image/svg+xml", VEGA_LITE}


def test_another_crate_of_the_name_is_no_hindrance(start, tmp_path):
    (tmp_path / "image/src").mkdir(parents=True)
    (tmp_path / "image/Cargo.toml").write_text('[package]\nname = "image"\nversion = "0.1.0"\nedition = "2024"\n')
    (tmp_path / "image/src/lib.rs").write_text("#[derive(Debug)] pub struct DynamicImage;")
    kernel = start()
    kernel.ok(f':dep image = {{ path = "{tmp_path}/image" }}')
    assert kernel.ok("image::DynamicImage").result == "DynamicImage"
    assert "text/html" in bundle(kernel.ok("ndarray::arr1(&[1])"))
