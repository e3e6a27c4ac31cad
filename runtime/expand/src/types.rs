//! The user's types: which type travels for each, and how it is written inside the generated module.

use crate::at;
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Expr, ExprPath, GenericArgument, Ident, Path, PathArguments, PathSegment, QSelf, Token, Type, TypePath,
    spanned::Spanned,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

/// The form in which a decoded argument is passed to the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lend {
    /// `data`
    Value,
    /// `&data`
    Reference,
    /// `data.view()`
    View,
    /// `&data.view()`
    ViewReference,
}

/// Returns the type that travels for a parameter of type `ty`, and how its value is passed to the method.
///
/// # Errors
///
/// The reason why no value can travel, to be read after "argument `x` of `f`".
pub(crate) fn travelling(ty: &Type) -> Result<(Type, Lend), String> {
    let ty = bare(ty);
    if let Some(owned) = viewed(ty)? {
        return travelling_inside(ty, owned, Lend::View);
    }
    let Type::Reference(reference) = ty else {
        return travelling_inside(ty, ty.clone(), Lend::Value);
    };
    if reference.mutability.is_some() {
        return Err(lost(ty));
    }
    let lent = bare(&reference.elem);
    let span = at(lent.span());
    let owned = match lent {
        Type::Slice(slice) => {
            let element = &slice.elem;
            Type::Verbatim(quote_spanned!(span=> ::std::vec::Vec<#element>))
        }
        Type::TraitObject(_) => {
            return Err(format!(
                "is `{}`: a worker needs to know the concrete type; name it",
                display(ty)
            ));
        }
        Type::Path(path) if path.path.is_ident("str") => Type::Verbatim(quote_spanned!(span=> ::std::string::String)),
        Type::Path(path) if path.path.is_ident("Path") => Type::Verbatim(quote_spanned!(span=> ::std::path::PathBuf)),
        _ => match viewed(lent)? {
            Some(owned) => return travelling_inside(lent, owned, Lend::ViewReference),
            None => lent.clone(),
        },
    };
    travelling_inside(lent, owned, Lend::Reference)
}

/// Lets `owned` travel for `written`, unless the type borrows inside.
fn travelling_inside(written: &Type, owned: Type, lend: Lend) -> Result<(Type, Lend), String> {
    // A view's own lifetime ends with the view.
    let inside = if matches!(lend, Lend::View | Lend::ViewReference) {
        &owned
    } else {
        written
    };
    match hindrance(inside) {
        None => Ok((owned, lend)),
        Some(Hindrance::Borrow) => Err(format!(
            "borrows inside `{}`: only an argument as a whole can be lent; take owned values",
            display(written)
        )),
        Some(Hindrance::Opaque) => Err(format!(
            "is `{}`: a worker needs to know the concrete type; name it",
            display(written)
        )),
        Some(Hindrance::Inferred) => Err("has no type: write it out".to_owned()),
    }
}

fn lost(ty: &Type) -> String {
    format!(
        "is `{}`: changes to it would be lost on the worker; take it by value and return it",
        display(ty)
    )
}

/// The reason why a type cannot travel, as far as its spelling shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// A reference, a lifetime, or a view of an array.
    Borrow,
    /// `impl Trait`
    Opaque,
    /// `_`
    Inferred,
}

/// Returns the reason why `ty` cannot travel, if its spelling shows one. The compiler checks the rest.
pub(crate) fn hindrance(ty: &Type) -> Option<Hindrance> {
    struct Search(Option<Hindrance>);
    impl Visit<'_> for Search {
        fn visit_type(&mut self, ty: &Type) {
            let found = match ty {
                // A function pointer borrows its arguments only when it is called.
                Type::BareFn(_) => return,
                Type::Reference(_) => Hindrance::Borrow,
                Type::ImplTrait(_) => Hindrance::Opaque,
                Type::Infer(_) => Hindrance::Inferred,
                Type::Path(path) if view_suffix(path).is_some() => Hindrance::Borrow,
                _ => return visit::visit_type(self, ty),
            };
            self.0.get_or_insert(found);
        }
        fn visit_lifetime(&mut self, _: &syn::Lifetime) {
            self.0.get_or_insert(Hindrance::Borrow);
        }
        fn visit_parenthesized_generic_arguments(&mut self, _: &syn::ParenthesizedGenericArguments) {}
        fn visit_expr(&mut self, _: &Expr) {}
    }
    let mut search = Search(None);
    search.visit_type(ty);
    search.0
}

/// Returns the owned type to suggest instead of a borrowed one, if there is a short one.
pub(crate) fn owned_spelling(ty: &Type) -> Option<String> {
    match travelling(ty) {
        Ok((owned, lend)) if lend != Lend::Value => {
            let text = display(&owned);
            Some(
                text.rsplit_once("::std::")
                    .map_or(text.clone(), |(_, path)| short(path))
                    .replace("::ndarray::", ""),
            )
        }
        _ => None,
    }
}

/// Shortens `vec::Vec<u8>` to `Vec<u8>`.
fn short(path: &str) -> String {
    path.split_once("::").map_or(path, |(_, rest)| rest).to_owned()
}

