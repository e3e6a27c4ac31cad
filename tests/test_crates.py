"""Crates that cells can use without `:dep`, and `.await` at the top level."""

from pathlib import Path

import chapters
import pytest

from world import in_cache


@pytest.fixture(scope="module")
def fresh(world):
    """A kernel whose first cell awaits."""
    from kernels import Kernel

    kernel = Kernel(world)
    kernel.first = kernel.run(
        "use std::time::Duration;\n"
        "tokio::time::sleep(Duration::from_millis(50)).await;\n"
        'println!("awake");'
    )
    yield kernel
    kernel.close()


def test_await_in_the_first_cell(fresh):
    assert fresh.first.reply["status"] == "ok" and fresh.first.stdout == "awake\n", str(fresh.first)


def test_await_again(fresh):
    for _ in range(3):
        assert fresh.ok("std::future::ready(42).await").result == "42"


def test_spawned_tasks_that_sleep(fresh):
    """Runs a cell twice. With one tokio runtime for each cell, the second run would find no reactor."""
    code = (
        "let answer = tokio::spawn(async {\n"
        "    tokio::time::sleep(std::time::Duration::from_millis(20)).await;\n"
        "    40 + 2\n"
        "}).await?;\n"
        "answer"
    )
    for _ in range(2):
        assert fresh.ok(code).result == "42"


def test_a_task_outlives_its_cell(fresh):
    fresh.ok("let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<u32>();")
    fresh.ok("tokio::spawn(async move { tokio::time::sleep(std::time::Duration::from_millis(300)).await; sender.send(7) });")
    assert fresh.ok("receiver.recv().await").result == "Some(7)"


def test_tokio_sockets(fresh):
    code = (
        'let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;\n'
        "let (client, server) = tokio::join!(tokio::net::TcpStream::connect(listener.local_addr()?), listener.accept());\n"
        "client.is_ok() && server.is_ok()"
    )
    assert fresh.ok(code).result == "true"


def test_variables_survive_the_first_await(start):
    kernel = start()
    kernel.ok("#[derive(Debug)] struct Kept(u8); let kept = Kept(3);")
    kernel.ok("std::future::ready(()).await;")
    assert kernel.ok("kept").result == "Kept(3)"


def test_ndarray(fresh):
    fresh.ok("use ndarray::{array, Array3};")
    fresh.ok("let a = array![[1.0, 2.0], [3.0, 4.0]];")
    assert fresh.ok("a.dot(&a).sum()").result == "54.0"
    assert fresh.ok("Array3::<f32>::zeros((1024, 1024, 1)).shape().to_vec()").result == "[1024, 1024, 1]"


def test_serde_derive(fresh):
    fresh.ok("#[derive(serde::Serialize, serde::Deserialize)] struct Stone { colour: String }")
    fresh.ok("fn travels<T: serde::Serialize + serde::de::DeserializeOwned>() -> bool { true }")
    assert fresh.ok("travels::<Stone>()").result == "true"


def test_other_crates(fresh):
    fresh.ok(':dep itoa = "1"', timeout=200)
    assert fresh.ok("itoa::Buffer::new().format(42).to_owned()").result == '"42"'
    assert fresh.ok("std::future::ready(1).await").result == "1"


HEX = ':dep hex = "=0.4.3"'
ENCODED = "hex::encode([42])"
# The function comes with the crate's feature `serde`.
SERIALIZED = "fn serialized<S: serde::Serializer>(s: S) -> Result<S::Ok, S::Error> { hex::serde::serialize([42u8], s) }"
SESSION = r"""{
let maps = std::fs::read_to_string("/proc/self/maps")?;
let library = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("/session-"));
println!("{}", library.unwrap().split("/target/").next().unwrap());
}"""


@pytest.fixture(params=["1", "0"], ids=["fast", "plain"])
def fast(request):
    """The fast path, on and off."""
    return request.param


@pytest.fixture
def unbuilt(world):
    """Removes the crate hex from the cache, which all worlds share."""
    for file in in_cache("pool/builds/*.json") + in_cache("pool/target/**/libhex-*"):
        file.unlink()


def session(kernel):
    return Path(kernel.ok(SESSION).stdout.strip())


