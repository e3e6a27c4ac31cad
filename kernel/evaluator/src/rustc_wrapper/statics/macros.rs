//! Macros whose calls define statics: `thread_local!` and `lazy_static!`.
//!
//! What these macros expand to cannot be shared, since the compiler copies it into the code that uses it. So their calls
//! become calls of macros of `mosaic-cell` with the same syntax, whose statics can be shared.

use quote::ToTokens;
use syn::{
    Attribute, Expr, Ident, Macro, Token, Type, Visibility,
    parse::{Parse, ParseStream, Parser},
    spanned::Spanned,
};

const THREAD_LOCAL: &str = "thread_local";
const LAZY_STATIC: &str = "lazy_static";
/// Turns the name of a macro into that of the macro of `mosaic-cell`.
const SHARED: &str = "::mosaic_cell::shared_";
/// The macros of this module that a source does not define itself.
#[derive(Debug, Default)]
pub(super) struct Known {
    thread_local: bool,
    lazy_static: bool,
}

/// A static in the call of a macro.
pub(super) struct MacroStatic {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) static_token: Token![static],
    pub(super) ident: Ident,
    pub(super) ty: Type,
    pub(super) expr: Expr,
}

impl Known {
    /// Finds out which of the macros have the meaning that everyone knows.
    pub(super) fn in_source(source: &str) -> Known {
        let is_known = |name: &str| {
            let definition = format!("macro_rules! {name} ");
            !source.contains(&definition)
        };
        Known {
            thread_local: is_known(THREAD_LOCAL),
            lazy_static: is_known(LAZY_STATIC),
        }
    }

    /// Reads the statics of a macro's call. Returns `None` for another macro, or if the call has another syntax.
    pub(super) fn statics(&self, call: &Macro) -> Option<Vec<MacroStatic>> {
        let path: Vec<String> = call.path.segments.iter().map(|it| it.ident.to_string()).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let is_lazy = match path[..] {
            [THREAD_LOCAL] if self.thread_local => false,
            ["std", THREAD_LOCAL] => false,
            [LAZY_STATIC] if self.lazy_static => true,
            [LAZY_STATIC, LAZY_STATIC] => true,
            _ => return None,
        };
        let read = |input: ParseStream| {
            let mut statics = Vec::new();
            while !input.is_empty() {
                statics.push(MacroStatic::parse(input, is_lazy)?);
            }
            Ok(statics)
        };
        read.parse2(call.tokens.clone()).ok()
    }
}

impl MacroStatic {
    fn parse(input: ParseStream, is_lazy: bool) -> syn::Result<MacroStatic> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let static_token = input.parse()?;
        if is_lazy {
            input.parse::<Token![ref]>()?;
        }
        let ident = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        input.parse::<Token![=]>()?;
        let expr = Expr::parse(input)?;
        if is_lazy || !input.is_empty() {
            input.parse::<Token![;]>()?;
        }
        Ok(MacroStatic {
            attrs,
            vis,
            static_token,
            ident,
            ty,
            expr,
        })
    }

    /// Returns the definition, without attributes.
    pub(super) fn text(&self) -> String {
        let (name, ty, expr) = (&self.ident, self.ty.to_token_stream(), self.expr.to_token_stream());
        format!("static {name}: {ty} = {expr}")
    }
}

/// Returns the insertions that turn the call of a macro into one of the macro of `mosaic-cell`: its path up to the last
/// segment becomes a comment.
pub(super) fn insertions(call: &Macro) -> Vec<(usize, String)> {
    let begin = call.path.span().byte_range().start;
    let last = call.path.segments.last().map(|it| it.ident.span().byte_range().start);
    match last.filter(|last| *last != begin) {
        None => vec![(begin, SHARED.to_owned())],
        Some(last) => vec![(begin, "/*".to_owned()), (last, format!("*/{SHARED}"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rustc_wrapper::edits::Edits;

    #[test]
    fn a_call_becomes_one_of_the_shared_macro() {
        for (call, expected) in [
            ("thread_local! { x }", "::mosaic_cell::shared_thread_local! { x }"),
            (
                "::std::thread_local!(x)",
                "/*::std::*/::mosaic_cell::shared_thread_local!(x)",
            ),
            (
                "lazy_static::lazy_static!{x}",
                "/*lazy_static::*/::mosaic_cell::shared_lazy_static!{x}",
            ),
        ] {
            let mut edits = Edits::default();
            let parsed: Macro = syn::parse_str(call).unwrap();
            insertions(&parsed)
                .into_iter()
                .for_each(|(at, text)| edits.insert(at, text));
            assert_eq!(edits.apply(call), expected);
        }
    }

    #[test]
    fn statics_of_calls_are_read_if_the_macro_is_the_known_one() {
        let count = |source: &str, call: &str| {
            let call: Macro = syn::parse_str(call).unwrap();
            Known::in_source(source).statics(&call).map(|it| it.len())
        };
        const OWN: &str = "macro_rules! thread_local { () => {} }";
        for (source, call, expected) in [
            ("", "thread_local! {}", Some(0)),
            (
                "",
                "thread_local! { static A: u8 = 1; static B: u8 = const { 2 }; }",
                Some(2),
            ),
            (
                "",
                "thread_local!(/** doc */ pub(crate) static A: Cell<u8> = Cell::new(1))",
                Some(1),
            ),
            ("", "lazy_static! { static ref A: u8 = 1; }", Some(1)),
            // The macro itself tells what is wrong.
            ("", "lazy_static! { static ref A: u8 = 1 }", None),
            ("", "lazy_static! { static A: u8 = 1; }", None),
            ("", "thread_local! { static A = 1; }", None),
            ("", "other! { static A: u8 = 1; }", None),
            (OWN, "thread_local! { static A: u8 = 1; }", None),
            (OWN, "std::thread_local! { static A: u8 = 1; }", Some(1)),
        ] {
            assert_eq!(count(source, call), expected, "{source} {call}");
        }
    }
}
