//! How deep the syntax tree of a text is, at most, measured without building the tree.
//!
//! Parsers, the destructors of syntax trees, and all that walks the trees recurse as deep as the tree is, and an
//! overflow of the stack ends the whole process. So [`check`] comes before anything that parses a text from outside.
//! It looks at each token once and does not recurse. What it accepts, the threads that parse can hold on a stack of
//! [`STACK_SIZE`].
//!
//! A tree gets deeper by brackets, and by tokens that nest without brackets: `a.b().c()`, `a + b + c`, `!!!a`,
//! `|x| |y| z`, `A<B<C>>`, `else if`. Each level needs a token of its own. So a *run*, the tokens of one bracket
//! between two places where a list or a block begins a new element, is at least as long as it is deep. The bound is the
//! longest sum of a run and the runs around it.

use crate::source::syntax::SyntaxError;
use ra_ap_parser::{Edition, LexedStr, SyntaxKind, T};
use std::{ops::Range, panic::resume_unwind, thread};

/// How many brackets may lie within each other. rustc itself overflows its stack at some 700 blocks.
pub(crate) const MAX_BRACKETS: usize = 500;

/// How many tokens may nest: the limit of the bound that the module describes.
pub(crate) const MAX_TOKENS: usize = 8_000;

/// A stack on which everything that parses can hold a text that [`check`] accepts. Only what is used takes up memory.
pub(crate) const STACK_SIZE: usize = 256 << 20;

