//! The invariants that the guide's chapter on the architecture names, checked against packages and sources.

mod sources;
mod string_literals;

use serde_json::Value;
use sources::{Source, root, sources_in};
use std::{collections::BTreeSet, path::Path, process::Command};
use string_literals::{StringLiteral, string_literals, string_literals_of};

/// A package of the workspace: its directory, relative to the root, and what it depends on.
struct Package {
    directory: String,
    dependencies: Vec<String>,
}

fn packages() -> Vec<Package> {
    let root = root();
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

#[test]
fn only_net_opens_tcp_connections_of_the_runtime_and_knows_tls() {
    let net = "runtime/net";
    assert_eq!(directories_that_depend_on("tokio-rustls"), [net]);
    let packages = packages();
    let others = packages
        .iter()
        .filter(|it| it.directory.starts_with("runtime") && it.directory != net);
    for source in others.flat_map(|it| sources_in(&format!("{}/src", it.directory))) {
        let found: Vec<_> = source.paths().into_iter().filter(|path| names_tcp(path)).collect();
        assert!(found.is_empty(), "{} uses {found:?}: use mosaic_net", source.file);
    }
}

/// Reports whether a path names a TCP socket of the standard library or of tokio.
fn names_tcp(path: &str) -> bool {
    let sockets = ["TcpListener", "TcpSocket", "TcpStream"];
    path.split("::").any(|part| sockets.contains(&part))
}

#[test]
fn a_path_that_names_tcp_is_found() {
    let text = "use tokio::net::{TcpStream, UnixStream}; fn f() { std::net::TcpListener::bind(a()); }";
    let paths = Source::parse("x.rs", text).paths();
    let found: Vec<_> = paths.iter().filter(|path| names_tcp(path)).collect();
    assert_eq!(found, ["tokio::net::TcpStream", "std::net::TcpListener::bind"]);
}

/// The programs of the engines that launch node processes on other hosts.
const LAUNCHING_PROGRAMS: [&str; 8] = [
    "ssh", "srun", "salloc", "sbatch", "scancel", "scontrol", "squeue", "ray",
];

#[test]
fn only_the_crate_of_the_launchers_names_ssh_slurm_and_ray() {
    let of_launch = string_literals(Path::new("runtime/launch/src"));
    let is_program = |it: &StringLiteral| LAUNCHING_PROGRAMS.contains(&it.text.as_str());
    assert!(
        of_launch.iter().any(is_program),
        "the launchers have moved: {of_launch:?}"
    );
    let sources = packages()
        .into_iter()
        .filter(|it| it.directory != "runtime/launch" && it.directory != "xtask");
    let literals = sources.flat_map(|it| string_literals(&Path::new(&it.directory).join("src")));
    let foreign: Vec<_> = literals.filter(is_program).collect();
    assert!(foreign.is_empty(), "launch by runtime/launch: {foreign:#?}");
}

#[test]
fn the_launchers_know_nothing_of_the_actors() {
    for package in packages().iter().filter(|it| it.directory == "runtime/launch") {
        let foreign = |it: &&String| it.starts_with("mosaic") || *it == "tokio";
        let foreign: Vec<_> = package.dependencies.iter().filter(foreign).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
    }
}

/// Modules of pure state: everything that they learn comes in as an argument, everything that they want goes out as a value.
const PURE: [&str; 9] = [
    "kernel/jupyter/src/wire/frames.rs",
    "kernel/jupyter/src/wire/inspector.rs",
    "kernel/jupyter/src/zmtp",
    "runtime/engine/src/head/state",
    "runtime/engine/src/monitor/state",
    "runtime/engine/src/wire/frame.rs",
    "runtime/engine/src/wire/messages.rs",
    "runtime/launch/src/ray/hosts.rs",
    "runtime/launch/src/slurm/hosts.rs",
];

#[test]
fn frames_placement_and_the_state_of_head_and_monitor_do_no_io() {
    let does_io = |path: &str| {
        let crates = ["libc", "rustix", "tokio"];
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

const EVALUATOR: &str = "kernel/evaluator/src";

/// Lists the literals of the evaluator outside of the room `owner` that are one of the names in the source `table`, alone or
/// in a directory that is formatted, as in `{}/Cargo.toml`. A name that begins with `mosaic-` may not even be a part of a
/// literal. `is_name` tells which literals of the table are names.
fn foreign_names(owner: &str, table: &str, is_name: impl Fn(&str) -> bool) -> Vec<StringLiteral> {
    let evaluator = Path::new(EVALUATOR);
    let of_table = string_literals_of(&evaluator.join(table));
    let names: BTreeSet<&str> = of_table
        .iter()
        .map(|it| it.text.as_str())
        .filter(|it| is_name(it))
        .collect();
    assert!(names.len() > 2, "{table} has no names: {names:?}");
    let is_named_by = |text: &str, name: &str| {
        let directory = text.strip_suffix(name);
        directory.is_some_and(|it| it.is_empty() || it.ends_with("}/"))
            || (name.starts_with("mosaic-") && text.contains(name))
    };
    let is_foreign = |it: &StringLiteral| {
        !it.file.starts_with(evaluator.join(owner)) && names.iter().any(|name| is_named_by(&it.text, name))
    };
    string_literals(evaluator).into_iter().filter(is_foreign).collect()
}

#[test]
fn only_the_session_module_names_files_of_the_session_directory() {
    // The other literals of the table are formats.
    let foreign = foreign_names("session", "session/files.rs", |text| !text.contains('{'));
    assert!(foreign.is_empty(), "use an entry of session/files.rs: {foreign:#?}");
}

#[test]
fn only_the_session_module_names_files_of_the_run_directory() {
    // `sysroot` is also what rustc is asked to print.
    let foreign = foreign_names("session", "session/run_directory.rs", |text| text != "sysroot");
    assert!(foreign.is_empty(), "use session/run_directory.rs: {foreign:#?}");
}

#[test]
fn only_prebuilt_names_what_lies_in_the_cache_directory() {
    let foreign = foreign_names("prebuilt", "prebuilt/cache_directory.rs", |_| true);
    assert!(foreign.is_empty(), "use prebuilt/cache_directory.rs: {foreign:#?}");
}

#[test]
fn only_the_session_module_names_the_environment_variables_between_programs() {
    let foreign = foreign_names("session", "session/environment_variables.rs", |_| true);
    assert!(foreign.is_empty(), "use session/environment_variables.rs: {foreign:#?}");
}

/// The words of a literal, whose escapes are as they are written.
fn words(text: &str) -> Vec<String> {
    let text = text.replace("\\n", " ");
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Reports whether a word is a name of evcxr's: of generated code, of a line between evcxr and the cell process, or of an
/// environment variable.
fn is_name_of_evcxr(word: &str) -> bool {
    let begins = ["evcxr_", "Evcxr", "EVCXR", "run_user_code_"];
    begins.iter().any(|begin| word.starts_with(begin)) || ["ctx", "vars_ok", "LOAD_AND_RUN"].contains(&word)
}

/// Reports whether a text has a name of evcxr's. The word `evcxr` in a sentence is none, and neither is `evcxr.toml`.
fn has_name_of_evcxr(text: &str) -> bool {
    text == "evcxr" || words(text).iter().any(|word| is_name_of_evcxr(word))
}

#[test]
fn only_evcxr_text_matches_texts_of_evcxr() {
    let evaluator = Path::new(EVALUATOR);
    let room = evaluator.join("evcxr_text");
    let texts = ["markers.rs", "messages.rs"].map(|file| string_literals_of(&room.join(file)));
    // A text that is short or quotes a name can stand in a message to users as well.
    let is_telling = |text: &str| text.len() >= 12 && !text.ends_with('`') && !text.contains('{');
    let texts: Vec<String> = texts
        .into_iter()
        .flatten()
        .map(|it| it.text)
        .filter(|it| is_telling(it))
        .collect();
    assert!(texts.len() > 20, "evcxr_text has lost its texts: {texts:?}");
    let is_of_evcxr =
        |it: &StringLiteral| has_name_of_evcxr(&it.text) || texts.iter().any(|text| it.text.contains(text.as_str()));
    let sources = [
        EVALUATOR,
        "kernel/src",
        "kernel/jupyter/src",
        "kernel/notebook/src",
        "kernel/message/src",
    ];
    let literals = sources.into_iter().flat_map(|it| string_literals(Path::new(it)));
    let foreign: Vec<_> = literals
        .filter(|it| !it.file.starts_with(&room) && is_of_evcxr(it))
        .collect();
    assert!(foreign.is_empty(), "move these to evcxr_text: {foreign:#?}");
}

#[test]
fn a_name_of_evcxr_is_told_from_a_word_to_users() {
    for text in [
        "evcxr_variable_store",
        "\\nasync fn evcxr_analysis_wrapper(",
        "Result<(), EvcxrUserCodeError>",
        "EVCXR",
        "EVCXR_IS_RUNTIME",
        "run_user_code_3",
        "ctx",
        "ctx::",
        "evcxr",
    ] {
        assert!(has_name_of_evcxr(text), "{text}");
    }
    for text in [
        "evcxr does not start: ",
        "Runs the start-up cells of evcxr.toml",
        "evcxr-stdout",
        "context",
    ] {
        assert!(!has_name_of_evcxr(text), "{text}");
    }
}

/// The text of the sources of evcxr, of the version that the workspace pins.
fn sources_of_evcxr() -> String {
    // Packages of other platforms need not be there.
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            host,
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let evcxr = packages.find(|package| package["name"] == "evcxr").unwrap();
    let manifest = Path::new(evcxr["manifest_path"].as_str().unwrap());
    let mut directories = vec![manifest.with_file_name("src")];
    let mut text = String::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn evcxr_has_the_names_that_are_matched() {
    let sources = sources_of_evcxr();
    let markers = string_literals_of(&Path::new(EVALUATOR).join("evcxr_text/markers.rs"));
    let texts = markers.iter().flat_map(|it| words(&it.text));
    let names: BTreeSet<String> = texts.filter(|word| is_name_of_evcxr(word)).collect();
    assert!(names.len() > 10, "markers.rs has lost its names: {names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !sources.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "evcxr no longer has these names: {missing:?}");
}
