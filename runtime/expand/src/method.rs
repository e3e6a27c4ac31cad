//! One function of a tessera: its checks, and its model.

use crate::{
    errors::Errors,
    parse::Function,
    types::{self, Hindrance, Lend, Rebase},
};
use proc_macro2::Span;
use quote::format_ident;
use syn::{
    Attribute, FnArg, GenericParam, Ident, Pat, PatType, Receiver, ReturnType, Signature, Type,
    ext::IdentExt,
    spanned::Spanned,
    visit::{self, Visit},
};

/// A method, or the constructor.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) documentation: Vec<Attribute>,
    pub(crate) parameters: Vec<Parameter>,
    /// The return type; `None` for `()` that is not written.
    pub(crate) output: Option<Output>,
    pub(crate) is_async: bool,
    /// The span of the whole signature.
    pub(crate) span: Span,
}

/// A parameter beside `self`.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    /// The type of the value that travels.
    pub(crate) ty: Type,
    pub(crate) lend: Lend,
    /// The span of the parameter as written, pattern and type.
    pub(crate) span: Span,
}

/// A written return type.
pub(crate) struct Output {
    pub(crate) ty: Type,
    pub(crate) span: Span,
}

/// Checks a function against the rules of remote calls.
pub(crate) struct Checker<'a> {
    /// The tessera's name.
    pub(crate) owner: &'a Ident,
    /// The tessera's type, as the generated module writes it.
    pub(crate) self_type: &'a Type,
    /// The errors found so far.
    pub(crate) errors: &'a mut Errors,
}

