//! The rules of the architecture, as far as the packages' dependencies show them.

use serde_json::Value;
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
