//! Reads the parts of a cell that are compiled with their places.

use crate::{
    session::placed_code::{Expression, Form, Jump, Place, PlacedCell, PlacedItem, Statement},
    source::{empty_statements, syntax::block},
};
use std::ops::Range;
use syn::{Expr, Item, Stmt, spanned::Spanned};

/// Macros of the standard library that expand to an expression.
const EXPRESSION_MACROS: [&str; 24] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "compile_error",
    "concat",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "file",
    "format",
    "line",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// Reads the items and statements of a cell without commands. `name` names the cell in places. `locate` returns the line
/// and the column in the user's text, both from 1, of those in `code`, and nothing for text that the user did not write.
/// A cell that does not parse has no parts.
pub(crate) fn read(code: &str, name: &str, locate: impl Fn(usize, usize) -> Option<(usize, usize)>) -> PlacedCell {
    let mut reader = Reader {
        code,
        cell: PlacedCell {
            name: name.to_owned(),
            ..PlacedCell::default()
        },
        locate,
        parts: 0,
    };
    for statement in block(code).iter().flat_map(|block| &block.stmts) {
        reader.add(statement, in_cell(statement.span().byte_range()));
    }
    proc_macro2::extra::invalidate_current_thread_spans();
    reader.cell
}

struct Reader<'a, L> {
    code: &'a str,
    cell: PlacedCell,
    locate: L,
    /// The number of parts so far.
    parts: usize,
}

impl<L: Fn(usize, usize) -> Option<(usize, usize)>> Reader<'_, L> {
    fn add(&mut self, statement: &Stmt, range: Range<usize>) {
        if let Stmt::Item(item) = statement {
            if has_places(item, &self.code[range.clone()])
                && let Some(place) = self.place(range.start)
            {
                let jump = self.jump(&range, place);
                self.cell.items.push(PlacedItem {
                    jump,
                    text: self.code[range].to_owned(),
                    cell: self.cell.name.clone(),
                    place,
                });
            }
            return;
        }
        if empty_statements::is_empty(statement) {
            return;
        }
        let mut expressions = Vec::new();
        for (found, form) in expressions_of(statement, self.code) {
            let place = self.place(found.start);
            expressions.extend(place.map(|place| Expression {
                range: found.start - range.start..found.end - range.start,
                place,
                form,
            }));
        }
        self.cell.statements.push(Statement {
            text: self.code[range].to_owned(),
            expressions,
        });
    }

    /// Finds where an item goes on that begins with a copy of a header.
    fn jump(&self, range: &Range<usize>, place: Place) -> Option<Jump> {
        let text = &self.code[range.clone()];
        let first = text.lines().next()?;
        first.match_indices('{').find_map(|(brace, _)| {
            let inside = &text[brace + 1..];
            let at = brace + 1 + inside.find(|it: char| !it.is_whitespace())?;
            let (line, column) = self.locate_byte(range.start + at)?;
            let before = &text[..at];
            let follows = match before.rfind('\n') {
                None => (place.line, place.column + before.chars().count()),
                Some(end) => (place.line + before.matches('\n').count(), before[end..].chars().count()),
            };
            let after = before.chars().filter(|it| !it.is_whitespace()).count();
            ((line, column) != follows).then_some(Jump { after, line, column })
        })
    }

    /// Returns the place of the next part, which begins at a byte of the code, if the user wrote it.
    fn place(&mut self, at: usize) -> Option<Place> {
        let (line, column) = self.locate_byte(at)?;
        let part = self.parts;
        self.parts += 1;
        Some(Place { part, line, column })
    }

    /// Returns the line and the column of a byte of the code, if the user wrote it.
    fn locate_byte(&self, at: usize) -> Option<(usize, usize)> {
        let before = &self.code[..at];
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        let column = before[line_start..].chars().count() + 1;
        let place = (self.locate)(before.matches('\n').count() + 1, column);
        // Generated code before the first line has no place.
        place.filter(|(line, column)| *line > 0 && *column > 0)
    }
}

/// Locates the text of a cell that is as the user wrote it.
#[cfg(test)]
pub(crate) fn unmoved(line: usize, column: usize) -> Option<(usize, usize)> {
    Some((line, column))
}

/// Moves a place from the block to the cell. The block's opening brace comes before the cell.
fn in_cell(range: Range<usize>) -> Range<usize> {
    range.start.saturating_sub(1)..range.end.saturating_sub(1)
}

/// Reports whether code that runs can stand in an item. An item that defines macros stays where other items see the
/// macros.
fn has_places(item: &Item, text: &str) -> bool {
    let runs = match item {
        Item::Fn(_) | Item::Impl(_) | Item::Trait(_) | Item::Const(_) | Item::Static(_) => true,
        Item::Mod(it) => it.content.is_some(),
        _ => false,
    };
    runs && !text.contains("macro_rules")
}

