//! The items that evcxr keeps, as far as the kernel must know them to choose the names by which evcxr keeps new ones.

use crate::source::carriers::marks::RESERVED;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// A namespace of Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Namespace {
    Type,
    Value,
}

/// The items that evcxr keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownItems {
    /// Items without a carrier, by name. An import has no namespace, since it may be in each.
    plain: BTreeMap<String, Option<Namespace>>,
    carried: BTreeSet<String>,
    /// The implementations that came in the cell that defined their type, by the type's name.
    with_type: BTreeMap<String, BTreeSet<String>>,
    /// The macros whose calls are items.
    item_macros: BTreeSet<String>,
    /// The macros whose calls begin as items and are none, as the compiler says.
    statement_macros: BTreeSet<String>,
    /// The directory of the notebook, at which relative paths begin. There is none if its path is not UTF-8.
    notebook: Option<PathBuf>,
}

/// The items of a cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewItems {
    plain: BTreeMap<String, Option<Namespace>>,
    carried: BTreeSet<String>,
    defined: BTreeSet<(Namespace, String)>,
    /// The implementations of the cell, by the name of their type.
    implementations: BTreeMap<String, BTreeSet<String>>,
    /// The macros of the cell, and whether their calls are items.
    macros: BTreeMap<String, bool>,
    /// The macros whose calls are taken for items by their arguments alone.
    guesses: BTreeSet<String>,
    /// The names of older items that evcxr is to forget.
    gone: BTreeSet<String>,
}

impl KnownItems {
    /// Returns the items of a new session, which are none. `notebook` is the directory of the notebook.
    pub(crate) fn beside(notebook: Option<&Path>) -> KnownItems {
        KnownItems {
            notebook: notebook.map(Path::to_owned),
            ..KnownItems::default()
        }
    }

    /// Returns the directory of the notebook.
    pub(crate) fn notebook(&self) -> Option<&Path> {
        self.notebook.as_deref()
    }

    /// Forgets what evcxr does not keep any more.
    pub(crate) fn retain(&mut self, names: &BTreeSet<&str>) {
        self.plain.retain(|name, _| names.contains(name.as_str()));
        self.carried.retain(|key| names.contains(key.as_str()));
        self.item_macros.retain(|name| names.contains(macro_key(name).as_str()));
    }

    /// Reports whether the calls of a macro are items.
    pub(super) fn has_item_macro(&self, name: &str) -> bool {
        self.item_macros.contains(name)
    }

    /// Reports whether the calls of a macro are known not to be items, although they begin as items.
    pub(super) fn is_statement_macro(&self, name: &str) -> bool {
        self.statement_macros.contains(plain(name))
    }

    /// Takes the calls of macros for statements from now on.
    pub(crate) fn add_statement_macros(&mut self, names: &BTreeSet<String>) {
        self.statement_macros.extend(names.iter().cloned());
    }

    /// Adds the items of a cell that has run.
    pub(crate) fn add(&mut self, new: &NewItems) {
        for key in &new.gone {
            self.plain.remove(key);
            self.carried.remove(key);
        }
        self.plain.extend(new.plain.clone());
        self.carried.extend(new.carried.iter().cloned());
        let redefined = new.redefined_with_implementations();
        self.with_type
            .extend(redefined.map(|(name, keys)| (name.clone(), keys.clone())));
        for (name, makes_items) in &new.macros {
            match makes_items {
                true => self.item_macros.insert(name.clone()),
                false => self.item_macros.remove(name),
            };
        }
    }
}

impl NewItems {
    /// Adds an item that has a name and needs no carrier, unless its name stands for something else. Returns the name of
    /// its carrier, if it has one.
    pub(super) fn add_plain(&mut self, known: &KnownItems, space: Namespace, name: &str) -> Option<String> {
        let key = key(space, name);
        let holder = self.plain.get(name).or_else(|| known.plain.get(name));
        let is_free = match holder.copied().flatten() {
            Some(holder) => holder == space,
            None => !known.carried.contains(&key),
        };
        let is_first = self.defined.insert((space, name.to_owned()));
        if is_first && is_free {
            self.plain.insert(name.to_owned(), Some(space));
            return None;
        }
        Some(self.add_carried(key))
    }

    /// Adds an item that has a name and is carried. Returns the name of its carrier.
    pub(super) fn add_named(&mut self, known: &KnownItems, space: Namespace, name: &str) -> String {
        if known.plain.get(name).copied().flatten() == Some(space) && !self.plain.contains_key(name) {
            self.gone.insert(name.to_owned());
        }
        self.defined.insert((space, name.to_owned()));
        self.add_carried(key(space, name))
    }