/// Calls a function on a stack of [`STACK_SIZE`]. Returns nothing if there is no thread to be had.
pub(crate) fn on_large_stack<T: Send>(parse: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("parser".into()).stack_size(STACK_SIZE);
        let parsed = builder.spawn_scoped(scope, parse).ok()?.join();
        Some(parsed.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Finds where a text without commands becomes deeper than the limits.
pub(crate) fn check(code: &str) -> Option<SyntaxError> {
    // A short text, as most are, is not deep.
    if code.len() <= MAX_BRACKETS {
        return None;
    }
    let limits = Limits {
        brackets: MAX_BRACKETS,
        tokens: MAX_TOKENS,
    };
    let (what, place) = first_too_deep(code, limits)?;
    Some(what.at(place))
}

/// The limits of a check.
#[derive(Clone, Copy)]
struct Limits {
    brackets: usize,
    tokens: usize,
}

/// Finds the first token with which a text is too deep.
fn first_too_deep(code: &str, limits: Limits) -> Option<(TooDeep, Range<usize>)> {
    // A text that begins like a script is one only to the lexer.
    let text = format!("{BEFORE}{code}");
    let lexed = LexedStr::new(Edition::Edition2024, &text);
    let mut brackets = Brackets::default();
    let tokens = (0..lexed.len()).filter(|index| !lexed.kind(*index).is_trivia());
    for index in tokens {
        let as_keyword = SyntaxKind::from_contextual_keyword(lexed.text(index), Edition::Edition2024);
        let kind = as_keyword.unwrap_or_else(|| lexed.kind(index));
        let range = lexed.text_range(index);
        if let Some(what) = brackets.take(kind, &range, limits) {
            let in_code = |at: usize| at.saturating_sub(BEFORE.len());
            return Some((what, in_code(range.start)..in_code(range.end)));
        }
    }
    None
}

const BEFORE: &str = ";";

/// Why a text is too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TooDeep {
    Brackets,
    Tokens,
}

impl TooDeep {
    fn at(self, range: Range<usize>) -> SyntaxError {
        let (title, label) = match self {
            TooDeep::Brackets => (
                format!("brackets are nested more than {MAX_BRACKETS} deep: move the inner code into functions"),
                "too deep here",
            ),
            TooDeep::Tokens => (
                format!(
                    "the expression or type nests more than {MAX_TOKENS} tokens: split it with `let`, or write a loop"
                ),
                "too long here",
            ),
        };
        SyntaxError {
            title,
            range,
            label,
            opened: None,
        }
    }
}

/// The brackets that are open at a place of a text, from the outermost to the innermost.
struct Brackets {
    open: Vec<Bracket>,
    /// The sum of the runs of all open brackets but the innermost.
    around: usize,
    /// The token before the place, and its end.
    last: SyntaxKind,
    last_end: usize,
    /// Whether the last token is an operator `<` or `|`, or the first half of a longer one.
    is_operator: bool,
}

/// What is known of an open bracket, or of the text around all brackets.
#[derive(Default)]
struct Bracket {
    /// The tokens since the last place where an element began.
    run: usize,
    /// The deepest bracket that was closed within the run.
    within_run: usize,
    /// The deepest run.
    deepest: usize,
    /// The `<` in the run that are not closed. A comma between them separates nothing.
    angles: usize,
    /// Whether the run has a `|` that begins a closure, whose commas separate nothing.
    has_closure: bool,
}

impl Bracket {
    /// Begins a new element.
    fn separate(&mut self) {
        *self = Bracket {
            deepest: self.deepest.max(self.run + self.within_run),
            ..Bracket::default()
        };
    }
}

impl Default for Brackets {
    fn default() -> Brackets {
        Brackets {
            open: vec![Bracket::default()],
            around: 0,
            last: T![;],
            last_end: 0,
            is_operator: false,
        }
    }
}

impl Brackets {
    /// Takes the next token, and reports whether the text is too deep with it.
    fn take(&mut self, kind: SyntaxKind, range: &Range<usize>, limits: Limits) -> Option<TooDeep> {
        let follows = self.last_end == range.start;
        let last = std::mem::replace(&mut self.last, kind);
        self.last_end = range.end;
        match kind {
            T!['('] | T!['['] | T!['{'] => {
                self.around += self.innermost().run + 1;
                self.open.push(Bracket::default());
            }
            T![')'] | T![']'] | T!['}'] if self.open.len() > 1 => self.close(),
            _ => self.count(last, follows, kind),
        }
        let around = self.around;
        let innermost = self.innermost();
        if around + innermost.run + innermost.within_run > limits.tokens {
            return Some(TooDeep::Tokens);
        }
        (self.open.len() > limits.brackets + 1).then_some(TooDeep::Brackets)
    }

    fn innermost(&mut self) -> &mut Bracket {
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    /// Closes the innermost bracket, whichever bracket closes it.
    fn close(&mut self) {
        let Some(mut closed) = self.open.pop() else { return };
        closed.separate();
        let outer = self.innermost();
        outer.within_run = outer.within_run.max(closed.deepest);
        outer.run += 1;
        let run = outer.run;
        self.around -= run;
    }

    /// Counts a token that is not a bracket. `last` is the token before it, and `follows` says that no space is between.
    fn count(&mut self, last: SyntaxKind, follows: bool, kind: SyntaxKind) {
        let is_second_half = std::mem::take(&mut self.is_operator) && follows && kind == last;
        let last_bracket = self.open.len() - 1;
        let bracket = &mut self.open[last_bracket];
        let is_in_list = bracket.angles > 0 || bracket.has_closure;
        match kind {
            T![;] => bracket.separate(),
            T![,] if !is_in_list => bracket.separate(),
            _ if last == T!['}'] && bracket.angles == 0 && begins_element(kind) => bracket.separate(),
            T![<] | T![|] if is_second_half => {}
            T![<] if is_operand(last) => self.is_operator = true,
            T![<] => bracket.angles += 1,
            T![>] if !(follows && matches!(last, T![-] | T![=])) => bracket.angles = bracket.angles.saturating_sub(1),
            // A closure may follow a block or `for<'a>`.
            T![|] if last == SyntaxKind::IDENT || is_operand(last) && last != T!['}'] => self.is_operator = true,
            T![|] => bracket.has_closure = true,
            _ => {}
        }
        bracket.run += 1;
    }
}

/// Reports whether a token behind a closing brace begins a new item, statement or arm.
fn begins_element(kind: SyntaxKind) -> bool {
    let continues = matches!(kind, T![else] | T![as] | T![in]);
    kind == T![#]
        || (kind.is_any_identifier() || kind.is_keyword(Edition::Edition2024) || kind.is_literal()) && !continues
}

/// Reports whether a token ends a value, so that a `<` behind the token is an operator.
fn is_operand(kind: SyntaxKind) -> bool {
    kind.is_literal() || matches!(kind, T![')'] | T![']'] | T!['}'] | T![?])
}

#[cfg(test)]
mod tests;
