"""Well-known crates in real notebooks, over several cells, with state where a crate has some.

Run by `cargo xtask test crates`, and not with the other tests: building the crates takes long. To add a crate, add an
entry to `CRATES`. Each has a kernel of its own.
"""

import pytest
from pictures import pixels


class Crate:
    """What a user adds, and cells with what each prints."""

    def __init__(self, name, add, cells):
        self.name = name
        self.add = add
        self.cells = cells


CRATES = [
    Crate(
        "log",
        [':dep log = "0.4"'],
        [
            (
                "struct Printer;\n"
                "impl log::Log for Printer {\n"
                "    fn enabled(&self, _: &log::Metadata) -> bool { true }\n"
                '    fn log(&self, it: &log::Record) { println!("{} {}", it.level(), it.args()); }\n'
                "    fn flush(&self) {}\n"
                "}\n"
                "log::set_logger(&Printer).unwrap();\n"
                "log::set_max_level(log::LevelFilter::Info);",
                "",
            ),
            ('log::info!("first");', "INFO first\n"),
            ('log::debug!("hidden"); log::warn!("second");', "WARN second\n"),
        ],
    ),
    Crate(
        "env_logger",
        [':dep log = "0.4"', ':dep env_logger = { version = "0.11", default-features = false }'],
        [
            (
                "env_logger::builder()\n"
                "    .target(env_logger::Target::Stdout)\n"
                "    .filter_level(log::LevelFilter::Info)\n"
                '    .format(|out, it| { use std::io::Write; writeln!(out, "{} {}", it.level(), it.args()) })\n'
                "    .init();",
                "",
            ),
            ('log::info!("first");', "INFO first\n"),
            ('log::error!("second");', "ERROR second\n"),
        ],
    ),
    Crate(
        "tracing-subscriber",
        [':dep tracing = "0.1"', ':dep tracing-subscriber = { version = "0.3", default-features = false, features = ["fmt"] }'],
        [
            ("tracing_subscriber::fmt().without_time().with_target(false).with_writer(std::io::stdout).init();", ""),
            ('tracing::info!("first");', " INFO first\n"),
            ('tracing::warn!(number = 2, "second");', " WARN second number=2\n"),
        ],
    ),
    Crate(
        "rayon",
        [':dep rayon = "1"'],
        [
            (
                'rayon::ThreadPoolBuilder::new().num_threads(3).build_global().unwrap();\n'
                'fn threads() -> usize { std::fs::read_dir("/proc/self/task").unwrap().count() }\n'
                "rayon::join(|| (), || ());\n"
                "let before = threads();",
                "",
            ),
            (
                "use rayon::prelude::*;\n"
                "let sum: u64 = (0..1000u64).into_par_iter().map(|x| x * 2).sum();\n"
                'println!("{sum} {} {}", rayon::current_num_threads(), threads() - before);',
                "999000 3 0\n",
            ),
            (
                "let mut numbers = vec![3, 1, 2]; numbers.par_sort();\n"
                'println!("{numbers:?} {} {}", rayon::current_num_threads(), threads() - before);',
                "[1, 2, 3] 3 0\n",
            ),
        ],
    ),
    Crate(
        "rusqlite",
        [':dep rusqlite = { version = "0.37", features = ["bundled"] }'],
        [
            (
                "let db = rusqlite::Connection::open_in_memory()?;\n"
                'db.execute_batch("create table t (n integer); insert into t values (1), (2), (39);")?;',
                "",
            ),
            ('println!("{}", db.query_row("select sum(n) from t", [], |row| row.get::<_, i64>(0))?);', "42\n"),
            (
                "{\n"
                '    db.execute("insert into t values (?1)", [8])?;\n'
                '    let mut all = db.prepare("select n from t order by n")?;\n'
                "    let numbers: Vec<i64> = all.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;\n"
                '    println!("{numbers:?}");\n'
                "}",
                "[1, 2, 8, 39]\n",
            ),
        ],
    ),
    Crate(
        "once_cell",
        [':dep once_cell = "1"'],
        [
            ("let cell = once_cell::sync::OnceCell::new(); cell.set(7).unwrap();", ""),
            ('println!("{:?} {:?}", cell.get(), cell.set(8));', "Some(7) Err(8)\n"),
        ],
    ),
    Crate(
        "rand",
        [':dep rand = "0.9"'],
        [
            ("use rand::{Rng, SeedableRng, rngs::StdRng};\nlet mut generator = StdRng::seed_from_u64(1);", ""),
            ("let numbers: Vec<u8> = (0..4).map(|_| generator.random_range(0..6)).collect();", ""),
            ('println!("{} {}", numbers.len(), numbers.iter().all(|it| *it < 6));', "4 true\n"),
            ('println!("{}", (0..9).contains(&rand::random_range(0..9)));', "true\n"),
        ],
    ),
    Crate(
        "regex",
        [':dep regex = "1"'],
        [
            (r'let words = regex::Regex::new(r"(?<word>\p{L}+)").unwrap();', ""),
            ('println!("{:?}", words.find_iter("ein zwei, drei").map(|it| it.as_str()).collect::<Vec<_>>());', '["ein", "zwei", "drei"]\n'),
        ],
    ),
    Crate(
        "serde_json",
        [':dep serde_json = { version = "1", features = ["preserve_order"] }'],
        [
            ('let value: serde_json::Value = serde_json::from_str(r#"{"b": [1, 2], "a": null}"#)?;', ""),
            ('println!("{value} {}", value["b"][1]);', '{"b":[1,2],"a":null} 2\n'),
        ],
    ),
    Crate(
        "serde with other features",
        [':dep serde = { version = "1", features = ["derive", "rc"] }', ':dep serde_json = "1"'],
        [
            ("#[derive(serde::Serialize)] struct Stone { colour: std::rc::Rc<str> }", ""),
            ('println!("{}", serde_json::to_string(&Stone { colour: "red".into() })?);', '{"colour":"red"}\n'),
            ('println!("{}", tokio::spawn(async { 42 }).await?);', "42\n"),
        ],
    ),
    Crate(
        "thiserror and anyhow",
        [':dep thiserror = "2"', ':dep anyhow = "1"'],
        [
            ('#[derive(Debug, thiserror::Error)] #[error("no {0}")] struct No(&\'static str);', ""),
            ('let error = anyhow::Error::new(No("bread")).context("no lunch");', ""),
            ('println!("{error:#} {}", error.downcast_ref::<No>().is_some());', "no lunch: no bread true\n"),
        ],
    ),
    Crate(
        "itertools",
        [':dep itertools = "0.14"'],
        [('use itertools::Itertools;\nprintln!("{}", (1..4).tuple_windows().map(|(a, b)| a * b).join("-"));', "2-6\n")],
    ),
    Crate(
        "nalgebra",
        [':dep nalgebra = "0.34"'],
        [
            ("let matrix = nalgebra::Matrix2::new(2.0, 0.0, 0.0, 4.0);", ""),
            ('println!("{:?}", (matrix.try_inverse().unwrap() * nalgebra::Vector2::new(1.0, 1.0)).as_slice());', "[0.5, 0.25]\n"),
        ],
    ),
    Crate(
        "chrono",
        [':dep chrono = { version = "0.4", features = ["serde"] }'],
        [
            ("let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 28).unwrap();", ""),
            ('println!("{}", day + chrono::Days::new(2));', "2024-03-01\n"),
        ],
    ),
    Crate(
        "csv",
        [':dep csv = "1"'],
        [
            ("#[derive(serde::Deserialize)] struct Row { name: String, size: u32 }", ""),
            (
                'let mut reader = csv::Reader::from_reader("name,size\\na,1\\nb,2\\n".as_bytes());\n'
                "let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>()?;\n"
                'println!("{} {}", rows[1].name, rows.iter().map(|it| it.size).sum::<u32>());',
                "b 3\n",
            ),
        ],
    ),
    Crate(
        "petgraph",
        [':dep petgraph = "0.8"'],
        [
            ("let graph = petgraph::graph::UnGraph::<(), u32>::from_edges([(0, 1, 5), (1, 2, 5), (0, 2, 20)]);", ""),
            (
                "{\n"
                "    let costs = petgraph::algo::dijkstra(&graph, 0.into(), None, |edge| *edge.weight());\n"
                '    println!("{}", costs[&petgraph::graph::NodeIndex::new(2)]);\n'
                "}",
                "10\n",
            ),
        ],
    ),
    Crate(
        "image",
        [':dep image = { version = "0.25", default-features = false, features = ["png"] }'],
        [
            ("let picture = image::RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3]));", ""),
            (
                "let mut bytes = std::io::Cursor::new(Vec::new());\n"
                "picture.write_to(&mut bytes, image::ImageFormat::Png)?;\n"
                'println!("{:?}", image::load_from_memory(bytes.get_ref())?.to_rgb8().get_pixel(2, 1));',
                "Rgb([1, 2, 3])\n",
            ),
        ],
    ),
    Crate(
        "plotters",
        [':dep plotters = { version = "0.3", default-features = false, features = ["svg_backend", "line_series"] }'],
        [
            ("use plotters::prelude::*;\nlet mut svg = String::new();", ""),
            (
                "{\n"
                "    let area = SVGBackend::with_string(&mut svg, (90, 60)).into_drawing_area();\n"
                "    let mut chart = ChartBuilder::on(&area).build_cartesian_2d(0..3, 0..9)?;\n"
                "    chart.draw_series(LineSeries::new((0..3).map(|x| (x, x * x)), &RED))?;\n"
                "    area.present()?;\n"
                "}\n"
                'println!("{}", svg.contains("polyline"));',
                "true\n",
            ),
        ],
    ),
    Crate(
        "polars",
        [':dep polars = { version = "0.51", default-features = false, features = ["lazy", "fmt", "csv"] }'],
        [
            ('use polars::prelude::*;\nlet frame = df!("a" => [1, 2, 3], "b" => ["x", "y", "x"])?;', ""),
            (
                'let sum = frame.clone().lazy().filter(col("b").eq(lit("x"))).select([col("a").sum()]).collect()?;\n'
                'println!("{}", sum.column("a")?.i32()?.get(0).unwrap());',
                "4\n",
            ),
            ('println!("{:?}", frame.shape());', "(3, 2)\n"),
        ],
    ),
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("crate", CRATES, ids=lambda it: it.name)
def test_crate(start, crate):
    kernel = start()
    added = kernel.ok("\n".join(crate.add), timeout=3000)
    assert "cannot be shared among cells" not in added.stderr, added.stderr
    for code, printed in crate.cells:
        cell = kernel.ok(code, timeout=300)
        assert cell.stdout == printed, str(cell)
        assert "cannot be shared among cells" not in cell.stderr, cell.stderr


def bundle(cell):
    """What a cell that shows one value has shown."""
    ((_, content),) = cell.messages
    return content["data"]


@pytest.mark.timeout(3600)
def test_images_of_the_crate_image_are_pictures(start):
    kernel = start()
    kernel.ok(':dep image = { version = "0.25", default-features = false }', timeout=3000)
    kernel.ok("use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage};")
    kernel.ok("let picture = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8 * 100, y as u8 * 200, 7]));")
    for code in ["picture", "&picture", "DynamicImage::ImageRgb8(picture.clone())"]:
        data = bundle(kernel.ok(code))
        assert data["text/plain"] == "image of 3 × 2 pixels"
        assert pixels(data["image/png"]) == ((3, 2), [(x, y, 7) for y in (0, 200) for x in (0, 100, 200)])
    kernel.ok("let deep = ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0_u16, 65535]).unwrap();")
    assert pixels(bundle(kernel.ok("deep"))["image/png"]) == ((2, 1), [(0, 0, 0), (255, 255, 255)])
    size, _ = pixels(bundle(kernel.ok("GrayImage::new(3000, 1500)"))["image/png"])
    assert size == (1024, 512)
    # Other values are shown as ever, and errors are about the user's code.
    assert kernel.ok("Rgb([1_u8, 2, 3])").result == "Rgb([1, 2, 3])"
    assert "text/html" in bundle(kernel.ok("ndarray::arr2(&[[1]])"))
    kernel.ok("struct Bare;")
    assert "shown" not in str(kernel.run("missing").error) and "`Bare`" in str(kernel.run("Bare").error)
