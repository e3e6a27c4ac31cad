//! The invariants that the guide's chapter on the architecture names, checked against packages and sources.

mod sources;

use serde_json::Value;
use sources::{Source, sources_in};
use std::{path::Path, process::Command};

/// A package of the workspace: its directory, relative to the root, and what it depends on.
struct Package {
    directory: String,
    dependencies: Vec<String>,
}

fn packages() -> Vec<Package> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let package = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let directory = manifest.parent().unwrap().strip_prefix(root).unwrap();
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        Package {
            directory: directory.to_str().unwrap().to_owned(),
            dependencies: dependencies.map(|it| it["name"].as_str().unwrap().to_owned()).collect(),
        }
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn directories_that_depend_on(dependency: &str) -> Vec<String> {
    packages()
        .into_iter()
        .filter(|package| package.dependencies.iter().any(|it| it == dependency))
        .map(|package| package.directory)
        .collect()
}

#[test]
fn only_the_evaluator_names_evcxr() {
    assert_eq!(directories_that_depend_on("evcxr"), ["kernel/evaluator"]);
}

#[test]
fn only_the_crate_jupyter_opens_jupyters_sockets() {
    assert_eq!(directories_that_depend_on("zeromq"), ["kernel/jupyter"]);
}

#[test]
fn the_wire_knows_nothing_of_cells_and_actors() {
    for package in packages().iter().filter(|it| it.directory == "kernel/jupyter") {
        assert!(
            package.dependencies.iter().all(|it| !it.starts_with("mosaic")),
            "{:?}",
            package.dependencies
        );
    }
}

#[test]
fn the_runtime_knows_nothing_of_the_kernel() {
    let kernels = ["mosaic-kernel", "mosaic-jupyter", "mosaic-evaluator", "mosaic-cell"];
    for package in packages().iter().filter(|it| it.directory.starts_with("runtime")) {
        let known: Vec<_> = package
            .dependencies
            .iter()
            .filter(|it| kernels.contains(&it.as_str()))
            .collect();
        assert!(known.is_empty(), "{} depends on {known:?}", package.directory);
    }
}

/// Modules of pure state: everything that they learn comes in as an argument, everything that they want goes out as a value.
const PURE: [&str; 5] = [
    "kernel/jupyter/src/wire/frames.rs",
    "runtime/engine/src/head/state",
    "runtime/engine/src/monitor/state",
    "runtime/engine/src/wire/frame.rs",
    "runtime/engine/src/wire/messages.rs",
];

#[test]
fn frames_placement_and_the_state_of_head_and_monitor_do_no_io() {
    let does_io = |path: &str| {
        let crates = ["libc", "rustix", "tokio", "zeromq"];
        let of_std = [
            "std::fs",
            "std::net",
            "std::process",
            "std::os",
            "std::thread",
            "std::env",
        ];
        crates
            .iter()
            .chain(&of_std)
            .any(|io| path == *io || path.starts_with(&format!("{io}::")))
    };
    for source in PURE.into_iter().flat_map(sources_in) {
        let found: Vec<_> = source.paths().into_iter().filter(|path| does_io(path)).collect();
        assert!(found.is_empty(), "{} uses {found:?}", source.file);
    }
}

#[test]
fn a_path_of_io_is_found_in_code_and_not_in_tests() {
    let text =
        "use std::{fmt, fs::File}; fn f() { tokio::spawn(g()); } #[cfg(test)] mod tests { use std::net::TcpStream; }";
    let source = Source::parse("x.rs", text);
    assert_eq!(
        source.paths(),
        ["std::fmt", "std::fs::File", "tokio::spawn", "g"].map(str::to_owned)
    );
}
