//! The dependencies: with the same features for the kernel and for the tests, so that evcxr is compiled once.

use std::{collections::BTreeSet, path::Path, process::Command};

/// The dependencies over all `edges`, each as `NAME VERSION [FEATURES]`.
fn dependencies(edges: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let arguments = [
        "tree",
        "--locked",
        "--workspace",
        "--prefix",
        "none",
        "--format",
        "{p} [{f}]",
        "--edges",
        edges,
    ];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
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
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz");
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(fuzz)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
