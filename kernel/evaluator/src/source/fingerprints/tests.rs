use crate::source::{fingerprint::changed, fingerprints::*};

fn fingerprint(source: &str, type_name: &str) -> String {
    Definitions::new(source, BTreeMap::from([("dep".to_owned(), "1".to_owned())])).fingerprint(type_name)
}

/// The definitions that changed for a variable of the type when the notebook's items change.
fn redefined(old: &str, new: &str, type_name: &str) -> Vec<String> {
    let (old, new) = (fingerprint(old, type_name), fingerprint(new, type_name));
    changed(&old, &new).into_iter().map(str::to_owned).collect()
}

/// A change of definitions, a type that reaches it, and the name under which it is noticed: any, if empty.
const NOTICED: &[(&str, &str, &str, &str)] = &[
    // Fields, kinds, attributes.
    ("struct P { a: i32 }", "struct P { a: String }", "P", "P"),
    ("struct P(i32);", "struct P(u32);", "P", "P"),
    ("struct P;", "enum P { A }", "P", "P"),
    ("enum P { A, B }", "enum P { B, A }", "P", "P"),
    ("enum P { A = 1 }", "enum P { A = 2 }", "P", "P"),
    ("union P { a: u8 }", "union P { a: i8 }", "P", "P"),
    (
        "struct P { a: u8, b: u32 }",
        "#[repr(C)] struct P { a: u8, b: u32 }",
        "P",
        "P",
    ),
    (
        "#[repr(packed)] struct P(u8, u32);",
        "#[repr(packed(2))] struct P(u8, u32);",
        "P",
        "P",
    ),
    // Inside of other types.
    ("struct P(i32);", "struct P(u32);", "Vec<Option<(i32, Box<P>)>>", "P"),
    ("struct P(i32);", "struct P(u32);", "[P; 3]", "P"),
    ("struct P(i32);", "struct P(u32);", "fn(&P) -> i32", "P"),
    ("struct P(i32);", "struct P(u32);", "mosaic::TaskProxy<P>", "P"),
    (
        "struct P(i32); struct Q { p: P }",
        "struct P(u32); struct Q { p: P }",
        "Q",
        "P",
    ),
    (
        "struct P(i32); struct Q(Vec<P>); enum R { A(Q) }",
        "struct P(u32); struct Q(Vec<P>); enum R { A(Q) }",
        "R",
        "P",
    ),
    ("struct P(i32); type Q = P;", "struct P(u32); type Q = P;", "Q", "P"),
    ("type Q = i32;", "type Q = u32;", "Vec<Q>", "Q"),
    // Generics.
    ("struct P<T = i32>(T);", "struct P<T = u32>(T);", "P", "P"),
    (
        "struct W<T>(T); struct P(i32);",
        "struct W<T>(T); struct P(u32);",
        "W<P>",
        "P",
    ),
    ("struct W<T>(T);", "struct W<T>(Option<T>);", "W<i32>", "W"),
    // Array lengths and discriminants are computed from constants.
    (
        "const N: usize = 3; struct P([u8; N]);",
        "const N: usize = 4; struct P([u8; N]);",
        "P",
        "N",
    ),
    ("const N: usize = 3;", "const N: usize = 4;", "[u8; N]", "N"),
    (
        "const fn n() -> usize { 3 } struct P([u8; n()]);",
        "const fn n() -> usize { 4 } struct P([u8; n()]);",
        "P",
        "n",
    ),
    (
        "struct Q; impl Q { const fn n() -> usize { 3 } } struct P([u8; Q::n()]);",
        "struct Q; impl Q { const fn n() -> usize { 4 } } struct P([u8; Q::n()]);",
        "P",
        "n",
    ),
    // Associated types.
    (
        "struct M; trait T { type O; } impl T for M { type O = i32; } struct W<X: T>(X::O);",
        "struct M; trait T { type O; } impl T for M { type O = u32; } struct W<X: T>(X::O);",
        "W<M>",
        "impl T for M",
    ),
    (
        "struct P(i32); struct I; impl Iterator for I { type Item = P; fn next(&mut self) -> Option<P> { None } }",
        "struct P(u32); struct I; impl Iterator for I { type Item = P; fn next(&mut self) -> Option<P> { None } }",
        "std::iter::Peekable<I>",
        "P",
    ),
    // Tables of methods, and the types in their signatures.
    (
        "trait T { fn a(&self); }",
        "trait T { fn b(&self); fn a(&self); }",
        "Box<dyn T>",
        "T",
    ),
    (
        "struct P(i32); trait T { fn a(&self) -> P; }",
        "struct P(u32); trait T { fn a(&self) -> P; }",
        "Box<dyn T>",
        "P",
    ),
    // The value may be of any type, and code asks for it by type.
    ("struct P(i32);", "struct P(u32);", "Box<dyn std::any::Any>", "P"),
    ("struct P(i32);", "struct P(u32);", "Box<dyn std::error::Error>", "P"),
    (
        "struct P(i32); trait T { fn any(&self) -> &dyn std::any::Any; }",
        "struct P(u32); trait T { fn any(&self) -> &dyn std::any::Any; }",
        "Box<dyn T>",
        "P",
    ),
    // Modules.
    (
        "mod m { pub struct P(i32); }",
        "mod m { pub struct P(u32); }",
        "m::P",
        "m::P",
    ),
    (
        "mod m { pub mod n { pub struct P(i32); } }",
        "mod m { pub mod n { pub struct P(u32); } }",
        "m::n::P",
        "m::n::P",
    ),
    (
        "mod m { pub struct P(i32); } use m::P;",
        "mod m { pub struct P(u32); } use m::P;",
        "P",
        "m::P",
    ),
    (
        "mod m { pub struct P(i32); } use m::*;",
        "mod m { pub struct P(u32); } use m::*;",
        "P",
        "m::P",
    ),
    (
        "mod m { pub struct P(i32); } use m as n;",
        "mod m { pub struct P(u32); } use m as n;",
        "n::P",
        "m::P",
    ),
    ("use dep::A as X;", "use dep::B as X;", "X", "X"),
    ("use dep::*;", "use dep::inner::*;", "X", "use dep::*"),
    ("", "use std::fmt::Result;", "Vec<Result>", "Result"),
    ("", "use std::vec::Vec as Box;", "Box<u8>", "Box"),
    (
        "mod m { pub enum P { A } } use m::P::*; struct Q(P);",
        "mod m { pub enum P { A, B } } use m::P::*; struct Q(P);",
        "Q",
        "m::P",
    ),
    // A name that came from elsewhere gets another meaning.
    (
        "use dep::*; struct P(X);",
        "use dep::*; struct P(X); struct X;",
        "P",
        "X",
    ),
    // Macros.
    ("make!(P, i32);", "make!(P, u32);", "P", ""),
    (
        "macro_rules! make { ($n:ident) => { struct $n(i32); } } make!(P);",
        "macro_rules! make { ($n:ident) => { struct $n(u32); } } make!(P);",
        "P",
        "make",
    ),
    (
        "macro_rules! make { ($t:ty) => { struct P($t); } } make!(i32);",
        "macro_rules! make { ($t:ty) => { struct P($t); } } make!(u32);",
        "P",
        "",
    ),
    (
        "macro_rules! t { () => { i32 } } struct P(t!());",
        "macro_rules! t { () => { u32 } } struct P(t!());",
        "P",
        "t",
    ),
    // Syntax that the parser does not know.
    (
        "struct P { a: i32 } strange P { a }",
        "struct P { a: i32 } strange P { b }",
        "P",
        "",
    ),
];

