"""Compiled code names its places as the user sees them: `cell [7]:2:5`. rustc says what the places are."""

import re
import subprocess

import pytest

# Cells that print places, by what their code tells. Each is also a program of its own: the body of `main`.
CELLS = {
    "macros": "let a = dbg!(1 + 1); println!(\"{}:{}:{}\", file!(), line!(), column!());\n   _ = dbg!(a) + 1;\ndbg!(a);",
    "first character": "dbg!(1);",
    "items": (
        "fn one() -> u32 { line!() } /// A type.\nstruct S;\n  impl S {\n    fn two(&self) { dbg!(line!(), one()); }\n}\n"
        "S.two(); mod inner {\n    pub fn three() { println!(\"{}:{}:{}\", file!(), line!(), column!()); }\n}\n"
        "inner::three();"
    ),
    "blocks": (
        "for i in 0..2 {\n    dbg!(i);\n}\nif true { dbg!(\"ä\"); } let ö = { let b = 1;\n  dbg!(b) };\n"
        "let Some(c) = Some(ö).filter(|it| *dbg!(it) > 0) else {\n    panic!()\n};\nlet d = match c { _ => dbg!(c) };\n_ = d;"
    ),
    "callers": (
        "#[track_caller]\nfn here() -> &'static std::panic::Location<'static> { std::panic::Location::caller() }\n"
        'let at = here(); println!("{at}"); println!("{}", (|| here())());\n'
        "  println!(\"{}\",\n      here());"
    ),
    "generic functions": (
        "fn show<T: std::fmt::Debug>(value: T) {\n    dbg!(value);\n}\nshow(1);\nshow::<&str>(\"a\"); trait Told {\n"
        "    fn tell(&self) { println!(\"{}:{}:{}\", file!(), line!(), column!()); }\n}\nimpl Told for u8 {}\n1u8.tell();"
    ),
    "caught panics": (
        "let caught = std::panic::catch_unwind(|| {\n    let v: Vec<u8> = Vec::new();\n    v[v.len()]\n});\n"
        "assert!(caught.is_err());\nlet parsed = std::panic::catch_unwind(|| \"x\".parse::<u8>()\n    .unwrap());\nassert!(parsed.is_err());"
    ),
    "macros of the notebook": (
        "macro_rules! told { ($e:expr) => { println!(\"{} {}:{}:{}\", $e, file!(), line!(), column!()) } }\n"
        "  told!(line!()); let x = told!(column!());\nfn inside() {\n    told!(1);\n}\ninside(); x"
    ),
    "macros that define": (
        "macro_rules! define { ($n:ident) => { let $n = line!(); } }\ndefine!(defined);\nprintln!(\"a\"); "
        "assert_eq!(defined, defined);"
    ),
}
# What a program prints of a place. Its `main` begins in the line before the cell.
PLACE = re.compile(r"(?:main\.rs|(cell(?: \[\d+\])?)):(\d+):(\d+)")


def of_program(code, directory):
    """What the code prints as a program, with the places it would have in a cell."""
    source = directory / "main.rs"
    source.write_text(f"fn main() {{\n{code}\n}}\n")
    command = ["rustc", "--edition", "2024", "-Awarnings", "-o", directory / "main", source.name]
    subprocess.run(command, cwd=directory, check=True)
    ran = subprocess.run([directory / "main"], capture_output=True, text=True, check=True)
    return [(int(line) - 1, int(column)) for _, line, column in PLACE.findall(ran.stdout + ran.stderr)]


def of_cell(cell):
    number = cell.reply["execution_count"]
    found = PLACE.findall(cell.stdout + cell.stderr)
    assert all(name == f"cell [{number}]" for name, _, _ in found), str(cell)
    return [(int(line), int(column)) for _, line, column in found]


@pytest.mark.parametrize("kind", [kind for kind in CELLS if kind != "macros that define"])
def test_places_are_those_of_a_program(kernel, tmp_path, kind):
    expected = sorted(of_program(CELLS[kind], tmp_path))
    assert expected
    assert sorted(of_cell(kernel.ok(CELLS[kind]))) == expected