/// Returns the owned array type of an ndarray view, or `None` for other types.
fn viewed(ty: &Type) -> Result<Option<Type>, String> {
    let Type::Path(path) = ty else { return Ok(None) };
    let Some(suffix) = view_suffix(path) else {
        return Ok(None);
    };
    let Some(suffix) = suffix.strip_prefix("View").filter(|rest| !rest.starts_with("Mut")) else {
        return Err(lost(ty));
    };
    let mut path = path.path.clone();
    let qualified = path.segments.len() > 1 || path.leading_colon.is_some();
    let Some(last) = path.segments.last_mut() else {
        return Ok(None);
    };
    last.ident = format_ident!("Array{suffix}", span = last.ident.span());
    if let PathArguments::AngleBracketed(arguments) = &mut last.arguments {
        let kept = std::mem::take(&mut arguments.args).into_iter();
        arguments.args = kept
            .filter(|argument| !matches!(argument, GenericArgument::Lifetime(_)))
            .collect();
    }
    if qualified {
        return Ok(Some(Type::Path(TypePath { qself: None, path })));
    }
    let span = at(ty.span());
    Ok(Some(Type::Verbatim(quote_spanned!(span=> ::ndarray::#path))))
}

/// Returns `View3` for `ArrayView3` and `ViewMutD` for `ArrayViewMutD`, or `None` for other types.
fn view_suffix(path: &TypePath) -> Option<String> {
    let name = path.path.segments.last()?.ident.to_string();
    let suffix = name.strip_prefix("Array")?;
    let dimension = suffix.strip_prefix("ViewMut").or(suffix.strip_prefix("View"))?;
    ["", "D", "0", "1", "2", "3", "4", "5", "6"]
        .contains(&dimension)
        .then(|| suffix.to_owned())
}

/// Returns a type without parentheses and invisible groups around it.
pub(crate) fn bare(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Paren(inner) => &inner.elem,
            Type::Group(inner) => &inner.elem,
            _ => return ty,
        };
    }
}

/// Formats tokens as a person would write them, for messages.
pub(crate) fn display(tokens: &impl ToTokens) -> String {
    let spaced = tokens.to_token_stream().to_string();
    let mut text = String::with_capacity(spaced.len());
    let mut characters = spaced.chars().peekable();
    while let Some(character) = characters.next() {
        let tight =
            text.ends_with(['<', '&', ':', '(', '[']) || characters.peek().is_some_and(|c| "<>,:;)]".contains(*c));
        if !(character == ' ' && tight) {
            text.push(character);
        }
    }
    text
}

/// Rewrites a type that was written beside the `impl`, so that it means the same inside the generated module: `Self`
/// becomes the type, and relative paths start one module further up.
pub(crate) struct Rebase<'a> {
    self_type: Option<&'a Type>,
}

impl Rebase<'_> {
    /// Returns the type of an `impl`, as the generated module writes it.
    pub(crate) fn self_type(written: &Type) -> Type {
        let mut ty = bare(written).clone();
        Rebase { self_type: None }.visit_type_mut(&mut ty);
        ty
    }

    /// Returns another type within the `impl`, as the generated module writes it.
    pub(crate) fn inner(self_type: &Type, written: &Type) -> Type {
        let mut ty = written.clone();
        Rebase {
            self_type: Some(self_type),
        }
        .visit_type_mut(&mut ty);
        ty
    }

    /// Writes `Self::N` as `<Solver1>::N`.
    fn qualify(&self, qself: &mut Option<QSelf>, path: &mut Path) {
        let (Some(self_type), Some(first)) = (self.self_type, path.segments.first()) else {
            return;
        };
        if qself.is_some() || first.ident != "Self" || path.segments.len() < 2 {
            return;
        }
        let span = first.ident.span();
        let rest = std::mem::take(&mut path.segments).into_iter().skip(1);
        path.segments = rest.collect();
        path.leading_colon = Some(Token![::](span));
        *qself = Some(QSelf {
            lt_token: Token![<](span),
            ty: Box::new(respanned(self_type, span)),
            position: 0,
            as_token: None,
            gt_token: Token![>](span),
        });
    }
}

impl VisitMut for Rebase<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let (Type::Path(path), Some(self_type)) = (&*ty, self.self_type)
            && path.qself.is_none()
            && path.path.is_ident("Self")
        {
            *ty = respanned(self_type, path.span());
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }

    fn visit_type_path_mut(&mut self, path: &mut TypePath) {
        visit_mut::visit_type_path_mut(self, path);
        self.qualify(&mut path.qself, &mut path.path);
    }

    fn visit_expr_path_mut(&mut self, path: &mut ExprPath) {
        visit_mut::visit_expr_path_mut(self, path);
        self.qualify(&mut path.qself, &mut path.path);
    }

    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        let Some(first) = path.segments.first_mut().filter(|_| path.leading_colon.is_none()) else {
            return;
        };
        let up = Ident::new("super", first.ident.span());
        if first.ident == "self" {
            first.ident = up;
        } else if first.ident == "super" {
            path.segments.insert(0, PathSegment::from(up));
        }
    }
}

/// Returns the type with the span of all its tokens at `span`.
fn respanned(ty: &Type, span: Span) -> Type {
    fn at_span(tokens: TokenStream, span: Span) -> TokenStream {
        let token = |mut token: TokenTree| {
            if let TokenTree::Group(group) = &token {
                token = Group::new(group.delimiter(), at_span(group.stream(), span)).into();
            }
            token.set_span(token.span().located_at(span));
            token
        };
        tokens.into_iter().map(token).collect()
    }
    let tokens = at_span(quote!(#ty), span);
    syn::parse2(tokens).unwrap_or_else(|_| ty.clone())
}
