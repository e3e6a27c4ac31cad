//! What cargo tells of the crates that it builds: in its messages, in rustc's list of what a crate is made of, and in
//! what a build script printed.

use crate::{evcxr_text::markers::CELL_CRATE, session::environment::users_variable};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Files that cargo's messages name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Units {
    /// What was built, below the session's directory.
    pub(super) files: BTreeSet<PathBuf>,
    /// What build scripts printed.
    pub(super) outputs: Vec<PathBuf>,
}

impl Units {
    /// All but the cell and the build scripts themselves, unless something of it is not the session's.
    pub(super) fn of(messages: &str, session: &Path) -> Option<Units> {
        let mut units = Units::default();
        for line in messages.lines().filter(|line| line.starts_with('{')) {
            let message: Value = serde_json::from_str(line).ok()?;
            match message["reason"].as_str()? {
                "compiler-artifact" => units.add_artefact(&message, session)?,
                "build-script-executed" => units.add_executed(&message, session)?,
                _ => {}
            }
        }
        Some(units)
    }

    fn add_artefact(&mut self, message: &Value, session: &Path) -> Option<()> {
        let target = &message["target"];
        let is_script = target["kind"].as_array()?.iter().any(|kind| kind == "custom-build");
        if is_script || target["name"] == CELL_CRATE {
            return Some(());
        }
        for file in message["filenames"].as_array()? {
            let file = Path::new(file.as_str()?).strip_prefix(session).ok()?;
            self.files.insert(file.to_owned());
        }
        Some(())
    }

    /// A build script may have made what a cell is linked with.
    fn add_executed(&mut self, message: &Value, session: &Path) -> Option<()> {
        self.outputs
            .push(Path::new(message["out_dir"].as_str()?).with_file_name("output"));
        for path in message["linked_paths"].as_array()? {
            let path = path.as_str()?;
            let path = Path::new(path.split_once('=').map_or(path, |(_, path)| path));
            if path.starts_with(session) {
                self.add_files(path, session)?;
            }
        }
        Some(())
    }

    fn add_files(&mut self, directory: &Path, session: &Path) -> Option<()> {
        for entry in fs::read_dir(directory).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() {
                self.add_files(&path, session)?;
            } else {
                self.files.insert(path.strip_prefix(session).ok()?.to_owned());
            }
        }
        Some(())
    }
}

/// What crates depend on beside their sources.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) variables: BTreeMap<String, Option<String>>,
    pub(super) files: BTreeSet<PathBuf>,
}

impl Seen {
    /// What the crates in some of the session's files, and build scripts by their outputs, have looked at, if that is
    /// known.
    pub(super) fn of(session: &Path, built: &[&Path], outputs: &[PathBuf]) -> Option<Seen> {
        let mut seen = Seen::default();
        for file in built.iter().filter_map(|file| list_of(&session.join(file))) {
            seen.add_list(&fs::read_to_string(file).ok()?);
        }
        for output in outputs {
            seen.add_output(&fs::read_to_string(output).ok()?, session)?;
        }
        Some(seen)
    }

    fn add_variable(&mut self, name: &str) {
        let value = users_variable(name).map(|it| it.to_string_lossy().into_owned());
        self.variables.insert(name.to_owned(), value);
    }

    /// Lines `# env-dep:NAME=VALUE`; some are cargo's own, which depend on the crate alone.
    fn add_list(&mut self, list: &str) {
        for line in list.lines().filter_map(|line| line.strip_prefix("# env-dep:")) {
            let name = line.split('=').next().unwrap_or(line);
            if !name.starts_with("CARGO_") && name != "OUT_DIR" {
                self.add_variable(name);
            }
        }
    }

    /// Instructions `cargo::rerun-if-…=…`, also with one colon. A relative path is within the crate, which does not
    /// change.
    fn add_output(&mut self, output: &str, session: &Path) -> Option<()> {
        for line in output.lines() {
            let Some(instruction) = line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")) else {
                continue;
            };
            if let Some(name) = instruction.strip_prefix("rerun-if-env-changed=") {
                self.add_variable(name);
            }
            let Some(path) = instruction.strip_prefix("rerun-if-changed=").map(Path::new) else {
                continue;
            };
            let is_elsewhere = path.is_absolute() && !path.starts_with(session) && !is_of_a_registry(path);
            if is_elsewhere && path.is_dir() {
                // Cargo looks at all that is in it.
                return None;
            }
            if is_elsewhere {
                self.files.insert(path.to_owned());
            }
        }
        Some(())
    }
}

