"""Small ways in which a cell is like a program: its first line, its end, its arguments, its stack, its variables."""

import pytest

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_a_line_with_an_exclamation_mark_is_rust_where_it_is_rust(kernel):
    kernel.ok("let flags: Vec<u8> = vec![]; let ready = true;\nfn on() -> bool { true }")
    for code, result in [
        ("!flags.is_empty()", "false"),
        ("!0u8", "255"),
        ("!ready", "false"),
        ("!!ready", "true"),
        ("// c\n\n!on() || ready", "true"),
        ("!matches!(flags.len(), 0)", "false"),
        ("!{ const NEW: bool = true; NEW }", "false"),
        ("!echo first\n!ready", "first\nfalse"),
    ]:
        assert kernel.ok(code).result == result, code
    for code, text in [("!echo said", "said"), ("!echo -n x | tr x y", "y"), ("!cargo --version", "cargo 1")]:
        assert text in str(kernel.ok(code)), code
    assert "ready_is_no_command" in kernel.run("!ready_is_no_command").error
    error = kernel.run("!unknown_list.is_empty()").error
    assert "cannot find value `unknown_list`" in error, error
    assert "!ready" in kernel.ok(":help").result
    for typed in ("!fla", "!flags.is_em"):
        found = kernel.request(kernel.client.complete, typed, len(typed))
        assert any(match.startswith(("flags", "is_empty")) for match in found["matches"]), found
    assert kernel.request(kernel.client.is_complete, "!ready")["status"] == "complete"


def test_the_documentation_of_the_first_item_is_kept(kernel):
    for name, code in [
        ("lines", "/// Says it.\n// plain\npub fn lines() {}"),
        ("block", "/** Says it. */\npub fn block() {}"),
        ("marked", "// plain\n/// Says it.\n#[inline]\npub fn marked() {}"),
        ("Kind", "/// Says it.\n#[derive(Debug)]\nstruct Kind;"),
    ]:
        kernel.ok(code)
        assert "Says it." in kernel.ok(f":doc {name}").result, code
    for code in ("//! The notebook.\nlet about = 1;", "/// About.\nlet about = 2;", "/// Nothing.", "// A remark."):
        kernel.ok(code)


def test_a_semicolon_too_many_does_nothing(kernel):
    for code, result, printed in [
        (";", None, ""),
        ("let a = 1;;", None, ""),
        ("fn twice(n: i32) -> i32 { n * 2 };\nprintln!(\"{}\", twice(a));;", None, "2\n"),
        ("mod inner { pub enum Kind { A } }\n;\n", None, ""),
        ("#[derive(Debug)] struct Point { x: i32 };\nPoint { x: a }", "Point { x: 1 }", ""),
        ("impl Point { fn x(&self) -> i32 { self.x } };;\nlet b = Point { x: 3 }; ; b.x()", "3", ""),
        (";;b.x", "3", ""),
        ("let c = 2;\n;\nc", "2", ""),
        ("#[tessera] struct Unit {};\n#[tessera] impl Unit { fn new() -> Self { Self {} } };", None, ""),
        ("let after;; let d = { ; after = 4; after };; d", "4", ""),
    ]:
        cell = kernel.ok(code)
        assert (cell.result, cell.stdout) == (result, printed), str(cell)
    error = kernel.run("let e = 1;; missing").error
    assert "]:1:13" in error and "cannot find value `missing`" in error, error


def test_return_ends_the_cell(kernel):
    for code, printed in [
        ("return;\nprintln!(\"no\");", ""),
        ("if true { return }\nprintln!(\"no\");", ""),
        ("if false { return; }\nprintln!(\"yes\");", "yes\n"),
        ("for n in 0.. { if n == 2 { return; } println!(\"{n}\"); }", "0\n1\n"),
        ("let Some(_) = None::<u8> else { return };\nprintln!(\"no\");", ""),
        ("tokio::task::yield_now().await; return;", ""),
        ("let inner = || { return; }; inner(); println!(\"yes\");", "yes\n"),
        ("println!(\"{}\", if true { return } else { 1 });", ""),
        ("tokio::select! { n = std::future::ready(1) => { println!(\"{n}\"); return; } }\nprintln!(\"no\");", "1\n"),
        ("fn early(n: u8) -> u8 { if n > 1 { return 1; } 2 }\nprintln!(\"{}\", early(3));", "1\n"),
    ]:
        cell = kernel.ok(code)
        assert cell.stdout == printed, str(cell)
    for code in ('return Err("broken");', 'return Err("broken".into());', 'return Err("broken")?;', 'return Err(format!("broken"));'):
        assert "broken" in kernel.run(code).error, code


