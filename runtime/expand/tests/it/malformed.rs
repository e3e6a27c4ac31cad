//! Messages about malformed tesserae, and their positions.

use expect_test::{Expect, expect};

/// Checks the errors of a cell, each with the text it points at.
fn check(cell: &str, expect: Expect) {
    let errors = mosaic_expand::expand_cell(cell).expect_err("a malformed tessera");
    let lines: Vec<&str> = cell.lines().collect();
    let report = errors.iter().map(|error| {
        let (start, end) = (error.range.start, error.range.end);
        let line: Vec<char> = lines[start.line - 1].chars().collect();
        let last = if end.line == start.line {
            end.column - 1
        } else {
            line.len()
        };
        let text: String = line[start.column - 1..last].iter().collect();
        format!("{start} {text}\n    {}\n", error.message)
    });
    expect.assert_eq(&report.collect::<String>());
}

/// Checks the errors of members of an `impl S` that has a constructor.
fn check_members(members: &str, expect: Expect) {
    check(
        &format!("#[tessera]\nimpl S {{\nfn new() -> Self {{ S }}\n{members}\n}}"),
        expect,
    );
}

fn check_cells<const N: usize>(cases: [(&str, Expect); N]) {
    for (cell, expect) in cases {
        check(cell, expect);
    }
}