/// Finds the expressions of a statement, in bytes of the cell. An attribute of a statement belongs to the whole of it,
/// so that such a statement is left alone.
fn expressions_of(statement: &Stmt, code: &str) -> Vec<(Range<usize>, Form)> {
    let range_of = |it: &dyn Fn() -> proc_macro2::Span| in_cell(it().byte_range());
    match statement {
        Stmt::Local(local) if local.attrs.is_empty() => {
            let Some(init) = &local.init else { return Vec::new() };
            let value = (!is_plain(&init.expr)).then(|| (range_of(&|| init.expr.span()), Form::Expression));
            let otherwise = init
                .diverge
                .as_ref()
                .map(|(_, it)| (range_of(&|| it.span()), Form::Block));
            value.into_iter().chain(otherwise).collect()
        }
        Stmt::Expr(expression, _) if !is_plain(expression) => {
            let range = range_of(&|| expression.span());
            let form = match expression {
                Expr::Macro(it) => form_of(&it.mac),
                _ => Form::Expression,
            };
            let has_attributes = code[range.clone()].starts_with('#');
            if has_attributes {
                Vec::new()
            } else {
                vec![(range, form)]
            }
        }
        Stmt::Macro(it) if it.attrs.is_empty() => {
            vec![(range_of(&|| it.mac.span()), form_of(&it.mac))]
        }
        _ => Vec::new(),
    }
}

/// Reports whether an expression does nothing that could tell its place.
fn is_plain(expression: &Expr) -> bool {
    matches!(expression, Expr::Lit(_) | Expr::Path(_))
}

fn form_of(call: &syn::Macro) -> Form {
    let name = call.path.segments.last().map(|it| it.ident.to_string());
    match name.is_some_and(|name| EXPRESSION_MACROS.contains(&&*name)) {
        true => Form::Expression,
        false => Form::Macro,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(code: &str) -> Vec<(String, usize, usize)> {
        let cell = read(code, "cell [7]", unmoved);
        let items = cell.items.into_iter().map(|it| (it.text, it.place));
        let expressions = cell.statements.into_iter().flat_map(|statement| {
            let text = statement.text;
            let parts = statement.expressions.into_iter();
            parts.map(move |it| (text[it.range].to_owned(), it.place))
        });
        let mut found: Vec<(String, Place)> = items.chain(expressions).collect();
        found.sort_by_key(|(_, place)| place.part);
        let found = found.into_iter();
        found.map(|(text, it)| (text, it.line, it.column)).collect()
    }

    #[test]
    fn parts_are_found_where_they_stand() {
        for (code, expected) in [
            ("dbg!(1)", &[("dbg!(1)", 1, 1)][..]),
            ("  f(); g()", &[("f()", 1, 3), ("g()", 1, 8)]),
            ("let ä = 1; let b: u8 =\n  f(ä);", &[("f(ä)", 2, 3)]),
            (
                "let Some(a) = f() else {\n return };",
                &[("f()", 1, 15), ("{\n return }", 1, 24)],
            ),
            (
                "/// ö\n#[inline] fn f() {}\nstruct S; use a::b;\n impl S {}",
                &[("/// ö\n#[inline] fn f() {}", 1, 1), ("impl S {}", 4, 2)],
            ),
            ("for i in 0..2 { f(i) }\nx", &[("for i in 0..2 { f(i) }", 1, 1)]),
            ("#[cfg(x)] f(); #[allow(y)] let a = f();", &[]),
            ("mod a; mod b { fn c() {} }", &[("mod b { fn c() {} }", 1, 8)]),
            ("macro_rules! m { () => {} } mod a { macro_rules! n { () => {} } }", &[]),
            ("let x = ", &[]),
            ("mod a {}; f();;", &[("mod a {}", 1, 1), ("f()", 1, 11)]),
        ] {
            let expected = expected
                .iter()
                .map(|(text, line, column)| ((*text).to_owned(), *line, *column));
            assert_eq!(places(code), expected.collect::<Vec<_>>(), "{code}");
        }
    }

    #[test]
    fn the_form_is_that_of_the_syntax_around() {
        for (code, form) in [
            ("f()", Form::Expression),
            ("println!();", Form::Expression),
            ("std::println! {}", Form::Expression),
            ("define!(a);", Form::Macro),
            ("define!(a)", Form::Macro),
            ("let a = define!(a);", Form::Expression),
        ] {
            let cell = read(code, "cell", unmoved);
            assert_eq!(cell.statements[0].expressions[0].form, form, "{code}");
        }
    }

    #[test]
    fn a_copied_header_leads_to_its_member() {
        let code = "impl S { fn f() {\n} }";
        let locate = |line: usize, column: usize| match column {
            1..9 => Some((3, column)),
            _ => Some((line + 6, column - 4)),
        };
        let cell = read(code, "cell", locate);
        let expected = Jump {
            after: 6,
            line: 7,
            column: 6,
        };
        assert_eq!(cell.items[0].jump, Some(expected));
        assert_eq!(read(code, "cell", unmoved).items[0].jump, None);
    }

    #[test]
    fn places_are_those_in_the_text_of_the_user() {
        let code = "fn f() {}\nfn generated() {} g();";
        let cell = read(code, "cell", |line, column| {
            (column != 1).then_some((line + 5, column - 1))
        });
        assert_eq!(cell.items, []);
        let place = cell.statements[0].expressions[0].place;
        assert_eq!((place.line, place.column), (7, 18));
    }
}
