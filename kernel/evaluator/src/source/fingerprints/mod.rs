//! Finds the definitions of a notebook that a type depends on, so that a change of one is noticed.
//!
//! A cell is compiled with all items defined so far. The rustc wrapper reads these items, and computes the
//! [fingerprint](Definitions::fingerprint) of each variable's type: a hash of every definition that can decide what the
//! bytes of the variable mean. Names are resolved roughly. If a name can mean several definitions, all of them count.
//!
//! A value in memory and the same value in encoded form depend on different definitions, see [`Form`].

mod encoding;
mod items;
pub(crate) mod signatures;
#[cfg(test)]
mod tests;
mod tokens;

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

/// The form of a value whose type has a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// In memory. Definitions of types decide what the bytes mean.
    Memory,
    /// Encoded by serde. The code of hand-written implementations of serde's traits counts as well.
    Encoded,
}

/// The names that a path can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    /// The path stands in a type of a value in memory.
    Memory,
    /// The path stands in a type of an encoded value, to which implementations of serde's traits belong.
    Encoded,
    /// The path stands in code that encodes or decodes, and may name functions.
    Code,
}

/// A path as the source has it, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mention {
    /// The module in which the path stands; any, if it is not known.
    module: Option<Vec<String>>,
    path: Vec<String>,
    reading: Reading,
}

/// A type, its module if that is known, and the form of its values.
type FingerprintKey = (String, Option<Vec<String>>, Form);

/// All items of a cell's crate, and the crates that it links.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    definitions: Vec<Definition>,
    crates: BTreeMap<String, String>,
    /// The definitions that paths were found to mean. The types of variables have most paths in common.
    resolved: RefCell<BTreeMap<Mention, Vec<usize>>>,
    /// The fingerprints computed so far.
    fingerprints: RefCell<BTreeMap<FingerprintKey, String>>,
}

impl Definitions {
    /// Reads the items of a source. `crates` are the crates that it links, each with what identifies its build.
    pub(crate) fn new(source: &str, crates: BTreeMap<String, String>) -> Definitions {
        let tokens: TokenStream = source.parse().unwrap_or_default();
        let definitions = items::read(tokens, encoding::has_own_code(source));
        proc_macro2::extra::invalidate_current_thread_spans();
        Definitions {
            definitions,
            crates,
            ..Definitions::default()
        }
    }

    /// Computes the fingerprint of a variable's type: lines `name=hash`, one for each definition that the type reaches.
    pub(crate) fn fingerprint(&self, type_name: &str) -> String {
        self.lines(type_name, Some(&[]), Form::Memory)
    }

    /// Computes the fingerprint of all that a text in a module names, such as a type.
    pub(crate) fn fingerprint_in(&self, module: &[String], text: &str) -> String {
        self.lines(text, Some(module), Form::Memory)
    }

    /// Computes the fingerprint of a type that is named in some module, for values of a form.
    pub(crate) fn fingerprint_anywhere(&self, type_name: &str, form: Form) -> String {
        self.lines(type_name, None, form)
    }

    /// Returns the paths of all types, such as `module::P`.
    fn types(&self) -> impl Iterator<Item = String> {
        self.definitions.iter().filter(|it| it.is_type).map(Definition::label)
    }

    fn lines(&self, type_name: &str, module: Option<&[String]>, form: Form) -> String {
        let key = (type_name.to_owned(), module.map(<[String]>::to_vec), form);
        if let Some(known) = self.fingerprints.borrow().get(&key) {
            return known.clone();
        }
        let tokens: TokenStream = type_name.parse().unwrap_or_default();
        let fingerprint = self.lines_of_tokens(&tokens, module, form);
        proc_macro2::extra::invalidate_current_thread_spans();
        self.fingerprints.borrow_mut().insert(key, fingerprint.clone());
        fingerprint
    }

