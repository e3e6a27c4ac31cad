"""What published notebooks contain that cargo, rustc or the kernel would refuse: old spellings, evcxr's settings, older
editions, start-up files."""

import pytest

from test_commands import text_of
from test_completion import complete


def test_old_spelling_of_default_features(kernel):
    for code, result in [
        (':dep itoa = { version = "1", default_features = false }\nitoa::Buffer::new().format(42).len()', "2"),
        ('  :dep  either =\t{version="1" ,"default_features"=false}\neither::Either::<u8, u8>::Left(1)', "Left(1)"),
        (':dep short = { package = "ryu", version = "1", default_features = true }\nshort::Buffer::new().format(0.5).len()', "3"),
    ]:
        cell = kernel.ok(code, timeout=200)
        assert (cell.result, cell.errors) == (result, []), str(cell)
        assert "default" not in cell.stderr, cell.stderr
    # Where the kernel adds nothing of its own, cargo says what is wrong.
    error = kernel.run(':dep ryu = { version = "1", default_features = false, default-features = true }', timeout=200).error
    assert "ryu" in error


def test_a_path_keeps_the_old_spelling(kernel, world):
    crate = world.home / "default_features"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "by_path"\nversion = "1.0.0"\n[features]\ndefault = ["full"]\nfull = []\n')
    (crate / "src/lib.rs").write_text('pub const FULL: bool = cfg!(feature = "full");')
    cell = kernel.ok(f':dep by_path = {{ path = "{crate}", default_features = false }}\nby_path::FULL', timeout=200)
    assert cell.result == "false"


@pytest.mark.parametrize(
    "command",
    [
        ":sccache 1",
        ":sccache 0",
        ":sccache",
        ":linker lld",
        ":time_passes",
        ":toolchain nightly",
        ":codegen_backend cranelift",
        ":allow_static_linking 0",
        ":allow_static_linking",
    ],
)
def test_a_setting_without_effect_lets_the_cell_run(kernel, command):
    cell = kernel.ok(f"{command}\nlet went_on = 7;\nwent_on")
    assert cell.result == "7"
    assert f"`{command.split()[0]}` changes nothing" in cell.stderr


def test_tokio_has_all_features_that_users_ask_for(kernel):
    wanted = 'tokio = { version = "1", features = ["full", "test-util", "signal", "process", "rt-multi-thread"] }'
    cell = kernel.ok(
        f":dep {wanted}\n"
        "fn an_hour() -> std::io::Result<u64> {\n"
        "    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;\n"
        "    let begun = std::time::Instant::now();\n"
        "    runtime.block_on(async { tokio::time::sleep(std::time::Duration::from_secs(3600)).await });\n"
        "    Ok(begun.elapsed().as_secs())\n"
        "}\n"
        "std::thread::spawn(an_hour).join().unwrap()? < 60"
    )
    assert cell.result == "true", "the hour passes at once on a clock that is paused"
    assert "other_tokio" in kernel.run(':dep tokio = { version = "1", features = ["no-such-feature"] }').error


