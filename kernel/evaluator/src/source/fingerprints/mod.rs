//! Which of a notebook's definitions a type depends on, and whether they are what they were.
//!
//! Each cell is compiled with all items defined so far. The wrapper reads them here, and computes for each variable the
//! [fingerprint](Definitions::fingerprint) of its type: a hash of everything that can decide what its bytes mean. Names are
//! resolved roughly, and where it is not clear what a name means, all that it can mean counts.

pub(crate) mod items;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;

use crate::{
    prebuilt::builtin,
    source::{
        fingerprint::{JOINING, JOINS_WITH},
        fingerprints::items::Definition,
    },
};
use proc_macro2::TokenStream;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

/// A path as it is written, in the module where it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mention {
    module: Vec<String>,
    path: Vec<String>,
}

/// All items of a cell's crate, and the crates that it links.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    definitions: Vec<Definition>,
    crates: BTreeMap<String, String>,
    /// What was found out, since most variables' types have much in common.
    resolved: RefCell<BTreeMap<Mention, Vec<usize>>>,
    fingerprints: RefCell<BTreeMap<String, String>>,
}

impl Definitions {
    /// The items of a source, and the crates by name, each with what identifies its build.
    pub(crate) fn new(source: &str, crates: BTreeMap<String, String>) -> Definitions {
        let tokens: TokenStream = source.parse().unwrap_or_default();
        let definitions = items::read(tokens);
        proc_macro2::extra::invalidate_current_thread_spans();
        Definitions {
            definitions,
            crates,
            ..Definitions::default()
        }
    }

    /// Lines `name=hash`, one for each definition that the type reaches.
    pub(crate) fn fingerprint(&self, type_name: &str) -> String {
        if let Some(known) = self.fingerprints.borrow().get(type_name) {
            return known.clone();
        }
        let tokens: TokenStream = type_name.parse().unwrap_or_default();
        let reached = self.reach(&tokens::mentions(&tokens), &[], &tokens, |_| true);
        let joining = self.joining(&reached, &tokens);
        proc_macro2::extra::invalidate_current_thread_spans();
        let mut lines: BTreeMap<String, String> = reached.crates.iter().map(|name| self.crate_line(name)).collect();
        let all = reached.is_erased();
        for (index, definition) in self.definitions.iter().enumerate() {
            if reached.definitions.contains(&index) {
                add(&mut lines, definition.line_name(), &definition.hash);
            } else if all && definition.is_type {
                // The value may be of any type that there was, and can be asked for it.
                add(&mut lines, format!("{JOINING}{}", definition.label()), &definition.hash);
            }
        }
        let lines = lines.into_iter().map(|(name, hash)| {
            let with = joining.get(&name).into_iter().flatten();
            let with: String = with.map(|hash| format!("{JOINS_WITH}{hash}")).collect();
            format!("{name}={hash}{with}\n")
        });
        let fingerprint: String = lines.collect();
        self.fingerprints
            .borrow_mut()
            .insert(type_name.to_owned(), fingerprint.clone());
        fingerprint
    }

