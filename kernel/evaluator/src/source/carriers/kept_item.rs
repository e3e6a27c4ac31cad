//! The items in a source of evcxr's, by the names by which evcxr keeps them.

use ra_ap_syntax::{
    AstNode, Edition, SourceFile,
    ast::{self, HasModuleItem, HasName},
};
use std::ops::RangeInclusive;

/// An item that evcxr keeps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeptItem {
    /// The name by which evcxr keeps the item.
    pub(crate) key: String,
    /// The lines of the item, from 1.
    pub(crate) lines: RangeInclusive<usize>,
}

impl KeptItem {
    /// Reads all items that have a name or bring one in.
    pub(crate) fn all(source: &str) -> Vec<KeptItem> {
        let parsed = SourceFile::parse(source, Edition::Edition2024).tree();
        let line_of = |at: ra_ap_syntax::TextSize| source[..at.into()].matches('\n').count() + 1;
        let items = parsed.items().filter_map(|item| {
            let key = match &item {
                ast::Item::Use(it) => imported_name(&it.use_tree()?),
                item => Some(ast::AnyHasName::cast(item.syntax().clone())?.name()?.text().to_string()),
            };
            let range = item.syntax().text_range();
            Some(KeptItem {
                key: key?,
                lines: line_of(range.start())..=line_of(range.end()),
            })
        });
        items.collect()
    }
}

/// Returns the name that an import brings in, if it is one name.
pub(super) fn imported_name(tree: &ast::UseTree) -> Option<String> {
    if tree.use_tree_list().is_some() || tree.star_token().is_some() {
        return None;
    }
    if let Some(rename) = tree.rename() {
        return rename.name().map(|it| it.text().to_string());
    }
    let segment = tree.path()?.segment()?;
    if segment.self_token().is_none() {
        return Some(segment.name_ref()?.text().to_string());
    }
    // `use path::{self}`.
    let around = tree.syntax().ancestors().skip(1).find_map(ast::UseTree::cast)?;
    Some(around.path()?.segment()?.name_ref()?.text().to_string())
}