    fn lines_of_tokens(&self, tokens: &TokenStream, module: Option<&[String]>, form: Form) -> String {
        let mut reading = match form {
            Form::Memory => Reading::Memory,
            Form::Encoded => Reading::Encoded,
        };
        let start = |reading| Start {
            paths: tokens::mentions(tokens),
            module: module.map(<[String]>::to_vec),
            tokens: tokens.clone(),
            reading,
        };
        let mut reached = self.reach(&start(reading), |_| true);
        if reading == Reading::Memory && encoding::decodes_later(&reached.names) {
            reading = Reading::Encoded;
            reached = self.reach(&start(reading), |_| true);
        }
        let joining = self.joining(&reached, &start(reading));
        let mut lines: BTreeMap<String, String> = reached.crates.iter().map(|name| self.crate_line(name)).collect();
        let reaches_all_types = reached.is_erased();
        for (index, definition) in self.definitions.iter().enumerate() {
            if reached.definitions.contains(&index) {
                add(&mut lines, definition.line_name(), &definition.hash);
                if reading == Reading::Encoded && !definition.derives.is_empty() {
                    let name = format!("derive of {}", definition.label());
                    add(&mut lines, name, &definition.derives);
                }
            } else if reaches_all_types && definition.is_type {
                // The value may be of any type that existed when it was stored, and code can ask for that type.
                add(&mut lines, format!("{JOINING}{}", definition.label()), &definition.hash);
            }
        }
        let lines = lines.into_iter().map(|(name, hash)| {
            let with = joining.get(&name).into_iter().flatten();
            let with: String = with.map(|hash| format!("{JOINS_WITH}{hash}")).collect();
            format!("{name}={hash}{with}\n")
        });
        lines.collect()
    }

    /// Finds the definitions that are reached through `impl`s alone, by the name of their line, each with the hashes of
    /// the `impl`s that lead there.
    fn joining<'a>(&'a self, reached: &Reached, start: &Start) -> BTreeMap<String, BTreeSet<&'a str>> {
        if !reached.definitions.iter().any(|index| self.definitions[*index].joins) {
            return BTreeMap::new();
        }
        let direct = self.reach(start, |index| !self.definitions[index].joins);
        let mut joining = BTreeMap::<String, BTreeSet<&str>>::new();
        for index in &reached.definitions {
            let implementation = &self.definitions[*index];
            if !implementation.joins {
                continue;
            }
            let header = Start {
                paths: implementation.mentions.clone(),
                module: Some(implementation.module.clone()),
                tokens: implementation.tokens.clone(),
                reading: start.reading,
            };
            let behind = self.reach(&header, |index| {
                !self.definitions[index].joins && !direct.definitions.contains(&index)
            });
            let definitions = behind.definitions.difference(&direct.definitions);
            let crates = behind.crates.difference(&direct.crates);
            let names = definitions
                .map(|index| self.definitions[*index].line_name())
                .chain(crates.map(|name| self.crate_line(name).0));
            for name in names {
                joining.entry(name).or_default().insert(&implementation.hash);
            }
        }
        joining
    }

    /// Finds what the paths of a type reach. The search goes on from the definitions for which `leads_on` is true.
    fn reach(&self, start: &Start, leads_on: impl Fn(usize) -> bool) -> Reached {
        let mut reached = Reached::default();
        reached.names.extend(tokens::names(&start.tokens));
        reached.add(&start.paths, start.module.as_deref(), start.reading);
        while let Some(mention) = reached.open.pop() {
            if reached.seen.insert(mention.clone()) {
                self.follow(&mention, &mut reached, &leads_on);
            }
        }
        reached
    }

    /// Returns the line of a crate in a fingerprint: its name, and what identifies its build.
    fn crate_line(&self, name: &str) -> (String, String) {
        (
            format!("crate {name}"),
            self.crates.get(name).cloned().unwrap_or_default(),
        )
    }

    /// Adds the crate and the definitions that a path can mean.
    fn follow(&self, mention: &Mention, reached: &mut Reached, leads_on: &impl Fn(usize) -> bool) {
        let Some(first) = mention.path.first() else { return };
        if tokens::is_of_standard_library(first) {
            return;
        }
        let is_crate = self.crates.contains_key(first);
        // The types of such a crate are the same in every build.
        if is_crate && !builtin::has_constant_types(first) {
            reached.crates.insert(first.clone());
        }
        if is_crate && self.definitions.iter().all(|it| it.name != *first) {
            return;
        }
        for index in self.meaning(mention) {
            if reached.definitions.insert(index) && leads_on(index) {
                reached.follow(&self.definitions[index], mention.reading);
            }
        }
    }

    /// Returns the definitions that a path can mean, looked up once.
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

    /// Finds the definitions that a path names: by the longest end of the path that names one, or else by each of its
    /// parts.
    fn resolve(&self, mention: &Mention) -> Vec<usize> {
        let Mention { module, path, reading } = mention;
        for length in (2..=path.len()).rev() {
            let found = self.indices(*reading, |it| it.path().ends_with(&path[..length]));
            if !found.is_empty() {
                return found;
            }
        }
        let names = path.iter();
        let mut found: Vec<usize> = names
            .flat_map(|name| self.resolve_name(module.as_deref(), name, *reading))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Finds the definitions that a single name can mean: those of the same module, or else of any module.
    fn resolve_name(&self, module: Option<&[String]>, name: &str, reading: Reading) -> Vec<usize> {
        let also = self.indices(reading, |it| it.also.contains(name));
        let mut found = self.indices(reading, |it| it.name == name && module == Some(&it.module[..]));
        if found.is_empty() {
            found = self.indices(reading, |it| it.name == name);
        }
        found.extend(also);
        found
    }

    /// Finds the globs and macros that may define a name without having it in their text. They stand in the module of
    /// the path, around that module, in a module that the path goes through, or in one that an import opens to others.
    fn anywhere(&self, mention: &Mention) -> Vec<usize> {
        let Mention { module, path, reading } = mention;
        let is_opened = |name: &String| self.definitions.iter().any(|it| it.opens.contains(name));
        self.indices(*reading, |it| {
            let is_around = module.as_ref().is_none_or(|module| module.starts_with(&it.module));
            it.brings_names
                && (is_around
                    || it
                        .module
                        .last()
                        .is_some_and(|name| path.contains(name) || is_opened(name)))
        })
    }

    fn indices(&self, reading: Reading, matches: impl Fn(&Definition) -> bool) -> Vec<usize> {
        let all = self.definitions.iter().enumerate();
        all.filter(|(_, definition)| definition.counts_for.is_none_or(|least| reading >= least) && matches(definition))
            .map(|(index, _)| index)
            .collect()
    }
}