def library(kernel):
    """The session's library of the crate hex."""
    (found,) = session(kernel).glob("target/*/debug/deps/libhex-*.rlib")
    return found


def has_asked_cargo(kernel):
    """Whether cargo has built or found the crate: it leaves a fingerprint then."""
    return any(session(kernel).glob("target/*/debug/.fingerprint/hex-*"))


def test_crates_that_another_session_built_are_not_built_again(start, unbuilt):
    """Each session has a link to the file that the first session built. The second session does not run cargo."""
    files = []
    for _ in range(2):
        kernel = start()
        assert kernel.ok(f"{HEX}\n{ENCODED}", timeout=200).result == '"2a"'
        files.append(library(kernel).stat().st_ino)
        asked = has_asked_cargo(kernel)
        kernel.close()
    assert files[0] == files[1] and not asked


def test_a_second_session_has_the_same_version(start, fast):
    versions = []
    for _ in range(2):
        kernel = start(MOSAIC_FAST_PATH=fast)
        assert kernel.ok(f':dep hex = "0.4"\n{ENCODED}', timeout=200).result == '"2a"'
        lock = (session(kernel) / "Cargo.lock").read_text()
        versions.append(lock.split('name = "hex"\n')[1].split("\n")[0])
        # Cargo finds the crate that the session was given.
        assert kernel.ok(':dep itoa = "1"\nitoa::Buffer::new().format(42).len()', timeout=200).result == "2"
        assert kernel.ok(ENCODED).result == '"2a"'
        kernel.close()
    assert versions[0] == versions[1]


def test_other_features_of_a_crate_are_built(start, unbuilt, fast):
    plain, with_serde = start(MOSAIC_FAST_PATH=fast), start(MOSAIC_FAST_PATH=fast)
    plain.ok(f"{HEX}\n{ENCODED}", timeout=200)
    with_serde.ok(':dep hex = { version = "=0.4.3", features = ["serde"] }', timeout=200)
    with_serde.ok(SERIALIZED)
    assert plain.run(SERIALIZED).reply["status"] == "error"
    assert plain.ok(ENCODED).result == with_serde.ok(ENCODED).result == '"2a"'


def test_a_crate_that_changes_the_features_of_built_in_ones(start):
    """With this feature of bytes, serde is in `tokio` as well as in `mosaic`, and cells link both."""
    add = ':dep bytes = { version = "1", features = ["serde"] }'
    for _ in range(2):
        kernel = start()
        kernel.ok("let kept = 7;")
        added = kernel.ok(f'{add}\nbytes::Bytes::from_static(b"ab").len()', timeout=200)
        assert added.result == "2" and added.stderr.count("uses `tokio` as cargo has built") == 1, str(added)
        cell = kernel.ok("kept + tokio::spawn(async { 1 }).await?")
        assert cell.result == "8" and not cell.stderr, str(cell)
        fingerprints = "target/*/debug/.fingerprint/tokio-*"
        directory = session(kernel)
        asked = len(list(directory.glob(fingerprints))) > len(list((directory.parent / "template").glob(fingerprints)))
        kernel.close()
    # The second session has what the first one built.
    assert not asked


def path_crate(directory, name, source, dependencies=""):
    """Writes a crate and returns the command that adds it."""
    (directory / name / "src").mkdir(parents=True)
    manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\n{dependencies}'
    (directory / name / "Cargo.toml").write_text(manifest)
    (directory / name / "src/lib.rs").write_text(source)
    return f':dep {name} = {{ path = "{directory / name}" }}'


COUNTED = """
use std::{cell::Cell, sync::{LazyLock, atomic::{AtomicU32, Ordering}}};
static NUMBER: LazyLock<AtomicU32> = LazyLock::new(|| { println!("begins"); AtomicU32::new(0) });
thread_local! { static OWN: Cell<u32> = const { Cell::new(0) }; }
#[inline]
pub fn next() -> u32 { NUMBER.fetch_add(1, Ordering::Relaxed) + 1 }
#[inline]
pub fn own() -> u32 { OWN.with(|it| { it.set(it.get() + 1); it.get() }) }
"""


