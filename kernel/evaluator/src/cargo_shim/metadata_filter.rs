//! Leaves out of cargo's metadata the packages on which no type of a variable can depend, so that rust-analyzer has
//! less to read.
//!
//! Here rust-analyzer runs neither procedural macros nor build scripts, so the packages that only these need are left
//! out. So are packages that the standard library and the built-in crates use without showing their types.

use crate::prebuilt::builtin;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Packages beside the built-in crates that show no types of [`PRIVATE_DEPENDENCIES`].
const CLOSED: [&str; 5] = ["alloc", "core", "hashbrown", "serde_json", "std"];

/// Packages of which the closed packages and the built-in crates show no types.
const PRIVATE_DEPENDENCIES: [&str; 22] = [
    "cobs",
    "compiler_builtins",
    "embedded-io",
    "errno",
    "foldhash",
    "itoa",
    "libc",
    "matrixmultiply",
    "memchr",
    "mio",
    "panic_abort",
    "panic_unwind",
    "parking_lot",
    "postcard",
    "profiler_builtins",
    "rustc-demangle",
    "rustc-literal-escaper",
    "ryu",
    "signal-hook-registry",
    "socket2",
    "unwind",
    "zmij",
];

/// The packages of the standard library that code can name.
const LIBRARY_ROOTS: [&str; 3] = ["core", "alloc", "std"];

/// Returns whether a package shows no types of [`PRIVATE_DEPENDENCIES`].
fn is_closed(package: &str) -> bool {
    CLOSED.contains(&package) || builtin::find(package).is_some()
}

/// Returns cargo's metadata of a project with only the packages of interest. Unless rust-analyzer is `analysing`, these
/// are the members of the workspace. Returns `None` if the text is not such metadata.
pub(super) fn of_interest(text: &str, analysing: bool) -> Option<String> {
    let mut all: Value = serde_json::from_str(text).ok()?;
    let packages = all["packages"].as_array()?.clone();
    let packages: BTreeMap<&str, &Value> = packages
        .iter()
        .filter_map(|it| Some((it["id"].as_str()?, it)))
        .collect();
    let name = |id: &str| packages.get(id).and_then(|it| it["name"].as_str()).unwrap_or_default();
    let roots: Vec<String> = texts(&all["workspace_members"]);
    let of_library = roots.iter().any(|id| name(id) == "core");
    let mut rest: Vec<String> = roots;
    rest.retain(|id| !of_library || LIBRARY_ROOTS.contains(&name(id)));
    let mut nodes = BTreeMap::new();
    for node in all["resolve"]["nodes"].as_array()? {
        nodes.insert(node["id"].as_str()?.to_owned(), node.clone());
    }
    let mut kept = BTreeSet::new();
    while let Some(id) = rest.pop() {
        if !kept.insert(id.clone()) {
            continue;
        }
        let is_closed = is_closed(name(&id));
        let is_macro = packages
            .get(&*id)
            .is_some_and(|package| has_kind(package, "proc-macro"));
        let node = nodes.get_mut(&id)?;
        let wanted = |dependency: &Value| {
            let is_private =
                is_closed && PRIVATE_DEPENDENCIES.contains(&name(dependency["pkg"].as_str().unwrap_or_default()));
            let kinds = dependency["dep_kinds"].as_array();
            let is_linked = kinds.is_none_or(|kinds| kinds.iter().any(|it| it["kind"].is_null()));
            analysing && is_linked && !is_private && !is_macro
        };
        let dependencies = node["deps"].as_array_mut()?;
        dependencies.retain(wanted);
        rest.extend(
            dependencies
                .iter()
                .filter_map(|it| Some(it["pkg"].as_str()?.to_owned())),
        );
        let ids: Vec<Value> = dependencies.iter().map(|it| it["pkg"].clone()).collect();
        node["dependencies"] = ids.into();
    }
    let is_kept = |id: &Value| id.as_str().is_some_and(|id| kept.contains(id));
    let packages = packages
        .into_values()
        .filter(|package| is_kept(&package["id"]))
        .cloned();
    all["packages"] = packages.map(without_other_targets).collect();
    all["resolve"]["nodes"] = nodes.into_values().filter(|node| is_kept(&node["id"])).collect();
    for members in ["workspace_members", "workspace_default_members"] {
        if let Some(members) = all[members].as_array_mut() {
            members.retain(is_kept);
        }
    }
    Some(all.to_string())
}

