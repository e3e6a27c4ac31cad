//! The expansion of a cell's text.

use expect_test::{Expect, expect};
use mosaic_expand::{CellExpansion, Location, Position, expand_cell};
use proc_macro2::{TokenStream, TokenTree};

const IMPL: &str = "impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } }";

fn expansion(cell: &str) -> CellExpansion {
    expand_cell(cell).expect("well-formed tesserae").expect("a tessera")
}

/// Checks the source of the expansion, with generated code shown as `«mod name»` and each line between bars.
fn check(cell: &str, expect: Expect) {
    let expansion = expansion(cell);
    let mut source = expansion.source().to_owned();
    for generated in expansion.generated() {
        assert!(!generated.code.contains('\n'));
        let words = generated.code.split_whitespace().skip_while(|word| *word != "mod");
        let name = words.take(2).collect::<Vec<_>>().join(" ");
        source = source.replacen(&generated.code, &format!("«{name}»"), 1);
    }
    let lines = source
        .split('\n')
        .map(|line| format!("|{}|\n", line.replace('\r', "␍")));
    expect.assert_eq(&lines.collect::<String>());
    check_positions(cell, &expansion);
}

/// Checks that [`CellExpansion::locate`] finds each token of the cell, except `tessera`, on its line. If no code follows on
/// the line of an attribute or of the end of an `impl`, the column is unchanged as well.
fn check_positions(cell: &str, expansion: &CellExpansion) {
    let mut source = expansion.source().lines().enumerate().flat_map(|(line, text)| {
        (0..text.chars().count()).map(move |column| Position {
            line: line + 1,
            column: column + 1,
        })
    });
    let user = cell.lines().enumerate().flat_map(|(line, text)| {
        text.chars().enumerate().map(move |(column, c)| {
            (
                Position {
                    line: line + 1,
                    column: column + 1,
                },
                c,
            )
        })
    });
    for (position, _) in user {
        let found = source.find(|at| matches!(expansion.locate(at.line, at.column), Location::User(_)));
        let found = found.expect("every character of the cell is in the source");
        assert_eq!(expansion.locate(found.line, found.column), Location::User(position));
        assert_eq!(found.line, position.line);
    }
}

fn tokens(text: &str) -> Vec<(String, usize, usize)> {
    fn collect(stream: TokenStream, into: &mut Vec<(String, usize, usize)>) {
        for tree in stream {
            let at = tree.span().start();
            match tree {
                TokenTree::Group(group) => collect(group.stream(), into),
                other => into.push((other.to_string(), at.line, at.column)),
            }
        }
    }
    let mut all = Vec::new();
    collect(text.parse().expect("tokens"), &mut all);
    all
}

#[test]
fn cells_without_tesserae_have_no_expansion() {
    for cell in [
        "",
        "let x = 1;",
        "let tessera = 1;",
        "// #[tessera]\nlet x = 1;",
        "/* #[tessera] struct S; */",
        "/// #[tessera]\nstruct S;",
        "let s = \"\n#[tessera]\nstruct S;\";",
        "let s = r#\"\n#[tessera]\n\"#;",
        "fn inner() { #[tessera] struct S; }",
        "macro_rules! inner { () => { mod inner { #[tessera] struct S; } } }",
        "mod inner;",
        "let mod_ = inner { tessera: 1 };",
        "#![tessera]",
        "#[other::tessera] struct S;",
        "#[tesserae] struct S;",
        "f(\"tessera\"",
    ] {
        assert_eq!(expand_cell(cell), Ok(None), "{cell}");
    }
}

#[test]
fn code_takes_the_place_of_the_attribute() {
    check(
        &format!("#[tessera]\nstruct S;\n\n  #[tessera] // of S\n{IMPL}\nS::remote()"),
        expect![[r#"
            |          |
            |struct S;|
            ||
            |  «mod __mosaic_S»           // of S|
            |impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } }|
            |S::remote()|
        "#]],
    );
}

#[test]
fn code_follows_the_impl_where_the_attribute_shares_its_line() {
    for (cell, expect) in [
        (
            format!("#[tessera] {IMPL} // of S\nS::remote()"),
            expect![[r#"
                |           impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } } «mod __mosaic_S» // of S|
                |S::remote()|
            "#]],
        ),
        (
            format!("/// A solver\n#[tessera]\n{IMPL}"),
            expect![[r#"
                |/// A solver|
                |          |
                |impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } } «mod __mosaic_S»|
            "#]],
        ),
        (
            format!("#[tessera] {IMPL} #[tessera] impl T {{ fn new() -> T {{ T }} }} é + S::remote()"),
            expect![[r#"
                |           impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } } «mod __mosaic_S»            impl T { fn new() -> T { T } } «mod __mosaic_T» é + S::remote()|
            "#]],
        ),
    ] {
        check(&cell, expect);
    }
}