def test_an_edition_holds_for_all_that_comes(start):
    kernel = start()
    kernel.ok("let before = 1;\nfn old() -> i32 { 2 }")
    assert "`2018`" in kernel.run(":edition 2018\nlet never = 1;").error
    assert "unsafe" in kernel.run('extern "C" { fn abs(x: i32) -> i32; }').error
    assert kernel.ok(":edition 2021\nlet gen = before + old(); gen").result == "Edition: 2021\n3"
    for code, result in [
        ('extern "C" { fn abs(x: i32) -> i32; }\nunsafe { abs(-gen) }', "3"),
        ("unsafe { abs(-4) }", "4"),
        ("struct Rng; impl Rng { fn gen<T: From<u8>>(&self) -> T { 7.into() } }\nlet rng = Rng; let n: u16 = rng.gen(); n", "7"),
        ("#[derive(Debug)] struct Named { gen: i32 }\nNamed { gen }", "Named { gen: 3 }"),
        ('let gen = vec!["gen"]; gen', '["gen"]'),
        ("std::future::ready(gen.len()).await", "1"),
        ("#[no_mangle] pub fn exported_name() -> u8 { 5 }\nexported_name()", "5"),
        (
            "#[tessera] struct Far { gen: u8 }\n"
            "#[tessera] impl Far { fn new() -> Self { Far { gen: 4 } } fn gen(&self) -> u8 { self.gen } }\n"
            "mosaic::interactive(mosaic::prelude::On).num_workers(1).await?;\n"
            "Far::remote().gen().result().await?",
            "4",
        ),
        (":edition", "Edition: 2021\n"),
    ]:
        assert kernel.ok(code).result == result, code
    # rustc itself reads the cell in that edition.
    assert "2024" in kernel.run("if let Some(x) = Some(1) && x > 0 {}").error
    for typed, expected in [("rng.ge", "gen"), ("rng.gen::<u8>().leading_z", "leading_zeros")]:
        found = complete(kernel, typed)
        assert any(expected in match for match in found["matches"]), found
        start_of_name = len(typed) - len(typed.split(".")[-1])
        assert (found["cursor_start"], found["cursor_end"]) == (start_of_name, len(typed)), found
    for typed, cursor in [("rng.gen", 7), ("rng.gen.foo()", 6)]:
        found = kernel.request(kernel.client.complete, typed, cursor)
        assert 4 <= found["cursor_start"] <= found["cursor_end"] <= 7, found


def test_start_up_files_run_before_the_first_cell(start, world):
    settings = world.home / "settings"
    evcxr, own = settings / "evcxr", settings / "mosaic-kernel"
    for directory in (evcxr, own):
        directory.mkdir(parents=True)
    (evcxr / "evcxr.toml").write_text('[evcxr]\nopt_level = "1"\nsccache = "/no/such/program"\n[dependencies]\nitoa = "1"\n')
    (evcxr / "init.evcxr").write_text(':dep no_such_crate_of_mosaic_tests = "1"\n')  # not read: there are dependencies
    (evcxr / "prelude.rs").write_text('use std::collections::BTreeMap;\nfn length(n: u64) -> usize { itoa::Buffer::new().format(n).len() }\nprintln!("prelude");\n')
    (own / "init.rs").write_text("let of_init = length(1234);\n")
    kernel = start(XDG_CONFIG_HOME=str(settings))
    first = kernel.ok("(of_init, BTreeMap::from([(1, 2)]))", timeout=200)
    assert (first.stdout, first.result) == ("prelude\n", "(4, {1: 2})"), str(first)
    assert kernel.ok("of_init").stdout == "", "they run once"
    again = kernel.ok(":load_config")
    assert again.stdout == "prelude\n" and "init.rs" in text_of(again) and "evcxr.toml" in text_of(again), str(again)


def test_an_error_in_a_start_up_file_is_shown_and_costs_nothing(start, world):
    settings = world.home / "broken"
    evcxr, own = settings / "evcxr", settings / "mosaic-kernel"
    for directory in (evcxr, own):
        directory.mkdir(parents=True)
    (evcxr / "init.evcxr").write_text('let ready = "init";\n')
    (evcxr / "prelude.rs").write_text("let fine = 1;\nfine + missing_name\n")
    (own / "init.rs").write_text('let from_own = "own";\n')
    kernel = start(XDG_CONFIG_HOME=str(settings))
    first = kernel.ok("(ready, from_own)")
    assert first.result == '("init", "own")'
    assert "prelude.rs has failed" in first.stderr and "missing_name" in first.stderr, first.stderr
    assert "prelude.rs:2:8" in first.stderr.replace("\x1b", ""), first.stderr
    assert kernel.ok("ready.len()").stderr == ""
    (evcxr / "evcxr.toml").write_text("[evcxr\n")
    assert "evcxr.toml" in kernel.ok(":load_config --quiet").stderr
