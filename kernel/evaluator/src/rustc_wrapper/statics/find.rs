//! Finds the statics of a source: where each is, and what it is.

use crate::{
    evcxr_text::markers::CELL_FUNCTION,
    rustc_wrapper::statics::{
        calls::{Functions, Owner},
        macros,
    },
    session::digest,
    source::macro_arguments,
};
use proc_macro2::Span;
use quote::ToTokens;
use std::collections::HashMap;
use syn::{Attribute, Ident, Meta, Visibility, spanned::Spanned, visit::Visit};

/// Attributes that change neither the symbol of a static nor what the static is.
const PLAIN_ATTRIBUTES: [&str; 9] = [
    "allow",
    "cfg",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "used",
    "warn",
];

/// A static that exists once for all cells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundStatic {
    /// Its path in the crate, with the functions and `impl`s around it. Differs from that of every other static.
    pub(super) place: String,
    pub(super) name: String,
    /// Where an attribute of it goes, in bytes.
    pub(super) at: usize,
    /// It is in the call of a macro.
    pub(super) in_macro: bool,
    /// Its definition, and the items of functions around it.
    pub(super) definition: String,
    /// Its type.
    pub(super) ty: String,
    /// Its initial value.
    pub(super) value: String,
    /// The module around it.
    pub(super) module: Vec<String>,
}

/// The statics of a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) statics: Vec<FoundStatic>,
    /// Texts to be inserted for macros that define statics, each with its place in bytes.
    pub(super) insertions: Vec<(usize, String)>,
    pub(super) functions: Functions,
}

/// Finds the statics of a source, except those in the function of the cell: no other cell has that function. Finds none
/// in a source that does not parse.
pub(super) fn find(source: &str) -> Found {
    let Ok(file) = syn::parse_file(source) else {
        return Found::default();
    };
    let mut finder = Finder {
        macros: macros::Known::in_source(source),
        ..Finder::default()
    };
    finder.visit_file(&file);
    proc_macro2::extra::invalidate_current_thread_spans();
    finder.found
}

#[derive(Default)]
struct Finder {
    /// The names of what is around the place.
    path: Vec<String>,
    module: Vec<String>,
    /// The items of functions around the place, which types of statics can depend on.
    local_items: Vec<String>,
    /// How many statics of a path were found.
    ordinals: HashMap<String, usize>,
    macros: macros::Known,
    /// The type or trait around the functions at the place.
    owner: Option<String>,
    found: Found,
}

impl Finder {
    fn within(&mut self, name: String, visit: impl FnOnce(&mut Finder)) {
        self.path.push(name);
        visit(self);
        self.path.pop();
    }

