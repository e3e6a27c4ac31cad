//! The code on which the bytes of an encoded value depend: implementations of serde's traits that the user wrote.

use crate::{
    session::digest,
    source::fingerprints::tokens::{self, mentions},
};
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;

/// Types of `mosaic` whose values are decoded when the user asks for them, with the code of that cell.
const DECODED_LATER: [&str; 12] = [
    "TaskProxy",
    "TaskFuture",
    "TaskResult",
    "TaskArray",
    "AllDone",
    "AllResults",
    "Completed",
    "Stored",
    "StoredValue",
    "Put",
    "Parameter",
    "Attach",
];

/// Functions that `#[serde(from = "…", into = "…")]` and `#[serde(with = "…")]` call without naming them.
const CONVERSIONS: [&str; 3] = ["from", "into", "try_from"];
const FUNCTIONS_OF_MODULE: [&str; 2] = ["serialize", "deserialize"];

/// Reports whether a source has code of the user's that encodes or decodes values. Such code names serde's traits for
/// formats, or stands behind an attribute.
pub(super) fn has_own_code(source: &str) -> bool {
    ["Serializer", "Deserializer", "serde(", "serde ("]
        .iter()
        .any(|name| source.contains(name))
}

/// Reports whether a type with these names holds a value in encoded form.
pub(super) fn decodes_later(names: &BTreeSet<String>) -> bool {
    DECODED_LATER.iter().any(|name| names.contains(*name))
}

/// Returns the name of an `impl` of serde's `Serialize` or `Deserialize`, such as `impl Serialize for P`.
pub(super) fn implemented(item: &syn::ItemImpl) -> Option<String> {
    let (_, path, _) = item.trait_.as_ref()?;
    let name = &path.segments.last()?.ident;
    let is_serdes = name == "Serialize" || name == "Deserialize";
    is_serdes.then(|| format!("impl {name} for {}", item.self_ty.to_token_stream()))
}

/// Returns the hash of the derive macros with which an item is encoded, or an empty text if they are serde's own; and
/// the paths in serde's attributes.
pub(super) fn of_attributes(item: &TokenStream) -> (String, Vec<Vec<String>>) {
    let (mut derives, mut paths) = (BTreeSet::new(), Vec::new());
    collect(item.clone(), &mut derives, &mut paths);
    let own = derives.iter().all(|name| name == "Serialize" || name == "Deserialize");
    let names: Vec<String> = derives.into_iter().collect();
    let hash = if own {
        String::new()
    } else {
        digest::of(names.join(","), 8)
    };
    (hash, paths)
}

fn collect(tokens: TokenStream, derives: &mut BTreeSet<String>, paths: &mut Vec<Vec<String>>) {
    for tree in tokens {
        let TokenTree::Group(group) = tree else { continue };
        let mut inner = group.stream().into_iter();
        match (inner.next(), inner.next()) {
            (Some(TokenTree::Ident(name)), Some(TokenTree::Group(arguments))) if name == "derive" => {
                let names = tokens::names(&arguments.stream());
                derives.extend(names.into_iter().filter(|name| name.contains("erialize")));
            }
            (Some(TokenTree::Ident(name)), Some(TokenTree::Group(arguments))) if name == "serde" => {
                add_paths(&arguments, paths);
            }
            _ => collect(group.stream(), derives, paths),
        }
    }
}

/// Adds the paths that the strings in an attribute of serde's may be.
fn add_paths(arguments: &Group, paths: &mut Vec<Vec<String>>) {
    for tree in arguments.stream() {
        let TokenTree::Literal(literal) = tree else { continue };
        let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else {
            continue;
        };
        for path in mentions(&text.value().parse().unwrap_or_default()) {
            let functions = FUNCTIONS_OF_MODULE.iter();
            paths.extend(functions.map(|function| [&path[..], &[(*function).to_owned()]].concat()));
            paths.push(path);
        }
        paths.extend(CONVERSIONS.iter().map(|function| vec![(*function).to_owned()]));
    }
}

#[cfg(test)]
mod tests {
    use crate::source::{
        fingerprint::changed,
        fingerprints::{Definitions, Form},
    };
    use std::collections::BTreeMap;

    fn definitions(source: &str) -> Definitions {
        Definitions::new(source, BTreeMap::new())
    }

    /// The definitions that changed for a variable of the type when the notebook's items change.
    fn redefined(old: &str, new: &str, type_name: &str) -> Vec<String> {
        let fingerprint = |source| definitions(source).fingerprint(type_name);
        let (old, new) = (fingerprint(old), fingerprint(new));
        changed(&old, &new).into_iter().map(str::to_owned).collect()
    }

