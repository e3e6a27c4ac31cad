//! How cargo had a cell compiled, so that the next one is compiled without cargo.
//!
//! Between two cells cargo finds, nearly always, that no crate changed and that rustc is to be run as before. What it ran
//! is kept under all that it depends on, and run again while all of that is the same. Crates that the user may be editing
//! are cargo's to look after: a session that has one keeps nothing.

use crate::{
    cargo_shim::{cache_key, crate_pool::Pool, dependency_cache::Build, recorded_answers::manifest},
    evcxr_text::markers::{CELL_CRATE, LIBRARY_PATH_VARIABLE},
    session::{digest::Parts, environment::real, shim_state::ShimState},
};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};
use toml::{Table, Value};

/// Where cargo's rustc wrapper is to keep what it is called with.
const RECIPE_VARIABLE: &str = "MOSAIC_RECIPE";

/// A call of the rustc wrapper by cargo.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RustcInvocation {
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
}

/// A request of evcxr's to compile a cell.
pub(super) struct CellCompilation<'a> {
    state: &'a ShimState,
    /// What cargo is asked for.
    arguments: Vec<OsString>,
    /// Where recipes for it lie, but for the versions of crates.
    place: PathBuf,
}

impl<'a> CellCompilation<'a> {
    /// What evcxr asks cargo for, if it is to compile a cell.
    pub(super) fn new(state: &'a ShimState, here: &Path, arguments: &[OsString]) -> Option<CellCompilation<'a>> {
        let compiles = ["build", "check"]
            .iter()
            .any(|it| arguments.first().is_some_and(|first| first == it));
        if !compiles || here != state.session || state.starting {
            return None;
        }
        let mut arguments = arguments.to_vec();
        // A cell that is only checked needs the crates of those that run, and none of its own.
        arguments[0] = "build".into();
        let place = state.session.join(format!("mosaic-recipe-{}", key(state, &arguments)));
        Some(CellCompilation {
            state,
            arguments,
            place,
        })
    }

    /// Compiles as it was done before, here or in another session, or has cargo do it.
    pub(super) fn run(&self) -> Result<ExitCode> {
        if let Some(recipe) = RustcInvocation::read(&with_versions(&self.place)).filter(RustcInvocation::has_its_crates)
        {
            return recipe.run();
        }
        let build = Build::new(self.state, &self.arguments, LIBRARY_PATH_VARIABLE);
        if let Some(recipe) = build.as_ref().and_then(Build::recall) {
            recipe.write(&with_versions(&self.place))?;
            return recipe.run();
        }
        let pool = Pool::of_session(&self.state.session);
        let given = pool.give_for(&manifest(&self.state.session), &self.state.session)?;
        let cargo = self
            .cargo()
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run cargo")?;
        let output = cargo.wait_with_output().context("cannot run cargo")?;
        if output.status.success() && has_only_our_crates(self.state).unwrap_or(false) {
            // The cell is compiled, whether anything can be kept or not.
            let _ = given.then(|| pool.take(&self.state.session));
            let recipe = RustcInvocation::read(&with_versions(&self.place));
            let _ = build
                .zip(recipe)
                .map(|(build, recipe)| build.keep(&recipe, &output.stdout));
        }
        io::stdout().write_all(&output.stdout)?;
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }

    fn cargo(&self) -> Command {
        let mut cargo = real(Some(&self.state.sysroot), "cargo");
        cargo.args(&self.arguments);
        if has_only_our_crates(self.state).unwrap_or(false) {
            cargo.env(RECIPE_VARIABLE, &self.place);
        }
        cargo
    }
}

impl RustcInvocation {
    fn read(file: &Path) -> Option<RustcInvocation> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    fn write(&self, file: &Path) -> Result<()> {
        cache_key::replace(file, &serde_json::to_vec(self)?).context("cannot keep how the cell was compiled")
    }

    fn run(self) -> Result<ExitCode> {
        let mut wrapper = Command::new(env::current_exe()?);
        wrapper.args(self.arguments).env_clear().envs(self.environment);
        // A cell that was only checked had none.
        if let Some(told) = env::var_os(LIBRARY_PATH_VARIABLE) {
            wrapper.env(LIBRARY_PATH_VARIABLE, told);
        }
        Err(wrapper.exec()).context("cannot compile the cell as before")
    }

