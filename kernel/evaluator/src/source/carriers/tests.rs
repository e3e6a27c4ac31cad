use super::{KeptItem, KnownItems, carried_cell::CarriedCell, uncarried};
use std::collections::BTreeSet;

fn carry(cell: &str, number: u32, known: &KnownItems) -> Option<CarriedCell> {
    super::carry(cell, number, known, &BTreeSet::new())
}

fn carried(cell: &str) -> CarriedCell {
    carry(cell, 7, &KnownItems::default()).unwrap_or_else(|| panic!("{cell} has no items"))
}

/// Returns the names of the carriers of a cell, in their order.
fn keys(cell: &str) -> Vec<String> {
    let carried = carried(cell);
    let parts = carried.source().split("mod __carrier_").skip(1);
    parts.map(|part| part.split(' ').next().unwrap().to_owned()).collect()
}

/// Returns the kinds in the names of the carriers of a cell.
fn kinds(cell: &str) -> Vec<String> {
    let kinds = keys(cell).into_iter();
    kinds.map(|key| key.split('_').next().unwrap().to_owned()).collect()
}

#[test]
fn items_are_carried_by_what_they_are() {
    for (cell, expected) in [
        ("impl Foo { fn a() {} }", &["member"][..]),
        (
            "impl Foo { fn a() {}\n/// b\nconst B: u8 = 1; type C = u8; }",
            &["member"; 3],
        ),
        ("impl Foo {}", &["whole"]),
        ("#[allow(unused)] impl Foo { fn a() {} fn b() {} }", &["member"; 2]),
        // Another attribute may be a macro that reads all members.
        ("#[methods] impl Foo { fn a() {} fn b() {} }", &["whole"]),
        ("impl Foo { #![allow(unused)] fn a() {} fn b() {} }", &["whole"]),
        ("impl Area for Foo { fn a() {} fn b() {} }", &["impl"]),
        ("unsafe impl<T: Send> Send for Foo<T> where T: Sync {}", &["impl"]),
        ("impl !Send for Foo {}", &["impl"]),
        ("macro_rules! m { () => {} }", &["macro"]),
        ("const _: () = assert!(true);", &["const"]),
        (
            "unsafe extern \"C\" { fn abs(x: i32) -> i32; static S: u8; type T; }",
            &["value", "value", "type"],
        ),
        (
            "thread_local! { static A: u8 = 1; /// doc\npub static B: Cell<u8> = const { Cell::new(1) } }",
            &["value"; 2],
        ),
        (
            "lazy_static::lazy_static! { static ref A: [u8; 2] = [1, 2]; };",
            &["value"],
        ),
        ("thread_local!(static A: u8 = 1);", &["call"]),
        ("thread_local! { strange }", &[]),
        (
            "macro_rules! make { ($n:ident) => { struct $n; } } make!(A); make! { B } make!(C)",
            &["macro", "call", "call", "call"],
        ),
        (
            "macro_rules! make { ($n:ident) => { $n } } make!(a); make! { b } make!(c)",
            &["macro"],
        ),
        ("bitflags::bitflags! { struct A: u8 { const B = 1; } }", &["call"]),
        ("#[cfg(unix)] use a::b;", &["use"]),
        // The first of a name needs no carrier.
        ("#[cfg(unix)] fn f() {} #[cfg(windows)] fn f() {}", &["value"]),
        ("fn f() {} mod f {} macro_rules! f { () => {} }", &["type", "macro"]),
        (
            "struct S; fn f() {} static N: u8 = 1; const C: u8 = 1; enum E {} trait T {} type A = u8; mod m {}",
            &[],
        ),
        (
            "union U { a: u8 } use a::{b, c as d}; extern crate e; let x = 1; f()",
            &[],
        ),
        ("let x = { impl Foo { fn a() {} } 1 };", &[]),
    ] {
        let source = carry(cell, 7, &KnownItems::default()).map(|it| it.source().to_owned());
        let found = source.map_or(Vec::new(), |_| kinds(cell));
        assert_eq!(found, expected, "{cell}");
    }
    for cell in ["1 + 1", "let fnord = 1;", "println!(\"a\")", ""] {
        assert!(carry(cell, 7, &KnownItems::default()).is_none(), "{cell}");
    }
}

