//! One definition of each name. A program cannot have two, as a notebook has when a cell defines a name again.

use crate::export::pieces::tokens_of;
use anyhow::{Result, bail};
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::{ImplItem, Item, ItemImpl, ItemUse, UseTree, Visibility};

/// The definitions of the cells so far.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    known: BTreeMap<Key, Definition>,
}

/// The kind and the name of a definition.
type Key = (&'static str, String);

/// Where a name is defined, and as what.
#[derive(Debug)]
struct Definition {
    cell: usize,
    tokens: String,
}

impl Definitions {
    /// Adds an item of a cell. Returns the text that the program needs for it, which is `text` itself, or what is left of
    /// it where a part is known already.
    ///
    /// # Errors
    ///
    /// Another cell defines the same name in another way, or the name is that of the program's own function.
    pub(super) fn add(&mut self, item: &Item, text: &str, cell: usize) -> Result<Option<String>> {
        if let Item::Use(item) = item {
            return self.add_imports(item, text, cell);
        }
        if let Item::Fn(function) = item
            && function.sig.ident == "main"
        {
            bail!("a program has a function `main` of its own: give this one another name");
        }
        let tokens = tokens_of(item);
        let mut is_known = false;
        for key in keys_of(item) {
            is_known |= self.add_key(key, &tokens, cell)?;
        }
        Ok((!is_known).then(|| text.to_owned()))
    }

    /// Returns whether the definition is known already.
    fn add_key(&mut self, key: Key, tokens: &str, cell: usize) -> Result<bool> {
        let (kind, name) = &key;
        if let Some(known) = self.known.get(&key) {
            if known.tokens == tokens {
                return Ok(true);
            }
            bail!(
                "the {kind} `{name}` is defined again, after cell {}, and a program has one definition of a name: give one \
                 of the two another name, or remove it",
                known.cell
            );
        }
        let tokens = tokens.to_owned();
        self.known.insert(key, Definition { cell, tokens });
        Ok(false)
    }

    fn add_imports(&mut self, item: &ItemUse, text: &str, cell: usize) -> Result<Option<String>> {
        let root = if item.leading_colon.is_some() { "::" } else { "" };
        let mut imports = Vec::new();
        flatten(&item.tree, root, &mut imports);
        let mut new = Vec::new();
        for import in &imports {
            // `_` and `*` bring in no name of their own.
            let name = match import.name.as_str() {
                "_" | "*" => import.path.clone(),
                name => name.to_owned(),
            };
            if !self.add_key(("import", name), &import.path, cell)? {
                new.push(import);
            }
        }
        if new.len() == imports.len() {
            return Ok(Some(text.to_owned()));
        }
        let visibility = match &item.vis {
            Visibility::Inherited => String::new(),
            visibility => format!("{} ", visibility.to_token_stream()),
        };
        let lines: Vec<String> = new
            .iter()
            .map(|import| format!("{visibility}use {};", import.path))
            .collect();
        Ok(Some(lines.join("\n")).filter(|lines| !lines.is_empty()))
    }
}

/// One name that a `use` brings in.
struct Import {
    /// The name, or `*` or `_`.
    name: String,
    /// What stands after `use` if the name is brought in alone.
    path: String,
}

/// Splits a `use` into the names that it brings in.
fn flatten(tree: &UseTree, before: &str, imports: &mut Vec<Import>) {
    let mut add = |name: String, path: String| imports.push(Import { name, path });
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &format!("{before}{}::", path.ident), imports),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, imports)),
        UseTree::Glob(_) => add("*".to_owned(), format!("{before}*")),
        UseTree::Name(name) if name.ident == "self" => {
            let path = before.trim_end_matches("::");
            let name = path.rsplit("::").next().unwrap_or(path);
            add(name.to_owned(), path.to_owned());
        }
        UseTree::Name(name) => add(name.ident.to_string(), format!("{before}{}", name.ident)),
        UseTree::Rename(rename) => {
            let path = match rename.ident == "self" {
                true => before.trim_end_matches("::").to_owned(),
                false => format!("{before}{}", rename.ident),
            };
            add(rename.rename.to_string(), format!("{path} as {}", rename.rename));
        }
    }
}