def test_variables_bound_before_a_return_are_kept(kernel):
    kernel.ok("let old = vec![1];")
    kernel.ok("let first = 1; let (second, mut third) = (2, vec![3]);\n{ let first = 9; if first > 0 { return; } }\nlet fourth = 4;")
    assert kernel.ok("third.push(0); (old.len(), first, second, third.len())").result == "(1, 1, 2, 2)"
    assert "fourth" in kernel.run("fourth").error
    # The variable cannot be stored at the `return`, where it is gone.
    cell = kernel.ok("let gone = vec![1]; let there = 2; if true { drop(gone); return; }\nlet last = 5;")
    assert "not kept, since the cell returned before its end" in cell.stderr and "there" in cell.stderr, str(cell)
    assert "there" in kernel.run("there").error
    assert kernel.ok("old.len()").result == "1"


def test_the_process_is_like_that_of_a_program(kernel):
    cell = kernel.ok("let args: Vec<String> = std::env::args().collect(); println!(\"{}\", args.len());\nstd::env::current_exe()? == std::path::Path::new(&args[0])")
    assert (cell.stdout, cell.result) == ("1\n", "true")
    kernel.ok("let array = [1u8; 3 << 20]; std::hint::black_box(&array);")
    assert kernel.ok("{ let large = [2u8; 7 << 20]; std::hint::black_box(&large); } array.len()").result == str(3 << 20)
    assert "exit status: 3" in kernel.run("std::process::exit(3)").error
    assert kernel.ok("1 + 1").result == "2"


def test_attributes_of_the_crate(kernel):
    for code, reason in [
        ("#![no_std]\nfn f() {}", "standard library"),
        ("#![no_main]", "no `main`"),
        ("#![feature(never_type)]\n1", "nightly"),
        ("#![recursion_limit = \"many\"]", "takes a number"),
        ("#![no_such_attribute]\n1", "cannot hold"),
    ]:
        assert reason in kernel.run(code).error, code
        assert kernel.ok("1 + 1").result == "2"
    deep = "macro_rules! deep { () => { 0 }; (x $($rest:tt)*) => { 1 + deep!($($rest)*) } }\n"
    many = "deep!(" + "x " * 200 + ")"
    assert "recursion limit" in kernel.run(deep + many).error
    assert kernel.ok(f"#![recursion_limit = \"512\"]\n{deep}{many}").result == "200"
    assert kernel.ok(many).result == "200"
    insert = "std::collections::HashSet::new().insert(1);"
    assert kernel.ok(insert).stderr == ""
    cell = kernel.ok(f"#![deny(unused_results)]\n{insert}")
    assert "warns of what" in cell.stderr and "unused result" in cell.stderr, str(cell)
    kernel.ok("#![allow(unused_results)]")
    assert kernel.ok(insert).stderr == ""


DROPPED = """use std::io::Write;
struct Told(&'static str);
impl Drop for Told { fn drop(&mut self) { println!("dropped {}", self.0); } }
let first = Told("first"); let second = Told("second"); let third = Told("third");
"""


def test_variables_are_dropped_at_the_end(start, world):
    kernel = start()
    kernel.ok(DROPPED)
    kernel.ok('let fourth = Told("fourth"); let _ = &second;')
    written = world.home / "written"
    kernel.ok(f'let mut writer = std::io::BufWriter::new(std::fs::File::create("{written}").unwrap()); write!(writer, "whole").unwrap();')
    assert kernel.ok(":clear").stdout.split() == "dropped fourth dropped third dropped second dropped first".split()
    assert written.read_text() == "whole"
    kernel.ok("struct Stuck; impl Drop for Stuck { fn drop(&mut self) { loop { std::thread::park(); } } }\nlet stuck = Stuck;")
    assert "destructor" in kernel.ok(":clear").stderr
    assert kernel.ok("1 + 1").result == "2"
    kernel.ok("use std::io::Write;")
    kernel.ok(f'let mut writer = std::io::BufWriter::new(std::fs::File::create("{written}").unwrap()); write!(writer, "again").unwrap();')
    kernel.close()
    assert written.read_text() == "again"