    /// The lines of what is reached by way of `impl`s alone, each with the hashes of those that lead there.
    fn joining<'a>(&'a self, reached: &Reached, type_name: &TokenStream) -> BTreeMap<String, BTreeSet<&'a str>> {
        if !reached.definitions.iter().any(|index| self.definitions[*index].joins) {
            return BTreeMap::new();
        }
        let direct = self.reach(&tokens::mentions(type_name), &[], type_name, |index| {
            !self.definitions[index].joins
        });
        let mut joining = BTreeMap::<String, BTreeSet<&str>>::new();
        for index in &reached.definitions {
            let residue = &self.definitions[*index];
            if !residue.joins {
                continue;
            }
            let behind = self.reach(&residue.mentions, &residue.module, &residue.tokens, |index| {
                !self.definitions[index].joins && !direct.definitions.contains(&index)
            });
            let definitions = behind.definitions.difference(&direct.definitions);
            let crates = behind.crates.difference(&direct.crates);
            let names = definitions
                .map(|index| self.definitions[*index].line_name())
                .chain(crates.map(|name| self.crate_line(name).0));
            for name in names {
                joining.entry(name).or_default().insert(&residue.hash);
            }
        }
        joining
    }

    /// What is reached from paths in a module. It goes on from the definitions that `leads_on` picks.
    fn reach(
        &self,
        paths: &[Vec<String>],
        module: &[String],
        tokens: &TokenStream,
        leads_on: impl Fn(usize) -> bool,
    ) -> Reached {
        let mut reached = Reached::default();
        reached.add(paths, module, tokens);
        while let Some(mention) = reached.open.pop() {
            if reached.seen.insert(mention.clone()) {
                self.follow(&mention, &mut reached, &leads_on);
            }
        }
        reached
    }

    fn crate_line(&self, name: &str) -> (String, String) {
        (
            format!("crate {name}"),
            self.crates.get(name).cloned().unwrap_or_default(),
        )
    }

    fn follow(&self, mention: &Mention, reached: &mut Reached, leads_on: &impl Fn(usize) -> bool) {
        let Some(first) = mention.path.first() else { return };
        if tokens::is_of_standard_library(first) {
            return;
        }
        let is_crate = self.crates.contains_key(first);
        if is_crate && !builtin::has_constant_types(first) {
            reached.crates.insert(first.clone());
        }
        if is_crate && self.definitions.iter().all(|it| it.name != *first) {
            return;
        }
        for index in self.meaning(mention) {
            if reached.definitions.insert(index) && leads_on(index) {
                let definition = &self.definitions[index];
                reached.add(&definition.mentions, &definition.module, &definition.tokens);
            }
        }
    }

    /// The definitions that a path can mean.
    fn meaning(&self, mention: &Mention) -> Vec<usize> {
        if let Some(known) = self.resolved.borrow().get(mention) {
            return known.clone();
        }
        let mut found = self.resolve(mention);
        if found.is_empty() && mention.path.iter().any(|name| tokens::may_be_a_type(name)) {
            found = self.anywhere(mention);
        }
        self.resolved.borrow_mut().insert(mention.clone(), found.clone());
        found
    }

    /// What a path can mean where it is told: the longest end of it that names something, or else whatever one of its
    /// parts names.
    fn resolve(&self, Mention { module, path }: &Mention) -> Vec<usize> {
        for length in (2..=path.len()).rev() {
            let found = self.indices(|it| it.path().ends_with(&path[..length]));
            if !found.is_empty() {
                return found;
            }
        }
        let mut found: Vec<usize> = path.iter().flat_map(|name| self.resolve_name(module, name)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn resolve_name(&self, module: &[String], name: &str) -> Vec<usize> {
        let also = self.indices(|it| it.also.contains(name));
        let mut found = self.indices(|it| it.name == name && it.module == module);
        if found.is_empty() {
            found = self.indices(|it| it.name == name);
        }
        found.extend(also);
        found
    }

    /// What may bring a name in without naming it: globs and macros, where it is written, around that, and in modules that
    /// it goes through or that are opened to others.
    fn anywhere(&self, Mention { module, path }: &Mention) -> Vec<usize> {
        let is_opened = |name: &String| self.definitions.iter().any(|it| it.opens.contains(name));
        self.indices(|it| {
            let is_around = module.starts_with(&it.module);
            it.brings_names
                && (is_around
                    || it
                        .module
                        .last()
                        .is_some_and(|name| path.contains(name) || is_opened(name)))
        })
    }

    fn indices(&self, matches: impl Fn(&Definition) -> bool) -> Vec<usize> {
        let all = self.definitions.iter().enumerate();
        all.filter(|(_, definition)| matches(definition))
            .map(|(index, _)| index)
            .collect()
    }
}

/// Several items of one name are one line.
fn add(lines: &mut BTreeMap<String, String>, name: String, hash: &str) {
    let line = lines.entry(name).or_default();
    let mut hashes: Vec<&str> = line.split('+').chain([hash]).filter(|hash| !hash.is_empty()).collect();
    hashes.sort_unstable();
    *line = hashes.join("+");
}

/// What a type reaches.
#[derive(Debug, Default)]
struct Reached {
    open: Vec<Mention>,
    seen: BTreeSet<Mention>,
    definitions: BTreeSet<usize>,
    crates: BTreeSet<String>,
    /// Every name in what was reached.
    names: BTreeSet<String>,
}

impl Reached {
    fn add(&mut self, paths: &[Vec<String>], module: &[String], tokens: &TokenStream) {
        self.names.extend(tokens::names(tokens));
        self.open.extend(paths.iter().map(|path| Mention {
            module: module.to_vec(),
            path: path.clone(),
        }));
    }

    /// Whether a value's own type is forgotten but can be asked for: `dyn Any`, `dyn Error` and what is like them.
    fn is_erased(&self) -> bool {
        let has = |name: &str| self.names.contains(name);
        has("dyn") && (has("Any") || has("Error")) || self.crates.contains("anyhow") || self.crates.contains("eyre")
    }
}
