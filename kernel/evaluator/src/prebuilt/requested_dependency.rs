//! Decides whether a `:dep` of the user asks for a [built-in crate](crate::prebuilt::builtin) as it is.

use crate::{
    prebuilt::builtin::{self, Audience},
    session::files,
};
use semver::{Version, VersionReq};
use std::{borrow::Cow, collections::BTreeMap, path::Path};
use toml::{Table, Value};

/// The key of a dependency that cargo accepts with an underscore up to edition 2021, and only with a hyphen since.
const OLD_KEY: &str = "default_features";
const KEY: &str = "default-features";

/// The versions of the built-in crates of a session that users may name.
pub(crate) type Versions = BTreeMap<String, Version>;

/// Reads the versions of the built-in crates from the lock file of a session.
pub(crate) fn versions(session: &Path) -> Versions {
    let lock: Table = files::LOCK_FILE
        .read(session)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let packages = lock
        .get("package")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let version = |package: &Value| {
        let name = package.get("name")?.as_str()?;
        let version = package.get("version")?.as_str()?.parse().ok()?;
        builtin::find(name).filter(|it| it.audience == Audience::Users)?;
        Some((name.to_owned(), version))
    };
    packages.iter().filter_map(version).collect()
}

/// How a `:dep` is served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// By the built-in crate: there is nothing to do.
    BuiltIn,
    /// By cargo, as for any crate.
    Cargo,
}

/// Decides how the dependency is served that the arguments of `:dep` name.
///
/// # Errors
///
/// Cells run on the built-in crate of that name, and the arguments ask for another version or other features.
pub(crate) fn serve(arguments: &str, versions: &Versions) -> Result<Served, String> {
    let (name, specification) = arguments.split_once('=').unwrap_or((arguments, "\"*\""));
    let name = name.trim();
    let (Some(built_in), Some(version)) = (builtin::find(name), versions.get(name)) else {
        return Ok(Served::Cargo);
    };
    let Ok(Value::Table(mut table)) = format!("it = {specification}").parse::<Table>().map(Value::Table) else {
        return Ok(Served::Cargo);
    };
    match table.remove("it") {
        Some(wanted) if is_served(&wanted, version, built_in.features) => Ok(Served::BuiltIn),
        Some(_) if built_in.runs_cells => Err(format!(
            "cells run on the built-in `{name}` {version}, which this is not: give another one another name, as in \
             `:dep other_{name} = {{ package = \"{name}\", … }}`"
        )),
        _ => Ok(Served::Cargo),
    }
}

/// Returns the arguments of `:dep` with `default-features` in the place of the old spelling `default_features`, which
/// cargo refuses in the edition of the cells' crate. Nothing moves.
pub(crate) fn with_hyphens(arguments: &str) -> Cow<'_, str> {
    let has_old_key = |text: &str| specification(text).is_some_and(|it| it.contains_key(OLD_KEY));
    if !arguments.contains(OLD_KEY) || !has_old_key(arguments) {
        return Cow::Borrowed(arguments);
    }
    // The word may stand in a text as well, such as the name of a feature, so the parser decides which one is the key.
    let renamed = arguments.match_indices(OLD_KEY).find_map(|(at, _)| {
        let text = format!("{}{KEY}{}", &arguments[..at], &arguments[at + OLD_KEY.len()..]);
        let table = specification(&text)?;
        (table.contains_key(KEY) && !table.contains_key(OLD_KEY)).then_some(text)
    });
    // With both spellings, cargo says what is wrong.
    renamed.map_or(Cow::Borrowed(arguments), Cow::Owned)
}

