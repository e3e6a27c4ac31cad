"""Code finds the files beside its notebook, as a program finds those beside its source."""

import pytest

FILES = {
    "helpers.rs": "mod inner;\npub fn help() -> String { format!(\"{} {}:{}\", inner::help(), file!(), line!()) }\n",
    "helpers/inner.rs": "pub fn help() -> u32 { 1 }\n",
    "directory/mod.rs": "pub mod part;\npub const TEXT: &str = include_str!(\"part.txt\");\n",
    "directory/part.rs": "pub fn number() -> u32 { 2 }\n",
    "directory/part.txt": "text of a directory",
    "odd name.rs": "pub fn odd() -> u32 { 3 }\n",
    "items.in": "pub fn included() -> u32 { 9 }\npub struct Included;\nimpl Included { pub fn place() -> &'static str { file!() } }\n",
    "expression.in": "{ let a = 4; a + outside }",
    "data/text.txt": "data",
    "lib.rs": "pub fn library() -> u32 { 5 }\n",
}


@pytest.fixture
def notebook(start, world, tmp_path, monkeypatch):
    """A kernel of a notebook in a directory with files, and the directory."""
    directory = tmp_path / "a book"
    for name, content in FILES.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tmp_path / "above.txt").write_text("above")
    monkeypatch.chdir(directory)
    return start(), directory


def test_code_finds_the_files_beside_the_notebook(notebook):
    kernel, directory = notebook
    assert kernel.ok("mod helpers;\nhelpers::help()").result == '"1 helpers.rs:2"'
    assert kernel.ok("mod directory;\ndirectory::part::number()").result == "2"
    assert kernel.ok('#[path = "odd name.rs"]\nmod odd;\nodd::odd()').result == "3"
    assert kernel.ok('#[path = "lib.rs"] mod library;\nlibrary::library()').result == "5"
    assert kernel.ok('include!("items.in");\nincluded()').result == "9"
    for code, result in [
        ("(included(), Included::place())", '(9, "items.in")'),
        ("directory::TEXT", '"text of a directory"'),
        ('include_str!("data/text.txt")', '"data"'),
        ('let text = include_str!(concat!("data", "/text", ".txt")); text', '"data"'),
        ('include_bytes!("data/text.txt").len()', "4"),
        ('include_str!("../above.txt")', '"above"'),
        ('include_str!("data/../data/text.txt")', '"data"'),
        ('include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/text.txt"))', '"data"'),
        ('let outside = 1; include!("expression.in")', "5"),
        ('env!("CARGO_MANIFEST_DIR")', f'"{directory}"'),
        ('fn data() -> &\'static str { include_str!("data/text.txt") }\ndata()', '"data"'),
        ('macro_rules! read { ($n:expr) => { include_str!($n) } }\nread!("data/text.txt")', '"data"'),
        ('std::env::set_current_dir("/")?; include_str!("data/text.txt")', '"data"'),
        ('include_str!("data/text.txt")', '"data"'),
    ]:
        assert kernel.ok(code).result == result, code
    assert sorted(it.name for it in directory.iterdir()) == sorted({name.split("/")[0] for name in FILES})


def test_a_changed_file_counts_as_changed_code(notebook):
    kernel, directory = notebook
    file = directory / "helpers.rs"
    file.write_text("pub struct Kept { pub a: i64 }\npub fn help() -> u32 { 1 }\n")
    kernel.ok("mod helpers;\nlet kept = helpers::Kept { a: 3 }; let other = 7;")
    # So many items that the wrapper leaves some of them out.
    kernel.ok("\n".join(f"fn filler_{i}() -> [u32; 100] {{ [{i}; 100] }} // {'.' * 60}" for i in range(60)))
    assert kernel.ok("helpers::help() + 0").result == "1"
    file.write_text("pub struct Kept { pub a: i64 }\npub fn help() -> u32 { 2 }\n")
    assert kernel.ok("helpers::help() + 0").result == "2"
    assert kernel.ok("kept.a").result == "3"
    file.write_text("pub struct Kept { pub a: Vec<u8> }\npub fn help() -> u32 { 2 }\n")
    cell = kernel.ok("other")
    assert cell.result == "7" and "`kept`" in cell.stderr and "redefined" in cell.stderr
    assert "`kept`" in kernel.run("kept.a.len()").error
    file.write_text("pub fn help() -> u32 { 1 }\npub fn broken() -> u32 { \"a\" }\n")
    error = kernel.run("1 + 1").error
    assert "helpers.rs:2:26" in error and "mismatched types" in error
    file.write_text("pub fn help() -> u32 { 3 }\n")
    assert kernel.ok("helpers::help()").result == "3"


def test_a_constant_from_a_file_changes_types(notebook):
    kernel, directory = notebook
    kernel.ok(
        'const LENGTH: usize = include_bytes!("data/text.txt").len(); struct Sized4([u64; LENGTH]);\n'
        "let sized = Sized4([1; LENGTH]);"
    )
    assert kernel.ok("sized.0.len()").result == "4"
    (directory / "data/text.txt").write_text("longer")
    assert "`sized`" in kernel.ok("1").stderr


def test_a_file_that_is_not_there_is_named(notebook):
    kernel, directory = notebook
    for code, part in [
        ("mod missing;", 'create file "missing.rs" or "missing/mod.rs"'),
        ('include_str!("data/missing.txt")', "couldn't read `data/missing.txt`"),
        ('include_str!("../missing.txt")', "couldn't read `../missing.txt`"),
    ]:
        error = kernel.run(code).error
        assert part in error and "beside" not in error, error
    (directory / "items.in").write_text("pub fn included() -> u32 {\n    \"nine\" }")
    error = kernel.run('include!("items.in");').error
    assert "items.in:2:5" in error and "mismatched types" in error, error
    (directory / "missing.rs").write_text("pub fn found() -> u32 { 6 }")
    assert kernel.ok("mod missing;\nmissing::found()").result == "6"


def test_files_are_found_without_the_fast_path(start, tmp_path, monkeypatch):
    (tmp_path / "helpers.rs").write_text("pub fn help() -> u32 { 1 }")
    monkeypatch.chdir(tmp_path)
    kernel = start(MOSAIC_FAST_PATH="0")
    assert kernel.ok("mod helpers;\nlet a: u32 = helpers::help(); a").result == "1"
    (tmp_path / "helpers.rs").write_text("pub fn help() -> u32 { 2 }")
    assert kernel.ok("helpers::help()").result == "2"
