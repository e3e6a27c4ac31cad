//! The parser of the item under `#[tessera]`, as far as the expansion needs it.
//!
//! Function bodies stay unparsed: the compiler reports their errors.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Generics, Ident, ImplItem, Path, Result, Signature, Token, Type, Visibility, braced,
    parse::{Parse, ParseStream, Parser, discouraged::Speculative},
    token::Brace,
};

/// The item under the attribute.
pub(crate) enum Target {
    /// `struct` or `enum`.
    Type(TypeItem),
    /// Any `impl`.
    Impl(Box<ImplBlock>),
    /// Something that cannot be a tessera; its first tokens.
    Other(TokenStream),
}

/// The head of a type's definition.
pub(crate) struct TypeItem {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
}

/// `impl Trait for Type { … }`
pub(crate) struct ImplBlock {
    pub(crate) unsafety: Option<Token![unsafe]>,
    pub(crate) generics: Generics,
    pub(crate) trait_path: Option<Path>,
    pub(crate) self_type: Type,
    pub(crate) functions: Vec<Function>,
    /// The `{ … }` of the block.
    pub(crate) brace: Brace,
}

/// A function of an `impl`, without its body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) signature: Signature,
}

/// Parses the item at the beginning of `tokens`, after any attributes, and returns the remaining tokens.
///
/// # Errors
///
/// The tokens do not begin with a well-formed item.
pub(crate) fn target(tokens: TokenStream) -> Result<(Target, TokenStream)> {
    let parser = |input: ParseStream<'_>| Ok((input.parse()?, input.parse()?));
    parser.parse2(tokens)
}

impl Parse for Target {
    fn parse(input: ParseStream<'_>) -> Result<Target> {
        input.call(Attribute::parse_outer)?;
        let ahead = input.fork();
        ahead.parse::<Visibility>()?;
        if ahead.peek(Token![struct]) || ahead.peek(Token![enum]) {
            input.advance_to(&ahead);
            return input.parse().map(Target::Type);
        }
        if ahead.peek(Token![impl]) || (ahead.peek(Token![unsafe]) && ahead.peek2(Token![impl])) {
            input.advance_to(&ahead);
            return input.parse().map(Box::new).map(Target::Impl);
        }
        let mut head = input.parse::<TokenTree>()?.to_token_stream();
        while !input.is_empty() && !input.peek(Brace) && !input.peek(Token![;]) {
            head.extend([input.parse::<TokenTree>()?]);
        }
        skip_tree(input)?;
        Ok(Target::Other(head))
    }
}

impl Parse for TypeItem {
    fn parse(input: ParseStream<'_>) -> Result<TypeItem> {
        // `struct` or `enum`, which the caller has seen.
        input.parse::<TokenTree>()?;
        let ident = input.parse()?;
        let generics = input.parse()?;
        while !input.peek(Brace) && !input.peek(Token![;]) {
            input.parse::<TokenTree>()?;
        }
        skip_tree(input)?;
        Ok(TypeItem { ident, generics })
    }
}

impl Parse for ImplBlock {
    fn parse(input: ParseStream<'_>) -> Result<ImplBlock> {
        let unsafety = input.parse()?;
        input.parse::<Token![impl]>()?;
        let generics = if input.peek(Token![<]) && !input.peek2(Token![<]) {
            input.parse()?
        } else {
            Generics::default()
        };
        input.parse::<Option<Token![!]>>()?;
        let first: Type = input.parse()?;
        let (trait_path, self_type) = if input.parse::<Option<Token![for]>>()?.is_some() {
            let Type::Path(path) = first else {
                return Err(input.error("expected a trait"));
            };
            (Some(path.path), input.parse()?)
        } else {
            (None, first)
        };
        input.parse::<Option<syn::WhereClause>>()?;
        let content;
        let brace = braced!(content in input);
        content.call(Attribute::parse_inner)?;
        let mut functions = Vec::new();
        while !content.is_empty() {
            functions.extend(function(&content)?);
        }
        Ok(ImplBlock {
            unsafety,
            generics,
            trait_path,
            self_type,
            functions,
            brace,
        })
    }
}

/// Parses a member of an `impl`. Returns `None` if it is no function.
fn function(input: ParseStream<'_>) -> Result<Option<Function>> {
    let ahead = input.fork();
    let attributes = ahead.call(Attribute::parse_outer)?;
    ahead.parse::<Visibility>()?;
    let Ok(signature) = ahead.parse::<Signature>() else {
        input.parse::<ImplItem>()?;
        return Ok(None);
    };
    ahead.parse::<Group>()?;
    input.advance_to(&ahead);
    Ok(Some(Function { attributes, signature }))
}

fn skip_tree(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
