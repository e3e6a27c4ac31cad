//! What of a notebook's items a cell needs.
//!
//! A cell is compiled with all items defined so far, and rustc checks each of them again. Once they have passed together,
//! those that the cell does not reach are left out. Names are compared as words, wherever they stand, so that rather too
//! much is kept; and what does not compile without the others is compiled with them.

use crate::{
    session::{
        digest,
        files::{self, PassedItems},
    },
    source::syntax::words,
};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    ops::Range,
    path::Path,
};
use syn::{Attribute, Ident, Item, ItemImpl, ItemUse, Meta, TraitItem, UseTree, spanned::Spanned};

/// Bytes of items from which on it pays to leave some out.
const MANY: usize = 4_000;
/// What evcxr puts before a cell, and not before all.
const GENERATED: &str = "EvcxrUserCodeError";
/// Attributes that bring no names and let nothing be reached that is not named.
const PLAIN: [&str; 16] = [
    "allow",
    "automatically_derived",
    "cold",
    "cfg",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "non_exhaustive",
    "repr",
    "serde",
    "track_caller",
    "warn",
];
/// Derives that make an `impl` of their name, and nothing else.
const PLAIN_DERIVES: [&str; 11] = [
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Deserialize",
    "Eq",
    "Hash",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Serialize",
];

impl PassedItems {
    pub(super) fn have_passed(&self, session: &Path) -> bool {
        files::PASSED_ITEMS.read(session).is_some_and(|passed| passed == *self)
    }

    pub(super) fn pass(&self, session: &Path) -> io::Result<()> {
        files::PASSED_ITEMS.write(session, self)
    }
}

/// The items before a cell, if they are many.
pub(super) struct Items<'a> {
    text: &'a str,
    units: Vec<Unit>,
}

/// An item, and when it is needed.
#[derive(Debug)]
struct Unit {
    at: Range<usize>,
    reached: Reached,
}

#[derive(Debug)]
enum Reached {
    Always,
    /// With one of its names.
    By(HashSet<String>),
}

