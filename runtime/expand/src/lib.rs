//! The expansion of `#[tessera]`: parse, then a model, then one function for each generated item.
//!
//! It has two users. The attribute macro in `mosaic-macros` passes token streams to [`expand`]. The kernel passes the
//! text of a cell to [`expand_cell`], because the rust-analyzer that infers a notebook's types runs no procedural
//! macros. Both get the same code: a module `__mosaic_Solver1` with the proxy, the constructor `Solver1::remote`, and
//! the table by which a worker constructs and calls the object.
//!
//! Generated code that stems from a token of the user's (an argument's type, a method's name) carries that token's
//! span. By the span the compiler's errors find the user's line in a program, and the kernel finds it in a cell.
//!
//! - `parse` reads the item under the attribute, `options` the attribute's arguments.
//! - `model`, `method` and `types` check the item and make the model: what travels, and how methods take it.
//! - `emit` generates the items from the model, `fingerprint` the signatures by which definitions are compared.
//! - `cell` finds the items in a cell's text and inserts the generated code; `subjects` names the parts for messages.

mod cell;
mod emit;
mod errors;
mod fingerprint;
mod method;
mod model;
mod options;
mod parse;
mod subjects;
mod types;

pub use cell::{
    CellError, CellExpansion, Generated, Location, Origin, Position, TextRange, expand_cell, expand_cell_after,
    preamble,
};

pub use fingerprint::{OBJECT_FINGERPRINT, VALUE_FINGERPRINT};

use errors::Errors;
use model::Tessera;
use parse::Target;
use proc_macro2::{Span, TokenStream};

/// Expands `#[tessera(arguments)]` on `item`. Returns the item unchanged, followed by the generated code or by its
/// errors.
///
/// ```
/// use quote::quote;
/// let expanded = mosaic_expand::expand(
///     quote!(),
///     quote! {
///         impl Counter {
///             fn new() -> Self { Counter(0) }
///             fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
///         }
///     },
/// );
/// assert!(expanded.to_string().contains("pub struct CounterProxy"));
/// ```
pub fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let generated = match parse::target(item.clone()) {
        Ok((target, _rest)) => model_of(&target, arguments, &mut errors).map(|tessera| emit::module(&tessera)),
        // The item is emitted unchanged, so that the compiler reports its syntax error.
        Err(_) => None,
    };
    let mut expanded = item;
    match errors.into_result() {
        Ok(()) => expanded.extend(generated),
        Err(error) => expanded.extend(error.into_compile_error()),
    }
    expanded
}

/// Makes the model of a well-formed `target` from which code is generated. `arguments` are the attribute's.
fn model_of(target: &Target, arguments: TokenStream, errors: &mut Errors) -> Option<Tessera> {
    match target {
        Target::Type(item) => {
            if !arguments.is_empty() {
                let message = format!(
                    "options go on the `impl`: `#[tessera({arguments})] impl {}`",
                    item.ident
                );
                errors.push(&arguments, message);
            }
            model::check_type(item, errors);
            None
        }
        Target::Impl(block) => {
            let options = options::settings(arguments, errors);
            Tessera::new(block, options, errors)
        }
        Target::Other(tokens) => {
            errors.push(
                tokens,
                "`#[tessera]` goes on a struct, an enum, or an inherent `impl` of one",
            );
            None
        }
    }
}

/// Returns `span` with names resolved as if the macro's caller had written them.
fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}
