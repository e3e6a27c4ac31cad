//! Writes the manifest of a program.

use crate::{
    export::{
        program::Program,
        runtime_crates::{DIRECTORY, crate_path},
    },
    prebuilt::crates::workspace_dependency,
    session::settings::DEFAULT_OPT_LEVEL,
};
use std::{collections::BTreeMap, fmt::Write, path::Path};
use toml::{Table, Value};

/// The built-in crates that come from crates.io.
const FROM_REGISTRY: [&str; 3] = ["ndarray", "serde", "tokio"];

/// Returns the text of `Cargo.toml`. `mosaic` is the checkout with the crates of the runtime, unless they are written
/// beside the program.
pub(super) fn text(program: &Program, name: &str, mosaic: Option<&Path>) -> String {
    let edition = program.edition();
    let mut text = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"{edition}\"\npublish = false\n\n[dependencies]\n"
    );
    for (name, specification) in dependencies(program, mosaic) {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{name} = {specification}");
    }
    let checks = !program.commands.omits_overflow_checks;
    let level = program.commands.opt_level.as_deref().unwrap_or(DEFAULT_OPT_LEVEL);
    let level = level
        .parse::<u8>()
        .map_or_else(|_| format!("\"{level}\""), |level| level.to_string());
    let _ = write!(
        text,
        "\n# As cells are compiled.\n[profile.release]\nopt-level = {level}\noverflow-checks = {checks}\n\n\
         [profile.release.package.\"*\"]\nopt-level = 3\noverflow-checks = false\n\n[workspace]\n"
    );
    if mosaic.is_none() && program.crates().any() {
        let _ = writeln!(text, "exclude = [\"{DIRECTORY}\"]");
    }
    text
}

fn dependencies(program: &Program, mosaic: Option<&Path>) -> BTreeMap<String, Value> {
    let mut all = program.commands.dependencies.clone();
    for name in FROM_REGISTRY {
        let built_in = format!("it = {}", workspace_dependency(name)).parse::<Table>();
        let Some(built_in) = built_in.ok().and_then(|mut it| it.remove("it")) else {
            continue;
        };
        match all.get_mut(name) {
            Some(of_notebook) => *of_notebook = with_features(of_notebook.clone(), &built_in),
            None if program.uses_built_in(name) => {
                all.insert(name.to_owned(), built_in);
            }
            None => {}
        }
    }
    let root = mosaic.map_or_else(|| DIRECTORY.to_owned(), |root| root.display().to_string());
    let mut add = |name: &str, features: &[&str]| {
        let path = format!("{root}/{}", crate_path(name));
        let mut table = Table::from_iter([("path".to_owned(), Value::String(path))]);
        if !features.is_empty() {
            table.insert(
                "features".to_owned(),
                features.iter().map(|it| Value::from(*it)).collect::<Vec<_>>().into(),
            );
        }
        all.insert(name.to_owned(), Value::Table(table));
    };
    if program.crates().mosaic {
        add("mosaic", &["macros"]);
        add("mosaic-engine", &[]);
    }
    if program.crates().notebook {
        add("notebook", &[]);
    }
    all
}

/// Returns a notebook's specification of a built-in crate with the features that the crate has in cells: where the
/// notebook asks for fewer, it has got these as well.
fn with_features(of_notebook: Value, built_in: &Value) -> Value {
    let mut table = match of_notebook {
        Value::String(version) => Table::from_iter([("version".to_owned(), Value::String(version))]),
        Value::Table(table) if !table.contains_key("package") => table,
        other => return other,
    };
    table.remove("default-features");
    let of = |table: Option<&Value>| table.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut features = of(built_in.get("features"));
    let more = of(table.get("features"))
        .into_iter()
        .filter(|it| !features.contains(it));
    let more: Vec<Value> = more.collect();
    features.extend(more);
    table.insert("features".to_owned(), Value::Array(features));
    Value::Table(table)
}
