"""Items are kept by what they are: each lives by itself, and the last one counts."""

import subprocess

import pytest

from test_completion import complete, inspect, names

SHAPES = """trait Area { fn area(&self) -> f64; }
struct Disc(f64);
struct Square(f64); impl Area for Square { fn area(&self) -> f64 { self.0 * self.0 } }
impl Area for Disc { fn area(&self) -> f64 { 3.0 * self.0 * self.0 } }"""


def test_an_impl_in_a_cell_of_its_own_is_edited(kernel):
    kernel.ok("#[derive(Debug, Default, Clone)] struct Edited { x: u8 }")
    for number in (1, 2, 3):
        kernel.ok(f"impl Edited {{ const N: u8 = {number};\n    fn number(&self) -> u8 {{ {number} }}\n}}")
        kernel.ok(f"impl From<u8> for Edited {{ fn from(x: u8) -> Self {{ Edited {{ x: x * {number} }} }} }}")
        kernel.ok(f"impl<'a> From<&'a str> for Edited {{ fn from(_: &'a str) -> Self {{ Edited {{ x: {number} }} }} }}")
        values = "(Edited::N, Edited::default().number(), Edited::from(2).x, Edited::from(\"\").x)"
        assert kernel.ok(values).result == f"({number}, {number}, {2 * number}, {number})"
    # A member replaces the member of its name, and the others stay.
    kernel.ok("impl Edited { fn more(&self) -> u8 { self.number() + 10 } }")
    kernel.ok("impl Edited { fn number(&self) -> u8 { 7 } fn also(&self) -> u8 { 8 } }")
    assert kernel.ok("let e = Edited::default(); (e.number(), e.more(), e.also())").result == "(7, 17, 8)"
    # Generic parameters are known by their place.
    kernel.ok("struct Own<T>(T); trait Describe { fn describe(&self) -> u8; }")
    kernel.ok("impl<T: Copy> Describe for Own<T> { fn describe(&self) -> u8 { 1 } }")
    kernel.ok("impl<U> Describe for Own<U> { fn describe(&self) -> u8 { 2 } }")
    kernel.ok("impl Own<u8> { fn kind(&self) -> &str { \"u8\" } } impl Own<u16> { fn kind(&self) -> &str { \"u16\" } }")
    kernel.ok("impl Own<u8> { fn kind(&self) -> &str { \"byte\" } }")
    assert kernel.ok("(Own(1u8).describe(), Own(1u8).kind(), Own(1u16).kind())").result == '(2, "byte", "u16")'


def test_each_item_lives_by_itself(kernel):
    kernel.ok(SHAPES)
    kernel.ok("struct Square(f64);")
    assert kernel.ok("(Disc(1.0).area(), Square(2.0).area())").result == "(3.0, 4.0)"
    kernel.ok("#[derive(Debug)] struct Square { side: f64 } impl Area for Square { fn area(&self) -> f64 { 5.0 } }")
    assert kernel.ok("(Disc(1.0).area(), Square { side: 2.0 }.area())").result == "(3.0, 5.0)"


def test_namespaces(kernel):
    """A function, a type and a macro of one name coexist, in whatever order they come."""
    kernel.ok("fn twin() -> u8 { 1 }")
    kernel.ok("mod twin { pub fn inner() -> u8 { 2 } }")
    kernel.ok("macro_rules! twin { () => { 3u8 } }\nfn early() -> u8 { twin!() }")
    assert kernel.ok("(twin(), twin::inner(), twin!(), early())").result == "(1, 2, 3, 3)"
    kernel.ok("mod twin { pub fn inner() -> u8 { 20 } }")
    kernel.ok("macro_rules! twin { () => { 30u8 } }")
    kernel.ok("fn twin() -> u8 { 10 }")
    assert kernel.ok("(twin(), twin::inner(), twin!(), early())").result == "(10, 20, 30, 30)"
    kernel.ok("struct Pair { x: u8 } #[allow(non_snake_case)] fn Pair() -> Pair { Pair { x: 4 } } enum other {} fn other() -> u8 { 5 }")
    assert kernel.ok("(Pair().x, other())").result == "(4, 5)"
    kernel.ok("#[cfg(unix)] fn system() -> u8 { 1 }\n#[cfg(not(unix))] fn system() -> u8 { 2 }")
    assert kernel.ok("system()").result == "1"
    # An import gives way, as before.
    kernel.ok("use std::cmp::max;")
    kernel.ok("fn max(a: u8, _: u8) -> u8 { a }")
    assert kernel.ok("max(1, 2)").result == "1"
    kernel.ok("use std::cmp::max;")
    assert kernel.ok("max(1, 2)").result == "2"