def test_statics_of_crates_exist_once(start, tmp_path):
    counted = path_crate(tmp_path, "counted", COUNTED)
    caller = path_crate(tmp_path, "caller", "pub fn next() -> u32 { counted::next() }", 'counted = { path = "../counted" }')
    kernel = start()
    first = kernel.ok(f'{caller}\nprintln!("{{}}", caller::next());', timeout=200)
    assert first.stdout == "begins\n1\n"
    # The crate is added after another one has needed it.
    assert kernel.ok(f'{counted}\nprintln!("{{}} {{}}", counted::next(), counted::own());', timeout=200).stdout == "2 1\n"
    assert kernel.ok('println!("{} {}", caller::next(), counted::own());').stdout == "3 2\n"
    kernel.ok(':dep itoa = "1"', timeout=200)
    last = kernel.ok('println!("{} {} {}", counted::next(), counted::own(), itoa::Buffer::new().format(4));')
    assert last.stdout == "4 3 4\n" and not last.stderr, str(last)
    # One worker loads the libraries of two cells.
    kernel.ok("use mosaic::prelude::*;\nmosaic::interactive(On).num_workers(1).await?;")
    for name, number in [("First", 1), ("Second", 2)]:
        kernel.ok(
            f"#[tessera] struct {name};\n"
            f"#[tessera] impl {name} {{ fn new() -> Self {{ {name} }} fn next(&self) -> u32 {{ counted::next() }} }}\n"
            f"let worker = {name}::remote();"
        )
        assert kernel.ok("let value = worker.next().await?.result().await?; value").result == str(number)


def test_what_macros_of_crates_make_are_items(start, tmp_path):
    macros = """
#[macro_export] macro_rules! own { ($(#[$m:meta])* static $n:ident: $t:ty) => { $(#[$m])* static $n: $crate::Own<$t> = $crate::Own(1); }; }
#[macro_export] macro_rules! on_unix { (if #[cfg($c:meta)] { $($t:tt)* }) => { #[cfg($c)] const _: () = (); $($t)* }; }
#[macro_export] macro_rules! text { ($($t:tt)*) => { { stringify!($($t)*) } }; }
pub struct Own<T>(pub T);
"""
    kernel = start()
    kernel.ok(f"{path_crate(tmp_path, 'makers', macros)}\nmakers::own!(static FIRST: u8);", timeout=200)
    kernel.ok("use makers::*;\non_unix! { if #[cfg(unix)] { fn name() -> &'static str { \"unix\" } } }")
    assert kernel.ok("(FIRST.0, name())").result == '(1, "unix")'
    # What begins as an item may be an expression.
    assert kernel.ok("text! { struct Tile; }").result == '"struct Tile;"'
    assert kernel.ok("let tile = text!(struct Tile;); tile.len()").result == "12"
    # An edited call takes the place of the older one.
    kernel.ok("own!(static EDITED: u8);")
    kernel.ok("own!(static EDITED: u64);")
    assert kernel.ok("size_of_val(&EDITED.0)").result == "8"
    cell = kernel.run("own!(static WRONG: Missing);")
    assert "cannot find type `Missing`" in cell.error and "]:1:20" in cell.error, cell.error


def test_a_variable_of_a_type_from_a_crate_that_is_not_added(start, tmp_path):
    path_crate(tmp_path, "inner", "#[derive(Clone, Debug, PartialEq)] pub struct Value(pub Vec<u8>);")
    outer = path_crate(tmp_path, "outer", "pub fn value() -> inner::Value { inner::Value(vec![1, 2]) }", 'inner = { path = "../inner" }')
    kernel = start()
    kernel.ok(f"{outer}\nlet value = outer::value();", timeout=200)
    kernel.ok("let pair = (value.clone(), 3);")
    assert kernel.ok("(&pair.0 == &value, value.0.len())").result == "(true, 2)"
    kernel.ok("let moved = value;")
    assert kernel.ok("moved").result == "Value([1, 2])"


def test_a_logger_logs_for_all_cells(start):
    kernel = start()
    kernel.ok(
        ':dep log = "0.4"\n'
        "struct Printer;\n"
        "impl log::Log for Printer {\n"
        "    fn enabled(&self, _: &log::Metadata) -> bool { true }\n"
        '    fn log(&self, it: &log::Record) { println!("{} {}", it.level(), it.args()); }\n'
        "    fn flush(&self) {}\n"
        "}\n"
        "log::set_logger(&Printer).unwrap();\n"
        "log::set_max_level(log::LevelFilter::Info);",
        timeout=200,
    )
    assert kernel.ok('log::info!("first"); log::debug!("hidden");').stdout == "INFO first\n"
    assert kernel.ok(':dep itoa = "1"\nlog::warn!("second");', timeout=200).stdout == "WARN second\n"