/// Returns what an item defines.
fn keys_of(item: &Item) -> Vec<Key> {
    let (kind, name) = match item {
        Item::Const(item) if item.ident != "_" => ("constant", item.ident.to_string()),
        Item::Static(item) => ("static", item.ident.to_string()),
        Item::Fn(item) => ("function", item.sig.ident.to_string()),
        Item::Struct(item) => ("type", item.ident.to_string()),
        Item::Enum(item) => ("type", item.ident.to_string()),
        Item::Union(item) => ("type", item.ident.to_string()),
        Item::Type(item) => ("type", item.ident.to_string()),
        Item::Trait(item) => ("trait", item.ident.to_string()),
        Item::Mod(item) => ("module", item.ident.to_string()),
        Item::Macro(item) => match &item.ident {
            Some(name) => ("macro", name.to_string()),
            None => return Vec::new(),
        },
        Item::Impl(item) => return keys_of_block(item),
        _ => return Vec::new(),
    };
    vec![(kind, name)]
}

fn keys_of_block(block: &ItemImpl) -> Vec<Key> {
    let of = block.self_ty.to_token_stream().to_string();
    if let Some((_, path, _)) = &block.trait_ {
        return vec![("implementation", format!("{} for {of}", path.to_token_stream()))];
    }
    let members = block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(("method", format!("{of}::{}", function.sig.ident))),
        ImplItem::Const(constant) => Some(("constant", format!("{of}::{}", constant.ident))),
        _ => None,
    });
    members.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the items of cells. Returns what is left of each, or the first error.
    fn added(cells: &[&str]) -> Result<Vec<String>> {
        let mut definitions = Definitions::default();
        let items = cells.iter().enumerate().map(|(index, cell)| {
            let added = definitions.add(&syn::parse_str(cell)?, cell, index + 1)?;
            Ok(added.unwrap_or_default())
        });
        items.collect()
    }

    #[test]
    fn a_definition_that_comes_again_is_left_out() {
        for (cells, expected) in [
            (["fn f() {}", "fn  f( ) { }"], ["fn f() {}", ""]),
            (["use a::B;", "use a::{B, C};"], ["use a::B;", "use a::C;"]),
            (
                ["use a::{self, B as C};", "use {a, d::*};"],
                ["use a::{self, B as C};", "use d::*;"],
            ),
            (["use a::*;", "use a::*;"], ["use a::*;", ""]),
            (
                ["impl A { fn f() {} }", "impl A { fn g() {} }"],
                ["impl A { fn f() {} }", "impl A { fn g() {} }"],
            ),
            (
                ["impl A for B {}", "impl A for C {}"],
                ["impl A for B {}", "impl A for C {}"],
            ),
            (["struct A;", "fn A() {}"], ["struct A;", "fn A() {}"]),
        ] {
            assert_eq!(added(&cells).unwrap(), expected);
        }
    }

    #[test]
    fn another_definition_is_an_error_that_names_the_first_cell() {
        for (cells, part) in [
            (
                ["fn f() {}", "fn f() -> u8 { 1 }"],
                "function `f` is defined again, after cell 1",
            ),
            (["struct A;", "enum A {}"], "type `A`"),
            (["use a::B;", "use c::B;"], "import `B`"),
            (["impl A { fn f() {} }", "impl A { fn f() { g() } }"], "method `A::f`"),
            (
                ["impl A for B {}", "impl A for B { fn f() {} }"],
                "implementation `A for B`",
            ),
            (
                ["macro_rules! m { () => {} }", "macro_rules! m { () => { 1 } }"],
                "macro `m`",
            ),
            (["fn f() {}", "fn main() {}"], "`main`"),
        ] {
            let error = added(&cells).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