def test_items_without_a_name(kernel):
    for number in (1, 2):
        kernel.ok(f"""struct Named{number};
unsafe extern "C" {{
    safe fn abs(x: i32) -> i32;
    safe fn labs(x: i64) -> i64;
}}
const _: () = assert!({number} > 0);
thread_local! {{
    static ONE: std::cell::Cell<u8> = const {{ std::cell::Cell::new({number}) }};
    /// Documented.
    pub static TWO: std::cell::Cell<u8> = std::cell::Cell::new(2 * {number});
}}""")
        assert kernel.ok("(abs(-1), labs(-2), ONE.get(), TWO.get())").result == f"(1, 2, {number}, {2 * number})"
    kernel.ok('unsafe extern "C" { safe fn abs(x: i32) -> i32; }')
    kernel.ok("thread_local! { static ONE: std::cell::Cell<u8> = const { std::cell::Cell::new(9) }; }")
    assert kernel.ok("(abs(-3), labs(-4), ONE.get(), TWO.get())").result == "(3, 4, 9, 4)"
    kernel.ok("static TWO: u8 = 5;")
    assert kernel.ok("TWO").result == "5"


def test_what_macros_make_are_items(kernel):
    kernel.ok("""macro_rules! record {
    ($name:ident { $($field:ident: $type:ty),* }) => {
        #[derive(Debug, Default)] struct $name { $($field: $type),* }
        impl $name { fn fields() -> Vec<&'static str> { vec![$(stringify!($field)),*] } }
    };
}
macro_rules! twice { ($e:expr) => { 2 * $e } }""")
    kernel.ok("record!(Stone { weight: u8, color: String });")
    assert kernel.ok("Stone::default()").result == 'Stone { weight: 0, color: "" }'
    kernel.ok("record! { Tile { side: u8 } }\nrecord!(Slab { })")
    assert kernel.ok("(Stone::fields(), Tile { side: twice!(2) }, Slab::fields().len())").result == (
        '(["weight", "color"], Tile { side: 4 }, 0)'
    )
    # The last one counts.
    kernel.ok("record!(Stone { color: u8 });")
    assert kernel.ok("Stone::default()").result == "Stone { color: 0 }"
    kernel.ok("struct Stone(u8);")
    assert kernel.ok("Stone(3).0").result == "3"


def test_a_cell_with_a_type_and_its_implementations_is_edited(kernel):
    kernel.ok("""struct Gone { x: u8 }
impl Gone { fn x(&self) -> u8 { self.x } fn stays(&self) -> u8 { 1 } }
impl Drop for Gone { fn drop(&mut self) { println!("dropped") } }""")
    kernel.ok("impl Gone { fn other(&self) -> u8 { 2 } }")
    assert kernel.ok("{ let it = Gone { x: 3 }; println!(\"{}\", it.x() + it.other()); }").stdout == "5\ndropped\n"
    # The field and the method that reads it have another name, and nothing is done on drop.
    kernel.ok("struct Gone { y: u8 }\nimpl Gone { fn y(&self) -> u8 { self.y } fn stays(&self) -> u8 { 10 } }")
    assert kernel.ok("{ let it = Gone { y: 3 }; println!(\"{}\", it.y() + it.other() + it.stays()); }").stdout == "15\n"
    assert "no method named `x`" in kernel.run("Gone { y: 3 }.x()").error


