"""How cells are compiled: as a release build is, with checks of overflow, and with the variables that they mention."""

import platform
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module", params=["1", "0"], ids=["fast", "slow"])
def either(world, request):
    """A kernel with the fast path, and a kernel without."""
    from kernels import Kernel

    kernel = Kernel(world, MOSAIC_FAST_PATH=request.param)
    yield kernel
    kernel.close()


BRIGHTER = """
fn brighter(value: u8) -> u8 { value + 10 }
mod filters { pub fn brighter(value: u8) -> u8 { value + 10 } }
let value: u8 = "250".parse().unwrap();
"""


def test_overflow_panics_unless_the_user_wants_otherwise(either):
    either.ok(BRIGHTER)
    for code in ("value + 10", "brighter(value)", "filters::brighter(value)"):
        assert "attempt to add with overflow" in either.run(code).error, code
    either.ok(":release")
    assert either.ok("(value + 10, brighter(value), filters::brighter(value))").result == "(4, 4, 4)"
    either.ok(":overflow_checks 1")
    assert "attempt to add with overflow" in either.run("brighter(value)").error
    either.ok(":overflow_checks 0")
    assert either.ok("brighter(value)").result == "4"
    either.ok(":overflow_checks 1")


def test_no_assertion_is_for_debugging_alone(either):
    either.ok("debug_assert!(false);")
    assert either.ok("cfg!(debug_assertions)").result == "false"


TESSERA = """
use mosaic::prelude::*;
#[tessera]
struct Adder;
#[tessera]
impl Adder {
    fn new() -> Self { Adder }
    fn add(&self, value: u8) -> u8 { value + 10 }
}
mosaic::interactive(On).num_workers(1).await?;
"""


def test_overflow_panics_on_a_worker(kernel):
    kernel.ok(TESSERA)
    call = "Adder::remote().add(250).result().await?"
    assert "attempt to add with overflow" in kernel.run(call).error
    kernel.ok(":release\n" + TESSERA.replace("value + 10", "value + 11"))
    assert kernel.ok(call).result == "5"
    kernel.ok(":overflow_checks 1\nmosaic::interactive(Off).await?;")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are x86's features")
def test_the_cpu_of_this_machine(kernel):
    native = subprocess.run(
        ["rustc", "--print", "cfg", "-Ctarget-cpu=native"], capture_output=True, text=True, check=True, cwd="/"
    ).stdout
    code = 'cfg!(target_feature = "avx2")'
    assert kernel.ok(code).result == "false"
    kernel.ok(":target_cpu native")
    assert kernel.ok(code).result == str('target_feature="avx2"' in native).lower()
    kernel.ok(":target_cpu generic")
    assert kernel.ok(code).result == "false"


def test_variables_that_a_cell_does_not_mention_stay_as_they_are(either):
    either.ok("struct Noisy(&'static str); impl Drop for Noisy { fn drop(&mut self) { println!(\"{} dropped\", self.0) } }")
    either.ok('let quiet = Noisy("quiet"); let mut count = 1; let r#type = vec![1]; let names = vec![String::from("a")];')
    assert either.ok("count += 1; count").result == "2"
    assert either.ok("40 + 2").stdout == ""
    # By a word of a string, of a macro, of a raw name.
    assert either.ok('println!("{count} {names:?}");').stdout == '2 ["a"]\n'
    assert either.ok("r#type.len()").result == "1"
    # A panic and a failed `?` concern the cell's variables alone.
    either.run('panic!("{}", count)')
    either.run('"x".parse::<i32>()?;')
    assert either.ok("(count, names.len(), quiet.0.len())").result == "(2, 1, 5)"
    # A variable that the cell sets anew drops the old one.
    assert either.ok('let quiet = Noisy("later");').stdout == "quiet dropped\n"
    either.ok("let count = names;")
    assert "names" in either.run("names.len()").error
    assert either.ok("count.len()").result == "1"


def test_a_type_that_is_redefined_loses_its_variables_at_once(either):
    either.ok("#[derive(Debug)] struct Place { x: f32 }\nlet here = Place { x: 1.5 }; let other = 3;")
    either.ok("#[derive(Debug)] struct Place { x: u32 }")
    assert "here" in either.run("other").stderr
    assert "cannot find value `here`" in either.run("here").error


def test_a_name_that_is_not_found_has_similar_ones(either):
    either.ok("let temperature = 300.0;")
    assert "similar name exists: `temperature`" in either.run("temperatur + 1.0").error


def test_a_macro_may_hide_names_and_waits(either):
    either.ok("macro_rules! wait { ($future:expr) => { $future . await } }\nasync fn ready() -> u8 { 7 }")
    assert either.ok("wait!(ready()) + 1").result == "8"
    either.ok("use std::future::ready as now; macro_rules! seven { () => { now(7).await } }")
    assert either.ok("seven!()").result == "7"
    assert "await" in either.run("let wrong = || ready().await;").error


MACRO = """
use proc_macro::{Ident, Span, TokenStream, TokenTree};
#[proc_macro]
pub fn hidden(_: TokenStream) -> TokenStream {
    TokenTree::from(Ident::new("secret", Span::call_site())).into()
}
"""


def test_a_procedural_macro_may_name_a_variable(either, tmp_path):
    crate = tmp_path / "hidden"
    (crate / "src").mkdir(parents=True)
    (crate / "src" / "lib.rs").write_text(MACRO)
    (crate / "Cargo.toml").write_text(
        '[package]\nname = "hidden"\nversion = "0.1.0"\nedition = "2024"\n[lib]\nproc-macro = true\n'
    )
    either.ok(f':dep hidden = {{ path = "{crate}" }}')
    either.ok("let secret = vec![1, 2, 3];")
    assert either.ok("hidden::hidden!().len()").result == "3"