impl<'a> Items<'a> {
    pub(super) fn many(text: &'a str) -> Option<Items<'a>> {
        if text.len() < MANY {
            return None;
        }
        let file = syn::parse_file(text).ok()?;
        let local: HashSet<String> = file.items.iter().filter_map(name).collect();
        let unit = |item: &Item| Unit {
            at: item.span().byte_range(),
            reached: reached(item, &local),
        };
        let units: Vec<Unit> = file.items.iter().map(unit).collect();
        proc_macro2::extra::invalidate_current_thread_spans();
        Some(Items { text, units })
    }

    pub(super) fn together(&self, crates: &BTreeMap<String, String>) -> PassedItems {
        let items = self.units.iter().map(|unit| &self.text[unit.at.clone()]);
        let items = items.filter(|text| !text.contains(GENERATED)).map(hash);
        PassedItems(items.chain([hash(&format!("{crates:?}"))]).collect())
    }

    /// The items without those that the rest of the source does not reach; no line moves.
    pub(super) fn needed(&self, rest: &str) -> String {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut open: Vec<&str> = vec![rest];
        let mut kept = vec![false; self.units.len()];
        for (index, unit) in self.units.iter().enumerate() {
            match &unit.reached {
                Reached::Always => {
                    kept[index] = true;
                    open.push(&self.text[unit.at.clone()]);
                }
                Reached::By(names) => names
                    .iter()
                    .for_each(|name| by_name.entry(name).or_default().push(index)),
            }
        }
        while let Some(text) = open.pop() {
            for index in words(text).filter_map(|word| by_name.remove(word)).flatten() {
                if !std::mem::replace(&mut kept[index], true) {
                    open.push(&self.text[self.units[index].at.clone()]);
                }
            }
        }
        let mut text = String::with_capacity(self.text.len());
        let mut end = 0;
        for unit in self
            .units
            .iter()
            .zip(kept)
            .filter(|(_, kept)| !kept)
            .map(|(unit, _)| unit)
        {
            text += &self.text[end..unit.at.start];
            text.extend(self.text[unit.at.clone()].chars().filter(|it| *it == '\n'));
            end = unit.at.end;
        }
        text + &self.text[end..]
    }
}

fn hash(text: &str) -> String {
    digest::of(text, 16)
}

/// The name of an item that is not kept but for its name.
pub(super) fn name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Struct(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Union(it) => &it.ident,
        Item::Type(it) => &it.ident,
        Item::Fn(it) => &it.sig.ident,
        Item::Static(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::Const(it) if it.ident != "_" => &it.ident,
        Item::Macro(it) => it.ident.as_ref()?,
        _ => return None,
    };
    Some(plain(name))
}

/// A name without the mark of one that is a keyword otherwise.
pub(super) fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

fn reached(item: &Item, local: &HashSet<String>) -> Reached {
    let (attributes, also): (&[Attribute], HashSet<String>) = match item {
        Item::Struct(it) => (&it.attrs, HashSet::new()),
        Item::Enum(it) => (&it.attrs, HashSet::new()),
        Item::Union(it) => (&it.attrs, HashSet::new()),
        Item::Fn(it) => (&it.attrs, HashSet::new()),
        Item::Static(it) => (&it.attrs, HashSet::new()),
        Item::Const(it) => (&it.attrs, HashSet::new()),
        Item::Macro(it) => (&it.attrs, HashSet::new()),
        // A macro's or a crate's, since nothing else has so short a path.
        Item::Use(ItemUse {
            attrs,
            tree: UseTree::Name(it),
            ..
        }) => (attrs, HashSet::from([plain(&it.ident)])),
        // An `impl` for the alias is one for what it stands for.
        Item::Type(it) => (&it.attrs, named(it, local)),
        // Its methods are called without its name.
        Item::Trait(it) => (&it.attrs, it.items.iter().filter_map(member).collect()),
        Item::Impl(it) => (&it.attrs, named(&header(it), local)),
        _ => return Reached::Always,
    };
    let names: HashSet<String> = name(item).into_iter().chain(also).collect();
    if names.is_empty() || !attributes.iter().all(is_plain) {
        return Reached::Always;
    }
    Reached::By(names)
}

fn member(item: &TraitItem) -> Option<String> {
    match item {
        TraitItem::Fn(it) => Some(it.sig.ident.to_string()),
        TraitItem::Const(it) => Some(it.ident.to_string()),
        TraitItem::Type(it) => Some(it.ident.to_string()),
        _ => None,
    }
}

fn header(item: &ItemImpl) -> TokenStream {
    let ItemImpl { generics, self_ty, .. } = item;
    let path = item.trait_.as_ref().map(|(_, path, _)| path);
    quote!(#generics #path #self_ty)
}

fn named(tokens: &impl ToTokens, local: &HashSet<String>) -> HashSet<String> {
    let text = tokens.to_token_stream().to_string();
    words(&text)
        .filter(|word| local.contains(*word))
        .map(str::to_owned)
        .collect()
}

fn is_plain(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("derive") => {
            words(&list.tokens.to_string()).all(|it| PLAIN_DERIVES.contains(&it) || it == "serde")
        }
        meta => PLAIN.iter().any(|it| meta.path().is_ident(it)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Enough to be many.
    fn filled(items: &str) -> String {
        format!("#![allow(dead_code)]\n{items}\n{}\n", "// …\n".repeat(MANY / 6))
    }

    #[test]
    fn what_a_cell_reaches_is_kept() {
        let cases = [
            ("fn f() {}", "1 + 1", false),
            ("fn f() {}", "f()", true),
            ("fn r#fn() {}", "r#fn()", true),
            ("const N: u8 = 1;", r#"println!("{N}")"#, true),
            ("static N: u8 = 1;", "1", false),
            ("#[unsafe(no_mangle)]\nextern \"C\" fn f() {}", "1", true),
            ("#[derive(Clone, Debug)] struct S;", "1", false),
            ("#[derive(Builder)] struct S;", "SBuilder", true),
            ("use std::fmt;", "1", true),
            ("use m;", "1", false),
            ("use m;", "m!()", true),
            ("mod m { pub fn f() {} }", "1", true),
            ("thread_local! { static T: u8 = 1; }", "1", true),
            ("macro_rules! m { () => {} }", "1", false),
            ("macro_rules! m { () => {} }", "m!()", true),
            // Of a trait, by what it brings.
            ("trait T { fn go(&self) {} }", "1.go()", true),
            ("trait T { const C: u8; }", "u8::C", true),
            ("trait T { fn go(&self) {} }", "1.come()", false),
        ];
        for (item, cell, kept) in cases {
            let text = filled(item);
            let needed = Items::many(&text).unwrap().needed(cell);
            assert_eq!(needed.contains(item), kept, "{item} | {cell}");
            assert_eq!(needed.lines().count(), text.lines().count(), "{item}");
        }
    }

    #[test]
    fn what_is_kept_keeps_what_it_names_and_what_is_implemented_for_it() {
        let text = filled(
            "struct A(B);\nstruct B;\nstruct C;\ntrait T { fn go(&self) {} }\nimpl T for A {}\nimpl T for C {}\n\
             type Alias = B;\nimpl std::fmt::Debug for Alias {}\nimpl Drop for C {}\nfn make() -> A { todo!() }\n\
             impl From<C> for String {}\nimpl<X> std::ops::Deref for m::Own<X> {}",
        );
        let items = Items::many(&text).unwrap();
        let lines = |cell: &str| -> BTreeSet<usize> {
            let needed = items.needed(cell);
            let lines = needed.lines().skip(1).take(12).enumerate();
            lines.filter(|(_, line)| !line.is_empty()).map(|(at, _)| at).collect()
        };
        for (cell, expected) in [
            // What is for types of unknown names is there always.
            ("1", vec![11]),
            ("B", vec![1, 6, 7, 11]),
            // A trait brings all that have it.
            ("C", vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]),
            ("make()", vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ] {
            assert_eq!(lines(cell), expected.into_iter().collect(), "{cell}");
        }
    }

    #[test]
    fn items_have_passed_together_as_they_are() {
        let session = tempfile::tempdir().unwrap();
        let crates = BTreeMap::new();
        let (first, second) = (filled("fn f() {}\nfn g() {}"), filled("fn f() {}"));
        let generated = format!("fn g() {{}}\nfn f() {{}}\nstruct {GENERATED};{}", filled(""));
        let together = |text: &str| Items::many(text).unwrap().together(&crates);
        assert!(!together(&first).have_passed(session.path()));
        together(&first).pass(session.path()).unwrap();
        assert!(together(&first).have_passed(session.path()));
        assert!(!together(&second).have_passed(session.path()));
        // In whatever order evcxr puts them, and whether the cell can fail.
        assert!(together(&generated.replace("#![allow(dead_code)]", "")).have_passed(session.path()));
        let other = BTreeMap::from([("serde".to_owned(), "libserde.so@1".to_owned())]);
        assert!(
            !Items::many(&first)
                .unwrap()
                .together(&other)
                .have_passed(session.path())
        );
    }

    #[test]
    fn few_items_and_what_is_no_source_stay() {
        assert!(Items::many("fn f() {}").is_none());
        assert!(Items::many(&filled("fn f( {")).is_none());
    }
}
