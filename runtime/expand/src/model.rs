//! The model from which code is generated: a checked tessera.

use crate::{
    errors::Errors,
    method::{Checker, Method},
    options::Setting,
    parse::{ImplBlock, TypeItem},
    types::{self, Rebase},
};
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{GenericArgument, GenericParam, Generics, Ident, PathArguments, Type, ext::IdentExt};

/// A well-formed `#[tessera] impl`.
pub(crate) struct Tessera {
    /// The type's name.
    pub(crate) ident: Ident,
    /// The type, as the generated module writes it.
    pub(crate) self_type: Type,
    /// The generated module's name, such as `__mosaic_Solver1`.
    pub(crate) module: Ident,
    /// The proxy's name, such as `Solver1Proxy`.
    pub(crate) proxy: Ident,
    /// The name of the type that `with` returns, such as `Solver1Remote`.
    pub(crate) remote: Ident,
    /// The options on the attribute.
    pub(crate) options: Vec<Setting>,
    pub(crate) constructor: Method,
    pub(crate) methods: Vec<Method>,
    /// The span of the `}` that ends the `impl`.
    pub(crate) close: Span,
}

impl Tessera {
    /// Makes the model of an `impl`, or adds to `errors` why it is no tessera.
    pub(crate) fn new(block: &ImplBlock, options: Vec<Setting>, errors: &mut Errors) -> Option<Tessera> {
        let errors_before = errors.len();
        let ident = check_block(block, errors)?;
        let self_type = Rebase::self_type(&block.self_type);
        let mut checker = Checker {
            owner: &ident,
            self_type: &self_type,
            errors,
        };
        let mut constructor = None;
        let mut methods = Vec::new();
        for function in &block.functions {
            let signature = &function.signature;
            if signature.ident == "new" {
                constructor = Some(checker.constructor(function));
            } else if signature.receiver().is_some() {
                methods.push(checker.method(function));
            } else if ["local", "remote", "remote_array", "attach", "with"]
                .iter()
                .any(|name| signature.ident == *name)
            {
                let name = &signature.ident;
                let message = format!("`{ident}::{name}` is the name of a generated function: rename this one");
                checker.errors.push(&signature.ident, message);
            }
        }
        if constructor.is_none() {
            errors.push(
                &block.self_type,
                format!("`{ident}` needs a constructor: add `fn new(...) -> Self`"),
            );
        }
        let constructor = constructor.filter(|_| errors.len() == errors_before)?;
        Some(Tessera {
            module: module_name(&block.self_type),
            proxy: format_ident!("{}Proxy", ident.unraw(), span = crate::at(ident.span())),
            remote: format_ident!("{}Remote", ident.unraw(), span = crate::at(ident.span())),
            options,
            ident,
            self_type,
            constructor,
            methods,
            close: block.brace.span.close(),
        })
    }
}

/// Checks the head of an `impl`, and returns the type's name.
fn check_block(block: &ImplBlock, errors: &mut Errors) -> Option<Ident> {
    let errors_before = errors.len();
    let Type::Path(path) = types::bare(&block.self_type) else {
        let message = "`#[tessera]` needs a type with a name: wrap this one in a struct of your own";
        errors.push(&block.self_type, message);
        return None;
    };
    let last = path.path.segments.last()?;
    let ident = last.ident.clone();
    if let Some(path) = &block.trait_path {
        let (text, advice) = (
            types::display(path),
            "put the methods to call remotely there and leave this one unmarked",
        );
        let message = format!("`#[tessera]` goes on the inherent `impl {ident}`, not on its `impl {text}`: {advice}");
        errors.push(path, message);
    }
    if let Some(token) = &block.unsafety {
        errors.push(token, format!("`impl {ident}` cannot be unsafe"));
    }
    if path.qself.is_some() {
        errors.push(path, "`#[tessera]` needs a type with a name: write the type itself");
    }
    for parameter in &block.generics.params {
        let message = match parameter {
            GenericParam::Lifetime(lifetime) => borrows(&ident, &types::display(&lifetime.lifetime)),
            GenericParam::Type(parameter) => generic(&ident, &parameter.ident, block),
            GenericParam::Const(parameter) => generic(&ident, &parameter.ident, block),
        };
        errors.push(parameter, message);
    }
    if let (PathArguments::AngleBracketed(arguments), true) = (&last.arguments, block.generics.params.is_empty()) {
        let is_lifetime = |argument: &&GenericArgument| matches!(argument, GenericArgument::Lifetime(_));
        for lifetime in arguments.args.iter().filter(is_lifetime) {
            errors.push(lifetime, borrows(&ident, &types::display(lifetime)));
        }
    }
    (errors.len() == errors_before).then_some(ident)
}

/// Checks the definition of a tessera's type.
pub(crate) fn check_type(item: &TypeItem, errors: &mut Errors) {
    // Generic types and constants concern the `impl`: `impl Solver<f32>` of a generic `Solver` is concrete.
    for lifetime in item.generics.lifetimes() {
        errors.push(lifetime, borrows(&item.ident, &types::display(&lifetime.lifetime)));
    }
}

fn borrows(ident: &Ident, lifetime: &str) -> String {
    let advice = "let it own its data (`String` for `&str`, `Vec<T>` for `&[T]`)";
    format!("`{ident}` borrows for `{lifetime}`, but a tessera lives on another process: {advice}")
}

fn generic(ident: &Ident, parameter: &Ident, block: &ImplBlock) -> String {
    let example = types::display(&concrete(block.self_type.to_token_stream(), &block.generics));
    let advice = format!("write an `impl` for each concrete type you need, such as `impl {example}`");
    format!("`{ident}` is generic over `{parameter}`, but a worker can only construct concrete types: {advice}")
}

/// Replaces the parameters of an `impl` by an example of each.
fn concrete(tokens: TokenStream, generics: &Generics) -> TokenStream {
    let tree = |tree: TokenTree| match tree {
        TokenTree::Ident(ident) if generics.type_params().any(|parameter| parameter.ident == ident) => quote!(f32),
        TokenTree::Ident(ident) if generics.const_params().any(|parameter| parameter.ident == ident) => quote!(3),
        TokenTree::Group(group) => {
            TokenTree::from(Group::new(group.delimiter(), concrete(group.stream(), generics))).into()
        }
        other => other.into(),
    };
    tokens.into_iter().map(tree).collect()
}

/// `__mosaic_Solver1` for `Solver1`, `__mosaic_Solver_f32` for `Solver<f32>`.
fn module_name(ty: &Type) -> Ident {
    let last = match types::bare(ty) {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(ToTokens::to_token_stream)
            .unwrap_or_default(),
        other => other.to_token_stream(),
    };
    let text = last.to_string().replace("r#", "");
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    // Not at the user's span: were two `impl`s marked, the compiler would underline the type's name as a module.
    Ident::new(&format!("__mosaic_{}", words.join("_")), Span::call_site())
}
