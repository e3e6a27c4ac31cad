//! The keys of the caches that sessions share: digests of everything that decides what cargo does.
//!
//! That is the request itself, the project's manifest, the toolchain, cargo's configuration, and the environment
//! variables that cargo and rustc look at.

use crate::{
    evcxr_text::markers::ENVIRONMENT_PREFIX,
    prebuilt::cache_directory::CacheDirectory,
    session::{
        digest::Parts,
        environment::users_variables,
        files::{CARGO_CONFIGURATION, MANIFEST},
        shim_state::ShimState,
        sysroot,
    },
};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};
use toml::{Table, Value};

/// Stands for the path of the session directory, which differs between kernels, in all that sessions share.
pub(super) const SESSION_PLACEHOLDER: &str = "@mosaic-session@";
/// Prefixes of the variables that cargo and rustc look at, and of those by which evcxr talks to its wrapper.
const VARIABLE_PREFIXES: [&str; 3] = ["CARGO", "RUST", ENVIRONMENT_PREFIX];
/// Other variables that decide which programs, libraries and files cargo and rustc find.
const VARIABLES: [&str; 3] = ["HOME", "LD_LIBRARY_PATH", "PATH"];
/// The files of cargo's configuration, relative to the project and to each directory above it.
const CONFIGURATION_FILES: [&str; 2] = [CARGO_CONFIGURATION.name(), ".cargo/config"];

/// Returns the text with a placeholder for the session directory, so that it holds in every session.
pub(super) fn without_session(text: &str, session: &Path) -> String {
    text.replace(&*session.to_string_lossy(), SESSION_PLACEHOLDER)
}

/// Returns the text with the session directory in the place of its placeholder.
pub(super) fn with_session(text: &str, session: &Path) -> String {
    text.replace(SESSION_PLACEHOLDER, &session.to_string_lossy())
}

/// Returns the manifest of a project with its lines sorted, since evcxr writes dependencies in an order that differs
/// between sessions.
pub(super) fn sorted_manifest(project: &Path) -> String {
    let text = MANIFEST.read(project).unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Returns when the compiler was installed, since the epoch. A toolchain may be updated while a kernel runs.
pub(super) fn installed(state: &ShimState) -> Duration {
    let rustc = sysroot::program(&state.sysroot, "rustc");
    let written = fs::metadata(rustc).and_then(|it| it.modified());
    let written = written.ok().and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    written.unwrap_or_default()
}

/// Returns the parts of the key of a request to cargo about the session's manifest. The caller may add more.
///
/// `ignored_variable` is a variable on which the result does not depend. Returns `None` if a source may change under
/// the same name, or cargo's configuration is in files that are not known.
pub(super) fn of_request(state: &ShimState, arguments: &[OsString], ignored_variable: &str) -> Option<Parts> {
    let manifest = MANIFEST.read(&state.session)?;
    if !is_pinned(&manifest, &CacheDirectory::of_session(&state.session).crates()) {
        return None;
    }
    let mut parts = Parts::default();
    arguments.iter().for_each(|it| parts.add(it.as_encoded_bytes()));
    parts.add(sorted_manifest(&state.session).as_bytes());
    add_surroundings(&mut parts, state, ignored_variable)?;
    Some(parts)
}

/// Adds the toolchain, the environment and cargo's configuration.
fn add_surroundings(parts: &mut Parts, state: &ShimState, ignored_variable: &str) -> Option<()> {
    parts.add(&installed(state).as_nanos().to_le_bytes());
    let is_of_interest = |name: &OsString| {
        name.to_str().is_some_and(|name| {
            let is_known = VARIABLES.contains(&name) || VARIABLE_PREFIXES.iter().any(|it| name.starts_with(it));
            is_known && name != ignored_variable
        })
    };
    for (name, value) in users_variables().iter().filter(|(name, _)| is_of_interest(name)) {
        parts.add(name.as_encoded_bytes());
        parts.add(without_session(&value.to_string_lossy(), &state.session).as_bytes());
    }
    for file in configuration_files(&state.session) {
        let text = fs::read_to_string(file).unwrap_or_default();
        // The files that it includes are not known here.
        if text.contains("include") {
            return None;
        }
        parts.add(text.as_bytes());
    }
    Some(())
}

/// Lists the files in which cargo looks for its configuration for a project.
fn configuration_files(project: &Path) -> Vec<PathBuf> {
    let above = project.ancestors().map(Path::to_owned);
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(dirs::home_dir()?.join(".cargo")));
    let below = |directory: PathBuf| CONFIGURATION_FILES.map(|file| directory.join(file));
    let of_home = home
        .into_iter()
        .flat_map(|home| ["config.toml", "config"].map(|it| home.join(it)));
    above.flat_map(below).chain(of_home).collect()
}

/// Returns whether a manifest names no source that can change under the same name: no directory except those of
/// `built_in` crates, and no branch of a repository.
fn is_pinned(manifest: &str, built_in: &Path) -> bool {
    let Ok(manifest) = manifest.parse::<Table>() else {
        return false;
    };
    let Some(dependencies) = manifest.get("dependencies").and_then(Value::as_table) else {
        return true;
    };
    dependencies.values().all(|it| {
        let path = it.get("path").map(|path| path.as_str().unwrap_or_default());
        let has_revision = it.get("git").is_none() || it.get("rev").is_some();
        has_revision && path.is_none_or(|path| Path::new(path).starts_with(built_in))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_in_every_session_and_changes_with_the_configuration() {
        let parent = tempfile::tempdir().unwrap();
        let name = |session: &str| {
            let mut parts = Parts::default();
            add_surroundings(&mut parts, &ShimState::of_session(parent.path().join(session)), "")
                .map(|()| parts.name(8))
        };
        let first = name("first");
        assert_eq!(first, name("second"));
        fs::create_dir(parent.path().join(".cargo")).unwrap();
        let file = parent.path().join(CONFIGURATION_FILES[0]);
        fs::write(&file, "[build]\njobs = 1\n").unwrap();
        assert_ne!(first, name("first"));
        fs::write(&file, "include = [\"other.toml\"]\n").unwrap();
        assert_eq!(name("first"), None);
    }

    #[test]
    fn a_text_holds_in_every_session() {
        let (first, second) = (Path::new("/c/session-1"), Path::new("/c/session-2"));
        let text = without_session("-L /c/session-1/target", first);
        assert_eq!(with_session(&text, second), "-L /c/session-2/target");
    }

    #[test]
    fn sources_that_may_change_are_found() {
        for (dependency, pinned) in [
            ("x = \"1\"", true),
            ("x = { version = \"1\", features = [\"a\"] }", true),
            ("x = { path = \"/own/x\" }", true),
            ("x = { path = \"/home/x\" }", false),
            ("x = { path = \"../x\" }", false),
            ("x = { git = \"https://example.org/x\" }", false),
            ("x = { git = \"https://example.org/x\", branch = \"main\" }", false),
            ("x = { git = \"https://example.org/x\", rev = \"0123abc\" }", true),
            ("x = {", false),
        ] {
            let manifest = format!("[package]\nname = \"ctx\"\n[dependencies]\n{dependency}\n");
            assert_eq!(is_pinned(&manifest, Path::new("/own")), pinned, "{dependency}");
        }
    }
}