/// Lists the paths of the manifests of all packages. Returns `None` if the text is not metadata of cargo.
pub(super) fn manifests(text: &str) -> Option<Vec<String>> {
    let all: Value = serde_json::from_str(text).ok()?;
    let packages = all["packages"].as_array()?.iter();
    packages
        .map(|it| Some(it["manifest_path"].as_str()?.to_owned()))
        .collect()
}

/// Returns a package with its library alone: without build script, binaries, tests, benchmarks and examples.
fn without_other_targets(mut package: Value) -> Value {
    if let Some(targets) = package["targets"].as_array_mut() {
        let others = ["custom-build", "test", "bench", "example", "bin"];
        targets.retain(|target| !texts(&target["kind"]).iter().any(|kind| others.contains(&&**kind)));
    }
    package
}

/// Returns whether one of the targets of a package is of a kind, such as `proc-macro`.
fn has_kind(package: &Value, kind: &str) -> bool {
    let targets = package["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
    targets
        .iter()
        .any(|target| texts(&target["kind"]).iter().any(|it| it == kind))
}

/// Returns the strings in a JSON array.
fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|it| Some(it.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, kind: &str) -> Value {
        json!({ "id": name, "name": name, "manifest_path": format!("/{name}/Cargo.toml"), "targets": [
            { "kind": [kind] }, { "kind": ["custom-build"] },
        ] })
    }

    fn node(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies = dependencies.iter();
        let dependencies = dependencies.map(|(name, kind)| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] }));
        json!({ "id": name, "deps": dependencies.collect::<Vec<_>>(), "dependencies": [] })
    }

    #[test]
    fn packages_on_which_no_type_depends_are_left_out() {
        let names = ["ctx", "tokio", "user", "libc", "mio", "bytes", "cc", "syn"];
        let mut packages: Vec<Value> = names.iter().map(|name| package(name, "lib")).collect();
        packages.push(package("derive", "proc-macro"));
        let all = json!({
            "packages": packages,
            "workspace_members": ["ctx"],
            "resolve": { "nodes": [
                node("ctx", &[("tokio", None), ("user", None), ("derive", None)]),
                node("tokio", &[("libc", None), ("mio", None), ("bytes", None)]),
                node("user", &[("libc", None), ("cc", Some("build"))]),
                node("libc", &[]), node("mio", &[]), node("bytes", &[]), node("cc", &[]), node("syn", &[]),
                node("derive", &[("syn", None)]),
            ] },
        });
        let text = of_interest(&all.to_string(), true).unwrap();
        let left: Value = serde_json::from_str(&text).unwrap();
        let names = |list: &Value| {
            list.as_array()
                .unwrap()
                .iter()
                .map(|it| it["id"].clone())
                .collect::<Vec<_>>()
        };
        // `libc` stays for the crate `user`, which may show its types.
        assert_eq!(
            names(&left["packages"]),
            ["bytes", "ctx", "derive", "libc", "tokio", "user"]
        );
        assert_eq!(names(&left["resolve"]["nodes"]), names(&left["packages"]));
        let tokio = &left["resolve"]["nodes"][4];
        assert_eq!(
            (&tokio["id"], &tokio["dependencies"]),
            (&json!("tokio"), &json!(["bytes"]))
        );
        assert_eq!(left["packages"][0]["targets"].as_array().unwrap().len(), 1);
        assert_eq!(manifests(&text).unwrap().len(), 6);
        let text = of_interest(&all.to_string(), false).unwrap();
        assert_eq!(manifests(&text).unwrap(), ["/ctx/Cargo.toml"]);
    }

    #[test]
    fn packages_of_the_standard_library_that_code_can_name_stay() {
        let names = ["core", "std", "alloc", "coretests", "hashbrown", "libc"];
        let all = json!({
            "packages": names.iter().map(|name| package(name, "lib")).collect::<Vec<_>>(),
            "workspace_members": ["core", "std", "alloc", "coretests"],
            "resolve": { "nodes": [
                node("core", &[]), node("alloc", &[("core", None)]), node("coretests", &[]), node("libc", &[]),
                node("std", &[("alloc", None), ("hashbrown", None), ("libc", None)]), node("hashbrown", &[("core", None)]),
            ] },
        });
        let left: Value = serde_json::from_str(&of_interest(&all.to_string(), true).unwrap()).unwrap();
        let names: Vec<&Value> = left["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["id"])
            .collect();
        assert_eq!(names, ["alloc", "core", "hashbrown", "std"]);
    }
}
