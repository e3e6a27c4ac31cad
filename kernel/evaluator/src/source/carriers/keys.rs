//! What an item without a name is, as the name of its carrier.

use crate::{session::digest, source::carriers::marks::RESERVED};
use ra_ap_syntax::{
    AstNode, NodeOrToken, SyntaxKind, SyntaxNode, SyntaxToken, T,
    ast::{self, HasAttrs, HasGenericParams, HasName},
};
use std::collections::BTreeMap;

/// Returns the key of a trait's implementation: the trait and the type. Bounds do not count, since two implementations
/// of a trait for types that differ in bounds alone conflict.
pub(super) fn trait_impl(item: &ast::Impl) -> String {
    let generics = generics(item);
    let [of, for_type] = [item.trait_(), item.self_ty()].map(|it| it.map(|it| canonical(it.syntax(), &generics)));
    named("impl", &[&of.unwrap_or_default(), &for_type.unwrap_or_default()])
}

/// Returns the key of an `impl` of a type that stays in one piece.
pub(super) fn whole_impl(item: &ast::Impl) -> String {
    let attributes = item.attrs().map(|it| text(it.syntax())).collect::<String>();
    named("whole", &[&self_type(item), &attributes])
}

/// Returns the key of a member of an `impl` of a type.
pub(super) fn member(item: &ast::Impl, member: &ast::AssocItem) -> String {
    let (kind, name) = match member {
        ast::AssocItem::Const(it) => ("value", it.name()),
        ast::AssocItem::Fn(it) => ("value", it.name()),
        ast::AssocItem::TypeAlias(it) => ("type", it.name()),
        ast::AssocItem::MacroCall(_) => ("macro", None),
    };
    let name = name.map_or_else(
        || text(member.syntax()),
        |it| it.text().trim_start_matches("r#").to_owned(),
    );
    named("member", &[&self_type(item), kind, &name])
}

/// Returns the key of a constant without a name. One that only checks something is known by its place among the cell's,
/// so that a check that is edited replaces the older one.
pub(super) fn unnamed_constant(item: &ast::Const) -> String {
    let mut nodes = item.syntax().descendants();
    match nodes.any(|it| ast::Impl::can_cast(it.kind())) {
        true => named("const", &[&text(item.syntax())]),
        false => format!("{RESERVED}const_check"),
    }
}

/// Returns the name of the type that an `impl` is for, if the type has one.
pub(super) fn type_name(item: &ast::Impl) -> Option<String> {
    match item.self_ty()? {
        ast::Type::PathType(it) => Some(it.path()?.segment()?.name_ref()?.text().to_string()),
        _ => None,
    }
}

/// Returns the key of an item that is known by its text.
pub(super) fn by_text(kind: &str, item: &SyntaxNode) -> String {
    named(kind, &[&text(item)])
}

fn named(kind: &str, parts: &[&str]) -> String {
    let mut all = digest::Parts::default();
    parts.iter().for_each(|part| all.add(part.as_bytes()));
    format!("{RESERVED}{kind}_{}", all.name(12))
}

fn self_type(item: &ast::Impl) -> String {
    let of = item.self_ty().map(|it| canonical(it.syntax(), &generics(item)));
    of.unwrap_or_default()
}

/// Returns the generic parameters of an `impl`, each with its number.
fn generics(item: &ast::Impl) -> BTreeMap<String, usize> {
    let parameters = item
        .generic_param_list()
        .into_iter()
        .flat_map(|list| list.generic_params());
    let names = parameters.filter_map(|parameter| match parameter {
        ast::GenericParam::ConstParam(it) => Some(it.name()?.text().to_string()),
        ast::GenericParam::LifetimeParam(it) => Some(it.lifetime()?.text().to_string()),
        ast::GenericParam::TypeParam(it) => Some(it.name()?.text().to_string()),
    });
    names.enumerate().map(|(number, name)| (name, number)).collect()
}

/// Writes the tokens of a type, with numbers in the place of generic parameters.
fn canonical(of: &SyntaxNode, generics: &BTreeMap<String, usize>) -> String {
    let mut written = String::new();
    for token in tokens(of) {
        written.push(' ');
        match generics.get(token.text()) {
            Some(number) => written += &format!("${number}"),
            None => written += token.text(),
        }
    }
    written
}

/// Returns the tokens of an item without space, comments and documentation.
pub(super) fn text(of: &SyntaxNode) -> String {
    tokens(of).map(|token| format!("{} ", token.text())).collect()
}

fn tokens(of: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    let all = of.descendants_with_tokens().filter_map(NodeOrToken::into_token);
    all.filter(|token| !token.kind().is_trivia())
}

/// Returns the name of the static that a declaration within `thread_local!` or `lazy_static!` defines.
pub(super) fn static_name(declaration: &[SyntaxToken]) -> Option<String> {
    let from_keyword = declaration.iter().skip_while(|token| token.kind() != T![static]);
    let mut rest = from_keyword.filter(|token| !token.kind().is_trivia());
    let name = rest.find(|token| !matches!(token.kind(), T![static] | T![ref] | T![mut]))?;
    (name.kind() == SyntaxKind::IDENT).then(|| name.text().to_owned())
}