/// Whether a path is in the unpacked source of a crate.
fn is_of_a_registry(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/registry/src/") || text.contains("/git/checkouts/")
}

/// Where rustc lists what a library is made of.
fn list_of(library: &Path) -> Option<PathBuf> {
    let is_built = library
        .extension()
        .is_some_and(|it| ["rlib", "rmeta", "so", "dylib"].iter().any(|e| it == *e));
    let stem = library.file_stem()?.to_str()?;
    let is_in_deps = library.parent()?.ends_with("deps");
    let name = stem.strip_prefix("lib").unwrap_or(stem);
    (is_built && is_in_deps).then(|| library.with_file_name(name).with_added_extension("d"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn artefact(name: &str, kind: &str, files: &[&str]) -> String {
        let target = json!({ "name": name, "kind": [kind] });
        json!({ "reason": "compiler-artifact", "target": target, "filenames": files }).to_string()
    }

    #[test]
    fn messages_name_what_was_built_for_cells() {
        let session = tempfile::tempdir().unwrap();
        let out = session.path().join("target/debug/build/x-1/out");
        fs::create_dir_all(out.join("lib")).unwrap();
        fs::write(out.join("lib/libx.a"), "").unwrap();
        let text = session.path().to_string_lossy();
        let executed = json!({
            "reason": "build-script-executed", "out_dir": out,
            "linked_paths": [format!("native={}/lib", out.display())],
        });
        let messages = [
            artefact("hex", "lib", &[&format!("{text}/target/deps/libhex-1.rlib")]),
            artefact(
                "build-script-build",
                "custom-build",
                &[&format!("{text}/target/build/x")],
            ),
            artefact("ctx", "cdylib", &[&format!("{text}/target/libctx.so")]),
            executed.to_string(),
            "   Compiling hex".to_owned(),
        ]
        .join("\n");
        let units = Units::of(&messages, session.path()).unwrap();
        let files = ["target/deps/libhex-1.rlib", "target/debug/build/x-1/out/lib/libx.a"];
        assert_eq!(units.files, files.map(PathBuf::from).into());
        assert_eq!(units.outputs, [out.with_file_name("output")]);
        let elsewhere = artefact("hex", "lib", &["/elsewhere/libhex-1.rlib"]);
        assert_eq!(Units::of(&elsewhere, session.path()), None);
        assert_eq!(Units::of("{", session.path()), None);
    }

    #[test]
    fn what_crates_look_at_is_known() {
        let session = tempfile::tempdir().unwrap();
        let directory = session.path().join("deps");
        fs::create_dir(&directory).unwrap();
        let list = "/x/libhex.rlib: /x/lib.rs\n# env-dep:CARGO_PKG_NAME=hex\n# env-dep:HEX_TABLE\n";
        fs::write(directory.join("hex-1.d"), list).unwrap();
        let output = session.path().join("output");
        let lines = "cargo:rerun-if-changed=build.rs\ncargo::rerun-if-changed=/usr/include/no-such-header.h\n\
                     cargo:rerun-if-env-changed=HEX_LIB_DIR\ncargo:rustc-cfg=fast\n";
        fs::write(&output, lines).unwrap();
        let built = [Path::new("deps/libhex-1.rlib"), Path::new("build/out/libx.a")];
        let seen = Seen::of(session.path(), &built, std::slice::from_ref(&output)).unwrap();
        assert_eq!(seen.variables.keys().collect::<Vec<_>>(), ["HEX_LIB_DIR", "HEX_TABLE"]);
        assert_eq!(seen.files, [PathBuf::from("/usr/include/no-such-header.h")].into());
        fs::write(&output, "cargo:rerun-if-changed=/usr\n").unwrap();
        assert_eq!(Seen::of(session.path(), &built, &[output]), None);
        assert_eq!(
            Seen::of(session.path(), &[Path::new("deps/libother-1.rlib")], &[]),
            None
        );
    }
}
