//! Types that a cell defines without the attribute: if they were tesserae, they no longer are.

use super::scan;
use proc_macro2::{TokenStream, TokenTree};

/// A type that a cell defines and implements without the attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlainType {
    pub(super) name: String,
    /// The offset of the definition, in bytes.
    pub(super) offset: usize,
}

/// Finds the types that a cell defines and implements without the attribute.
///
/// A definition alone does not count, since the attribute of the `impl` decides, and the `impl` may be in another cell.
/// An `impl` alone does not count either, since it may extend a tessera.
pub(super) fn plain_types(tokens: TokenStream) -> Vec<PlainType> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let implemented: Vec<String> = (0..trees.len()).filter_map(|index| plain_impl(&trees, index)).collect();
    let defined = (0..trees.len()).filter_map(|index| plain_type(&trees, index));
    defined.filter(|plain| implemented.contains(&plain.name)).collect()
}

fn plain_type(trees: &[TokenTree], index: usize) -> Option<PlainType> {
    let is_keyword = ["struct", "enum"]
        .iter()
        .any(|keyword| is_ident(trees.get(index), keyword));
    let Some(TokenTree::Ident(name)) = trees.get(index + 1).filter(|_| is_keyword) else {
        return None;
    };
    let begin = begin_of_item(trees, index)?;
    Some(PlainType {
        name: name.to_string(),
        offset: trees[begin].span().byte_range().start,
    })
}

/// Returns the name of the type of an inherent `impl` without the attribute.
fn plain_impl(trees: &[TokenTree], index: usize) -> Option<String> {
    if !is_ident(trees.get(index), "impl") {
        return None;
    }
    begin_of_item(trees, index)?;
    let header: Vec<&TokenTree> = trees[index + 1..]
        .iter()
        .take_while(|tree| !matches!(tree, TokenTree::Group(_)))
        .collect();
    if header.iter().any(|tree| is_ident(Some(tree), "for")) {
        return None;
    }
    match header.first()? {
        TokenTree::Ident(name) => Some(name.to_string()),
        _ => None,
    }
}

/// Returns the index of an item's first token, given that of its keyword, or `None` if the item is marked.
fn begin_of_item(trees: &[TokenTree], keyword: usize) -> Option<usize> {
    let mut begin = keyword;
    if begin >= 2 && is_ident(trees.get(begin - 2), "pub") && matches!(trees[begin - 1], TokenTree::Group(_)) {
        begin -= 2;
    } else if begin >= 1 && is_ident(trees.get(begin - 1), "pub") {
        begin -= 1;
    }
    while begin >= 2 && scan::is_attribute(&trees[begin - 2..begin]) {
        begin -= 2;
        scan::arguments(&trees[begin..begin + 2]).is_none().then_some(())?;
    }
    Some(begin)
}

fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_that_are_defined_and_implemented_without_the_attribute_are_plain() {
        for (cell, expected) in [
            ("struct A; impl A {}", Some(("A", 0))),
            ("let x = 1; #[derive(Debug)] pub struct A; impl A {}", Some(("A", 11))),
            ("pub(crate) enum A { B } impl A { fn f() {} }", Some(("A", 0))),
            ("struct A;", None),
            ("impl A {}", None),
            ("#[tessera] struct A; impl A {}", None),
            ("struct A; #[tessera] impl A {}", None),
            ("struct A; impl Debug for A {}", None),
        ] {
            let found = plain_types(cell.parse().unwrap());
            let found = found.first().map(|plain| (&*plain.name, plain.offset));
            assert_eq!(found, expected, "{cell}");
        }
    }
}
