//! Names of the parts of a tessera, for messages.

use crate::{method::Method, model::Tessera};
use proc_macro2::Span;
use std::ops::Range;
use syn::ext::IdentExt;

/// Names for the parts of a tessera, by their position in the text.
pub(crate) struct Subjects {
    whole: (Range<usize>, String),
    parts: Vec<(Range<usize>, String)>,
}

impl Subjects {
    /// Names the parts of `tessera`, which must have been parsed from text.
    pub(crate) fn new(tessera: &Tessera) -> Subjects {
        let owner = tessera.ident.unraw();
        let mut subjects = Subjects {
            whole: (tessera.ident.span().byte_range(), format!("`{owner}`")),
            parts: Vec::new(),
        };
        subjects.function(&tessera.constructor, "constructor", &format!("`{owner}::new`"));
        for method in &tessera.methods {
            subjects.function(method, "method", &format!("`{owner}::{}`", method.ident.unraw()));
        }
        subjects
    }

    fn function(&mut self, function: &Method, kind: &str, name: &str) {
        self.add(function.span, format!("{kind} {name}"));
        for parameter in &function.parameters {
            self.add(
                parameter.span,
                format!("argument `{}` of {name}", parameter.name.unraw()),
            );
        }
        if let Some(output) = &function.output {
            self.add(output.span, format!("return value of {name}"));
        }
    }

    fn add(&mut self, span: Span, what: String) {
        self.parts.push((span.byte_range(), what));
    }

    /// Returns the smallest part that contains the text range `token`, or the whole tessera if there is none.
    pub(crate) fn of(&self, token: &Range<usize>) -> &(Range<usize>, String) {
        let holds = |part: &&(Range<usize>, String)| part.0.start <= token.start && token.end <= part.0.end;
        let parts = self.parts.iter().filter(|_| !token.is_empty()).filter(holds);
        parts.min_by_key(|part| part.0.len()).unwrap_or(&self.whole)
    }
}
