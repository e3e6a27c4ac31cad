//! Finds the notebook's items that a cell reaches, directly or through other items.
//!
//! evcxr compiles a cell with all items defined so far, and rustc checks each of them again. Once a set of items has
//! compiled, the wrapper leaves out those that a cell does not reach. Names are compared as words, in literals and
//! comments too, so an item is kept in case of doubt. If the cell does not compile, it is compiled with all items.

use crate::{
    evcxr_text::markers::USER_ERROR,
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

/// The length of the items from which on leaving some out saves more than it costs, in bytes.
const MANY: usize = 4_000;
/// Attributes that define no names, and by which an item has an effect only where it is named.
const PLAIN_ATTRIBUTES: [&str; 16] = [
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
/// Derives that write an `impl` of the trait of their name, and nothing else.
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
    /// Reports whether exactly these items compiled in the last whole cell of a session.
    pub(super) fn have_passed(&self, session: &Path) -> bool {
        files::PASSED_ITEMS.read(session).is_some_and(|passed| passed == *self)
    }

    /// Keeps that these items have compiled together.
    pub(super) fn remember(&self, session: &Path) -> io::Result<()> {
        files::PASSED_ITEMS.write(session, self)
    }
}

/// A notebook's items, so many that leaving some out saves time.
pub(super) struct ManyItems<'a> {
    text: &'a str,
    units: Vec<Unit>,
}

/// An item and how code reaches it.
#[derive(Debug)]
struct Unit {
    /// Where the item is, in bytes.
    range: Range<usize>,
    reached: Reached,
}

#[derive(Debug)]
enum Reached {
    /// By any code.
    Always,
    /// By code that has one of these words.
    ByName(HashSet<String>),
}