#[test]
fn equal_keys_are_of_the_same_item() {
    for (first, second, is_same) in [
        (
            "impl Area for Disc { fn a() {} }",
            "/// doc\nimpl Area for Disc { fn b() {} }",
            true,
        ),
        ("impl Area for Disc {}", "impl Area for Square {}", false),
        ("impl From<u8> for Disc {}", "impl From<u16> for Disc {}", false),
        (
            "impl<T: Copy> From<T> for Own<T> {}",
            "impl<U> From<U> for Own< U > where U: Clone {}",
            true,
        ),
        (
            "impl<'a> From<&'a u8> for Own {}",
            "impl<'b> From<&'b u8> for Own {}",
            true,
        ),
        (
            "impl<const N: usize> Area for [u8; N] {}",
            "impl<const M: usize> Area for [u8; M] {}",
            true,
        ),
        ("impl<T> Area for Own<T> {}", "impl Area for Own<T> {}", false),
        (
            "impl Disc { fn a() {} }",
            "impl Disc { pub const fn a(&self) -> u8 { 1 } }",
            true,
        ),
        ("impl Disc { fn a() {} }", "impl Disc { fn b() {} }", false),
        ("impl Disc { fn a() {} }", "impl Square { fn a() {} }", false),
        ("impl Own<u8> { fn a() {} }", "impl Own<u16> { fn a() {} }", false),
        ("impl Disc { fn a() {} }", "impl Disc { const a: u8 = 1; }", true),
        ("impl Disc { fn a() {} }", "impl Disc { type a = u8; }", false),
        ("impl Disc { fn r#try() {} }", "impl Disc { fn r#try(&self) {} }", true),
        ("const _: () = assert!(N < 3);", "const _: () = assert!(N < 4);", true),
        (
            "const _: () = { impl A for B {} };",
            "const _: () = { impl A for C {} };",
            false,
        ),
        ("macro_rules! m { () => {} }", "macro_rules! m { (a) => {} }", true),
    ] {
        assert_eq!(keys(first) == keys(second), is_same, "{first} | {second}");
    }
}

#[test]
fn items_that_a_cell_defines_twice_are_both_there() {
    for (cell, count) in [
        ("impl A for B {} impl A for B {}", 2),
        ("impl B { fn a() {} fn a() {} }", 2),
        ("const _: () = (); const _: () = ();", 2),
    ] {
        let keys: BTreeSet<String> = keys(cell).into_iter().collect();
        assert_eq!(keys.len(), count, "{cell}");
    }
    // The last macro of a name counts.
    assert_eq!(
        keys("macro_rules! m { () => {} } macro_rules! m { (a) => {} }"),
        ["macro_m", "macro_m"]
    );
}

#[test]
fn names_in_other_namespaces_coexist_and_in_the_same_replace_each_other() {
    let mut known = KnownItems::default();
    let mut run = |cell: &str| {
        let carried = carry(cell, 7, &known).unwrap();
        known.add(carried.items());
        let source = carried.source();
        let of = |mark: &str| source.contains(mark);
        match (of("{use super::*;"), of("{/*__carrier_gone*/}")) {
            (false, false) => "plain",
            (true, false) => "carried",
            (true, true) => "carried, and the older one is gone",
            (false, true) => "gone",
        }
    };
    for (cell, expected) in [
        ("fn f() {}", "plain"),
        ("fn f() { 1 }", "plain"),
        ("mod f {}", "carried"),
        ("mod f { fn g() {} }", "carried"),
        ("fn f() {}", "plain"),
        ("use x::f;", "plain"),
        ("fn f() {}", "plain"),
        ("static S: u8 = 1;", "plain"),
        (
            "thread_local! { static S: u8 = 1; }",
            "carried, and the older one is gone",
        ),
        ("thread_local! { static S: u8 = 2; }", "carried"),
        ("fn S() {}", "carried"),
        ("struct S;", "plain"),
        ("#[cfg(a)] fn c() {} #[cfg(b)] fn c() {}", "carried"),
        ("#[cfg(a)] fn c() {} #[cfg(b)] fn c() {}", "carried"),
        ("fn c() {}", "plain"),
    ] {
        let found = carry_name(cell, &mut run);
        assert_eq!(found, expected, "{cell}");
    }
}

