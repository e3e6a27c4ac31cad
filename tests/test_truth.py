"""The kernel's promises about variables, types and errors, tested by plain Jupyter messages."""

import re

import promises
import pytest

# A cell that defines a type `T` and a value of it in `t`; a changed definition of `T`; the name in the message.
REDEFINITIONS = {
    "field": ("struct T { a: i64 }", "T { a: 3 }", "struct T { a: Vec<u8> }"),
    "variant": ("enum T { A(u64), B }", "T::A(3)", "enum T { A(Box<u8>), B }"),
    "repr": ("#[repr(C)] struct T { a: u8, b: u64 }", "T { a: 1, b: 2 }", "#[repr(packed)] struct T { a: u8, b: u64 }"),
    "alias": ("struct I1 { a: i64 } type T = I1;", "I1 { a: 3 }", "struct I1 { a: Vec<u8> }"),
    "inner": ("struct I2 { a: i64 } struct T { i: I2 }", "T { i: I2 { a: 3 } }", "struct I2 { a: Vec<u8> }"),
    "generic default": ("struct T<X = i64> { a: X }", "T::<i64> { a: 3 }", "struct T<X = Vec<u8>> { a: X, b: X }"),
    "number of parameters": ("struct T { a: i64 }", "T { a: 3 }", "struct T<X> { a: X }"),
    "kind": ("struct T { a: i64 }", "T { a: 3 }", "trait T {}"),
    "array length": ("const N1: usize = 2; struct T { a: [u64; N1] }", "T { a: [1; N1] }", "const N1: usize = 4;"),
    "module": ("mod m1 { pub struct T { pub a: i64 } }", "m1::T { a: 3 }", "mod m1 { pub struct T { pub a: Vec<u8> } }"),
    "items of a macro": (
        "mod m2 { macro_rules! make { ($f:ty) => { pub struct T { pub a: $f } } } make!(i64); }",
        "m2::T { a: 3 }",
        "mod m2 { macro_rules! make { ($f:ty) => { pub struct T { pub a: $f } } } make!(Vec<u8>); }",
    ),
    "associated type": (
        "trait Has1 { type V; } struct K1; impl Has1 for K1 { type V = i64; } struct T<H: Has1> { a: H::V }",
        "T::<K1> { a: 3 }",
        "trait Has1 { type V; } struct K1; impl Has1 for K1 { type V = Vec<u8>; }",
    ),
    "in a vector": ("struct I3 { a: i64 }", "vec![Some(I3 { a: 3 })]", "struct I3 { a: Vec<u8> }"),
    "in a table of methods": (
        "struct I4(i64); trait D4 { fn first(&self) -> i64; fn other(&self) -> i64; }\n"
        "impl D4 for I4 { fn first(&self) -> i64 { 1 } fn other(&self) -> i64 { 2 } }",
        "{ let t: Box<dyn D4> = Box::new(I4(3)); t }",
        "trait D4 { fn other(&self) -> i64; fn first(&self) -> i64; }",
    ),
    "any": (
        "use std::any::Any; struct I5 { a: i64 }",
        "{ let t: Box<dyn std::any::Any> = Box::new(I5 { a: 3 }); t }",
        "struct I5 { a: Vec<u8> }",
    ),
}


@promises.STALE
@pytest.mark.parametrize("kind", REDEFINITIONS)
def test_no_stale_bytes(kernel, kind):
    """A variable whose type was redefined, in whatever way, is dropped by name. The others stay."""
    definition, value, again = REDEFINITIONS[kind]
    number = list(REDEFINITIONS).index(kind)
    name, kept, type_name = f"t{number}", f"kept{number}", f"Type{number}"
    definition, value, again = (re.sub(r"\bT\b", type_name, it) for it in (definition, value, again))
    kernel.ok(f"{definition}\nlet {name} = {value}; let {kept} = {number};")
    kernel.ok(f"{kept} + 0")
    cell = kernel.ok(f"{again}\n{kept}")
    assert cell.result == str(number)
    assert f"`{name}`" in cell.stderr and "redefined" in cell.stderr and f"`{kept}`" not in cell.stderr
    assert f"`{name}`" in kernel.run(f"let _ = &{name};").error


@promises.STALE
def test_an_edited_cell_runs_again(kernel):
    """The usual way to redefine a type: the user edits its cell, which sets the variable again."""
    kernel.ok("#[derive(Debug)] struct Edited { a: i64 }\nlet edited = Edited { a: 3 };")
    kernel.ok('#[derive(Debug)] struct Edited { a: String }\nlet edited = Edited { a: "x".to_owned() };')
    assert kernel.ok("edited.a").result == '"x"'
    kernel.ok("#[derive(Debug)] struct Edited<X> { b: X }\nlet mut edited = Edited { b: 2.5 };")
    assert kernel.ok("edited").result == "Edited { b: 2.5 }"