#[test]
fn receivers() {
    check_members(
        "fn a(self) {}\nfn b(mut self) -> u8 { 0 }\nfn c(self: Box<Self>) {}\nfn d(self: Pin<&mut Self>) {}
fn e(self: &Arc<Self>) {}\nfn fine(self: &mut Self) {}",
        expect![[r#"
            4:6 self
                `S::a` takes `self` by value, but a tessera stays on its worker for its later calls: take `&self` or `&mut self`
            5:6 mut self
                `S::b` takes `self` by value, but a tessera stays on its worker for its later calls: take `&self` or `&mut self`
            6:6 self: Box<Self>
                `S::c` takes `self` as an owned or pinned pointer, but a tessera stays on its worker for its later calls: take `&self` or `&mut self`
            7:6 self: Pin<&mut Self>
                `S::d` takes `self` as an owned or pinned pointer, but a tessera stays on its worker for its later calls: take `&self` or `&mut self`
            8:6 self: &Arc<Self>
                `S::e` takes `self` through a pointer: take `&self` or `&mut self`
        "#]],
    );
}

#[test]
fn borrowed_results() {
    check_members(
        "fn a(&self) -> &str { \"\" }\nfn b(&self) -> &[f32] { &[] }\nfn c(&self) -> &Vec<u8> { &self.0 }
fn d(&self) -> Option<&u8> { None }\nfn e(&self) -> Cow<'_, str> { todo!() }\nfn f(&self) -> ArrayView3<f32> { todo!() }
fn g(&self) -> impl Iterator<Item = u8> { [].into_iter() }\nfn h(&self) -> &'static str { \"\" }\nfn i(&self) -> ! { loop {} }
fn fine(&self) -> fn(&u8) -> u8 { todo!() }",
        expect![[r#"
            4:16 &str
                `S::a` returns `&str`: a borrowed value cannot leave the tessera's worker; return `String` instead
            5:16 &[f32]
                `S::b` returns `&[f32]`: a borrowed value cannot leave the tessera's worker; return `Vec<f32>` instead
            6:16 &Vec<u8>
                `S::c` returns `&Vec<u8>`: a borrowed value cannot leave the tessera's worker; return `Vec<u8>` instead
            7:16 Option<&u8>
                `S::d` returns `Option<&u8>`: a borrowed value cannot leave the tessera's worker; return an owned value instead
            8:16 Cow<'_, str>
                `S::e` returns `Cow<'_, str>`: a borrowed value cannot leave the tessera's worker; return an owned value instead
            9:16 ArrayView3<f32>
                `S::f` returns `ArrayView3<f32>`: a borrowed value cannot leave the tessera's worker; return `Array3<f32>` instead
            10:16 impl Iterator<Item = u8>
                `S::g` returns `impl Iterator<Item = u8>`: a proxy needs to know the concrete type; name it
            11:16 &'static str
                `S::h` returns `&'static str`: a borrowed value cannot leave the tessera's worker; return `String` instead
            12:16 !
                `S::i` returns `!`, which no task can have as its value: leave the return type out
        "#]],
    );
}

#[test]
fn arguments() {
    check_members(
        "fn a(&self, x: &mut u8) {}\nfn b(&self, x: Option<&u8>, y: Vec<&str>) {}\nfn c(&self, x: impl Fn()) {}
fn d(&self, x: &dyn Fn()) {}\nfn e(&self, mut x: ArrayViewMut3<f32>) {}\nfn f(&self, x: &&u8) {}",
        expect![[r#"
            4:16 &mut u8
                argument `x` of `S::a` is `&mut u8`: changes to it would be lost on the worker; take it by value and return it
            5:16 Option<&u8>
                argument `x` of `S::b` borrows inside `Option<&u8>`: only an argument as a whole can be lent; take owned values
            5:32 Vec<&str>
                argument `y` of `S::b` borrows inside `Vec<&str>`: only an argument as a whole can be lent; take owned values
            6:16 impl Fn()
                argument `x` of `S::c` is `impl Fn ()`: a worker needs to know the concrete type; name it
            7:16 &dyn Fn()
                argument `x` of `S::d` is `&dyn Fn ()`: a worker needs to know the concrete type; name it
            8:20 ArrayViewMut3<f32>
                argument `x` of `S::e` is `ArrayViewMut3<f32>`: changes to it would be lost on the worker; take it by value and return it
            9:16 &&u8
                argument `x` of `S::f` borrows inside `&u8`: only an argument as a whole can be lent; take owned values
        "#]],
    );
}

#[test]
fn kinds_of_functions() {
    check_members(
        "async fn a(&self) {}\nunsafe fn b(&self) {}\nextern \"C\" fn c(&self) {}\nfn d<T: Clone, const N: usize>(&self, x: T) {}
#[cfg(unix)] fn e(&self) {}\nfn after(&self) {}\nfn uid(&self) {}\nfn remote() {}
fn attach() {}\nfn attach(&self) {}",
        expect![[r#"
            5:1 unsafe
                `S::b` is unsafe, and a worker cannot uphold its contract: make it safe, or call it from a safe method
            6:1 extern "C"
                `S::c` is `extern`: remove it, a remote call is an ordinary Rust call
            7:6 T: Clone
                `S::d` is generic over `T`: a worker runs code that was compiled before the call; write the concrete type
            7:16 const N: usize
                `S::d` is generic over `N`: a worker runs code that was compiled before the call; write the concrete type
            8:1 #[cfg(unix)]
                `S::e` is compiled conditionally, but its proxy is not: put it in another `impl`, or use `cfg!` in its body
            9:4 after
                `S::after` has a name that every tessera uses itself: rename the method
            10:4 uid
                `S::uid` has a name that every tessera uses itself: rename the method
            11:4 remote
                `S::remote` is the name of a generated function: rename this one
            12:4 attach
                `S::attach` is the name of a generated function: rename this one
            13:4 attach
                `S::attach` has a name that every tessera uses itself: rename the method
        "#]],
    );
}

#[test]
fn constructors() {
    for (members, expect) in [
        (
            "fn f(&self) {}",
            expect![[r#"
            1:17 S
                `S` needs a constructor: add `fn new(...) -> Self`
        "#]],
        ),
        (
            "fn new() {}",
            expect![[r#"
            1:24 new
                `S::new` returns nothing: let it return `Self`
        "#]],
        ),
        (
            "fn new(&self) -> Self { S }",
            expect![[r#"
            1:28 &self
                `S::new` is the constructor and takes no `self`: rename the method
        "#]],
        ),
        (
            "fn new() -> Result<Self, String> { Ok(S) }",
            expect![[r#"
            1:33 Result<Self, String>
                `S::new` returns `Result<Self, String>`, not a `S`: let it return `Self` and panic where it fails; the panic becomes the error of whoever awaits the tessera
        "#]],
        ),
        (
            "fn new() -> u8 { 0 }",
            expect![[r#"
            1:33 u8
                `S::new` returns `u8`, not a `S`: let it return `Self`, or rename it
        "#]],
        ),
        (
            "async fn new(x: &mut u8) -> S { S }",
            expect![[r#"
                1:37 &mut u8
                    argument `x` of `S::new` is `&mut u8`: changes to it would be lost on the worker; take it by value and return it
            "#]],
        ),
    ] {
        check(&format!("#[tessera] impl S {{ {members} }}"), expect);
    }
}

#[test]
fn types_and_generics() {
    check_cells([
        (
            "#[tessera] struct S<'a, T>(&'a T);",
            expect![[r#"
            1:21 'a
                `S` borrows for `'a`, but a tessera lives on another process: let it own its data (`String` for `&str`, `Vec<T>` for `&[T]`)
        "#]],
        ),
        (
            "#[tessera] impl<T: Clone> S<T> { fn new() -> Self { S } }",
            expect![[r#"
                1:17 T: Clone
                    `S` is generic over `T`, but a worker can only construct concrete types: write an `impl` for each concrete type you need, such as `impl S<f32>`
            "#]],
        ),
        (
            "#[tessera] impl<T: Serialize, const N: usize> m::S<Vec<T>, [u8; N]> where T: Send { fn new() -> Self { S } }",
            expect![[r#"
                1:17 T: Serialize
                    `S` is generic over `T`, but a worker can only construct concrete types: write an `impl` for each concrete type you need, such as `impl m::S<Vec<f32>, [u8; 3]>`
                1:31 const N: usize
                    `S` is generic over `N`, but a worker can only construct concrete types: write an `impl` for each concrete type you need, such as `impl m::S<Vec<f32>, [u8; 3]>`
            "#]],
        ),
        (
            "#[tessera] impl<'a> S<'a> { fn new() -> Self { S } }",
            expect![[r#"
            1:17 'a
                `S` borrows for `'a`, but a tessera lives on another process: let it own its data (`String` for `&str`, `Vec<T>` for `&[T]`)
        "#]],
        ),
        (
            "#[tessera] impl S<'_> { fn new() -> Self { S } }",
            expect![[r#"
            1:19 '_
                `S` borrows for `'_`, but a tessera lives on another process: let it own its data (`String` for `&str`, `Vec<T>` for `&[T]`)
        "#]],
        ),
    ]);
}

#[test]
fn items_that_cannot_be_tesserae() {
    check_cells([
        (
            "#[tessera] impl Display for S { fn fmt(&self) {} }",
            expect![[r#"
            1:17 Display
                `#[tessera]` goes on the inherent `impl S`, not on its `impl Display`: put the methods to call remotely there and leave this one unmarked
        "#]],
        ),
        (
            "#[tessera] impl [u8] { fn new() -> Self { S } }",
            expect![[r#"
            1:17 [u8]
                `#[tessera]` needs a type with a name: wrap this one in a struct of your own
        "#]],
        ),
        (
            "#[tessera] fn f() {}",
            expect![[r#"
            1:12 fn f()
                `#[tessera]` goes on a struct, an enum, or an inherent `impl` of one
        "#]],
        ),
        (
            "#[tessera] pub trait T { fn f(); }",
            expect![[r#"
            1:12 pub trait T
                `#[tessera]` goes on a struct, an enum, or an inherent `impl` of one
        "#]],
        ),
    ]);
}

#[test]
fn arguments_of_the_attribute() {
    check_cells([
        (
            "#[tessera(name = 1)] struct S;",
            expect![[r#"
                1:11 name = 1
                    options go on the `impl`: `#[tessera(name = 1)] impl S`
            "#]],
        ),
        (
            "#[tessera(max_retries = 2, fast = true, max_retries = 3)]\nimpl S { fn new() -> S { S } fn with(&self) {} }",
            expect![[r#"
                1:28 fast
                    `#[tessera]` has no option `fast`: its options are `max_retries`, `restarts`, `worker`, `near`, `timeout`
                1:41 max_retries
                    `max_retries` is set twice
                2:33 with
                    `S::with` has a name that every tessera uses itself: rename the method
            "#]],
        ),
        (
            "#[tessera(2)]\nimpl S { fn new() -> S { S } fn with() {} }",
            expect![[r#"
                1:11 2
                    `#[tessera]` takes options as `name = value`, such as `max_retries = 2`
                2:33 with
                    `S::with` is the name of a generated function: rename this one
            "#]],
        ),
        (
            "let x = 1;\n#[tessera]",
            expect![[r#"
            2:1 #[tessera]
                `#[tessera]` stands before nothing: put it on a struct, an enum, or their `impl`
        "#]],
        ),
    ]);
}

#[test]
fn all_errors_of_a_cell_together() {
    check(
        "#[tessera]\nimpl A { fn new() -> Self { A } fn f(self) {} }\nlet é = 1; #[tessera]\nimpl B {\n}
#[tessera]\nimpl C { fn new() -> Self { C } }\n#[tessera]\nimpl C { fn new() -> Self { C } }",
        expect![[r#"
            2:38 self
                `A::f` takes `self` by value, but a tessera stays on its worker for its later calls: take `&self` or `&mut self`
            4:6 B
                `B` needs a constructor: add `fn new(...) -> Self`
            9:6 C
                `C` has a second `#[tessera] impl` in this cell: move its methods into the first
        "#]],
    );
}