impl Checker<'_> {
    /// Makes the model of a method. The model is meaningful only if no error was added.
    pub(crate) fn method(&mut self, function: &Function) -> Method {
        let signature = &function.signature;
        let name = self.name(signature);
        if let Some(receiver) = signature.receiver() {
            self.receiver(&name, receiver);
        }
        if ["after", "with", "uid", "local", "remote", "remote_array", "attach"]
            .iter()
            .any(|reserved| signature.ident == *reserved)
        {
            let message = format!("{name} has a name that every tessera uses itself: rename the method");
            self.errors.push(&signature.ident, message);
        }
        self.common(&name, function);
        let output = self.output(&name, signature);
        Method {
            output,
            ..self.model(&name, function)
        }
    }

    /// Makes the model of `new`. The model is meaningful only if no error was added.
    pub(crate) fn constructor(&mut self, function: &Function) -> Method {
        let signature = &function.signature;
        let name = self.name(signature);
        if let Some(receiver) = signature.receiver() {
            self.errors.push(
                receiver,
                format!("{name} is the constructor and takes no `self`: rename the method"),
            );
        }
        self.common(&name, function);
        self.constructed(&name, signature);
        self.model(&name, function)
    }

    fn name(&self, signature: &Signature) -> String {
        format!("`{}::{}`", self.owner, signature.ident)
    }

    fn receiver(&mut self, name: &str, receiver: &Receiver) {
        let (Type::Reference(reference), advice) = (&*receiver.ty, "take `&self` or `&mut self`") else {
            let reason = "but a tessera stays on its worker for its later calls";
            let kind = if receiver.colon_token.is_none() {
                "by value"
            } else {
                "as an owned or pinned pointer"
            };
            let message = format!("{name} takes `self` {kind}, {reason}: take `&self` or `&mut self`");
            return self.errors.push(receiver, message);
        };
        let mut is_self = Rebase::inner(self.self_type, &reference.elem) == *self.self_type;
        is_self |= matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("Self"));
        if !is_self {
            self.errors
                .push(receiver, format!("{name} takes `self` through a pointer: {advice}"));
        }
    }

    /// Checks what methods and constructors have in common.
    fn common(&mut self, name: &str, function: &Function) {
        let signature = &function.signature;
        if let Some(token) = &signature.unsafety {
            let advice = "make it safe, or call it from a safe method";
            self.errors.push(
                token,
                format!("{name} is unsafe, and a worker cannot uphold its contract: {advice}"),
            );
        }
        if let Some(abi) = &signature.abi {
            self.errors.push(
                abi,
                format!("{name} is `extern`: remove it, a remote call is an ordinary Rust call"),
            );
        }
        for parameter in &signature.generics.params {
            let what = match parameter {
                GenericParam::Lifetime(_) => continue,
                GenericParam::Type(parameter) => &parameter.ident,
                GenericParam::Const(parameter) => &parameter.ident,
            };
            let reason = "a worker runs code that was compiled before the call; write the concrete type";
            self.errors
                .push(parameter, format!("{name} is generic over `{what}`: {reason}"));
        }
        for attribute in &function.attributes {
            if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
                let advice = "put it in another `impl`, or use `cfg!` in its body";
                self.errors.push(
                    attribute,
                    format!("{name} is compiled conditionally, but its proxy is not: {advice}"),
                );
            }
        }
    }

    fn constructed(&mut self, name: &str, signature: &Signature) {
        let owner = self.owner;
        let ReturnType::Type(_, written) = &signature.output else {
            return self.errors.push(
                &signature.ident,
                format!("{name} returns nothing: let it return `Self`"),
            );
        };
        let ty = Rebase::inner(self.self_type, types::bare(written));
        let bare_name = matches!(&ty, Type::Path(path) if path.path.is_ident(owner));
        if ty == *self.self_type || bare_name {
            return;
        }
        let text = types::display(written);
        let fallible = matches!(&ty, Type::Path(path)
            if path.path.segments.last().is_some_and(|last| last.ident == "Result" || last.ident == "Option"));
        let advice = if fallible {
            "let it return `Self` and panic where it fails; the panic becomes the error of whoever awaits the tessera"
        } else {
            "let it return `Self`, or rename it"
        };
        self.errors
            .push(written, format!("{name} returns `{text}`, not a `{owner}`: {advice}"));
    }

    fn output(&mut self, name: &str, signature: &Signature) -> Option<Output> {
        let ReturnType::Type(_, written) = &signature.output else {
            return None;
        };
        let text = types::display(written);
        let ty = Rebase::inner(self.self_type, written);
        match types::hindrance(types::bare(written)) {
            Some(Hindrance::Opaque) => {
                let reason = "a proxy needs to know the concrete type; name it";
                self.errors.push(written, format!("{name} returns `{text}`: {reason}"));
            }
            Some(Hindrance::Borrow) => {
                let owned = types::owned_spelling(written);
                let advice = owned.map_or("an owned value".to_owned(), |owned| format!("`{owned}`"));
                let reason = "a borrowed value cannot leave the tessera's worker";
                self.errors.push(
                    written,
                    format!("{name} returns `{text}`: {reason}; return {advice} instead"),
                );
            }
            Some(Hindrance::Inferred) => self
                .errors
                .push(written, format!("{name} returns `_`: write the type out")),
            None if matches!(**written, Type::Never(_)) => {
                self.errors.push(
                    written,
                    format!("{name} returns `!`, which no task can have as its value: leave the return type out"),
                );
            }
            None => {}
        }
        Some(Output {
            ty,
            span: written.span(),
        })
    }

    fn model(&mut self, name: &str, function: &Function) -> Method {
        let signature = &function.signature;
        let typed = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(typed) => Some(typed),
        });
        let mut parameters: Vec<Parameter> = Vec::new();
        for (index, typed) in typed.enumerate() {
            let parameter = self.parameter(name, index, typed, &parameters);
            parameters.extend(parameter);
        }
        let documentation = function
            .attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("doc"));
        Method {
            ident: signature.ident.clone(),
            documentation: documentation.cloned().collect(),
            parameters,
            output: None,
            is_async: signature.asyncness.is_some(),
            span: signature.span(),
        }
    }

    fn parameter(&mut self, name: &str, index: usize, typed: &PatType, before: &[Parameter]) -> Option<Parameter> {
        let mut ident = parameter_name(&typed.pat).unwrap_or_else(|| format_ident!("argument_{}", index + 1));
        while before.iter().any(|other| other.name == ident) {
            ident = format_ident!("{ident}_{}", index + 1);
        }
        ident.set_span(crate::at(typed.pat.span()));
        match types::travelling(&typed.ty) {
            Ok((ty, lend)) => {
                let ty = Rebase::inner(self.self_type, &ty);
                Some(Parameter {
                    name: ident,
                    ty,
                    lend,
                    span: typed.span(),
                })
            }
            Err(reason) => {
                self.errors
                    .push(&typed.ty, format!("argument `{}` of {name} {reason}", ident.unraw()));
                None
            }
        }
    }
}

/// Returns a name for a parameter with any pattern: `mut data` is `data`, `(a, b)` is `a_b`, `_` has none.
fn parameter_name(pattern: &Pat) -> Option<Ident> {
    struct Names(Vec<Ident>);
    impl Visit<'_> for Names {
        fn visit_pat_ident(&mut self, pattern: &syn::PatIdent) {
            self.0.push(pattern.ident.clone());
            visit::visit_pat_ident(self, pattern);
        }
    }
    if let Pat::Ident(pattern) = pattern {
        return Some(pattern.ident.clone());
    }
    let mut names = Names(Vec::new());
    names.visit_pat(pattern);
    let names: Vec<String> = names.0.iter().map(|name| name.unraw().to_string()).collect();
    (!names.is_empty()).then(|| format_ident!("{}", names.join("_")))
}
