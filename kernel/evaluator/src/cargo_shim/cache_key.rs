//! What decides what cargo does, beside the project itself: the toolchain, cargo's configuration and the variables that
//! cargo and rustc look at. What is kept for other sessions is kept under all of it.

use crate::{
    cargo_shim::recorded_answers::manifest,
    evcxr_text::markers::ENVIRONMENT_PREFIX,
    session::{digest::Parts, environment::users_variables, shim_state::ShimState},
};
use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};
use toml::{Table, Value};

/// In the place of the session's directory, which is another one in each kernel.
const SESSION: &str = "@mosaic-session@";
/// Variables of cargo and of rustc begin so, and what evcxr tells its wrapper.
const PREFIXES: [&str; 3] = ["CARGO", "RUST", ENVIRONMENT_PREFIX];
/// Others that decide what they find.
const NAMES: [&str; 3] = ["HOME", "LD_LIBRARY_PATH", "PATH"];
/// Where cargo looks for its configuration, below each directory above the project.
const CONFIGURATION: [&str; 2] = [".cargo/config.toml", ".cargo/config"];

/// A text that holds in every session.
pub(super) fn without_session(text: &str, session: &Path) -> String {
    text.replace(&*session.to_string_lossy(), SESSION)
}

/// The text as it is for one session.
pub(super) fn with_session(text: &str, session: &Path) -> String {
    text.replace(SESSION, &session.to_string_lossy())
}

/// Writes a file that others may be reading, or have links to.
pub(crate) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let directory = file.parent().unwrap_or(file);
    fs::create_dir_all(directory)?;
    let mut aside = tempfile::Builder::new().prefix("new-").tempfile_in(directory)?;
    aside.write_all(content)?;
    aside.persist(file)?;
    Ok(())
}

/// When the compiler was installed: a toolchain may be updated while a kernel runs.
pub(super) fn installed(state: &ShimState) -> Duration {
    let written = fs::metadata(state.sysroot.join("bin/rustc")).and_then(|it| it.modified());
    let written = written.ok().and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    written.unwrap_or_default()
}

/// What decides what cargo does about the session's manifest when it is asked so, but for a variable that says where the
/// result goes. There is nothing to rely on if sources may change, or the configuration is in files that are not known.
pub(super) fn of_request(state: &ShimState, arguments: &[OsString], but: &str) -> Option<Parts> {
    let written = fs::read_to_string(state.session.join("Cargo.toml")).ok()?;
    if !is_pinned(&written, &state.session.with_file_name("crates")) {
        return None;
    }
    let mut parts = Parts::default();
    arguments.iter().for_each(|it| parts.add(it.as_encoded_bytes()));
    parts.add(manifest(&state.session).as_bytes());
    add(&mut parts, state, but)?;
    Some(parts)
}

fn add(parts: &mut Parts, state: &ShimState, but: &str) -> Option<()> {
    parts.add(&installed(state).as_nanos().to_le_bytes());
    let is_of_interest = |name: &OsString| {
        name.to_str().is_some_and(|name| {
            name != but && (NAMES.contains(&name) || PREFIXES.iter().any(|it| name.starts_with(it)))
        })
    };
    for (name, value) in users_variables().iter().filter(|(name, _)| is_of_interest(name)) {
        parts.add(name.as_encoded_bytes());
        parts.add(without_session(&value.to_string_lossy(), &state.session).as_bytes());
    }
    for file in configuration(&state.session) {
        let text = fs::read_to_string(file).unwrap_or_default();
        if text.contains("include") {
            return None;
        }
        parts.add(text.as_bytes());
    }
    Some(())
}

/// The files in which cargo's configuration may be for a project.
fn configuration(project: &Path) -> Vec<PathBuf> {
    let above = project.ancestors().map(Path::to_owned);
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(dirs::home_dir()?.join(".cargo")));
    let below = |directory: PathBuf| CONFIGURATION.map(|file| directory.join(file));
    let of_home = home
        .into_iter()
        .flat_map(|home| ["config.toml", "config"].map(|it| home.join(it)));
    above.flat_map(below).chain(of_home).collect()
}

/// Whether a manifest names no sources that change under the same name: a directory, or a branch of a repository. The
/// directories of the notebook's `own` crates do not change.
fn is_pinned(manifest: &str, own: &Path) -> bool {
    let Ok(manifest) = manifest.parse::<Table>() else {
        return false;
    };
    let Some(dependencies) = manifest.get("dependencies").and_then(Value::as_table) else {
        return true;
    };
    dependencies.values().all(|it| {
        let path = it.get("path").map(|path| path.as_str().unwrap_or_default());
        let has_revision = it.get("git").is_none() || it.get("rev").is_some();
        has_revision && path.is_none_or(|path| Path::new(path).starts_with(own))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_those_of_every_session_and_change_with_the_configuration() {
        let parent = tempfile::tempdir().unwrap();
        let name = |session: &str| {
            let mut parts = Parts::default();
            add(&mut parts, &ShimState::of_session(parent.path().join(session)), "").map(|()| parts.name(8))
        };
        let first = name("first");
        assert_eq!(first, name("second"));
        fs::create_dir(parent.path().join(".cargo")).unwrap();
        let file = parent.path().join(CONFIGURATION[0]);
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