#[test]
fn attributes_are_blanked_out() {
    for (cell, expect) in [
        (
            "#[derive(Clone)] #[tessera] struct S;",
            expect![[r#"
                |#[derive(Clone)]            struct S;|
            "#]],
        ),
        (
            "/// Docs\n#[mosaic::tessera]\n#[derive(Clone)]\npub(crate) enum S { A }",
            expect![[r#"
                |/// Docs|
                |                  |
                |#[derive(Clone)]|
                |pub(crate) enum S { A }|
            "#]],
        ),
        (
            "#[\n    ::mosaic::tessera\n]\r\nstruct S;\r\nlet x = 1;",
            expect![[r#"
                |  |
                |                     |
                | ␍|
                |struct S;␍|
                |let x = 1;|
            "#]],
        ),
        (
            "let ü = \"é\"; #[tessera] struct S; ü",
            expect![[r#"
                |let ü = "é";            struct S; ü|
            "#]],
        ),
        (
            ":dep rand = \"0.8\n!ls '\n  :opt 2\n// then\n#[tessera]\nstruct S;",
            expect![[r#"
                |:dep rand = "0.8|
                |!ls '|
                |  :opt 2|
                |// then|
                |          |
                |struct S;|
            "#]],
        ),
        (
            "\u{feff}#[tessera]\nstruct S;",
            expect![[r#"
                |﻿          |
                |struct S;|
            "#]],
        ),
    ] {
        check(cell, expect);
    }
}

#[test]
fn tesserae_of_modules_are_expanded_where_they_stand() {
    check(
        &format!(
            "#[tessera]\nstruct S;\n#[cfg(all())]\npub mod a {{\n    use super::*;\n    #[tessera]\n    {IMPL}\n    pub(crate) \
             mod b {{ #[tessera] struct S; #[tessera] {IMPL} }}\n}}\n#[tessera]\n{IMPL}\na::S::remote()"
        ),
        expect![[r#"
            |          |
            |struct S;|
            |#[cfg(all())]|
            |pub mod a {|
            |    use super::*;|
            |    «mod __mosaic_S»          |
            |    impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } }|
            |    pub(crate) mod b {            struct S;            impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } } «mod __mosaic_S» }|
            |}|
            |«mod __mosaic_S»          |
            |impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } }|
            |a::S::remote()|
        "#]],
    );
    let visible = |cell: &str| {
        let expansion = expansion(cell);
        let codes = expansion
            .generated()
            .iter()
            .map(|generated| generated.code.replace(' ', ""));
        codes
            .map(|code| code.contains("pub(crate)mod__mosaic_S{"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        visible(&format!("#[tessera]\n{IMPL}\nmod m {{\n#[tessera]\n{IMPL}\n}}")),
        [false, true]
    );
}

#[test]
fn errors_in_a_module_have_their_place_in_the_cell() {
    let errors = |cell: &str| {
        let errors = expand_cell(cell).expect_err("malformed tesserae");
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let cell = format!(
        "mod m {{\n    #[tessera]\n    fn f() {{}}\n    #[tessera] {IMPL}\n    #[tessera] {IMPL}\n    #[tessera]\n}}"
    );
    expect![[r#"
        3:5: `#[tessera]` goes on a struct, an enum, or an inherent `impl` of one
        5:21: `S` has a second `#[tessera] impl` in this module: move its methods into the first
        6:5: `#[tessera]` stands before nothing: put it on a struct, an enum, or their `impl`"#]]
    .assert_eq(&errors(&cell).join("\n"));
}

#[test]
fn a_syntax_error_elsewhere_does_not_matter() {
    check(
        &format!("let x = ;\n#[tessera]\n{IMPL}\nfn f( {{}}").replace("f( {}", "f() -> {}"),
        expect![[r#"
            |let x = ;|
            |«mod __mosaic_S»          |
            |impl S { fn new() -> Self { S } fn f(&self, x: &Vec<u8>) -> u8 { 0 } }|
            |fn f() -> {}|
        "#]],
    );
    check(
        "#[tessera]\nimpl S {\n    fn new() -> Self { let x = ; }\n}",
        expect![[r#"
            |«mod __mosaic_S»          |
            |impl S {|
            |    fn new() -> Self { let x = ; }|
            |}|
        "#]],
    );
}

#[test]
fn a_tessera_that_does_not_parse_only_loses_its_attribute() {
    for (cell, expect) in [
        (
            "#[tessera]\nstruct S\nlet x = 1",
            expect![[r#"
                |          |
                |struct S|
                |let x = 1|
            "#]],
        ),
        (
            "#[tessera]\nimpl S { fn new( -> Self }",
            expect![[r#"
                |          |
                |impl S { fn new( -> Self }|
            "#]],
        ),
        (
            "#[tessera]\nimpl S { fn 1() {} }",
            expect![[r#"
                |          |
                |impl S { fn 1() {} }|
            "#]],
        ),
        (
            "#[tessera]\nstruct S { x: String\n\"",
            expect![[r#"
                |          |
                |struct S { x: String|
                |"|
            "#]],
        ),
    ] {
        check(cell, expect);
    }
}

#[test]
fn no_token_of_the_tutorials_cell_moves() {
    let cell = include_str!("../golden/tutorial_cell.rs");
    let expansion = expansion(cell);
    let expected = tokens(cell);
    let mut found = tokens(expansion.source()).into_iter();
    let names: Vec<&str> = expansion
        .generated()
        .iter()
        .map(|generated| generated.code.as_str())
        .collect();
    assert_eq!(names.len(), 2);
    for token in expected {
        let attribute = ["#", "tessera"].contains(&token.0.as_str());
        assert!(attribute || found.any(|other| other == token), "{token:?} moved");
    }
    assert!(expansion.source().ends_with("solver_1\n"));
    check_positions(cell, &expansion);
}

#[test]
fn generated_code_knows_what_it_is_about() {
    let cell = format!("#[tessera]\n{IMPL}");
    let expansion = expansion(&cell);
    let [generated] = expansion.generated() else {
        panic!("one tessera")
    };
    let mut next = generated.columns.start;
    let mut seen = Vec::new();
    for (columns, origin) in &generated.origins {
        assert_eq!(columns.start, next, "no gaps");
        next = columns.end;
        let line = format!("{}-{} {}", origin.range.start, origin.range.end, origin.what);
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    assert_eq!(next, generated.columns.end);
    seen.sort();
    expect![[r#"
        2:13-2:16 constructor `S::new`
        2:36-2:37 method `S::f`
        2:45-2:46 argument `x` of `S::f`
        2:45-2:56 argument `x` of `S::f`
        2:49-2:52 argument `x` of `S::f`
        2:52-2:53 argument `x` of `S::f`
        2:53-2:55 argument `x` of `S::f`
        2:55-2:56 argument `x` of `S::f`
        2:6-2:7 `S`
        2:61-2:62 return value of `S::f`
        2:61-2:63 return value of `S::f`
        2:62-2:63 return value of `S::f`"#]]
    .assert_eq(&seen.join("\n"));
}

#[test]
fn an_unportable_argument_is_found_from_its_assertion() {
    let cell = "#[tessera]\nimpl S {\n    fn new() -> Self { S }\n    fn solve(&self, é: Rc<u8>) {}\n}";
    let expansion = expansion(cell);
    let line = expansion.source().lines().next().expect("a line");
    let byte = line.find("assert_portable :: < Rc").expect("an assertion") + "assert_portable :: < ".len();
    let column = line[..byte].chars().count() + 1;
    let origin = expansion.origin(1, column).expect("generated");
    expect!["4:24 argument `é` of `S::solve`"].assert_eq(&format!("{} {}", origin.range.start, origin.what));
}

#[test]
fn a_long_session_keeps_no_spans() {
    let cell = format!("#[tessera]\n{IMPL}");
    let source = expansion(&cell);
    for _ in 0..1000 {
        assert_eq!(expansion(&cell), source);
    }
}

#[test]
fn a_cell_and_a_program_get_the_same_code() {
    let item = "impl Solver {
        fn new<'a>(text: &'a str) -> Self { todo!() }
        /** Several
            lines. */
        fn f(&mut self, (a, b): (u8, [f32; 2]), c: Vec<Vec<u8>>) -> fn(&u8) -> u8 { todo!() }
    }";
    let expansion = expansion(&format!("#[tessera]\n{item}"));
    let [generated] = expansion.generated() else {
        panic!("one tessera")
    };
    let of_cell = syn::parse_str(&format!("{item}{}", generated.code)).expect("generated code is Rust");
    assert_eq!(prettyplease::unparse(&of_cell), crate::readable::expanded(item));
}
