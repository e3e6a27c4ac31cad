//! Finds the parts of cells in the source of a cell: the items and expressions whose places the kernel knows.

use crate::{
    evcxr_text::{
        kept_variables::REST_BEGINS,
        markers::{CELL_FUNCTION_BEGINS, DEBUG_BEGINS, EXECUTOR_ENDS},
        replacements::{EXECUTOR_CALL, SEND_TEXT_IMPORT},
    },
    session::placed_code::{Form, Jump, Place, PlacedItem, Statement},
    source::skip::{Skip, skip},
};
use std::{collections::HashMap, ops::Range};

/// The number of characters by which the items that may stand at a place are looked up.
const KEY: usize = 6;

/// A part of a cell in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Where it stands in the source, in bytes.
    pub(super) range: Range<usize>,
    pub(super) cell: &'a str,
    pub(super) place: Place,
    pub(super) jump: Option<Jump>,
    pub(super) kind: Kind,
}

/// The syntax in which a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Item,
    /// An expression, followed by something else of its statement.
    Expression,
    /// A statement without a semicolon.
    Statement,
    /// A block.
    Block,
}

/// Finds known items in the beginning of a source, which consists of items. The notebook's items stand in the source as
/// they stand in their cells, except for white space.
pub(super) fn items<'a>(source: &str, known: &[&'a PlacedItem]) -> Vec<Part<'a>> {
    let mut by_key: HashMap<String, Vec<&'a PlacedItem>> = HashMap::new();
    for item in known {
        by_key.entry(key(&item.text)).or_default().push(item);
    }
    let mut found = Vec::new();
    let mut scan = Scan::default();
    while let Some(first) = source[scan.at..].chars().next() {
        let rest = &source[scan.at..];
        if scan.may_begin_item() && !first.is_whitespace() {
            let candidates = by_key.get(&key(rest)).into_iter().flatten();
            let matching = candidates.filter_map(|item| Some((length_of(rest, &item.text)?, item)));
            if let Some((length, item)) = matching.max_by_key(|(length, _)| *length) {
                found.push(Part {
                    range: scan.at..scan.at + length,
                    cell: &item.cell,
                    place: item.place,
                    jump: item.jump,
                    kind: Kind::Item,
                });
                scan.at += length;
                continue;
            }
        }
        if !scan.step(rest, first) {
            break;
        }
    }
    found
}

/// A walk through items, which knows where an item may begin.
#[derive(Default)]
struct Scan {
    at: usize,
    /// The number of open delimiters.
    depth: usize,
    /// Something of an item was read since the last one ended.
    in_item: bool,
    /// An attribute of the crate was begun.
    in_attribute: bool,
}

impl Scan {
    fn may_begin_item(&self) -> bool {
        self.depth == 0 && !self.in_item
    }

    /// Steps over a character, a comment or a literal. Returns whether the rest can be read.
    fn step(&mut self, rest: &str, first: char) -> bool {
        match skip(rest) {
            Skip::Unterminated => return false,
            Skip::Token(length) => {
                self.in_item |= !is_comment(rest);
                self.at += length;
                return true;
            }
            Skip::Nothing => {}
        }
        match first {
            '{' | '(' | '[' => {
                self.depth += 1;
                self.in_item = true;
            }
            '}' | ')' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                let ends = first == '}' || self.in_attribute && first == ']';
                if self.depth == 0 && ends {
                    (self.in_item, self.in_attribute) = (false, false);
                }
            }
            ';' if self.depth == 0 => self.in_item = false,
            _ if first.is_whitespace() => {}
            _ => {
                self.in_attribute |= self.may_begin_item() && rest.starts_with("#![");
                self.in_item = true;
            }
        }
        self.at += first.len_utf8();
        true
    }
}

/// Reports whether a comment or literal is a comment that documents nothing.
fn is_comment(text: &str) -> bool {
    let begins = |with: &[&str]| with.iter().any(|it| text.starts_with(it));
    let documents = begins(&["///", "/**"]) && !begins(&["////", "/***", "/**/"]);
    text.starts_with('/') && !documents
}

/// Returns the beginning of a text, without white space.
fn key(text: &str) -> String {
    text.chars().filter(|it| !it.is_whitespace()).take(KEY).collect()
}

/// Returns the length of the text that a source begins with, if it does. White space does not count.
fn length_of(source: &str, text: &str) -> Option<usize> {
    let mut characters = source.char_indices().filter(|(_, it)| !it.is_whitespace());
    let mut end = 0;
    for expected in text.chars().filter(|it| !it.is_whitespace()) {
        let (at, character) = characters.next()?;
        if character != expected {
            return None;
        }
        end = at + character.len_utf8();
    }
    Some(end)
}

/// Finds the expressions of a cell in the source from a byte on, which generates code around the cell. Leaves the calls
/// of macros that may expand to statements if `with_macros` is false.
pub(super) fn expressions<'a>(
    source: &str,
    from: usize,
    cell: &'a str,
    statements: &'a [Statement],
    with_macros: bool,
) -> Vec<Part<'a>> {
    let mut found = Vec::new();
    let Some(mut at) = code_begins(source, from) else {
        return found;
    };
    for statement in statements {
        // A call of a macro may stand among the items.
        let Some(begin) = find_statement(source, at, &statement.text) else {
            continue;
        };
        at = begin + statement.text.len();
        let wanted = statement.expressions.iter();
        for expression in wanted.filter(|it| with_macros || it.form != Form::Macro) {
            let is_last = expression.range.end == statement.text.len();
            found.push(Part {
                range: begin + expression.range.start..begin + expression.range.end,
                cell,
                place: expression.place,
                jump: None,
                kind: match expression.form {
                    Form::Block => Kind::Block,
                    _ if is_last => Kind::Statement,
                    _ => Kind::Expression,
                },
            });
        }
    }
    found
}