#[test]
fn what_a_type_reaches_is_noticed() {
    for &(old, new, type_name, expected) in NOTICED {
        let changed = redefined(old, new, type_name);
        assert!(!changed.is_empty(), "not noticed: {old} => {new}");
        assert!(
            expected.is_empty() || changed.iter().any(|it| it == expected),
            "{changed:?} for {old} => {new}"
        );
    }
}

/// A definition that the changes leave as it is.
const P: &str = "struct P { a: i32 }";

/// A change of definitions, and a type that does not reach it.
const NOT_NOTICED: &[(&str, &str, &str)] = &[
    (P, "struct P {\n    // how many\n    a: i32,\n}", "P"),
    (
        P,
        "/// A point.\n#[derive(Clone, Debug)]\n#[allow(dead_code)]\nstruct P { #[doc = \"x\"] a: i32 }",
        "P",
    ),
    (P, "struct P { a: i32 } impl P { fn a(&self) -> i32 { self.a } }", "P"),
    (
        P,
        "struct P { a: i32 } impl P { const fn new() -> P { P { a: 1 } } }",
        "P",
    ),
    (
        P,
        "struct P { a: i32 } impl std::ops::Add for P { type Output = P; fn add(self, o: P) -> P { o } }",
        "P",
    ),
    (
        P,
        "struct P { a: i32 } struct Q(u8); type R = Q; const N: usize = 1; trait T {}",
        "Vec<P>",
    ),
    (
        "struct P { a: i32 } struct Q(u8);",
        "struct P { a: i32 } struct Q(u16);",
        "P",
    ),
    (
        "struct P { a: i32 } struct Q(u8);",
        "struct P { a: i32 } struct Q(u16);",
        "i32",
    ),
    (
        "struct P { a: i32 } struct Q(u8);",
        "struct Q(u8); struct P { a: i32 }",
        "P",
    ),
    (
        P,
        "struct P { a: i32 } fn f() -> P { P { a: 2 } } static S: i32 = 1;",
        "P",
    ),
    // Another type of the name in another module.
    (
        "mod m { pub struct P(i32); }",
        "mod m { pub struct P(i32); } mod n { pub struct P(u8); }",
        "m::P",
    ),
    (P, "struct P { a: i32 } mod n { pub struct P(u8); }", "P"),
    // A default method, and a method's body.
    (
        "trait T { fn a(&self) {} }",
        "trait T { fn a(&self) { println!() } }",
        "Box<dyn T>",
    ),
    (
        "struct Circle(f64); trait S { fn area(&self) -> f64; }",
        "struct Circle(f32); trait S { fn area(&self) -> f64; }",
        "Vec<Box<dyn S>>",
    ),
    // A call of a macro, where every name is known without it.
    (
        "enum E<T> { A(T), B } mod m { make!(i32); }",
        "enum E<T> { A(T), B } mod m { make!(u32); }",
        "E<i32>",
    ),
    (
        "struct P; mod m { make!(i32); }",
        "struct P; impl std::ops::Neg for P { type Output = P; fn neg(self) -> P { P } } mod m { make!(i32); }",
        "P",
    ),
    // A new type, for a value that may be of any type that existed.
    (P, "struct P { a: i32 } struct Q(u8);", "Box<dyn std::any::Any>"),
    // A tessera, for its proxy, which holds nothing of it.
    (
        "struct S(i32); mod __mosaic_S { use super::*; pub struct SProxy { raw: ::mosaic::__private::Tessera } }",
        "struct S(u8); mod __mosaic_S { use super::*; pub struct SProxy { raw: ::mosaic::__private::Tessera } fn f() {} }",
        "__mosaic_S::SProxy",
    ),
    (
        "use std::collections::HashMap; fn f() {}",
        "use std::collections::HashMap; fn g() {}",
        "HashMap<String, f64>",
    ),
    (
        "fn f() { println!() }",
        "fn f() { println!(\"x\") } macro_rules! m { () => { 1 } }",
        "Vec<f64>",
    ),
    // Other imports.
    ("", "use std::ops::Fn;", "Box<dyn Fn(u8) -> u8>"),
    ("use std::time::*;", "use std::time::*; use dep::*;", "Duration"),
    (
        "use std::time::*;",
        "use std::time::*; mod m { use super::*; pub fn f() {} } use m::*;",
        "Duration",
    ),
    (
        "use std::time::*; enum Level { Low } use Level::*;",
        "use std::time::*; enum Level { Low, High } use Level::*;",
        "Duration",
    ),
];