/// Returns the table of the arguments of `:dep`, if they have one.
fn specification(arguments: &str) -> Option<Table> {
    let (_, specification) = arguments.split_once('=')?;
    let mut table = format!("it = {specification}").parse::<Table>().ok()?;
    match table.remove("it")? {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

/// Returns whether a version with some features is what a specification asks for.
fn is_served(wanted: &Value, version: &Version, features: &[&str]) -> bool {
    let allows = |wanted: &str| VersionReq::parse(wanted).is_ok_and(|wanted| wanted.matches(version));
    match wanted {
        Value::String(wanted) => allows(wanted),
        Value::Table(table) => table.iter().all(|(key, value)| match (key.as_str(), value) {
            ("version", Value::String(wanted)) => allows(wanted),
            ("features", Value::Array(wanted)) => wanted
                .iter()
                .all(|it| it.as_str().is_some_and(|it| features.contains(&it))),
            (KEY | OLD_KEY, Value::Boolean(_)) => true,
            _ => false,
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_crates_serve_what_they_can() {
        let versions = [
            ("tokio", "1.54.1"),
            ("ndarray", "0.17.2"),
            ("serde", "1.0.229"),
            ("mosaic", "0.1.0"),
            ("notebook", "0.1.0"),
        ];
        let versions: Versions = versions.map(|(name, it)| (name.to_owned(), it.parse().unwrap())).into();
        for (arguments, expected) in [
            ("tokio", Ok(Served::BuiltIn)),
            ("tokio = \"1\"", Ok(Served::BuiltIn)),
            (
                "tokio = { version = \"1.20\", features = [\"full\"] }",
                Ok(Served::BuiltIn),
            ),
            (
                "tokio = { version = \"1\", default-features = false, features = [\"rt\"] }",
                Ok(Served::BuiltIn),
            ),
            (
                "tokio = { version = \"1\", features = [\"full\", \"test-util\", \"process\", \"signal\"] }",
                Ok(Served::BuiltIn),
            ),
            ("ndarray=\"0.17\"", Ok(Served::BuiltIn)),
            (
                "serde = { version = \"1.0\", features = [\"derive\"] }",
                Ok(Served::BuiltIn),
            ),
            ("mosaic = \"0.1\"", Ok(Served::BuiltIn)),
            ("notebook", Ok(Served::BuiltIn)),
            ("notebook = \"0.1\"", Ok(Served::BuiltIn)),
            ("ndarray = \"0.15\"", Ok(Served::Cargo)),
            (
                "ndarray = { version = \"0.17\", features = [\"rayon\"] }",
                Ok(Served::Cargo),
            ),
            ("serde = { path = \"/x\" }", Ok(Served::Cargo)),
            ("rand = \"0.9\"", Ok(Served::Cargo)),
            ("./local", Ok(Served::Cargo)),
            ("serde = [", Ok(Served::Cargo)),
            ("", Ok(Served::Cargo)),
            ("tokio = \"0.2\"", Err(())),
            ("mosaic = \"9\"", Err(())),
            ("other = { package = \"tokio\", version = \"0.2\" }", Ok(Served::Cargo)),
        ] {
            assert_eq!(serve(arguments, &versions).map_err(drop), expected, "{arguments}");
        }
    }

    #[test]
    fn old_keys_are_spelt_with_hyphens() {
        for (arguments, expected) in [
            (
                r#"a = { version = "1", default_features = false }"#,
                r#"a = { version = "1", default-features = false }"#,
            ),
            ("a={default_features=false}", "a={default-features=false}"),
            (
                "a  =\t{\tpath = \"../default_features\" ,  default_features\t= true}",
                "a  =\t{\tpath = \"../default_features\" ,  default-features\t= true}",
            ),
            (
                r#"a = { "default_features" = false, package = "b" }"#,
                r#"a = { "default-features" = false, package = "b" }"#,
            ),
            (
                r#"a = { features = ["default_features"], git = "g", 'default_features' = false }"#,
                r#"a = { features = ["default_features"], git = "g", 'default-features' = false }"#,
            ),
        ] {
            assert_eq!(with_hyphens(arguments), expected);
        }
        for unchanged in [
            r#"a = { version = "1", default-features = false }"#,
            r#"a = { features = ["default_features"] }"#,
            "a = { default_features = false, default-features = false }",
            "a = { default_features = ",
            r#"default_features = "1""#,
            "default_features",
            "../default_features",
            "",
        ] {
            assert_eq!(with_hyphens(unchanged), unchanged);
        }
    }
}