def test_an_older_item_gives_way_to_one_that_conflicts(kernel):
    kernel.ok("use std::fmt; struct Shown(u8);")
    show = "fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{ f.write_str(\"{text}\") }}"
    kernel.ok(f"impl fmt::Debug for Shown {{ {show.format(text='one')} }}")
    kernel.ok(f"impl std::fmt::Debug for Shown {{ {show.format(text='two')} }}")
    assert kernel.ok("Shown(1)").result == "two"
    kernel.ok("#[derive(Debug)] struct Shown(u8);")
    assert kernel.ok("Shown(1)").result == "Shown(1)"
    # The type stays, so this is an error, as in a program.
    error = kernel.run(f"impl std::fmt::Debug for Shown {{ {show.format(text='three')} }}").error
    assert "conflicting implementations of trait `Debug`" in error and "__carrier" not in error
    assert kernel.ok("Shown(1)").result == "Shown(1)"
    kernel.ok("thread_local! { static HELD: u8 = 1; }")
    kernel.ok("static HELD: u8 = 2;")
    assert kernel.ok("HELD").result == "2"
    error = kernel.run("struct Twice; struct Twice;").error
    assert "defined multiple times" in error


def test_an_error_in_an_item_of_an_earlier_cell(kernel):
    kernel.ok("struct Old { x: u8 }")
    kernel.ok("impl Old {\n    fn read(&self) -> u8 { self.x }\n}")
    error = kernel.run("struct Old { y: u8 }").error
    assert "no field `x` on type `&Old`" in error and "in an earlier cell: `fn read(&self) -> u8 { self.x }" in error
    assert "carrier" not in error
    assert kernel.ok("Old { x: 4 }.read()").result == "4"
    kernel.ok("impl Old { fn fails(&self) { panic!(\"no\") } }")
    assert "no" in kernel.run("Old { x: 4 }.fails()").error


def test_warnings_on_items(kernel):
    cell = kernel.ok("struct Warned; impl Warned {\n    fn quiet(&self) {}\n    fn loud(&self) { Some(1).is_some(); }\n}")
    assert cell.stderr.count("warning") == 1 and ":3:22" in cell.stderr and "carrier" not in cell.stderr, cell.stderr
    assert not kernel.ok("Warned.loud();").stderr


PROGRAM = """use std::fmt;
macro_rules! point { ($x:expr) => { crate::Point { x: $x } } }
/// A point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point { x: u8 }
impl self::Point {
    /// Doubles.
    pub(crate) fn double(&self) -> crate::Point { point!(2 * self.x) } // twice

    const UNIT: crate::Point = Point { x: 1 };
    fn r#try(&self) -> Result<u8, shapes::Error> { shapes::check(self) }
}
impl fmt::Display for Point { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "<{}>", self.x) } }
mod shapes {
    #[derive(Debug)] pub struct Error;
    impl super::Point { pub fn triple(&self) -> u8 { 3 * self.x } }
    pub fn check(point: &super::Point) -> Result<u8, Error> { if point.x > 1 { Ok(point.x) } else { Err(Error) } }
}
trait Sum { fn sum(&self) -> u8 { 1 } }
impl<T> Sum for [T] where T: Clone { fn sum(&self) -> u8 { self.len() as u8 } }
impl Drop for Point { fn drop(&mut self) { println!("drop {}", self.x) } }
"""
MAIN = """let p = point!(2);
println!("{} {} {:?} {:?} {}", p.double(), Point::UNIT, p.r#try(), point!(1).r#try().is_err(), p.triple() + [1, 2].sum());
drop(p);
"""


def test_items_mean_what_they_mean_in_a_program(kernel, tmp_path):
    source = tmp_path / "main.rs"
    source.write_text(f"{PROGRAM}fn main() {{\n{MAIN}}}\n")
    program = tmp_path / "main"
    subprocess.run(["rustc", "--edition=2024", "-A", "warnings", "-o", program, source], check=True)
    expected = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    kernel.ok(PROGRAM)
    assert kernel.ok(MAIN).stdout == expected
    kernel.ok(PROGRAM)
    assert kernel.ok(MAIN).stdout == expected