/// Returns where the cell's code begins in the function that runs the cell.
fn code_begins(source: &str, from: usize) -> Option<usize> {
    let function = from + source.get(from..)?.find(CELL_FUNCTION_BEGINS)?;
    [EXECUTOR_CALL, EXECUTOR_ENDS].into_iter().find_map(|opening| {
        let at = source[function..].find(opening)?;
        Some(function + at + opening.len())
    })
}

/// Returns where a statement begins, if nothing but comments and generated code comes before it.
fn find_statement(source: &str, from: usize, statement: &str) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = &source[at..];
        if rest.starts_with(statement) {
            return Some(at);
        }
        let line = rest.split('\n').next().unwrap_or_default();
        let is_generated = ["(", DEBUG_BEGINS].contains(&line) || line.starts_with(SEND_TEXT_IMPORT);
        at += match skip(rest) {
            _ if is_generated => line.len(),
            _ if rest.starts_with(REST_BEGINS) => REST_BEGINS.len(),
            Skip::Token(length) if rest.starts_with('/') => length,
            _ => rest.chars().next().filter(|it| it.is_whitespace())?.len_utf8(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::placed_parts::{read, unmoved};

    #[test]
    fn items_are_found_only_where_an_item_begins() {
        let cell = read("fn f() { g() }\nmod m { fn f() { g() } }", "cell [3]", unmoved);
        let known: Vec<&PlacedItem> = cell.items.iter().collect();
        for (source, expected) in [
            ("fn f() { g() }", &["fn f() { g() }"][..]),
            ("#![allow(a)]\n#![allow(b)] fn f() { g() }", &["fn f() { g() }"]),
            ("use a; // fn f()\nfn f() { g()    }", &["fn f() { g()    }"]),
            ("struct S { a: u8 }\nfn f() { g() }", &["fn f() { g() }"]),
            (
                "const A: S = S { a: 1 };fn f() { g() } mod m { fn f() { g() } }",
                &["fn f() { g() }", "mod m { fn f() { g() } }"],
            ),
            ("pub fn f() { g() }", &[]),
            ("#[inline] fn f() { g() }", &[]),
            ("/// doc\nfn f() { g() }", &[]),
            ("//// note\n/**/ fn f() { g() }", &["fn f() { g() }"]),
            ("mod n { fn f() { g() } }", &[]),
            ("const T: &str = \"; fn f() { g() }\";", &[]),
            ("/* ; fn f() { g() } */ fn f() { h() }", &[]),
            ("fn f() { g(1) }", &[]),
            ("fn f() { g()", &[]),
            ("\"", &[]),
        ] {
            let found = items(source, &known).into_iter().map(|part| &source[part.range]);
            assert_eq!(found.collect::<Vec<_>>(), expected, "{source}");
        }
    }

    fn function(code: &str) -> String {
        format!("fn f() {{}}\n{CELL_FUNCTION_BEGINS}1(\nlet a = take();\n{EXECUTOR_CALL}\n{code}\nput(a);\n}}\n")
    }

    #[test]
    fn expressions_are_found_in_their_order() {
        let text = "f(1); let a = f(2); // note\nstruct S;\nif a { f(3) } (f(4), 5)";
        let cell = read(text, "cell [3]", unmoved);
        let segments = "f(1); \nlet a = f(2); \n// note\nif a { f(3) } \n";
        let shown = format!("{segments}(\n(f(4), 5)\n).mosaic_begin_result();");
        let printed = format!("{segments}{SEND_TEXT_IMPORT}\n\n{DEBUG_BEGINS}\n(f(4), 5)\n)));");
        for code in [shown, printed] {
            let source = function(&code);
            let found = expressions(&source, 0, &cell.name, &cell.statements, true).into_iter();
            let found: Vec<_> = found.map(|part| (&source[part.range], part.kind)).collect();
            assert_eq!(
                found,
                [
                    ("f(1)", Kind::Expression),
                    ("f(2)", Kind::Expression),
                    ("if a { f(3) }", Kind::Statement),
                    ("(f(4), 5)", Kind::Statement)
                ]
            );
        }
    }

    #[test]
    fn what_does_not_stand_there_is_left_out() {
        let cell = read("f(1); define!(a); f(2);", "cell [3]", unmoved);
        for (code, with_macros, expected) in [
            ("f(1);\ndefine!(a);\nf(2);", true, &["f(1)", "define!(a)", "f(2)"][..]),
            ("f(1);\ndefine!(a);\nf(2);", false, &["f(1)", "f(2)"]),
            ("f(1);\nf(2);", true, &["f(1)", "f(2)"]),
            ("g(); f(1);", true, &[]),
        ] {
            let source = function(code);
            let found = expressions(&source, 0, &cell.name, &cell.statements, with_macros).into_iter();
            assert_eq!(
                found.map(|part| &source[part.range]).collect::<Vec<_>>(),
                expected,
                "{code}"
            );
        }
        assert_eq!(expressions("f(1);", 0, &cell.name, &cell.statements, true), []);
    }
}
