//! The expressions among the arguments of well-known macros.

use syn::{
    Expr, Macro, Pat, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// Macros of the standard library whose arguments are expressions.
const OF_EXPRESSIONS: [&str; 13] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "panic",
    "print",
    "println",
    "vec",
    "write",
    "writeln",
];
/// The macros of tokio and futures that wait for the first of several futures.
const SELECT: [&str; 2] = ["select", "select_biased"];

/// Returns the arguments of a macro of the standard library that takes expressions.
pub(crate) fn expressions(call: &Macro) -> Option<Vec<Expr>> {
    let name = call.path.get_ident()?;
    if !OF_EXPRESSIONS.iter().any(|it| name == it) {
        return None;
    }
    let arguments = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
    Some(arguments.ok()?.into_iter().collect())
}

/// Returns the expressions in the branches of a `select!`.
pub(crate) fn expressions_of_select(call: &Macro) -> Option<Vec<Expr>> {
    let name = &call.path.segments.last()?.ident;
    if !SELECT.iter().any(|it| name == it) {
        return None;
    }
    call.parse_body::<Select>().ok().map(|it| it.expressions)
}

/// The arguments of a `select!`: branches such as `pattern = future, if condition => handler`.
struct Select {
    expressions: Vec<Expr>,
}

impl Parse for Select {
    fn parse(input: ParseStream) -> syn::Result<Select> {
        let mut expressions = Vec::new();
        if input.peek(syn::Ident) && input.peek2(Token![;]) {
            // `biased;`
            input.parse::<syn::Ident>()?;
            input.parse::<Token![;]>()?;
        }
        while !input.is_empty() {
            let is_last = input.peek(Token![else]) || (input.peek(syn::Ident) && input.peek2(Token![=>]));
            if is_last {
                // `else`, or `default` and `complete` of futures.
                input.call(<syn::Ident as syn::ext::IdentExt>::parse_any)?;
            } else {
                Pat::parse_multi_with_leading_vert(input)?;
                input.parse::<Token![=]>()?;
                expressions.push(input.parse()?);
                if input.peek(Token![,]) {
                    input.parse::<Token![,]>()?;
                    input.parse::<Token![if]>()?;
                    expressions.push(input.parse()?);
                }
            }
            input.parse::<Token![=>]>()?;
            // As in an arm of `match`, a block ends the branch.
            let is_block = input.peek(syn::token::Brace);
            let handler = if is_block { block(input)? } else { input.parse()? };
            expressions.push(handler);
            match input.peek(Token![,]) {
                true => drop(input.parse::<Token![,]>()?),
                false if is_block || input.is_empty() => {}
                false => return Err(input.error("expected `,`")),
            }
        }
        Ok(Select { expressions })
    }
}

fn block(input: ParseStream) -> syn::Result<Expr> {
    input.parse().map(Expr::Block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    #[test]
    fn branches_of_select_are_read() {
        for (call, expected) in [
            ("select! { a = b => c, }", Some(&["b", "c"][..])),
            (
                "tokio::select! { biased; _ = b() => {} Some(x) = rx.recv(), if y => return, else => z }",
                Some(&["b ()", "{ }", "rx . recv ()", "y", "return", "z"]),
            ),
            (
                "futures::select! { A | B = f => g, complete => break, default => () }",
                Some(&["f", "g", "break", "()"]),
            ),
            ("select! { a = b => c d }", None),
            ("select!(a, b)", None),
            ("other! { a = b => c }", None),
        ] {
            let parsed: Macro = syn::parse_str(call).unwrap();
            let found = expressions_of_select(&parsed);
            let found = found.map(|all| {
                all.iter()
                    .map(|it| it.to_token_stream().to_string())
                    .collect::<Vec<_>>()
            });
            assert_eq!(
                found
                    .as_deref()
                    .map(|it| it.iter().map(String::as_str).collect::<Vec<_>>())
                    .as_deref(),
                expected,
                "{call}"
            );
        }
    }
}
