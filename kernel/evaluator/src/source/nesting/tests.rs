//! What is refused, what is not, and the bound against the trees that rust-analyzer's parser builds.

use super::*;
use crate::source::{completeness::is_complete, syntax::block};
use ra_ap_syntax::{AstNode, SourceFile, WalkEvent};

/// Ways to nest, as what comes before, what is repeated before and after the middle, and what comes after.
const WAYS: [[&str; 5]; 34] = [
    ["", "(", "1", ")", ";"],
    ["", "[", "1", "]", ";"],
    ["", "{", "1", "}", ""],
    ["1u8", ".min(1)", "", "", ";"],
    ["a", ".await", "", "", ";"],
    ["a", "?", "", "", ";"],
    ["a", "[1]", "", "", ";"],
    ["a", "()", "", "", ";"],
    ["", "!", "true", "", ";"],
    ["", "&", "1", "", ";"],
    ["", "*&", "1", "", ";"],
    ["1", "+1", "", "", ";"],
    ["1", " as u8", "", "", ";"],
    ["", "a = ", "1", "", ";"],
    ["", "return ", "1", "", ";"],
    ["", "|x| ", "1", "", ";"],
    ["", "|x, y| ", "1", "", ";"],
    ["", "move |x, y| ", "1", "", ";"],
    ["", "for<'a> |x: &'a u8, y| ", "1", "", ";"],
    ["", "x | |a, b| ", "1", "", ";"],
    ["if a {}", " else if a {}", "", "", ""],
    ["", "if a { } else { ", "", "}", ""],
    ["", "match 1 { _ => ", "1", "}", ""],
    ["", "for S {} in ", "x", " {}", ""],
    ["type T = ", "Vec<", "u8", ">", ";"],
    ["type T = ", "Map<u8, ", "u8", ">", ";"],
    ["type T = ", "A<{1}, ", "u8", ">", ";"],
    ["type T = ", "&'static ", "u8", "", ";"],
    ["type T = ", "fn(u8, u8) -> ", "u8", "", ";"],
    ["type T = ", "<u8 as A<u8, ", "u8", ">>::B", ";"],
    ["let ", "&", "x", "", " = y;"],
    ["let ", "(a, ", "x", ")", " = y;"],
    ["use a::", "{b, a::", "c", "}", ";"],
    ["m!(", "{a ", "b", "}", ");"],
];

fn nested([before, opens, middle, closes, after]: [&str; 5], count: usize) -> String {
    [before, &opens.repeat(count), middle, &closes.repeat(count), after].concat()
}

#[test]
fn what_is_too_deep_is_refused_and_what_is_long_is_not() {
    for way in WAYS {
        let found = check(&nested(way, 50_000));
        assert!(found.is_some(), "{way:?}");
        assert_eq!(check(&nested(way, 100)), None, "{way:?}");
        let title = found.unwrap().title;
        assert!(title.contains(&MAX_BRACKETS.to_string()) || title.contains(&MAX_TOKENS.to_string()));
    }
    for element in [
        "1, ",
        "(1, [2], {3}), ",
        "f(x);\n",
        "let x: Vec<u8> = a < b;\n",
        "struct S { x: u8 }\n",
        "impl<T> S<T> { fn f(&self) -> u8 { 1 } }\n",
        "if a < b { c(); }\nf();",
        "#[a] fn f() {}\n",
        "A | B => 1, ",
        "A => { 1 }\n",
        "1 << 3, ",
        "1 < 2 || 2 > 1, ",
        "// ((((\n",
        "\"((((\", ",
        "/* (((( /* (((( */ */ 1;",
        "'(', b'{', r#\"[[[\"#, ",
        "m! { a b }\n",
    ] {
        assert_eq!(check(&format!("[{}]", element.repeat(20_000))), None, "{element:?}");
    }
    assert_eq!(check(&format!("{}1", "/*".repeat(100_000))), None);
}

#[test]
fn the_place_is_that_of_the_first_token_that_is_too_deep() {
    let code = nested(["let ä = ", "(", "1", ")", ";"], 501);
    let error = check(&code).unwrap();
    assert_eq!(error.range, "let ä = ".len() + 500.."let ä = ".len() + 501);
    assert_eq!(&code[error.range], "(");
}

/// The depth of rust-analyzer's tree. Walking the tree does not recurse.
fn depth_of_tree(code: &str) -> usize {
    let parsed = SourceFile::parse(&format!("fn f(){{{code}\n}}"), Edition::Edition2024).tree();
    let (mut depth, mut deepest) = (0_usize, 0);
    for step in parsed.syntax().preorder() {
        match step {
            WalkEvent::Enter(_) => depth += 1,
            WalkEvent::Leave(_) => depth -= 1,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Patterns of tokens, most of which are no Rust. The parsers see such texts while a cell is typed, and recover.
#[test]
fn no_repeated_pattern_nests_unseen() {
    const TOKENS: &str = "( [ { ) ] } < > , ; : :: . .. = => -> ! & * + - | || ? # ' 'a 1 \"s\" a S _ as async await \
        box break const continue crate do dyn else enum extern fn for if impl in let loop match mod move mut pub ref \
        return self static struct super trait type union unsafe use where while yield yeet gen try macro raw auto safe";
    let tokens: Vec<&str> = TOKENS.split_whitespace().collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |end: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % end as u64) as usize
    };
    const COUNT: usize = 120;
    for _ in 0..5_000 {
        let length = 1 + below(7);
        let pattern: Vec<&str> = (0..length).map(|_| tokens[below(tokens.len())]).collect();
        let code = format!("{} ", pattern.join(" ")).repeat(COUNT);
        let limits = Limits {
            brackets: COUNT / 2,
            tokens: COUNT / 2,
        };
        let is_refused = first_too_deep(&code, limits).is_some();
        // A token makes up to nine nodes: a name as a statement is six.
        assert!(is_refused || depth_of_tree(&code) < 9 * COUNT / 2 + 30, "{pattern:?}");
    }
}

#[test]
fn what_is_accepted_parses_on_the_stack_that_is_there() {
    for way in WAYS {
        let count = (1..=MAX_TOKENS)
            .rev()
            .step_by(50)
            .find(|count| check(&nested(way, *count)).is_none());
        let code = nested(way, count.unwrap());
        on_large_stack(|| {
            drop(block(&code));
            drop(SourceFile::parse(&code, Edition::Edition2024));
            is_complete(&code)
        });
    }
}