@promises.STALE
def test_what_is_dropped_is_dropped_by_its_own_code(kernel):
    kernel.ok(
        "struct Loud { a: i64 }\n"
        'impl Drop for Loud { fn drop(&mut self) { println!("dropped {}", self.a); } }\n'
        "let loud = Loud { a: 7 };"
    )
    cell = kernel.ok("struct Loud { a: String }\n1")
    assert cell.stdout == "dropped 7\n" and "`loud`" in cell.stderr


@promises.SURVIVE
def test_nothing_is_dropped_without_need(kernel):
    """An unrelated definition, another method, a derived trait or a comment loses no value."""
    kernel.ok("struct Calm { a: i64 } struct Other1(u8);\nlet calm = Calm { a: 3 };")
    for code in (
        "struct Other1(u16);",
        "impl Calm { fn double(&self) -> i64 { 2 * self.a } }",
        "impl std::ops::Neg for Calm { type Output = Calm; fn neg(self) -> Calm { Calm { a: -self.a } } }",
        "mod elsewhere { pub struct Calm(String); }",
        "const UNRELATED: usize = 4; type Unrelated = u8; fn unrelated() {}",
    ):
        assert kernel.ok(f"{code}\ncalm.a").stderr == ""
    cell = kernel.ok(
        "/// A calm one.\n#[derive(Debug)]\nstruct Calm {\n    // how many\n    a: i64,\n}\ncalm"
    )
    assert cell.result == "Calm { a: 3 }" and cell.stderr == ""
    assert kernel.ok("calm.double()").result == "6"
    kernel.ok("use std::time::*; let pause: Duration = Duration::MAX; let boxed: Box<dyn Fn() -> u8> = Box::new(|| 1);")
    for code in ("use std::ops::Fn;", "use std::collections::*;", "mod inner { use super::*; } use inner::*;"):
        assert kernel.ok(f"{code}\n(pause > Duration::ZERO, boxed())").text == ""


@promises.SURVIVE
def test_variables_survive_commands_and_the_first_await(start):
    """`:dep`, `:opt` and `.await` change how cells are built, but no value."""
    kernel = start()
    kernel.ok("#[derive(Debug)] struct Own { a: i64 }\nlet own = Own { a: 3 }; let owned = vec![Own { a: 4 }];")
    kernel.ok("std::future::ready(()).await;")
    assert kernel.ok("own").result == "Own { a: 3 }"
    for command in (':dep itoa = "1"', ":opt 0", ":opt 2", ":opt", ":opt"):
        kernel.ok(command, timeout=200)
        cell = kernel.ok("(&own, &owned)", timeout=200)
        assert cell.result == "(Own { a: 3 }, [Own { a: 4 }])" and "`own`" not in cell.stderr
        assert kernel.ok("std::future::ready(own.a).await").result == "3"


@promises.NAMED
def test_no_variable_is_lost_without_a_word(kernel):
    """A cell that ends early does not set its variables, and the error says so."""
    kernel.ok("let early: i64 = { return Ok(()); };")
    kernel.run("early")
    assert "early" in kernel.run("early").error
    kernel.ok("let fine = 1;")
    assert kernel.ok("fine").result == "1"


# A variable that cannot be kept, and a line with the same meaning whose variable can.
UNSTORABLE = {
    "future": (
        "let said = String::new(); let promised = async { said.len() };",
        "promised",
        "let promised: std::pin::Pin<Box<dyn std::future::Future<Output = usize>>> = Box::pin(async move { said.len() });",
    ),
    "capturing closure": (
        "let by = 5; let more = |x: i32| x + by;",
        "more",
        "let more: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + by);",
    ),
    "reference": ("let lent = vec![1]; let borrowed = &lent;", "borrowed", "let borrowed = lent.clone();"),
    "slice of text": (
        'let text = " a ".to_owned(); let trimmed = text.trim();',
        "trimmed",
        "let trimmed = text.trim().to_owned();",
    ),
    "iterator": (
        "let all = vec![1, 2]; let mapped = all.iter().map(|x| x + 1);",
        "mapped",
        "let mapped = all.iter().map(|x| x + 1).collect::<Vec<_>>();",
    ),
}