    /// Whether the crates that it links are still there.
    fn has_its_crates(&self) -> bool {
        let externs = self.arguments.windows(2).filter(|pair| pair[0] == "--extern");
        let mut paths = externs.filter_map(|pair| pair[1].split_once('='));
        paths.all(|(_, path)| Path::new(path).exists())
    }
}

/// Keeps what this process, cargo's rustc wrapper, was called with, if it is to. It is called for a cell.
pub(crate) fn keep() -> Result<()> {
    // By now cargo has chosen the versions.
    let Some(file) = env::var_os(RECIPE_VARIABLE).map(|place| with_versions(Path::new(&place))) else {
        return Ok(());
    };
    let arguments = env::args_os()
        .skip(1)
        .map(OsString::into_string)
        .collect::<Result<_, _>>();
    // Cargo's own variables are words; others are as they are in the kernel's environment.
    let environment = env::vars_os().map(|(name, value)| Ok((name.into_string()?, value.into_string()?)));
    let (Ok(arguments), Ok(mut environment)) = (
        arguments,
        environment.collect::<Result<BTreeMap<String, String>, OsString>>(),
    ) else {
        return Ok(());
    };
    environment.remove(RECIPE_VARIABLE);
    RustcInvocation { arguments, environment }.write(&file)
}

/// The file for the versions that the session at a place has.
fn with_versions(place: &Path) -> PathBuf {
    let mut parts = Parts::default();
    parts.add(&fs::read(place.with_file_name("Cargo.lock")).unwrap_or_default());
    place.with_added_extension(parts.name(8)).with_added_extension("json")
}

/// All that decides what cargo does for a cell, but its own source, and the sources and the versions of crates.
fn key(state: &ShimState, arguments: &[OsString]) -> String {
    let mut parts = Parts::default();
    arguments
        .iter()
        .for_each(|argument| parts.add(argument.as_encoded_bytes()));
    let environment: BTreeMap<OsString, OsString> = env::vars_os().collect();
    // Where the library's path goes is the same for all that are built, and not said for others.
    for (name, value) in environment.iter().filter(|(name, _)| *name != LIBRARY_PATH_VARIABLE) {
        parts.add(name.as_encoded_bytes());
        parts.add(value.as_encoded_bytes());
    }
    parts.add(manifest(&state.session).as_bytes());
    parts.add(&fs::read(state.session.join(".cargo/config.toml")).unwrap_or_default());
    parts.add(&cache_key::installed(state).as_nanos().to_le_bytes());
    parts.name(8)
}

/// Whether all crates without a registry or a repository are the notebook's own, which nobody edits.
fn has_only_our_crates(state: &ShimState) -> Option<bool> {
    let read = |file: &str| fs::read_to_string(state.session.join(file)).ok()?.parse::<Table>().ok();
    let ours = state.session.parent()?.join("crates");
    let manifest = read("Cargo.toml")?;
    let mut dependencies = manifest.get("dependencies")?.as_table()?.values();
    let paths_are_ours = dependencies.all(|dependency| {
        let path = dependency.get("path").and_then(Value::as_str);
        path.is_none_or(|path| Path::new(path).starts_with(&ours))
    });
    let lock = read("Cargo.lock")?;
    let mut packages = lock.get("package")?.as_array()?.iter();
    let names_are_ours = packages.all(|package| {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
        package.get("source").is_some() || name == CELL_CRATE || is_a_crate_in(&ours, name)
    });
    Some(paths_are_ours && names_are_ours)
}

fn is_a_crate_in(directory: &Path, name: &str) -> bool {
    let short = name.strip_prefix("mosaic-").unwrap_or(name);
    directory.join(short).join("Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session with our crates beside it.
    fn stage(directory: &Path) -> ShimState {
        let session = directory.join("session");
        for it in ["crates/mosaic", "crates/cell", "session/.cargo"] {
            fs::create_dir_all(directory.join(it)).unwrap();
        }
        for it in ["crates/mosaic/Cargo.toml", "crates/cell/Cargo.toml"] {
            fs::write(directory.join(it), "").unwrap();
        }
        ShimState::of_session(session)
    }

    fn file(state: &ShimState, words: &[&str]) -> Option<PathBuf> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        CellCompilation::new(state, &state.session, &words).map(|order| with_versions(&order.place))
    }

    #[test]
    fn a_recipe_is_found_by_all_that_cargo_looks_at() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = stage(directory.path());
        let mut seen = vec![
            file(&state, &["build"]).unwrap(),
            file(&state, &["build", "--offline"]).unwrap(),
        ];
        for it in ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"] {
            fs::write(state.session.join(it), it).unwrap();
            seen.push(file(&state, &["build"]).unwrap());
        }
        assert_eq!(file(&state, &["build"]).unwrap(), seen[4]);
        assert_eq!(file(&state, &["check"]).unwrap(), seen[4]);
        let different: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(different.len(), seen.len());
        assert_eq!(file(&state, &["metadata"]), None);
        state.starting = true;
        assert_eq!(file(&state, &["build"]), None);
    }

    #[test]
    fn crates_that_the_user_may_edit_are_cargos() {
        let directory = tempfile::tempdir().unwrap();
        let state = stage(directory.path());
        let crates = directory.path().join("crates");
        let ours = format!(
            "[dependencies]\nserde = \"1\"\nmosaic = {{ path = \"{}/mosaic\" }}\n",
            crates.display()
        );
        let package = |name: &str, more: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{more}\n");
        let lock = [package("ctx", ""), package("mosaic", ""), package("mosaic-cell", "")].concat()
            + &package("serde", "source = \"registry+https://example.org\"");
        for (manifest, lock, expected) in [
            (ours.clone(), lock.clone(), Some(true)),
            (
                format!("{ours}mine = {{ path = \"/home/mine\" }}\n"),
                lock.clone(),
                Some(false),
            ),
            // By the user's own configuration.
            (ours.clone(), lock + &package("patched", ""), Some(false)),
            (ours, "[[".to_owned(), None),
        ] {
            fs::write(state.session.join("Cargo.toml"), &manifest).unwrap();
            fs::write(state.session.join("Cargo.lock"), &lock).unwrap();
            assert_eq!(has_only_our_crates(&state), expected, "{manifest}{lock}");
        }
    }

    #[test]
    fn a_recipe_needs_its_crates() {
        let directory = tempfile::tempdir().unwrap();
        let library = directory.path().join("libmosaic.so");
        let recipe = RustcInvocation {
            arguments: ["rustc", "--extern", &format!("mosaic={}", library.display())]
                .map(str::to_owned)
                .into(),
            environment: BTreeMap::new(),
        };
        assert!(!recipe.has_its_crates());
        fs::write(library, "").unwrap();
        assert!(recipe.has_its_crates());
    }
}
