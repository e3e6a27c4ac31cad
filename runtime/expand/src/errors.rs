//! The errors of an item or a cell, collected so that they are reported together.

use quote::ToTokens;

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Adds an error that points at `tokens`.
    pub(crate) fn push(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// Returns the number of errors.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Combines the errors into one, if there are any.
    pub(crate) fn into_result(self) -> Result<(), syn::Error> {
        let combined = self.0.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        combined.map_or(Ok(()), Err)
    }
}
