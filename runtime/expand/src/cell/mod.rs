//! The expansion of a notebook's cell, as text.

mod expansion;
mod plain_types;
pub mod preamble;
mod print;
mod scan;
mod text_range;

pub use expansion::{CellExpansion, Generated, Location, Origin};
pub use text_range::{Position, TextRange};

use crate::{emit, errors::Errors, model::Tessera, model_of, parse, parse::Target, subjects::Subjects};
use expansion::Insertion;
use proc_macro2::{TokenStream, TokenTree};
use std::{
    collections::{BTreeSet, HashSet},
    fmt,
};
use text_range::LineIndex;

/// An error in a tessera of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// The message: what is wrong, and what to do.
    pub message: String,
    /// The range in the cell.
    pub range: TextRange,
}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.range.start, self.message)
    }
}

impl std::error::Error for CellError {}

/// Expands every `#[tessera]` on a cell's own items and on those of its modules. Returns `None` if there is none.
///
/// A cell is the text that a notebook's user runs at once: lines of commands (`:dep …`), then items, statements and
/// expressions. The attribute is found among the cell's tokens. An attribute in a string, a comment, a function or a
/// macro is left alone, and a syntax error elsewhere in the cell does not matter. A tessera that does not parse loses its
/// attribute and gets no code: the compiler then reports the syntax error, at the user's line.
///
/// Invalidates the spans of everything that `proc_macro2` parsed on the calling thread.
///
/// ```
/// let cell = "#[tessera]\nimpl Counter {\n    fn new() -> Self { Counter(0) }\n}\nCounter::remote()";
/// let expansion = mosaic_expand::expand_cell(cell).unwrap().unwrap();
/// let lines: Vec<&str> = expansion.source().lines().collect();
/// assert!(lines[0].contains("mod __mosaic_Counter {"));
/// assert_eq!(lines[1..], ["impl Counter {", "    fn new() -> Self { Counter(0) }", "}", "Counter::remote()"]);
/// ```
///
/// # Errors
///
/// The errors of all malformed tesserae, in the order of the text.
///
/// # Panics
///
/// Called within a procedural macro, whose spans are the compiler's and not those of a text.
pub fn expand_cell(text: &str) -> Result<Option<CellExpansion>, Vec<CellError>> {
    expand_cell_after(text, &BTreeSet::new())
}

/// Expands a cell like [`expand_cell`], in a notebook in which the types named in `tesserae` are tesserae.
///
/// If the cell defines and implements such a type without the attribute, the type is no longer a tessera: an empty
/// module replaces the one that was generated for it.
///
/// ```
/// let cell = "struct Counter(u64);\nimpl Counter {}";
/// let expansion = mosaic_expand::expand_cell_after(cell, &["Counter".to_owned()].into()).unwrap().unwrap();
/// assert_eq!(expansion.source(), "mod __mosaic_Counter {} struct Counter(u64);\nimpl Counter {}");
/// ```
///
/// # Errors
///
/// The errors of [`expand_cell`].
///
/// # Panics
///
/// Called within a procedural macro, like [`expand_cell`].
pub fn expand_cell_after(text: &str, tesserae: &BTreeSet<String>) -> Result<Option<CellExpansion>, Vec<CellError>> {
    if !text.contains("tessera") && !tesserae.iter().any(|name| text.contains(name)) {
        return Ok(None);
    }
    let _forget = ForgetSpans;
    let code = preamble::without_commands(text);
    let Ok(tokens) = code.parse::<TokenStream>() else {
        let blanks = scan::attributes_by_line(&code);
        return Ok((!blanks.is_empty()).then(|| CellExpansion::new(text, &blanks, Vec::new())));
    };
    let former = plain_types::plain_types(tokens.clone());
    let former: Vec<_> = former
        .into_iter()
        .filter(|plain| tesserae.contains(&plain.name))
        .collect();
    let marked = scan::marked_items(tokens);
    if marked.is_empty() && former.is_empty() {
        return Ok(None);
    }
    let lines = LineIndex::new(text);
    let mut errors = Errors::default();
    let mut modules = HashSet::new();
    let mut insertions: Vec<Insertion> = former.iter().map(emptied).collect();
    for item in &marked {
        if let Some(tessera) = model(item, &mut modules, &mut errors) {
            insertions.push(insertion(item, &tessera, &lines));
        }
    }
    let Err(errors) = errors.into_result() else {
        let blanks: Vec<_> = marked.iter().flat_map(|item| item.attributes.iter().cloned()).collect();
        return Ok(Some(CellExpansion::new(text, &blanks, insertions)));
    };
    let errors = errors.into_iter().map(|error| CellError {
        message: error.to_string(),
        range: lines.range(&error.span().byte_range()),
    });
    Err(errors.collect())
}