/// Adds a hash to the line of a name. Several items of one name share a line.
fn add(lines: &mut BTreeMap<String, String>, name: String, hash: &str) {
    let line = lines.entry(name).or_default();
    let mut hashes: Vec<&str> = line.split('+').chain([hash]).filter(|hash| !hash.is_empty()).collect();
    hashes.sort_unstable();
    *line = hashes.join("+");
}

/// A type or another item at which a search begins.
struct Start {
    paths: Vec<Vec<String>>,
    module: Option<Vec<String>>,
    tokens: TokenStream,
    reading: Reading,
}

/// The definitions and crates that a type reaches.
#[derive(Debug, Default)]
struct Reached {
    /// Paths that are still to be followed.
    open: Vec<Mention>,
    seen: BTreeSet<Mention>,
    definitions: BTreeSet<usize>,
    crates: BTreeSet<String>,
    /// Every name in the definitions that were reached.
    names: BTreeSet<String>,
}

impl Reached {
    fn add(&mut self, paths: &[Vec<String>], module: Option<&[String]>, reading: Reading) {
        self.open.extend(paths.iter().map(|path| Mention {
            module: module.map(<[String]>::to_vec),
            path: path.clone(),
            reading,
        }));
    }

    /// Adds the paths in a definition that was reached from a path.
    fn follow(&mut self, definition: &Definition, from: Reading) {
        self.names.extend(tokens::names(&definition.tokens));
        let module = Some(&definition.module[..]);
        match definition.counts_for {
            Some(_) => self.add(&definition.mentions, module, Reading::Code),
            None => self.add(&definition.mentions, module, from.min(Reading::Encoded)),
        }
        if from >= Reading::Encoded {
            self.add(&definition.encoding_mentions, module, Reading::Code);
        }
    }

    /// Reports whether code can ask a value for a type that the variable's type does not name: `dyn Any`, `dyn Error`
    /// and the like.
    fn is_erased(&self) -> bool {
        let has = |name: &str| self.names.contains(name);
        has("dyn") && (has("Any") || has("Error")) || self.crates.contains("anyhow") || self.crates.contains("eyre")
    }
}