@pytest.mark.parametrize(
    ("code", "message", "place", "caret"),
    (
        ("impl Edited { fn a(&self) -> u8 { wrong() } }", "cannot find function `wrong`", ":1:35", "wrong()"),
        ("let z = 1; impl Edited {\n    fn a() {}\n    fn b() {} fn c() { absent } }", "`absent`", ":3:24", "absent"),
        ("impl\n  Absent { fn a() {} fn b() {} }", "cannot find type `Absent`", ":2:3", "Absent"),
        ("macro_rules! bad { () => { nowhere } } bad!()", "`nowhere`", ":1:28", "nowhere"),
        ("impl Edited { fn same() {} fn same() {} }", "duplicate definitions with name `same`", ":1:", "same"),
        ("impl Clone for Edited { fn clone(&self) -> Edited { 1 } fn copy() {} }", "`copy`", ":1:", "copy"),
    ),
)
def test_errors_are_where_the_user_wrote_them(kernel, code, message, place, caret):
    kernel.ok("struct Edited { x: u8 }")
    error = kernel.run(code).error
    assert message in error and "__carrier" not in error, error
    assert place in error, error
    assert error.count(message) <= 3, error
    line = next(line for line in error.splitlines() if "^" in line)
    assert line.count("^") >= len(caret.split("(")[0]), error


def test_a_cell_that_fails_changes_no_item(kernel):
    kernel.ok("struct Stable; impl Stable { fn value(&self) -> u8 { 1 } }")
    kernel.run("impl Stable { fn value(&self) -> u8 { wrong } }")
    assert kernel.ok("Stable.value()").result == "1"


def test_the_mark_of_carriers_is_reserved(kernel):
    error = kernel.run('println!("__carrier_x"); fn f() {}').error
    assert "`__carrier_` is reserved" in error and ":1:11" in error


def test_completion_and_documentation(kernel):
    kernel.ok("""use std::fmt;
/// Says hello.
fn greet() {}
struct Guide;
impl Guide {
    /// Leads the way.
    fn lead(&self) {}
    fn learn(&self) {}
}
macro_rules! lantern { () => {} }""")
    kernel.ok("let guide = Guide;")
    assert {"lead", "learn"} <= set(names(complete(kernel, "guide.le")))
    assert any(name.startswith("lantern") for name in names(complete(kernel, "lanter")))
    kernel.ok("impl Guide { fn lead(&self, by: u8) {} fn leave(&self) {} }")
    found = names(complete(kernel, "guide.le"))
    assert sorted(name for name in found if name.startswith("le")) == ["lead", "learn", "leave"], found
    # What is being typed replaces what is there.
    found = complete(kernel, "impl Guide { fn lead(&self, by: u16) {} }\nguide.lea")["matches"]
    assert [it for it in found if it.startswith("lead")] == ["lead(by)"] or len(found) == 3, found
    text = inspect(kernel, "greet")["data"]["text/plain"]
    assert "Says hello" in text and "carrier" not in text


def test_an_error_in_a_use_points_to_the_name(kernel):
    for code, at, label in [
        ("use nowhere::Thing;", "1:5", "use of unresolved module or unlinked crate `nowhere`"),
        ("let first = 1;\nuse std::{fmt, collections::{HashMap, Missing as Gone}};", "2:39", "no `Missing` in `collections`"),
        ("use std::missing::*;", "1:10", "could not find `missing` in `std`"),
    ]:
        cell = kernel.run(code)
        number, error = cell.reply["execution_count"], cell.error
        assert f"cell [{number}]:{at}" in error and label in error and "earlier" not in error, error
    kernel.ok("mod inside { pub struct Thing; }")
    kernel.ok("use inside::Thing;\nlet thing = Thing;")
    error = kernel.run("mod inside { pub struct Other; }").error
    assert "in an earlier cell: `use inside::Thing;`" in error, error
