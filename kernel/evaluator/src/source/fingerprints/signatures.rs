//! Fills in the fingerprints of types in the signatures of tesserae and of stored values; see `mosaic_abi::Signature`.
//!
//! A fingerprint in a signature is short and of constant length, so that no token of a cell moves. It is the digest of
//! the fingerprint that the type had when it last [changed]. So a definition that merely joins the others keeps the
//! digest.

use crate::{
    prebuilt::builtin,
    session::digest,
    source::{
        fingerprint::changed,
        fingerprints::{Definitions, Form},
    },
};
use mosaic_abi::{OTHER_CRATES, TYPE_FINGERPRINTS};
use mosaic_expand::{OBJECT_FINGERPRINT, VALUE_FINGERPRINT};
use proc_macro2::Literal;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// The length of a digest, in bytes. Its text is twice as long: as long as a placeholder.
const DIGEST: usize = 8;

/// The types in the signatures that the session has compiled so far, by the form of their values and their name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignatureTypes(BTreeMap<String, SignatureType>);

/// A type as it was last compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SignatureType {
    fingerprint: String,
    digest: String,
}

/// Reports whether a source has signatures without fingerprints.
pub(crate) fn has_placeholders(source: &str) -> bool {
    source.contains(VALUE_FINGERPRINT) || source.contains(OBJECT_FINGERPRINT)
}

impl SignatureTypes {
    /// Replaces the placeholders in a source by fingerprints of the same length.
    pub(crate) fn fill_in(&mut self, source: &str, definitions: &Definitions) -> String {
        let mut filled = String::with_capacity(source.len());
        let mut rest = source;
        while let Some((at, form)) = next_placeholder(rest) {
            let (before, after) = rest.split_at(at);
            filled.push_str(before);
            match type_name(before) {
                Some(name) => filled.push_str(&self.digest(&name, form, source, definitions)),
                // Text of the user's.
                None => filled.push_str(&after[..2 * DIGEST]),
            }
            rest = &after[2 * DIGEST..];
        }
        filled.push_str(rest);
        filled
    }

    /// Returns the item of a cell's library in which the host looks up the types of stored values, on one line; see
    /// [`TYPE_FINGERPRINTS`]. `crate_name` is that of the cell's crate.
    pub(crate) fn table(&mut self, crate_name: &str, source: &str, definitions: &Definitions) -> String {
        let mut table = String::new();
        let types: BTreeSet<String> = definitions.types().collect();
        for path in types {
            let digest = self.changed(
                &path,
                Form::Encoded,
                definitions.fingerprint_anywhere(&path, Form::Encoded),
            );
            let _ = writeln!(table, "{crate_name}::{path}={digest}");
        }
        let _ = writeln!(table, "{crate_name}={}", digest::of(source, DIGEST));
        let mut all = String::new();
        for (name, build) in &definitions.crates {
            let line = format!("{name}={}\n", digest::of(build, DIGEST));
            all += &line;
            if !builtin::has_constant_types(name) {
                table += &line;
            }
        }
        let _ = writeln!(table, "{OTHER_CRATES}={}", digest::of(all, DIGEST));
        format!(
            "#[unsafe(export_name = {TYPE_FINGERPRINTS:?})] pub static MOSAIC_TYPE_FINGERPRINTS: \
             ::mosaic::__private::Slice = ::mosaic::__private::Slice::new({});",
            Literal::byte_string(table.as_bytes())
        )
    }

    /// Returns the digest of a type's definitions.
    fn digest(&mut self, name: &str, form: Form, source: &str, definitions: &Definitions) -> String {
        let mut fingerprint = definitions.fingerprint_anywhere(name, form);
        if fingerprint.is_empty() && form == Form::Memory {
            // The tessera's type is defined where items are not read, such as in a function: it is another one in each
            // cell.
            let _ = writeln!(fingerprint, "{name}={}", digest::of(source, DIGEST));
        }
        self.changed(name, form, fingerprint)
    }

    /// Returns the digest of a type with this fingerprint: the digest that it had, unless its definitions changed.
    fn changed(&mut self, name: &str, form: Form, fingerprint: String) -> String {
        let key = format!("{form:?} {name}");
        let known = self.0.get(&key);
        let digest = match known.filter(|known| changed(&known.fingerprint, &fingerprint).is_empty()) {
            Some(known) => known.digest.clone(),
            None => digest::of(&fingerprint, DIGEST),
        };
        let compiled = SignatureType {
            fingerprint,
            digest: digest.clone(),
        };
        self.0.insert(key, compiled);
        digest
    }
}