@promises.UNSTORABLE
@pytest.mark.parametrize("kind", UNSTORABLE)
def test_what_cannot_be_kept_says_what_to_write(kernel, kind):
    code, name, instead = UNSTORABLE[kind]
    cell = kernel.run(code)
    assert f"`{name}` cannot be kept" in cell.error and instead in cell.error, cell.error
    assert "evcxr" not in cell.error
    line = next(it for it in code.splitlines() if name in it)
    assert line.strip() in cell.error
    # The line that the message suggests works.
    before = code[: code.index(f"let {name}")]
    kernel.ok(before + instead)
    kernel.ok(f"let _ = &{name};")


# A wrong cell, the line and column of the mistake, and the message.
SYNTAX = {
    "open brace": ("fn f() {\n    let x = 1;", "1:8", "unclosed"),
    "closing brace": ("let a = 1;\n}", "2:1", "unexpected closing delimiter"),
    "other bracket": ("let a = (1, 2];", "1:14", "mismatched"),
    "quote": ('let a = 1;\nlet b = "abc', "2:9", "unterminated"),
    "comment": ("let a = 1; /* and", "1:12", "unterminated"),
    "semicolon": ("let a = 1", "1:10", "expected `;`"),
    "pattern": ("let = 1;", "1:5", "pattern"),
}


@promises.ERRORS
@pytest.mark.parametrize("kind", SYNTAX)
def test_syntax_errors_point_to_the_users_line(kernel, kind):
    code, place, text = SYNTAX[kind]
    cell = kernel.run(code)
    assert place in cell.error and text in cell.error, cell.error
    line = code.splitlines()[int(place.split(":")[0]) - 1]
    assert line in cell.error and "^" in cell.error
    assert "evcxr" not in cell.error.lower()
    assert kernel.ok("1 + 1").result == "2"


ERRORS = {
    "result without Debug": ("struct Mute(i32);\nMute(1)", ["Mute(1)", "`#[derive(Debug)]`", "2:1"]),
    "type that nothing says": ('"5".parse()?;', ["E0277", "1:5", "parse::<TYPE>()"]),
    "question mark on an option": ("None::<i32>?;", ["E0277", "1:12", "ok_or"]),
    "error without Display": ("struct Odd; Err::<(), Odd>(Odd)?;", ["E0277", "Odd", "Display"]),
    "unknown crate": ("itoa_is_not_here::f();", ["E0433", ":dep"]),
    "mismatched types": ('let wrong: u32 = "text";', ["E0308", "1:18", "expected `u32`"]),
}


@promises.ERRORS
@pytest.mark.parametrize("kind", ERRORS)
def test_errors_are_rustcs_own_on_the_users_code(kernel, kind):
    """One error with rustc's words, colours, the line and a caret, without warnings and without generated code."""
    code, parts = ERRORS[kind]
    cell = kernel.run(code)
    for part in parts:
        assert part in cell.error, cell.error
    assert "^" in cell.error and "evcxr" not in cell.error.lower() and "warning" not in cell.error
    assert "\x1b[" in "".join(cell.errors[0]["traceback"])
    assert "warning" not in cell.stderr


@promises.ERRORS
def test_errors_in_earlier_cells_show_their_line(kernel):
    kernel.ok("struct Side { length: i64 }\nimpl Side { fn area(&self) -> i64 { self.length * self.length } }")
    kernel.ok("impl Side { fn twice(&self) -> i64 { self.length * 2 } }")
    assert "self.length * 2" in kernel.run("struct Side { length: String }").error
    assert kernel.ok("Side { length: 2 }.twice()").result == "4"


@promises.WARNINGS
def test_warnings_are_shown_once_and_quietly(kernel):
    code = 'fn careless() { "5".parse::<i32>(); }\nfn forever() -> i32 { forever() }'
    cell = kernel.ok(code)
    assert "unused `Result`" in cell.stderr and "parse::<i32>()" in cell.stderr
    assert "cannot return without recursing" in cell.stderr
    assert cell.stderr.count("unused `Result`") == 1 and not cell.errors
    # The next cell compiles the items again, but shows no warning again, nor does the same cell.
    assert kernel.ok("careless()").stderr == "" and kernel.ok(code).stderr == ""


@promises.WARNINGS
def test_what_a_notebook_is_like_is_no_warning(kernel):
    """No warnings about unused variables, items and imports that a later cell may use, `mut`, and names of formulas."""
    cell = kernel.ok(
        "use std::collections::{BTreeMap, HashMap};\n"
        "fn not_called() {}\nstruct NotMade { field: i32 }\n"
        "let mut later = 3; let H = 1.5; let (left, right) = (1, 2);"
    )
    assert cell.stderr == ""