/// Replaces the module of a former tessera by an empty one.
fn emptied(former: &plain_types::PlainType) -> Insertion {
    Insertion {
        offset: former.offset,
        lead: "",
        code: format!("mod __mosaic_{} {{}} ", former.name),
        origins: Vec::new(),
    }
}

/// Empties `proc_macro2`'s source map on drop, which would otherwise grow with each cell.
struct ForgetSpans;

impl Drop for ForgetSpans {
    fn drop(&mut self) {
        proc_macro2::extra::invalidate_current_thread_spans();
    }
}

/// Makes the model of a marked `impl`, if code is generated for it.
fn model(item: &scan::Marked, modules: &mut HashSet<(Vec<usize>, String)>, errors: &mut Errors) -> Option<Tessera> {
    if item.tokens.is_empty() {
        errors.push(
            &item.attribute,
            "`#[tessera]` stands before nothing: put it on a struct, an enum, or their `impl`",
        );
        return None;
    }
    let (target, _rest) = parse::target(item.tokens.clone()).ok()?;
    let arguments = item.arguments.iter().filter_map(|arguments| match arguments {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    let tessera = model_of(&target, arguments.collect(), errors)?;
    if let Target::Impl(block) = &target
        && !modules.insert((item.modules.clone(), tessera.module.to_string()))
    {
        let ident = &tessera.ident;
        let place = if item.modules.is_empty() { "cell" } else { "module" };
        let message =
            format!("`{ident}` has a second `#[tessera] impl` in this {place}: move its methods into the first");
        errors.push(&block.self_type, message);
        return None;
    }
    Some(tessera)
}

/// Prints the generated code, and chooses where it goes.
///
/// If nothing else stands on the rest of the attribute's line, the code replaces the attribute and so comes before the
/// `impl`. evcxr keeps items by name and attaches an `impl` to the named item before it. Running a cell again that
/// holds only the `impl` then replaces both the `impl` and the module. Otherwise the code follows the `impl`.
fn insertion(item: &scan::Marked, tessera: &Tessera, lines: &LineIndex<'_>) -> Insertion {
    let module = match item.modules.is_empty() {
        true => emit::module(tessera),
        // evcxr names the types of variables from the root, where a private module of a module cannot be reached.
        false => emit::visible_module(tessera),
    };
    let printed = print::one_line(module, tessera.close);
    let subjects = Subjects::new(tessera);
    let origins = printed.pieces.into_iter().map(|(columns, token)| {
        let (subject, what) = subjects.of(&token);
        let range = lines.range(if token.is_empty() { subject } else { &token });
        (
            columns,
            Origin {
                range,
                what: what.clone(),
            },
        )
    });
    let origins = origins.collect();
    match item.free_line {
        Some(offset) => Insertion {
            offset,
            lead: "",
            code: printed.code,
            origins,
        },
        None => Insertion {
            offset: tessera.close.byte_range().end,
            lead: " ",
            code: printed.code,
            origins,
        },
    }
}