def test_a_crate_that_the_user_edits_is_built_again(start, fast, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "edited"\nversion = "0.1.0"\nedition = "2024"\n')
    source = tmp_path / "src/lib.rs"
    add = f':dep edited = {{ path = "{tmp_path}" }}'
    source.write_text("pub fn number() -> u8 { 1 }")
    kernel = start(MOSAIC_FAST_PATH=fast)
    assert kernel.ok(f"{add}\nedited::number()", timeout=200).result == "1"
    source.write_text("pub fn number() -> u8 { 2 }")
    assert kernel.ok("edited::number()").result == "2"
    source.write_text("pub fn number() -> u8 { 3 }")
    assert start(MOSAIC_FAST_PATH=fast).ok(f"{add}\nedited::number()", timeout=200).result == "3"


def test_two_kernels_add_the_same_crate_at_once(start, unbuilt, fast):
    kernels = [start(MOSAIC_FAST_PATH=fast) for _ in range(2)]
    # No session has built the crate with these features.
    add = ':dep hex = { version = "=0.4.3", default-features = false, features = ["alloc"] }'
    cells = [kernel.submit(f"{add}\n{ENCODED}") for kernel in kernels]
    for kernel, cell in zip(kernels, cells):
        assert kernel.finish(cell, timeout=200).result == '"2a"', str(cell)
    assert start(MOSAIC_FAST_PATH=fast).ok(f"{add}\n{ENCODED}", timeout=200).result == '"2a"'


KEPT = {"builds": "pool/builds/*.json", "crates": "pool/target/*/debug/deps/libhex-*.rlib", "idle": "idle/*.so"}


@pytest.mark.parametrize("damaged", [[kind] for kind in KEPT] + [list(KEPT)], ids="-".join)
def test_what_is_damaged_is_built_again(start, damaged):
    first = start()
    first.ok(f"{HEX}\n{ENCODED}", timeout=200)
    cache = session(first).parent
    first.close()
    for file in (file for kind in damaged for file in cache.glob(KEPT[kind])):
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
    for _ in range(2):
        assert start().ok(f"{HEX}\n{ENCODED}", timeout=200).result == '"2a"'


def test_a_long_build_shows_how_far_it_is(start, tmp_path):
    kernel = start()
    barrier = kernel.barrier()
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "long"\nversion = "1.0.0"\nedition = "2024"\n')
    (tmp_path / "build.rs").write_text(f"fn main() {{ {barrier.wait} }}")
    (tmp_path / "src" / "lib.rs").write_text("pub const NUMBER: u8 = 7;")
    cell = kernel.submit(f':dep long = {{ path = "{tmp_path}" }}\nlong::NUMBER')
    bars = lambda: [content for kind, content in cell.messages if kind in ("display_data", "update_display_data")]
    kernel.read_until(lambda: any("crates, 3 s: long" in bar["data"]["text/plain"] for bar in bars()))
    assert '<progress value="' in bars()[-1]["data"]["text/html"]
    barrier.open()
    kernel.finish(cell)
    assert cell.result == "7" and bars()[-1]["data"]["text/plain"].startswith("compiled 1 crate in"), str(cell)
    assert len({bar["transient"]["display_id"] for bar in bars()}) == 1
    assert not kernel.run("long::NUMBER + 1").messages[:-1]


def test_a_bar_of_indicatif_is_one_line_that_changes(start):
    """By the cell of the guide."""
    guide = Path(__file__).parent.parent / "docs" / "src" / "displays.md"
    (code,) = [cell.code for cell in chapters.cells(guide.read_text()) if "CellOutput" in cell.code]
    drawn = start().ok(code, timeout=300).stderr
    drawn = drawn[drawn.index("\r") :]
    assert "50/50" in drawn and drawn.count("\r") > 2 and "\n" not in drawn.strip(), drawn
