//! The search for marked items in a cell and in its modules.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use std::ops::Range;

/// An item under `#[tessera]`.
pub(super) struct Marked {
    /// The bytes of the item's `#[tessera]`, or of each if it has several.
    pub(super) attributes: Vec<Range<usize>>,
    /// The tokens of the first attribute.
    pub(super) attribute: TokenStream,
    /// The arguments of the attributes that have any.
    pub(super) arguments: Vec<TokenTree>,
    /// The attribute's offset, if no code stands on the rest of its line.
    pub(super) free_line: Option<usize>,
    /// The item, and everything after it in its module.
    pub(super) tokens: TokenStream,
    /// The offsets of the modules around the item, the outermost first. Empty for an item of the cell itself.
    pub(super) modules: Vec<usize>,
}

/// Replaces the characters within `ranges`, except line breaks, by as many spaces as they have bytes.
pub(super) fn blanked(text: &str, ranges: impl Iterator<Item = Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for byte in ranges.flatten() {
        if !matches!(bytes[byte], b'\n' | b'\r') {
            bytes[byte] = b' ';
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Finds the attributes at the beginning of a line, in a text that has no tokens since a quote or a bracket is missing.
///
/// They are removed all the same: otherwise the compiler would report them beside the syntax error.
pub(super) fn attributes_by_line(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start();
        let start = offset + line.len() - content.len();
        let is_ours = ["#[tessera]", "#[mosaic::tessera]", "#[tessera(", "#[mosaic::tessera("]
            .iter()
            .any(|text| content.starts_with(text));
        let end = content.find(']').filter(|_| is_ours);
        found.extend(end.map(|end| start..start + end + 1));
        offset += line.len();
    }
    found
}

/// Finds the marked items among a cell's own and those of its modules, in the order of the text.
pub(super) fn marked_items(tokens: TokenStream) -> Vec<Marked> {
    let mut marked = Vec::new();
    collect(tokens, &[], &mut marked);
    marked
}

/// Adds the marked items of a module, and of the modules within it.
fn collect(tokens: TokenStream, modules: &[usize], marked: &mut Vec<Marked>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < trees.len() {
        let attributes = trees[index..].chunks(2).take_while(|pair| is_attribute(pair)).count();
        marked.extend(marked_item(&trees[index..], attributes, modules));
        if let Some((offset, content)) = module(&trees[index..]) {
            collect(content, &[modules, &[offset]].concat(), marked);
        }
        index += (2 * attributes).max(1);
    }
}

/// Returns the offset and the content of the module at the beginning of `trees`, if there is one.
fn module(trees: &[TokenTree]) -> Option<(usize, TokenStream)> {
    match trees {
        [
            TokenTree::Ident(keyword),
            TokenTree::Ident(_),
            TokenTree::Group(group),
            ..,
        ] if keyword == "mod" && group.delimiter() == Delimiter::Brace => {
            Some((keyword.span().byte_range().start, group.stream()))
        }
        _ => None,
    }
}

pub(super) fn is_attribute(pair: &[TokenTree]) -> bool {
    matches!(pair, [TokenTree::Punct(hash), TokenTree::Group(group)]
        if hash.as_char() == '#' && group.delimiter() == Delimiter::Bracket)
}

/// Returns the item after the `count` attributes at the beginning of `trees`, if it is marked.
fn marked_item(trees: &[TokenTree], count: usize, modules: &[usize]) -> Option<Marked> {
    let (attributes, item) = trees.split_at(2 * count);
    let pairs: Vec<&[TokenTree]> = attributes.chunks(2).collect();
    let ours: Vec<usize> = (0..count).filter(|index| arguments(pairs[*index]).is_some()).collect();
    let first = pairs[*ours.first()?];
    let end = |pair: &[TokenTree]| pair[1].span().end().line;
    let next = trees.get(2 * (ours[0] + 1));
    let is_free = ours[0] == 0 && next.is_some_and(|next| next.span().start().line > end(first));
    Some(Marked {
        attributes: ours.iter().map(|index| bytes(pairs[*index])).collect(),
        attribute: first.iter().cloned().collect(),
        arguments: ours.iter().filter_map(|index| arguments(pairs[*index])?).collect(),
        free_line: is_free.then(|| bytes(first).start),
        tokens: item.iter().cloned().collect(),
        modules: modules.to_vec(),
    })
}

fn bytes(pair: &[TokenTree]) -> Range<usize> {
    pair[0].span().byte_range().start..pair[1].span().byte_range().end
}

/// Returns the arguments of a `#[tessera]`, or `None` for another attribute.
pub(super) fn arguments(pair: &[TokenTree]) -> Option<Option<TokenTree>> {
    let TokenTree::Group(group) = &pair[1] else { return None };
    let mut trees: Vec<TokenTree> = group.stream().into_iter().collect();
    let arguments = trees.pop_if(|tree| matches!(tree, TokenTree::Group(_)));
    let path: String = trees.iter().map(|tree| tree.to_token_stream().to_string()).collect();
    matches!(
        path.trim_start_matches("::"),
        "tessera" | "mosaic::tessera" | "mosaic::prelude::tessera"
    )
    .then_some(arguments)
}