    /// Adds the macro of a name. The last macro of a name counts. Returns the name of its carrier.
    pub(super) fn add_macro(&mut self, name: &str, makes_items: bool) -> String {
        self.macros.insert(plain(name).to_owned(), makes_items);
        let key = macro_key(name);
        self.carried.insert(key.clone());
        key
    }

    /// Reports whether the calls of a macro are items.
    pub(super) fn is_item_macro(&self, known: &KnownItems, name: &str) -> bool {
        let name = plain(name);
        let new = self.macros.get(name).copied();
        new.unwrap_or_else(|| known.item_macros.contains(name))
    }

    /// Adds a macro whose call is taken for items by its arguments alone.
    pub(super) fn add_guess(&mut self, name: &str) {
        self.guesses.insert(plain(name).to_owned());
    }

    /// Returns the macros whose calls are taken for items by their arguments alone.
    pub(crate) fn guesses(&self) -> &BTreeSet<String> {
        &self.guesses
    }

    /// Adds an implementation for the type of a name. Returns the name of its carrier.
    pub(super) fn add_implementation(&mut self, key: String, type_name: Option<String>) -> String {
        let key = self.add_carried(key);
        if let Some(name) = type_name {
            self.implementations.entry(name).or_default().insert(key.clone());
        }
        key
    }

    /// Adds a name that an import brings in.
    pub(super) fn add_import(&mut self, name: String) {
        self.plain.insert(name, None);
    }

    /// Adds a carried item. An item that the cell defines twice has another carrier each time, so that rustc sees both.
    pub(super) fn add_carried(&mut self, key: String) -> String {
        let twins = (2..).map(|number| format!("{key}__{number}"));
        let mut keys = [key.clone()].into_iter().chain(twins);
        let free = keys.find(|key| !self.carried.contains(key)).unwrap_or(key);
        self.carried.insert(free.clone());
        free
    }

    /// Has evcxr forget items, and those that the cell no longer has: a cell that defines a type with implementations
    /// replaces the implementations that came with the type before.
    pub(super) fn forget(&mut self, known: &KnownItems, names: &BTreeSet<String>) {
        let redefined = self.redefined_with_implementations();
        let with_type = redefined.filter_map(|(name, _)| known.with_type.get(name)).flatten();
        let left = with_type.filter(|key| !self.carried.contains(*key) && known.carried.contains(*key));
        let gone: Vec<String> = left.chain(names).cloned().collect();
        self.gone.extend(gone);
    }

    /// Yields the types that the cell defines and has implementations for, and the carriers of these.
    fn redefined_with_implementations(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        let is_defined = |name: &String| self.defined.contains(&(Namespace::Type, name.clone()));
        self.implementations.iter().filter(move |(name, _)| is_defined(name))
    }

    /// Returns the names of the older items that evcxr is to forget.
    pub(super) fn gone(&self) -> &BTreeSet<String> {
        &self.gone
    }

    /// Reports whether the cell has no items.
    pub(super) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.carried.is_empty()
    }

    /// Returns the older ones of items that conflict with items of the cell, as far as the cell can do without them: an
    /// older type stays, although it derives what the cell implements.
    pub(crate) fn older(&self, conflicts: &[BTreeSet<String>]) -> BTreeSet<String> {
        let mut older = BTreeSet::new();
        for keys in conflicts.iter().filter(|keys| keys.iter().any(|key| self.replace(key))) {
            let is_on_impls = keys.iter().any(|key| has_impl(key));
            let is_given_up = |key: &&String| !self.replace(key) && (!is_on_impls || has_impl(key));
            older.extend(keys.iter().filter(is_given_up).cloned());
        }
        older
    }

    /// Reports whether the cell replaces the item that evcxr keeps by this name.
    pub(crate) fn replace(&self, key: &str) -> bool {
        self.plain.contains_key(key) || self.carried.contains(key) || self.gone.contains(key)
    }
}

/// Reports whether evcxr keeps an `impl`, or something that holds one, by a name.
fn has_impl(key: &str) -> bool {
    let kind = key.strip_prefix(RESERVED).unwrap_or_default();
    ["impl_", "member_", "whole_", "const_"]
        .iter()
        .any(|it| kind.starts_with(it))
}

/// Returns the name of the carrier of an item that has a name.
fn key(space: Namespace, name: &str) -> String {
    let space = match space {
        Namespace::Type => "type",
        Namespace::Value => "value",
    };
    format!("{RESERVED}{space}_{}", plain(name))
}

/// Returns the name of the carrier of a macro.
fn macro_key(name: &str) -> String {
    format!("{RESERVED}macro_{}", plain(name))
}

/// Returns a name without the mark `r#`.
fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}
