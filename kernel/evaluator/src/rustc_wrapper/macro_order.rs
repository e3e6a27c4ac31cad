//! Makes the macros of a notebook usable in items before their definition.
//!
//! A macro is known from its definition on, and evcxr writes items in an order that differs between sessions. An import
//! of the macro is known in the whole module. A macro that shares its name with a function, a type or a module is
//! defined in a module of its own, from which an import brings in the macro alone. Where another macro or an import has
//! the macro's name, there can be no such import.

use crate::rustc_wrapper::reachable_items;
use proc_macro2::Ident;
use std::{borrow::Cow, collections::HashMap, ops::Range};
use syn::{Item, UseTree, spanned::Spanned};

const DEFINITION: &str = "macro_rules!";
/// Attributes of a macro that may be compiled out, or that is known everywhere already.
const WITHOUT_IMPORT: [&str; 3] = ["cfg", "cfg_attr", "macro_export"];

/// Adds an import behind the definition of each macro in the crate's root. No line moves.
pub(super) fn with_imports(text: &str) -> Cow<'_, str> {
    if !text.contains(DEFINITION) {
        return Cow::Borrowed(text);
    }
    let Ok(file) = syn::parse_file(text) else {
        return Cow::Borrowed(text);
    };
    let mut written = String::with_capacity(text.len());
    let mut from = 0;
    let holders = Holders::of(&file.items);
    for (at, name) in file.items.iter().filter_map(definition) {
        match holders.sharing(name) {
            Sharing::Nothing => {
                written += &text[from..at.end];
                written += &format!(" #[allow(unused_imports)] use {name};");
            }
            Sharing::Name => {
                let module = format!("__mosaic_macro_{}", reachable_items::plain(name));
                let opens = format!("#[macro_use] mod {module} {{ ");
                // The carrier of the macro has left space.
                let before = &text[from..at.start];
                let space = before.len() - before.trim_end_matches(' ').len();
                written += &before[..before.len() - space.min(opens.len())];
                written += &opens;
                written += &text[at.clone()];
                written += &format!(
                    " #[allow(unused_imports)] pub(crate) use {name}; }} #[allow(unused_imports)] use {module}::{name};"
                );
            }
            Sharing::Macro => continue,
        }
        from = at.end;
    }
    proc_macro2::extra::invalidate_current_thread_spans();
    Cow::Owned(written + &text[from..])
}

/// What has the name of a macro beside the macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Nothing,
    /// An item that is no macro.
    Name,
    /// Another macro, or an import.
    Macro,
}

/// How many items have a name: all, and those that are macros or imports.
struct Holders(HashMap<String, (usize, usize)>);

impl Holders {
    fn of(items: &[Item]) -> Holders {
        let mut holders = HashMap::<String, (usize, usize)>::new();
        for item in items {
            let may_be_macro = matches!(item, Item::Macro(_) | Item::Use(_) | Item::ExternCrate(_));
            for name in names(item) {
                let (all, macros) = holders.entry(name).or_default();
                *all += 1;
                *macros += usize::from(may_be_macro);
            }
        }
        Holders(holders)
    }

    fn sharing(&self, name: &Ident) -> Sharing {
        match self.0.get(&reachable_items::plain(name)) {
            Some((1, _)) => Sharing::Nothing,
            Some((_, 1)) => Sharing::Name,
            _ => Sharing::Macro,
        }
    }
}

/// Finds the macro that an item defines and that is to be imported: where the item is, and the macro's name.
fn definition(item: &Item) -> Option<(Range<usize>, &Ident)> {
    let Item::Macro(it) = item else { return None };
    let has = |name: &str| it.attrs.iter().any(|attribute| attribute.path().is_ident(name));
    let name = it.ident.as_ref().filter(|_| !WITHOUT_IMPORT.into_iter().any(has))?;
    Some((it.span().byte_range(), name))
}

/// Returns the names that an item defines or imports.
fn names(item: &Item) -> Vec<String> {
    match item {
        Item::Use(it) => imported_names(&it.tree),
        Item::Mod(it) => vec![reachable_items::plain(&it.ident)],
        Item::ExternCrate(it) => vec![reachable_items::plain(
            it.rename.as_ref().map_or(&it.ident, |(_, name)| name),
        )],
        it => reachable_items::name(it).into_iter().collect(),
    }
}

/// Returns the names that an import brings into the module.
fn imported_names(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(it) => {
            let itself = |name| {
                if name == "self" {
                    reachable_items::plain(&it.ident)
                } else {
                    name
                }
            };
            imported_names(&it.tree).into_iter().map(itself).collect()
        }
        UseTree::Group(it) => it.items.iter().flat_map(imported_names).collect(),
        UseTree::Name(it) => vec![reachable_items::plain(&it.ident)],
        UseTree::Rename(it) => vec![reachable_items::plain(&it.rename)],
        UseTree::Glob(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_of_the_root_is_imported_where_it_ends() {
        const IMPORT: &str = " #[allow(unused_imports)] use m;";
        for (before, after, imports) in [
            (
                "fn f() { m!() }\n/// ö\nmacro_rules! m {\n() => {}\n}",
                "\nfn g() {}\n",
                true,
            ),
            ("macro_rules! m ( () => {} );", " fn g() {}", true),
            ("#[macro_export] macro_rules! m { () => {} }", "", false),
            ("#[cfg(any())] macro_rules! m { () => {} }", "", false),
            ("fn f() { macro_rules! m { () => {} } m!() }", "", false),
            ("mod a { macro_rules! m { () => {} } }", "", false),
            // Another item has the name, or an import does.
            ("macro_rules! m { () => {} }", " pub(crate) use m;", false),
            ("use a::{b, c as m}; macro_rules! m { () => {} }", "", false),
            ("macro_rules! m { () => {} }", " macro_rules! m { (a) => {} }", false),
            ("use a::m::{self as b, *}; macro_rules! m { () => {} }", "", true),
            ("use a::m::{self, b}; macro_rules! m { () => {} }", "", false),
            ("m! {}\n// macro_rules! m", "", false),
            ("macro_rules! m {", "", false),
            ("fn f() {}", "", false),
        ] {
            let import = if imports { IMPORT } else { "" };
            assert_eq!(
                with_imports(&format!("{before}{after}")),
                format!("{before}{import}{after}")
            );
        }
    }
    #[test]
    fn a_macro_that_shares_its_name_has_a_module() {
        for (before, other) in [("", "fn m() {}"), ("x", "mod m {}"), (&" ".repeat(99), "struct r#m;")] {
            let text = format!("{before}\n{before}macro_rules! m {{\n() => {{}}\n}} {other}");
            let text = text.replace('x', "");
            let changed = with_imports(&text);
            let module = "#[macro_use] mod __mosaic_macro_m { macro_rules! m {\n() => {}\n} #[allow(unused_imports)] \
                 pub(crate) use m; } #[allow(unused_imports)] use __mosaic_macro_m::m;";
            assert!(changed.contains(module) && changed.ends_with(other), "{changed}");
            if before.len() > 9 {
                assert_eq!(changed.find("macro_rules!"), text.find("macro_rules!"));
            }
        }
    }
}