fn carry_name(cell: &str, run: &mut impl FnMut(&str) -> &'static str) -> &'static str {
    match cell.starts_with("use") {
        // An import has no mark, so there is nothing to carry.
        true => "plain",
        false => run(cell),
    }
}

const CELL: &str = ":dep x\n\n// A shape.\n#[derive(Clone)]\nstruct Disc(f64); let ä = 1; impl Disc {\n    /// Its area.\n    \
    fn area(&self) -> f64 { 1.0 } // one\n\n    fn ö() {}\n}\nmacro_rules! m {\n    () => {};\n}\nimpl Drop for Disc { fn \
    drop(&mut self) {} } thread_local! {\n    static A: u8 = 1;\n    static B: u8 = 2;\n}\nä";

#[test]
fn a_carried_cell_becomes_plain_again() {
    let carried = carried(CELL);
    assert_eq!(carried.source().lines().count(), CELL.lines().count());
    let plain = uncarried(carried.source());
    assert_eq!(plain.len(), carried.source().len());
    let without_space = |text: &str| text.chars().filter(|it| !it.is_whitespace()).collect::<String>();
    let expected = CELL
        .replacen("1.0 }", "1.0 } } impl Disc {", 1)
        .replacen("u8 = 1;", "u8 = 1; } thread_local! {", 1);
    assert_eq!(without_space(&plain), without_space(&expected));
    for other in ["fn f() {}", "", "mod carrier {use super::*;}"] {
        assert_eq!(uncarried(other), other);
    }
}

#[test]
fn what_evcxr_is_to_forget_leaves_nothing() {
    let mut known = KnownItems::default();
    known.add(carry("static S: u8 = 1;", 1, &known).unwrap().items());
    let carried = carry("thread_local! { static S: u8 = 1; }", 2, &known).unwrap();
    assert!(
        carried
            .source()
            .starts_with("mod S {/*__carrier_gone*/} mod __carrier_value_S {")
    );
    assert_eq!(
        uncarried(carried.source()).trim(),
        "thread_local! { static S: u8 = 1; }"
    );
}

#[test]
fn places_in_a_carried_cell_are_the_users() {
    let carried = carried(CELL);
    let plain = uncarried(carried.source());
    let place = |text: &str, part: &str| {
        let at = text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
        let begin = text[..at].rfind('\n').map_or(0, |it| it + 1);
        (
            text[..at].matches('\n').count() + 1,
            text[begin..at].chars().count() + 1,
        )
    };
    for part in [
        "struct Disc",
        "let ä",
        "impl Disc",
        "fn area",
        "// one",
        "ö()",
        "impl Drop",
        "&mut self",
        "static B",
        "() =>",
    ] {
        let (line, column) = place(&plain, part);
        assert_eq!(carried.locate(line, column), place(CELL, part), "{part}");
        // The end of a range.
        let width = part.chars().count();
        let (line_of_user, column_of_user) = place(CELL, part);
        assert_eq!(
            carried.locate(line, column + width),
            (line_of_user, column_of_user + width),
            "{part}"
        );
    }
    // A repeated header is where the header is.
    let (line, column) = place(&plain, "Disc { // one");
    assert_eq!(carried.locate(line, column), place(CELL, "Disc {\n"));
}

#[test]
fn unfinished_cells_are_carried_as_far_as_they_go() {
    for cell in [
        "impl",
        "impl Foo {",
        "impl Foo { fn",
        "fn",
        "struct S",
        "struct S {",
        "macro_rules!",
        "thread_local! {",
        "use a::{",
        "#[cfg(unix)]",
        "impl A for {}",
        "}",
        "fn f() {}}",
        "const",
        "extern \"C\" {",
        "mod m",
        "impl Foo { fn a() }",
    ] {
        if let Some(carried) = carry(cell, 7, &KnownItems::default()) {
            assert_eq!(carried.source().lines().count(), cell.lines().count(), "{cell}");
        }
    }
}

#[test]
fn the_older_of_two_items_that_conflict_is_given_up() {
    let mut known = KnownItems::default();
    known.add(
        carry("use a::max; impl fmt::Debug for S {}", 1, &known)
            .unwrap()
            .items(),
    );
    let cell = "impl Debug for S {} fn max() {}";
    let first = carry(cell, 2, &known).unwrap();
    let [older, newer] =
        ["impl fmt::Debug for S {}", "impl Debug for S {}"].map(|it| format!("__carrier_{}", keys(it)[0]));
    let conflict = |keys: [&str; 2]| BTreeSet::from(keys.map(str::to_owned));
    let forget = first.items().older(&[conflict([&older, &newer]), conflict(["x", "y"])]);
    assert_eq!(forget, BTreeSet::from([older.clone()]));
    // The older type derives what the cell implements.
    assert!(first.items().older(&[conflict(["S", &newer])]).is_empty());
    assert_eq!(
        first.items().older(&[conflict(["g", "max"])]),
        BTreeSet::from(["g".to_owned()])
    );
    let second = super::carry(cell, 2, &known, &forget).unwrap();
    let gone = format!("mod {older} {{/*__carrier_gone*/}}");
    assert!(second.source().starts_with(&gone));
    assert_eq!(uncarried(&gone), " ".repeat(gone.len()));
    assert!(second.items().older(&[conflict([&older, &newer])]).is_empty());
}

#[test]
fn items_of_a_source_have_the_names_by_which_evcxr_keeps_them() {
    let source = "#![allow(unused)]\nuse a::b as c;\nuse a::*;\n/// doc\nfn f() {\n}\nmod __carrier_x {use super::*;impl A {}\n}\n";
    let items: Vec<_> = KeptItem::all(source).into_iter().map(|it| (it.key, it.lines)).collect();
    let expected = [("c", 2..=2), ("f", 4..=6), ("__carrier_x", 7..=8)];
    assert_eq!(items, expected.map(|(key, lines)| (key.to_owned(), lines)));
}

#[test]
fn calls_of_macros_that_make_items_become_items() {
    let mut known = KnownItems::default();
    known.add(
        carry("macro_rules! make { ($n:ident) => { struct $n; } }", 1, &known)
            .unwrap()
            .items(),
    );
    for (cell, plain) in [
        ("make!(A); 1", "make!(A); 1"),
        ("make! { A } 1", "make! { A } 1"),
        ("make! { A }; 1", "make! { A } ; 1"),
        ("make!(A)", "make!(A);"),
        ("make![A] // one", "make![A]; // one"),
    ] {
        let carried = carry(cell, 2, &known).unwrap();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&uncarried(carried.source())), words(plain), "{cell}");
    }
    known.add(
        carry("macro_rules! make { ($n:ident) => { $n } }", 3, &known)
            .unwrap()
            .items(),
    );
    assert!(
        carry("fn f() {} make!(A)", 4, &known)
            .unwrap()
            .source()
            .ends_with(" make!(A)")
    );
}

#[test]
fn a_type_that_is_defined_with_implementations_replaces_those_it_had() {
    let mut known = KnownItems::default();
    let mut gone = |cell: &str| {
        let carried = carry(cell, 7, &known).unwrap();
        known.add(carried.items());
        let gone = carried.source().matches("__carrier_gone").count();
        // Before the first item, and not in it.
        assert!(
            gone == 0 || carried.source().starts_with("mod __carrier_"),
            "{}",
            carried.source()
        );
        gone
    };
    for (cell, expected) in [
        (
            "struct A; impl A { fn a() {} fn b() {} } impl Drop for A {} impl Area for B {}",
            0,
        ),
        ("impl A { fn c() {} }", 0),
        ("impl A { fn a() {} }", 0),
        // Another cell defines the type alone.
        ("struct A(u8);", 0),
        ("struct A(u8); impl A { fn a() {} }", 2),
        ("struct A(u8); impl A { fn a() {} }", 0),
        ("struct A(u8); impl A { fn d() {} }", 1),
    ] {
        assert_eq!(gone(cell), expected, "{cell}");
    }
}