impl<'a> ManyItems<'a> {
    /// Reads items. Returns `None` if the text is short or does not parse, so that none can be left out.
    pub(super) fn of(text: &'a str) -> Option<ManyItems<'a>> {
        if text.len() < MANY {
            return None;
        }
        let file = syn::parse_file(text).ok()?;
        let local: HashSet<String> = file.items.iter().filter_map(name).collect();
        let unit = |item: &Item| Unit {
            range: item.span().byte_range(),
            reached: reached(item, &local),
        };
        let units: Vec<Unit> = file.items.iter().map(unit).collect();
        proc_macro2::extra::invalidate_current_thread_spans();
        Some(ManyItems { text, units })
    }

    /// Returns digests of the items, in no order, and of the crates. What evcxr generates for some cells only does not
    /// count. `with_files` is the text of the items with the files that they name, if they name any.
    pub(super) fn digests(&self, crates: &BTreeMap<String, String>, with_files: Option<&str>) -> PassedItems {
        let items = self.units.iter().map(|unit| &self.text[unit.range.clone()]);
        let items = items.filter(|text| !text.contains(USER_ERROR)).map(digest_of);
        let crates = format!("{crates:?}");
        let others = [Some(&*crates), with_files].into_iter().flatten().map(digest_of);
        PassedItems(items.chain(others).collect())
    }

    /// Returns the items without those that the rest of the source does not reach. No line moves.
    pub(super) fn reachable_from(&self, rest: &str) -> String {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut open: Vec<&str> = vec![rest];
        let mut kept = vec![false; self.units.len()];
        for (index, unit) in self.units.iter().enumerate() {
            match &unit.reached {
                Reached::Always => {
                    kept[index] = true;
                    open.push(&self.text[unit.range.clone()]);
                }
                Reached::ByName(names) => names
                    .iter()
                    .for_each(|name| by_name.entry(name).or_default().push(index)),
            }
        }
        while let Some(text) = open.pop() {
            for index in words(text).filter_map(|word| by_name.remove(word)).flatten() {
                if !std::mem::replace(&mut kept[index], true) {
                    open.push(&self.text[self.units[index].range.clone()]);
                }
            }
        }
        let mut text = String::with_capacity(self.text.len());
        let mut end = 0;
        let units = self.units.iter().zip(kept);
        for unit in units.filter(|(_, kept)| !kept).map(|(unit, _)| unit) {
            text += &self.text[end..unit.range.start];
            text.extend(self.text[unit.range.clone()].chars().filter(|it| *it == '\n'));
            end = unit.range.end;
        }
        text + &self.text[end..]
    }
}

fn digest_of(text: &str) -> String {
    digest::of(text, 16)
}

/// Returns the name by which code reaches an item, if the item is of a kind that has one.
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

/// Returns a name without the mark `r#`.
pub(super) fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

/// Reads how code reaches an item. `local` are the names of all items.
fn reached(item: &Item, local: &HashSet<String>) -> Reached {
    let (attributes, also): (&[Attribute], HashSet<String>) = match item {
        Item::Struct(it) => (&it.attrs, HashSet::new()),
        Item::Enum(it) => (&it.attrs, HashSet::new()),
        Item::Union(it) => (&it.attrs, HashSet::new()),
        Item::Fn(it) => (&it.attrs, HashSet::new()),
        Item::Static(it) => (&it.attrs, HashSet::new()),
        Item::Const(it) => (&it.attrs, HashSet::new()),
        Item::Macro(it) => (&it.attrs, HashSet::new()),
        // The name is a macro's or a crate's, since nothing else has so short a path.
        Item::Use(ItemUse {
            attrs,
            tree: UseTree::Name(it),
            ..
        }) => (attrs, HashSet::from([plain(&it.ident)])),
        // An `impl` for the alias is one for the type that the alias names.
        Item::Type(it) => (&it.attrs, local_names(it, local)),
        // A call of a method does not name the trait.
        Item::Trait(it) => (&it.attrs, it.items.iter().filter_map(member).collect()),
        Item::Impl(it) => (&it.attrs, local_names(&header(it), local)),
        _ => return Reached::Always,
    };
    let names: HashSet<String> = name(item).into_iter().chain(also).collect();
    if names.is_empty() || !attributes.iter().all(is_plain) {
        return Reached::Always;
    }
    Reached::ByName(names)
}

/// Returns the name of a trait's member.
fn member(item: &TraitItem) -> Option<String> {
    match item {
        TraitItem::Fn(it) => Some(it.sig.ident.to_string()),
        TraitItem::Const(it) => Some(it.ident.to_string()),
        TraitItem::Type(it) => Some(it.ident.to_string()),
        _ => None,
    }
}

/// Returns the tokens of an `impl` before its braces.
fn header(item: &ItemImpl) -> TokenStream {
    let ItemImpl { generics, self_ty, .. } = item;
    let path = item.trait_.as_ref().map(|(_, path, _)| path);
    quote!(#generics #path #self_ty)
}

/// Returns the words in tokens that are names of the notebook's items.
fn local_names(tokens: &impl ToTokens, local: &HashSet<String>) -> HashSet<String> {
    let text = tokens.to_token_stream().to_string();
    words(&text)
        .filter(|word| local.contains(*word))
        .map(str::to_owned)
        .collect()
}

/// Reports whether an item with this attribute has an effect only where it is named.
fn is_plain(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("derive") => {
            words(&list.tokens.to_string()).all(|it| PLAIN_DERIVES.contains(&it) || it == "serde")
        }
        meta => PLAIN_ATTRIBUTES.iter().any(|it| meta.path().is_ident(it)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Items that are long enough.
    fn filled(items: &str) -> String {
        format!("#![allow(dead_code)]\n{items}\n{}\n", "// …\n".repeat(MANY / 6))
    }

    #[test]
    fn items_that_a_cell_reaches_are_kept() {
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
            // A trait is reached by its members.
            ("trait T { fn go(&self) {} }", "1.go()", true),
            ("trait T { const C: u8; }", "u8::C", true),
            ("trait T { fn go(&self) {} }", "1.come()", false),
        ];
        for (item, cell, kept) in cases {
            let text = filled(item);
            let reachable = ManyItems::of(&text).unwrap().reachable_from(cell);
            assert_eq!(reachable.contains(item), kept, "{item} | {cell}");
            assert_eq!(reachable.lines().count(), text.lines().count(), "{item}");
        }
    }

    #[test]
    fn a_kept_item_keeps_what_it_names_and_what_is_implemented_for_it() {
        let text = filled(
            "struct A(B);\nstruct B;\nstruct C;\ntrait T { fn go(&self) {} }\nimpl T for A {}\nimpl T for C {}\n\
             type Alias = B;\nimpl std::fmt::Debug for Alias {}\nimpl Drop for C {}\nfn make() -> A { todo!() }\n\
             impl From<C> for String {}\nimpl<X> std::ops::Deref for m::Own<X> {}",
        );
        let items = ManyItems::of(&text).unwrap();
        let lines = |cell: &str| -> BTreeSet<usize> {
            let reachable = items.reachable_from(cell);
            let lines = reachable.lines().skip(1).take(12).enumerate();
            lines.filter(|(_, line)| !line.is_empty()).map(|(at, _)| at).collect()
        };
        for (cell, expected) in [
            // An `impl` for a type of an unknown name is kept always.
            ("1", vec![11]),
            ("B", vec![1, 6, 7, 11]),
            // A trait keeps all types that implement it.
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
        let generated = format!("fn g() {{}}\nfn f() {{}}\nstruct {USER_ERROR};{}", filled(""));
        let digests = |text: &str| ManyItems::of(text).unwrap().digests(&crates, None);
        assert!(!digests(&first).have_passed(session.path()));
        digests(&first).remember(session.path()).unwrap();
        assert!(digests(&first).have_passed(session.path()));
        assert!(!digests(&second).have_passed(session.path()));
        // Neither the order of the items matters nor the type that evcxr generates for a cell that can fail.
        assert!(digests(&generated.replace("#![allow(dead_code)]", "")).have_passed(session.path()));
        let with_files = ManyItems::of(&first).unwrap().digests(&crates, Some("mod a {}"));
        assert!(!with_files.have_passed(session.path()));
        let other = BTreeMap::from([("serde".to_owned(), "libserde.so@1".to_owned())]);
        assert!(
            !ManyItems::of(&first)
                .unwrap()
                .digests(&other, None)
                .have_passed(session.path())
        );
    }

    #[test]
    fn few_items_and_text_that_does_not_parse_stay() {
        assert!(ManyItems::of("fn f() {}").is_none());
        assert!(ManyItems::of(&filled("fn f( {")).is_none());
    }
}
