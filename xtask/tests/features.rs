//! The dependencies: with the same features for the kernel and for the tests, so that evcxr is compiled once.

use std::{collections::BTreeSet, path::Path, process::Command};

/// Runs cargo in a directory of the repository. Returns what it prints.
fn cargo(directory: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(env!("CARGO"));
    let output = command
        .args(arguments)
        .current_dir(root.join(directory))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the dependencies over all `edges`, each as `NAME VERSION [FEATURES]`.
fn dependencies(edges: &str) -> BTreeSet<String> {
    let format = ["--prefix", "none", "--format", "{p} [{f}]", "--edges", edges];
    let lines = cargo("", &[&["tree", "--locked", "--workspace"][..], &format].concat());
    let lines = lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned());
    // Packages of this repository are small.
    lines
        .filter(|line| line.contains(" v") && !line.contains("(/"))
        .collect()
}

#[test]
fn tests_add_no_features() {
    let with_tests = dependencies("normal,build,dev");
    let other: Vec<String> = dependencies("normal,build").difference(&with_tests).cloned().collect();
    assert!(
        other.is_empty(),
        "a dev-dependency adds features to these, so that all that needs them is compiled twice: {other:?}: \
         name the features in xtask/Cargo.toml"
    );
}

#[test]
fn the_lock_file_of_the_fuzzer_is_up_to_date() {
    cargo("fuzz", &["metadata", "--locked", "--format-version", "1"]);
}