#[test]
fn what_a_type_does_not_reach_is_no_matter() {
    for &(old, new, type_name) in NOT_NOTICED {
        let changed = redefined(old, new, type_name);
        assert!(changed.is_empty(), "{changed:?} for {old} => {new}");
    }
}

#[test]
fn crates_count_for_what_they_are_used_in() {
    let changes = |source: &str, type_name: &str| {
        let with = |build: &str| Definitions::new(source, BTreeMap::from([("dep".to_owned(), build.to_owned())]));
        let (old, new) = (with("1").fingerprint(type_name), with("2").fingerprint(type_name));
        changed(&old, &new).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (source, type_name) in [
        ("struct P(dep::X);", "P"),
        ("use dep::X; struct P(X);", "Vec<P>"),
        ("use dep::*; struct P(X);", "P"),
        ("use dep::inner as d; struct P(d::X);", "P"),
        ("extern crate dep as other; struct P(other::X);", "P"),
    ] {
        assert_eq!(changes(source, type_name), ["crate dep"], "{source}");
    }
    for (source, type_name) in [
        ("use dep::X; struct P(i32);", "P"),
        ("use dep::*; struct P(Vec<i32>);", "P"),
    ] {
        assert!(changes(source, type_name).is_empty(), "{source}");
    }
}

#[test]
fn a_new_tessera_is_no_matter_for_what_a_glob_brought_in() {
    let changes = |new: &str, type_name: &str| {
        let crates = BTreeMap::from([("mosaic".to_owned(), "1".to_owned())]);
        let of = |source: &str| Definitions::new(source, crates.clone()).fingerprint(type_name);
        let (old, new) = (of("use mosaic::prelude::*;"), of(new));
        changed(&old, &new).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let tessera = "use mosaic::prelude::*; struct S; pub use __mosaic_S::SProxy; mod __mosaic_S { use super::*; \
                   pub struct SProxy { raw: ::mosaic::__private::Tessera } \
                   const _: fn() = || ::mosaic::__private::assert_sendable::<S>(); }";
    for type_name in ["TaskProxy<u64>", "Stored<Vec<f64>>"] {
        assert_eq!(changes(tessera, type_name), [""; 0], "{type_name}");
    }
    // An import is noticed if it may bring in another type of the name.
    for more in ["use s::*; mod s { make!(); }", "use s as t; mod s { make!(); }"] {
        assert!(
            !changes(&format!("use mosaic::prelude::*; {more}"), "TaskProxy<u64>").is_empty(),
            "{more}"
        );
    }
    assert!(!changes("use mosaic::prelude::*; mod s { make!(); }", "s::X").is_empty());
    assert!(changes("use mosaic::prelude::*; mod s { make!(); }", "TaskProxy<u64>").is_empty());
}

#[test]
fn a_source_that_does_not_parse_is_read() {
    for source in ["", "struct", "struct P {", "#![allow(unused)] ; ; }", "mod m;"] {
        fingerprint(source, "P");
    }
    fingerprint("struct P;", "no < type");
}

#[test]
fn what_a_new_impl_brings_along_is_no_change() {
    let line = "struct Line(u32);";
    let parses = "struct LineError(dep::Error); impl std::str::FromStr for Line { type Err = LineError; }";
    let both = format!("{line} {parses}");
    assert_eq!(redefined(line, &both, "Vec<Line>"), [""; 0]);
    // From then on, the definition counts.
    let other = both.replace("LineError(", "LineError(u8, ");
    assert_eq!(redefined(&both, &other, "Vec<Line>"), ["LineError"]);
    // The new definition hides a name that an old `impl` had from elsewhere.
    let globbed = format!("use dep::*; {line} impl std::str::FromStr for Line {{ type Err = LineError; }}");
    let hidden = format!("{globbed} struct LineError;");
    assert_eq!(
        redefined(&globbed, &hidden, "Vec<Line>"),
        ["crate dep", "use dep::*", "LineError"]
    );
}
