//! The printer of generated tokens: one line of text that remembers from which of the user's tokens each part stems.

use proc_macro2::{Delimiter, Literal, Spacing, Span, TokenStream, TokenTree};
use std::ops::Range;

/// One line of code.
pub(super) struct Printed {
    pub(super) code: String,
    /// Columns of the line, in characters from 0, and the bytes of the cell from which they stem (empty for none).
    pub(super) pieces: Vec<(Range<usize>, Range<usize>)>,
}

/// Prints `tokens` on one line. `user` is any span of the cell's text.
pub(super) fn one_line(tokens: TokenStream, user: Span) -> Printed {
    let mut printer = Printer {
        file: user.file(),
        printed: Printed {
            code: String::new(),
            pieces: Vec::new(),
        },
        column: 0,
        tight: true,
    };
    printer.stream(tokens);
    printer.printed
}

struct Printer {
    /// The cell's name in `proc_macro2`. `quote` makes its literals by parsing texts of their own.
    file: String,
    printed: Printed,
    column: usize,
    /// True if no space precedes the next token.
    tight: bool,
}

impl Printer {
    fn stream(&mut self, tokens: TokenStream) {
        for tree in tokens {
            self.tree(tree);
        }
    }

    fn tree(&mut self, tree: TokenTree) {
        let span = tree.span();
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => return self.stream(group.stream()),
                };
                self.token(open, group.span_open());
                self.stream(group.stream());
                self.token(close, group.span_close());
            }
            TokenTree::Ident(ident) => self.token(&ident.to_string(), span),
            TokenTree::Punct(punct) => {
                self.token(punct.as_char().encode_utf8(&mut [0; 4]), span);
                self.tight = punct.spacing() == Spacing::Joint;
            }
            TokenTree::Literal(literal) => self.token(&on_one_line(&literal), span),
        }
    }

    fn token(&mut self, text: &str, span: Span) {
        let start = self.column;
        if !std::mem::replace(&mut self.tight, false) {
            self.printed.code.push(' ');
            self.column += 1;
        }
        self.printed.code.push_str(text);
        self.column += text.chars().count();
        let about = if span.file() == self.file {
            span.byte_range()
        } else {
            0..0
        };
        match self.printed.pieces.last_mut() {
            Some((columns, same)) if *same == about => columns.end = self.column,
            _ => self.printed.pieces.push((start..self.column, about)),
        }
    }
}

/// Prints a literal, and escapes line breaks in a string (such as a written `#[doc = "…"]`).
fn on_one_line(literal: &Literal) -> String {
    let text = literal.to_string();
    if !text.contains('\n') {
        return text;
    }
    match syn::parse_str::<syn::LitStr>(&text) {
        Ok(string) => Literal::string(&string.value()).to_string(),
        Err(_) => text.replace('\n', " "),
    }
}