    /// The definitions that changed for encoded values of the type when the notebook's items change.
    fn redefined_when_encoded(old: &str, new: &str, type_name: &str) -> Vec<String> {
        let fingerprint = |source| definitions(source).fingerprint_anywhere(type_name, Form::Encoded);
        changed(&fingerprint(old), &fingerprint(new))
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    const SERIALIZE: &str =
        "impl Serialize for P { fn serialize<S: Serializer>(&self, s: S) -> R { write(self.0, s) } }";

    /// Changes that concern encoded values alone: the old definitions, the new ones, and a type.
    const NOTICED_WHEN_ENCODED: &[(&str, &str, &str)] = &[
        ("struct P(i32);", "struct P(u32);", "Vec<P>"),
        ("#[derive(Serialize)] struct P(i32);", SERIALIZE_ADDED, "P"),
        (
            "struct P(i32); impl serde::Serialize for P { fn serialize<S: Serializer>(&self, s: S) -> R { s.int(self.0) } }",
            "struct P(i32); impl serde::Serialize for P { fn serialize<S: Serializer>(&self, s: S) -> R { s.int(-self.0) } }",
            "Option<P>",
        ),
        (
            "struct P(i32); impl<'de> Deserialize<'de> for P { fn deserialize<D: Deserializer<'de>>(d: D) -> R { a(d) } }",
            "struct P(i32); impl<'de> Deserialize<'de> for P { fn deserialize<D: Deserializer<'de>>(d: D) -> R { b(d) } }",
            "P",
        ),
        // Code that the implementation calls.
        (
            "fn write(n: i32) -> i64 { n.into() } WRITES",
            "fn write(n: i32) -> i64 { -n.into() } WRITES",
            "P",
        ),
        (
            "mod m { fn serialize() { 1 } } struct P { #[serde(with = \"m\")] a: i32 }",
            "mod m { fn serialize() { 2 } } struct P { #[serde(with = \"m\")] a: i32 }",
            "P",
        ),
        (
            "fn f() { 1 } struct P { #[serde(serialize_with = \"f\")] a: i32 }",
            "fn f() { 2 } struct P { #[serde(serialize_with = \"f\")] a: i32 }",
            "P",
        ),
        (
            "struct Q(i32); #[serde(from = \"Q\", into = \"Q\")] struct P(i32);",
            "struct Q(u32); #[serde(from = \"Q\", into = \"Q\")] struct P(i32);",
            "P",
        ),
        (
            "struct Q(i32); impl From<P> for Q { fn from(p: P) -> Q { Q(p.0) } } #[serde(into = \"Q\")] struct P(i32);",
            "struct Q(i32); impl From<P> for Q { fn from(p: P) -> Q { Q(-p.0) } } #[serde(into = \"Q\")] struct P(i32);",
            "P",
        ),
        // Derive macros of other crates.
        (
            "#[derive(Serialize_repr)] enum P { A }",
            "#[derive(Serialize)] enum P { A }",
            "P",
        ),
    ];
    const SERIALIZE_ADDED: &str =
        "struct P(i32); impl Serialize for P { fn serialize<S: Serializer>(&self, s: S) -> R { s.int(self.0) } }";

    #[test]
    fn code_that_encodes_counts_for_encoded_values_alone() {
        for (old, new, type_name) in NOTICED_WHEN_ENCODED {
            let with_code = |source: &str| source.replace("WRITES", &format!("struct P(i32); {SERIALIZE}"));
            let (old, new) = (with_code(old), with_code(new));
            assert_ne!(redefined_when_encoded(&old, &new, type_name), [""; 0], "{old} -> {new}");
            assert_eq!(redefined_when_encoded(&new, &new, type_name), [""; 0]);
            let is_type = !redefined(&old, &new, type_name).is_empty();
            assert_eq!(
                is_type,
                new.contains("u32") && !new.contains("from ="),
                "{old} -> {new}"
            );
            // A variable may hold such a value in encoded form.
            let task = format!("mosaic::TaskProxy<{type_name}>");
            assert_ne!(redefined(&old, &new, &task), [""; 0], "{old} -> {new}");
        }
    }

    #[test]
    fn other_code_does_not_count_for_encoded_values() {
        for (old, new, type_name) in [
            (
                "struct P { f: i32 } fn f() { 1 }",
                "struct P { f: i32 } fn f() { 2 }",
                "P",
            ),
            (
                "#[serde(default)] struct P(i32); impl P { fn g(&self) { 1 } }",
                "#[serde(default)] struct P(i32); impl P { fn g(&self) { 2 } }",
                "P",
            ),
            (
                "#[derive(Serialize)] struct P(i32);",
                "#[derive(Serialize, Clone)] struct P(i32);",
                "P",
            ),
            (
                "#[derive(Serialize)] struct P(i32); /// Q\nstruct Q;",
                "#[derive(Serialize)]\nstruct P(i32); SERDE",
                "P",
            ),
        ] {
            let new = new.replace(
                "SERDE",
                "struct Q; impl Serialize for Q { fn serialize<S: Serializer>() {} }",
            );
            assert_eq!(redefined_when_encoded(old, &new, type_name), [""; 0], "{old} -> {new}");
        }
    }

    #[test]
    fn a_name_in_an_unknown_module_means_all_definitions_of_it() {
        let source = |inner: &str| format!("struct P(i32); mod m {{ struct P({inner}); }}");
        let old = Definitions::new(&source("u8"), BTreeMap::new());
        let new = Definitions::new(&source("u16"), BTreeMap::new());
        assert_eq!(old.fingerprint("P"), new.fingerprint("P"));
        for form in [Form::Memory, Form::Encoded] {
            assert_ne!(old.fingerprint_anywhere("P", form), new.fingerprint_anywhere("P", form));
        }
    }
}