    fn add_function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let owner = match &self.owner {
            Some(name) => Owner::Type(name.clone()),
            None => Owner::Module(self.module.last().cloned()),
        };
        let text = format!("{} {}", signature.to_token_stream(), block.to_token_stream());
        self.found.functions.add(&signature.ident, owner, text);
    }

    /// Visits the functions of a type or a trait.
    fn within_owner(&mut self, path: String, owner: String, visit: impl FnOnce(&mut Finder)) {
        let before = self.owner.replace(owner);
        self.within(path, visit);
        self.owner = before;
    }

    /// Adds a static. `begin` is where its definition begins, behind its attributes.
    fn add(&mut self, name: &Ident, begin: Span, definition: String, (ty, value): (&syn::Type, &syn::Expr)) {
        let path = format!("{}::{name}", self.path.join("::"));
        let ordinal = self.ordinals.entry(path.clone()).or_default();
        let place = match *ordinal {
            0 => path,
            number => format!("{path}#{number}"),
        };
        *ordinal += 1;
        self.found.statics.push(FoundStatic {
            place,
            name: name.to_string(),
            at: begin.byte_range().start,
            in_macro: false,
            definition: self.local_items.concat() + &definition,
            ty: ty.to_token_stream().to_string(),
            value: value.to_token_stream().to_string(),
            module: self.module.clone(),
        });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        if item.attrs.iter().all(is_plain) {
            let begin = begin(&item.vis, item.static_token.span);
            self.add(&item.ident, begin, without_attributes(item), (&item.ty, &item.expr));
        }
        self.within(item.ident.to_string(), |it| it.visit_expr(&item.expr));
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let Some(statics) = self.macros.statics(call) else {
            if let Some(arguments) = macro_arguments::expressions(call) {
                arguments.iter().for_each(|it| self.visit_expr(it));
            }
            return;
        };
        if !statics.iter().all(|it| it.attrs.iter().all(is_plain)) {
            return;
        }
        self.found.insertions.extend(macros::insertions(call));
        for it in statics {
            // The macro takes the attribute before all others.
            let first = it.attrs.first().map(Spanned::span);
            let begin = first.unwrap_or_else(|| begin(&it.vis, it.static_token.span));
            let definition = call.path.segments.last().map(|it| it.ident.to_string());
            let definition = definition.unwrap_or_default() + &it.text();
            self.add(&it.ident, begin, definition, (&it.ty, &it.expr));
            if let Some(added) = self.found.statics.last_mut() {
                added.in_macro = true;
            }
            self.within(it.ident.to_string(), |finder| finder.visit_expr(&it.expr));
        }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        // The static of a macro's definition is as many statics as the macro has calls.
        if item.ident.is_none() {
            self.visit_macro(&item.mac);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let owner = self.owner.take();
        self.module.push(item.ident.to_string());
        self.within(item.ident.to_string(), |it| syn::visit::visit_item_mod(it, item));
        self.module.pop();
        self.owner = owner;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if item.sig.ident.to_string().starts_with(CELL_FUNCTION) {
            return;
        }
        let owner = self.owner.take();
        self.add_function(&item.sig, &item.block);
        self.within(item.sig.ident.to_string(), |it| it.visit_block(&item.block));
        self.owner = owner;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add_function(&item.sig, &item.block);
        self.within(item.sig.ident.to_string(), |it| it.visit_block(&item.block));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add_function(&item.sig, block);
            self.within(item.sig.ident.to_string(), |it| it.visit_block(block));
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let name = item.ident.to_string();
        self.within_owner(name.clone(), name, |it| syn::visit::visit_item_trait(it, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let mut header = item.clone();
        header.items.clear();
        header.attrs.clear();
        let header = header.into_token_stream().to_string();
        let owner = match &*item.self_ty {
            syn::Type::Path(it) => it.path.segments.last().map(|it| it.ident.to_string()),
            _ => None,
        };
        self.within_owner(header, owner.unwrap_or_default(), |it| {
            syn::visit::visit_item_impl(it, item)
        });
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        let mut name = item.ident.to_string();
        if name == "_" {
            // A source has any number of them, in any order.
            name = format!("_{}", digest::of(item.to_token_stream().to_string(), 8));
        }
        self.within(name, |it| it.visit_expr(&item.expr));
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let before = self.local_items.len();
        let items = block.stmts.iter().filter_map(|statement| match statement {
            syn::Stmt::Item(syn::Item::Fn(_) | syn::Item::Static(_)) => None,
            syn::Stmt::Item(item) => Some(item.to_token_stream().to_string()),
            _ => None,
        });
        self.local_items.extend(items);
        syn::visit::visit_block(self, block);
        self.local_items.truncate(before);
    }

    fn visit_item_foreign_mod(&mut self, _: &'ast syn::ItemForeignMod) {}
}

/// Returns where a static begins, behind its attributes.
fn begin(visibility: &Visibility, keyword: Span) -> Span {
    match visibility {
        Visibility::Inherited => keyword,
        visibility => visibility.span(),
    }
}

fn without_attributes(item: &syn::ItemStatic) -> String {
    let mut item = item.clone();
    item.attrs.clear();
    item.vis = Visibility::Inherited;
    item.into_token_stream().to_string()
}

/// Reports whether a static with this attribute is a static like others. Attributes of other kinds choose its symbol or
/// its place in the library, or are macros.
fn is_plain(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::Path(path)
        | Meta::List(syn::MetaList { path, .. })
        | Meta::NameValue(syn::MetaNameValue { path, .. }) => {
            PLAIN_ATTRIBUTES.iter().any(|it| path.is_ident(it))
                || path.segments.first().is_some_and(|it| it.ident == "clippy")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(source: &str) -> Vec<String> {
        find(source).statics.into_iter().map(|it| it.place).collect()
    }

    #[test]
    fn statics_are_found_by_what_is_around_them() {
        for (source, expected) in [
            ("static A: u8 = 1;", &["::A"][..]),
            ("pub(crate) static mut A: u8 = 1;", &["::A"]),
            ("mod m { pub mod n { static A: u8 = 1; } }", &["m::n::A"]),
            (
                "fn f<T>() { static A: u8 = 1; if true { static A: u8 = 1; } }",
                &["f::A", "f::A#1"],
            ),
            ("fn f() { let g = || { static A: u8 = 1; &A }; }", &["f::A"]),
            ("async fn f() { fn g() { static A: u8 = 1; } }", &["f::g::A"]),
            (
                "impl<T> S<T> { fn f() { static A: u8 = 1; } }",
                &["impl < T > S < T > { }::f::A"],
            ),
            (
                "impl T for S { fn f() { static A: u8 = 1; } }",
                &["impl T for S { }::f::A"],
            ),
            ("trait T { fn f() { static A: u8 = 1; } fn g(); }", &["T::f::A"]),
            ("const C: &u8 = { static A: u8 = 1; &A };", &["C::A"]),
            ("static A: &u8 = { static B: u8 = 1; &B };", &["::A", "A::B"]),
            ("fn f() { println!(\"{}\", { static A: u8 = 1; A }); }", &["f::A"]),
            (
                "thread_local! { static A: u8 = 1; pub static B: u8 = const { 2 } }",
                &["::A", "::B"],
            ),
            ("fn f() { std::thread_local!(static A: u8 = 1); }", &["f::A"]),
            (
                "lazy_static::lazy_static! { /// doc\n pub static ref A: u8 = 1; }",
                &["::A"],
            ),
            ("/// doc\n#[allow(dead_code)] static A: u8 = 1;", &["::A"]),
            // Their symbols or places are the user's own, or the static is another crate's.
            ("#[unsafe(no_mangle)] static A: u8 = 1;", &[]),
            ("#[unsafe(export_name = \"a\")] static A: u8 = 1;", &[]),
            ("#[unsafe(link_section = \"a\")] static A: u8 = 1;", &[]),
            ("#[cfg_attr(all(), unsafe(no_mangle))] static A: u8 = 1;", &[]),
            ("#[distributed_slice] static A: [u8];", &[]),
            ("unsafe extern \"C\" { static A: u8; }", &[]),
            // As many statics as there are calls.
            ("macro_rules! m { () => { static A: u8 = 1; } }", &[]),
            (
                "macro_rules! thread_local { () => {} } thread_local! { static A: u8 = 1; }",
                &[],
            ),
            ("other! { static A: u8 = 1; }", &[]),
            ("thread_local! { A }", &[]),
            // No other cell has them.
            ("fn run_user_code_3() { static A: u8 = 1; }", &[]),
            ("static A: u8 = ;", &[]),
        ] {
            assert_eq!(places(source), expected, "{source}");
        }
    }

    #[test]
    fn unnamed_constants_are_told_apart_in_any_order() {
        let [first, second] = [
            "const _: u8 = { static A: u8 = 1; 1 };",
            "const _: u8 = { static A: u8 = 1; 2 };",
        ];
        let mut swapped = places(&format!("{second}{first}"));
        swapped.reverse();
        assert_eq!(places(&format!("{first}{second}")), swapped);
        assert_ne!(swapped[0], swapped[1]);
    }

    #[test]
    fn attributes_go_before_the_visibility_and_for_macros_before_all() {
        for (source, expected) in [
            ("/// doc\n#[allow(x)] pub static A: u8 = 1;", "pub static"),
            ("fn ö() { static A: u8 = 1; }", "static A"),
            ("thread_local! { #[allow(x)] pub static A: u8 = 1; }", "#[allow"),
            ("lazy_static! { static ref A: u8 = 1; }", "static ref"),
        ] {
            let found = find(source);
            assert!(source[found.statics[0].at..].starts_with(expected), "{source}");
        }
    }

    #[test]
    fn a_definition_is_all_that_makes_the_static() {
        let definition = |source: &str| find(source).statics.remove(0).definition;
        let plain = definition("static A: u8 = 1;");
        for (source, is_same) in [
            ("/// doc\npub   static A : u8\n= 1;", true),
            ("static A: u8 = 2;", false),
            ("static A: u16 = 1;", false),
            ("static mut A: u8 = 1;", false),
            ("thread_local! { static A: u8 = 1 }", false),
            ("fn f() { static A: u8 = 1; }", true),
            ("fn f() { fn g() {} static A: u8 = 1; }", true),
            ("fn f() { struct S; static A: u8 = 1; }", false),
            ("fn f() { { struct S; } static A: u8 = 1; }", true),
        ] {
            assert_eq!(definition(source) == plain, is_same, "{source}");
        }
    }
}