def test_names_have_one_normal_form(kernel):
    kernel.ok(f"let {DECOMPOSED} = 1;\nfn ple{DECOMPOSED}() -> u8 {{ 3 }}")
    assert kernel.ok(f"{COMPOSED} + 1").result == "2"
    kernel.ok(f"let {COMPOSED} = 5;")
    assert kernel.ok(f"({DECOMPOSED}, ple{COMPOSED}(), \"{DECOMPOSED}\".chars().count())").result == "(5, 3, 5)"
    listed = kernel.ok(":vars").result
    assert listed.count(COMPOSED) == 1 and DECOMPOSED not in listed, listed
    typed = f"ple{DECOMPOSED}"
    found = kernel.request(kernel.client.complete, typed, len(typed))
    assert (found["cursor_start"], found["cursor_end"]) == (0, len(typed)), found
    assert any(match.startswith(f"ple{COMPOSED}") for match in found["matches"]), found


# A cell, a later cell, and its result.
KEPT = [
    ("let f = |y: i32| y + 1;", "f(2)", "3"),
    ("let words = vec![\"a\"]; let say = move |s: &str| format!(\"{s}{}\", words[0]);", "say(\"b\")", '"ba"'),
    ("let mut n = 0; let mut next = move || { n += 1; n };", "(next(), next())", "(1, 2)"),
    ("let owned = String::from(\"x\"); let once = move || owned;", "once()", '"x"'),
    ("let mut it = (0..3).map(|x| x * 2);", "(it.next(), it.next())", "(Some(0), Some(2))"),
    ("let evens = (0..9).filter(|x| x % 2 == 0).enumerate();", "evens.collect::<Vec<_>>().len()", "5"),
    ("let later = async { 7u8 };", "later.await", "7"),
    ("async fn soon(n: u8) -> String { n.to_string() }\nlet promised = soon(4);", "promised.await", '"4"'),
    ("fn adder(by: i32) -> impl Fn(i32) -> i32 { move |x| x + by }\nlet add = adder(2);", "add(1)", "3"),
    # In its own cell, a closure is a closure.
    ("let twice = |x: u8| x * 2; let copied = twice; let both = twice(1) + copied(2);", "both + twice(1)", "8"),
]  # fmt: skip


@pytest.mark.parametrize("code, then, result", KEPT, ids=[code for code, *_ in KEPT])
def test_what_owns_all_that_it_holds_is_kept_in_a_box(kernel, code, then, result):
    cell = kernel.ok(code)
    assert "is kept as" in cell.stderr, str(cell)
    assert kernel.ok(then).result == result


def test_what_borrows_is_not_kept(kernel):
    assert "is kept as `Box<dyn Fn(i32) -> i32>`" in kernel.ok("let told = |y: i32| y;").stderr
    assert kernel.ok("let told = |y: i32| y;").stderr == ""
    for code in (
        "let by = 1; let lent = |x: i32| x + by;",
        "let held = vec![1]; let lent = held.iter().map(|x| x + 1);",
        "let lent = vec![|x: i32| x];",
        "let lent = (1, |x: i32| x);",
    ):
        assert "`lent` cannot be kept" in kernel.run(code).error, code
    assert "cannot find" in kernel.run("lent").error


def test_a_symbol_that_no_library_has_is_an_error_of_the_cell(kernel):
    kernel.ok("let kept_beside = 5;\nmacro_rules! unused_beside { () => {} }")
    cell = kernel.run('unsafe extern "C" { fn in_no_library(); }\nunsafe { in_no_library() }')
    assert "undefined symbol: in_no_library" in cell.error, cell
    assert kernel.ok('unsafe extern "C" { safe fn cos(x: f64) -> f64; }\ncos(0.0) as i32 + kept_beside').result == "6"


def test_a_warning_hides_no_error(kernel):
    kernel.ok("macro_rules! never_called { () => {} }")
    cell = kernel.run("mod hidden { mod inner { pub struct Inner; } pub fn make() -> inner::Inner { inner::Inner } }\nlet concealed = hidden::make();")
    assert cell.reply["ename"] == "VariableError" and "`concealed`" in cell.error, cell
