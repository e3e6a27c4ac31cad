//! Names and paths in tokens, and the items that tokens consist of.

use crate::session::digest;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// Attributes that change neither an item nor what its bytes mean.
const INERT: [&str; 11] = [
    "doc",
    "derive",
    "allow",
    "warn",
    "deny",
    "expect",
    "forbid",
    "must_use",
    "default",
    "deprecated",
    "inline",
];

/// Names that a cell knows without an import and that no item of the notebook has.
const PRELUDE: [&str; 44] = [
    "Self",
    "Option",
    "Some",
    "None",
    "Result",
    "Ok",
    "Err",
    "Vec",
    "String",
    "Box",
    "ToString",
    "ToOwned",
    "Copy",
    "Send",
    "Sync",
    "Sized",
    "Unpin",
    "Drop",
    "Fn",
    "FnMut",
    "FnOnce",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "AsRef",
    "AsMut",
    "Into",
    "From",
    "TryInto",
    "TryFrom",
    "Default",
    "Iterator",
    "IntoIterator",
    "DoubleEndedIterator",
    "ExactSizeIterator",
    "FromIterator",
    "Extend",
    "Eq",
    "PartialEq",
    "Ord",
    "PartialOrd",
    "Clone",
    "Future",
    "IntoFuture",
];

/// Removes inert attributes, and the comma after the last field.
pub(super) fn significant(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for tree in tokens {
        if let TokenTree::Group(group) = tree {
            let is_inert = group.delimiter() == Delimiter::Bracket && is_inert(&group);
            if is_inert && kept.pop_if(|it| is_punct(it, '#')).is_some() {
                continue;
            }
            let mut inner: Vec<TokenTree> = significant(group.stream()).into_iter().collect();
            if group.delimiter() == Delimiter::Brace {
                inner.pop_if(|it| is_punct(it, ','));
            }
            kept.push(Group::new(group.delimiter(), inner.into_iter().collect()).into());
        } else {
            kept.push(tree);
        }
    }
    kept.into_iter().collect()
}

/// Reports whether an attribute changes nothing that a fingerprint is about.
fn is_inert(attribute: &Group) -> bool {
    let first = attribute.stream().into_iter().next();
    first.is_some_and(|first| INERT.contains(&first.to_string().as_str()))
}

/// Hashes tokens, without the space between them.
pub(super) fn hash(tokens: &TokenStream) -> String {
    digest::of(tokens.to_string(), 8)
}

/// Returns every path in the tokens, without a leading `crate`, `self` or `super`.
pub(super) fn mentions(tokens: &TokenStream) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect(tokens.clone(), &mut found);
    for path in &mut found {
        let root = path
            .iter()
            .take_while(|name| ["crate", "self", "super"].contains(&name.as_str()))
            .count();
        path.drain(..root);
    }
    found.retain(|path| !path.is_empty());
    found
}

/// Adds the paths in the tokens to those that were found.
fn collect(tokens: TokenStream, found: &mut Vec<Vec<String>>) {
    let mut colons = 0;
    let mut in_path = false;
    for tree in tokens {
        match tree {
            TokenTree::Ident(name) => {
                let name = name.to_string().trim_start_matches("r#").to_owned();
                match found.last_mut() {
                    Some(path) if in_path && colons == 2 => path.push(name),
                    _ => found.push(vec![name]),
                }
                in_path = true;
            }
            TokenTree::Punct(ref mark) if mark.as_char() == ':' => {
                colons += 1;
                continue;
            }
            TokenTree::Group(group) => {
                collect(group.stream(), found);
                in_path = false;
            }
            _ => in_path = false,
        }
        colons = 0;
    }
}

/// Primitive types, which are no items.
const PRIMITIVE: [&str; 19] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f16", "f32", "f64", "f128",
];

/// Reports whether a notebook may define an item of this name.
pub(super) fn is_definable(name: &str) -> bool {
    let is_keyword = || syn::parse_str::<syn::Ident>(name).is_err();
    !PRIMITIVE.contains(&name) && !PRELUDE.contains(&name) && !is_keyword()
}

/// Reports whether an import gives a name the meaning that it has without the import. The standard library has more
/// than one `Result`.
pub(super) fn is_in_prelude(name: &str, imported: &[String]) -> bool {
    let is_of_std = imported.first().is_some_and(|it| is_of_standard_library(it));
    let is_renamed = imported.last().is_none_or(|it| it != name);
    let is_another = name == "Result" && imported.iter().all(|it| it != "result");
    is_of_std && !is_renamed && !is_another && PRELUDE.contains(&name)
}

/// Reports whether a path that begins with this name leads into the standard library.
pub(super) fn is_of_standard_library(first: &str) -> bool {
    ["std", "core", "alloc"].contains(&first)
}

/// Returns every name in the tokens.
pub(super) fn names(tokens: &TokenStream) -> BTreeSet<String> {
    mentions(tokens).into_iter().flatten().collect()
}

/// Reports whether a name that nothing defines can be a type that a glob or a macro brought in.
pub(super) fn may_be_a_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && !PRELUDE.contains(&name)
}

/// Returns the names that tokens in a macro may define: every name behind a keyword of an item.
pub(super) fn defined(tokens: &TokenStream) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut keyword = false;
    for tree in tokens.clone() {
        match &tree {
            TokenTree::Ident(name) if keyword => {
                found.insert(name.to_string());
                keyword = false;
            }
            TokenTree::Ident(name) => {
                keyword = ["struct", "enum", "union", "type", "trait", "const", "fn", "mod"]
                    .contains(&name.to_string().as_str());
            }
            TokenTree::Group(group) => {
                found.extend(defined(&group.stream()));
                keyword = false;
            }
            _ => keyword = false,
        }
    }
    found
}

fn is_punct(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// Splits a source into items, each of which ends with a semicolon or with braces. An item that does not parse is
/// returned as its tokens.
pub(super) fn split(tokens: TokenStream) -> Vec<Result<syn::Item, TokenStream>> {
    let mut items = Vec::new();
    let mut open: Vec<TokenTree> = Vec::new();
    for tree in tokens {
        let ends = match &tree {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            other => is_punct(other, ';'),
        };
        let semicolon = is_punct(&tree, ';');
        open.push(tree);
        // An attribute of the crate, `#![…]`.
        if let [hash, mark, TokenTree::Group(_)] = &open[..]
            && is_punct(hash, '#')
            && is_punct(mark, '!')
        {
            open.clear();
        }
        if !ends || open.len() == 1 && semicolon {
            if semicolon {
                open.clear();
            }
            continue;
        }
        match syn::parse2::<syn::Item>(open.iter().cloned().collect()) {
            Ok(item) => {
                items.push(Ok(item));
                open.clear();
            }
            // Braces within an item, such as `const X: T = T { … };`, are no end of it.
            Err(_) if !semicolon => {}
            Err(_) => items.push(Err(open.drain(..).collect())),
        }
    }
    if !open.is_empty() {
        items.push(Err(open.into_iter().collect()));
    }
    items
}