/// Reports whether a source may store a value in the warehouse, or find one there.
pub(crate) fn may_store(source: &str) -> bool {
    let has_word = |word: &str| {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        source.match_indices(word).any(|(at, _)| {
            let (before, after) = (&source[..at], &source[at + word.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        })
    };
    source.contains("mosaic") && ["put", "parameter", "Stored"].into_iter().any(has_word)
}

/// Finds the first placeholder in a text.
fn next_placeholder(text: &str) -> Option<(usize, Form)> {
    let find = |placeholder: &str, form| text.find(placeholder).map(|at| (at, form));
    let found = [
        find(VALUE_FINGERPRINT, Form::Encoded),
        find(OBJECT_FINGERPRINT, Form::Memory),
    ];
    found.into_iter().flatten().min_by_key(|(at, _)| *at)
}

/// Returns the type before a placeholder. It stands between two `@` in a string or a byte string, where it may be escaped.
fn type_name(before: &str) -> Option<String> {
    let before = before.strip_suffix('@')?;
    let escaped = &before[before.rfind('@')? + 1..];
    if let Ok(literal) = syn::parse_str::<syn::LitStr>(&format!("\"{escaped}\"")) {
        return Some(literal.value());
    }
    let literal = syn::parse_str::<syn::LitByteStr>(&format!("b\"{escaped}\"")).ok()?;
    String::from_utf8(literal.value()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signatures of a tessera `S` in a notebook of these items.
    fn source(items: &str) -> String {
        format!(
            "{items}\nmod __mosaic_S {{ const __OBJECT: Slice = Slice::new(concat!(module_path!(), \"@S@{OBJECT_FINGERPRINT}\")); const __SIGNATURES: \
             &[Slice] = &[Slice::new(b\"f(P, X) -> Gr\\xC3\\xB6\\xC3\\x9Fe@P@{VALUE_FINGERPRINT}@X@{VALUE_FINGERPRINT}\
             @Gr\\xC3\\xB6\\xC3\\x9Fe@{VALUE_FINGERPRINT}\")]; }}"
        )
    }

    /// Returns the fingerprints of `S`, `P`, `X` and `Größe`, after a cell with these items.
    fn fill_in(types: &mut SignatureTypes, items: &str) -> Vec<String> {
        let source = source(items);
        let filled = types.fill_in(&source, &Definitions::new(&source, BTreeMap::new()));
        assert_eq!(filled.len(), source.len(), "no token moves");
        assert!(!has_placeholders(&filled), "{filled}");
        let fingerprints = filled.split('@').skip(1).collect::<Vec<_>>();
        let of_type = |pair: &[&str]| pair[1][..2 * DIGEST].to_owned();
        fingerprints.chunks(2).map(of_type).collect()
    }

    const ITEMS: &str = "struct S { a: f64 } struct P(i32); type X = f64; struct Größe(Q); struct Q(u8);";

    #[test]
    fn a_redefinition_changes_the_fingerprints_of_the_types_that_reach_it() {
        for (from, to, changed) in [
            ("struct S", "/// A comment.\nstruct  S", [false; 4]),
            ("a: f64", "a: u64", [true, false, false, false]),
            ("P(i32)", "P(u32)", [false, true, false, false]),
            ("X = f64", "X = u64", [false, false, true, false]),
            ("Q(u8)", "Q(i8)", [false, false, false, true]),
            ("struct Q", "fn f() {} impl P { fn g(&self) {} } struct Q", [false; 4]),
            // An `impl` that joins is no redefinition.
            ("struct Q", "impl Add for P { type Output = P; } struct Q", [false; 4]),
        ] {
            let mut types = SignatureTypes::default();
            let old = fill_in(&mut types, ITEMS);
            let new = fill_in(&mut types, &ITEMS.replace(from, to));
            let differ: Vec<bool> = old.iter().zip(&new).map(|(old, new)| old != new).collect();
            assert_eq!(differ, changed, "{from} -> {to}");
            assert_eq!(fill_in(&mut types, ITEMS), old, "back to the first definition");
        }
    }

    #[test]
    fn a_type_that_is_not_among_the_items_is_another_one_in_each_cell() {
        let mut types = SignatureTypes::default();
        let (one, other) = (fill_in(&mut types, "fn f() {}"), fill_in(&mut types, "fn g() {}"));
        assert_ne!(one[0], other[0]);
    }

    #[test]
    fn the_table_of_stored_types_has_a_line_for_each_type_and_crate() {
        let lines = |types: &mut SignatureTypes, items: &str, build: &str| {
            let crates = BTreeMap::from([
                ("dep".to_owned(), build.to_owned()),
                ("mosaic".to_owned(), "1".to_owned()),
            ]);
            let table = types.table("ctx", items, &Definitions::new(items, crates));
            assert!(!table.contains('\n'), "{table}");
            let lines = table.split('"').nth(3).unwrap_or_default();
            let lines = lines.split("\\n").filter_map(|line| line.split_once('='));
            lines
                .map(|(path, digest)| (path.to_owned(), digest.to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let mut types = SignatureTypes::default();
        let old = lines(&mut types, "struct P(i32); mod m { struct Q(u8); }", "1");
        assert_eq!(
            old.keys().collect::<Vec<_>>(),
            ["*", "ctx", "ctx::P", "ctx::m::Q", "dep"]
        );
        let new = lines(&mut types, "struct P(i32); mod m { struct Q(u16); }", "2");
        let same: Vec<&String> = old.keys().filter(|path| old[*path] == new[*path]).collect();
        assert_eq!(same, ["ctx::P"]);
    }

    #[test]
    fn only_sources_that_store_values_have_a_table() {
        for (source, may) in [
            ("mosaic::put(&1)", true),
            ("use mosaic::prelude::*; Stored::<u8>::attach(uid)", true),
            ("use mosaic::parameter as shared;", true),
            ("use mosaic::prelude::*; input.put_all(output);", false),
            ("map.put(1)", false),
        ] {
            assert_eq!(may_store(source), may, "{source}");
        }
    }

    #[test]
    fn other_texts_stay() {
        let text = format!("let a = \"{VALUE_FINGERPRINT}\"; // x@{OBJECT_FINGERPRINT}");
        assert_eq!(SignatureTypes::default().fill_in(&text, &Definitions::default()), text);
        assert!(!has_placeholders("fn main() {}"));
    }
}