def test_a_macro_may_expand_to_statements(kernel):
    kernel.ok(CELLS["macros that define"])


def test_an_item_keeps_its_cell(kernel):
    """An item says where it was last defined, however many cells come after it."""
    definition = "\n  fn where_am_i() -> String { format!(\"{}:{}:{}\", file!(), line!(), column!()) }\n where_am_i()"
    first = kernel.ok(definition)
    number = first.reply["execution_count"]
    place = f"cell [{number}]:2:69"
    assert first.result == f'"{place}"'
    assert kernel.ok("let other = 1; where_am_i()").result == f'"{place}"'
    # The cell that redefines it does not compile.
    kernel.run("fn where_am_i() -> String { 1 }")
    assert kernel.ok("where_am_i()").result == f'"{place}"'
    again = kernel.ok(definition).reply["execution_count"]
    assert again != number
    assert kernel.ok("where_am_i()").result == f'"cell [{again}]:2:69"'


def test_a_cell_without_a_number_is_a_cell(kernel):
    kernel.ok("fn numbered() { panic!(\"here\") }\n1")
    cell = kernel.run('println!("{}:{}", file!(), line!());', store_history=False)
    assert cell.stdout == "cell:1\n"
    assert re.search(r"cell \[\d+\]:1:17", kernel.run("numbered()").error)


def test_a_panic_names_its_place(kernel):
    cell = kernel.run('let kept = 1;\n  None::<u8>.expect("nothing");')
    assert f"nothing, at cell [{cell.reply['execution_count']}]:2:14" in cell.error
    # In a thread, the panic is printed.
    cell = kernel.ok("_ = std::thread::spawn(|| {\n  panic!(\"aside\") }).join();")
    assert f"cell [{cell.reply['execution_count']}]:2:3" in cell.stderr


def test_warnings_and_errors_stay_where_they_are(kernel):
    cell = kernel.ok("struct Kept;\n  \"7\".parse::<u8>();\nfn unused() { let x = 1; }")
    assert re.search(r"cell \[\d+\]:2:3", cell.stderr) and re.search(r"cell \[\d+\]:3:19", cell.stderr), str(cell)
    for code, place in [
        ("fn wrong() -> u8 {\n    \"a\"\n}\n1", "2:5"),
        ("1; let x: u8 = \"ä\"; x", "1:16"),
        ("let x =\n  nowhere(2);", "2:3"),
        ("let moved = String::new(); drop(moved);\n drop(moved)", "2:7"),
    ]:
        error = kernel.run(code).error
        assert re.search(rf"cell \[\d+\]:{place}", error), error


def test_places_without_the_fast_path(start):
    kernel = start(MOSAIC_FAST_PATH="0")
    kernel.ok("fn f() -> u32 {\n  dbg!(1)\n}")
    assert "[cell [1]:2:3] 1 = 1" in kernel.ok("f()").stderr
    assert "[cell [3]:1:1] 2 = 2" in kernel.ok("dbg!(2);").stderr


def test_a_backtrace_names_places(start):
    kernel = start(RUST_BACKTRACE="1")
    kernel.ok("fn inner() {\n  panic!(\"deep\")\n}\nfn outer() {\n    inner()\n}")
    error = kernel.run("let before = 1;\nouter();").error
    assert "cell [1]:2:3" in error and "cell [1]:5:5" in error and "cell [2]:2:1" in error


def test_workers_name_places(start):
    kernel = start()
    kernel.ok(
        "use mosaic::prelude::*;\n#[tessera]\nstruct Place { at: u32 }\n#[tessera]\nimpl Place {\n"
        "    fn new() -> Self { Place { at: 0 } }\n"
        "    fn told(&self) -> String { format!(\"{}:{}\", file!(), line!()) }\n"
        "    fn fails(&self) -> u32 {\n        panic!(\"on a worker\")\n    }\n}"
    )
    kernel.ok("mosaic::interactive(On).num_workers(1).await?; let place = Place::remote();")
    assert kernel.ok("let told = place.told().await?.result().await?; told").result == '"cell [1]:7"'
    assert "on a worker, at cell [1]:9:9" in kernel.run("place.fails().await?;").error
