//! Reads what cargo has built, and on what the build depended.
//!
//! Cargo's messages name the built files. The dep-info files of rustc (`.d`) and the output of build scripts name the
//! variables and files that a build looked at.

use crate::{evcxr_text::markers::CELL_CRATE, session::environment::digest_of_variable};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env::consts::DLL_EXTENSION,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The files of the crates that cargo has built, as its messages name them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BuiltUnits {
    /// The built files, relative to the session directory.
    pub(super) files: BTreeSet<PathBuf>,
    /// The files that hold what build scripts printed.
    pub(super) outputs: Vec<PathBuf>,
}

impl BuiltUnits {
    /// Reads cargo's messages, leaving out the cell and the build scripts themselves. Returns `None` if cargo built a
    /// file outside of the session directory.
    pub(super) fn of(messages: &str, session: &Path) -> Option<BuiltUnits> {
        let mut units = BuiltUnits::default();
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
            let file = original(Path::new(file.as_str()?));
            self.files.insert(file.strip_prefix(session).ok()?.to_owned());
        }
        Some(())
    }

    /// Adds what a build script has made for the linker, below the directories that it tells cargo.
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

/// The variables and files on which a build depends beside the sources of the crates.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BuildInputs {
    /// Environment variables with digests of their values; `None` if a variable is not set.
    pub(super) variables: BTreeMap<String, Option<String>>,
    /// Files outside of the session directory.
    pub(super) files: BTreeSet<PathBuf>,
}

impl BuildInputs {
    /// Returns the inputs of some `built` libraries and of the build scripts with these `outputs`. Returns `None` if
    /// they are not known.
    pub(super) fn of(session: &Path, built: &[&Path], outputs: &[PathBuf]) -> Option<BuildInputs> {
        let mut inputs = BuildInputs::default();
        for file in built.iter().filter_map(|file| dep_info_of(&session.join(file))) {
            inputs.add_dep_info(&fs::read_to_string(file).ok()?);
        }
        for output in outputs {
            inputs.add_output(&fs::read_to_string(output).ok()?, session)?;
        }
        Some(inputs)
    }

    fn add_variable(&mut self, name: &str) {
        self.variables.insert(name.to_owned(), digest_of_variable(name));
    }

    /// Adds the variables of the lines `# env-dep:NAME=VALUE`, without those of cargo, which depend on the crate alone.
    fn add_dep_info(&mut self, dep_info: &str) {
        for line in dep_info.lines().filter_map(|line| line.strip_prefix("# env-dep:")) {
            let name = line.split('=').next().unwrap_or(line);
            if !name.starts_with("CARGO_") && name != "OUT_DIR" {
                self.add_variable(name);
            }
        }
    }

    /// Adds the inputs that a build script names in instructions `cargo::rerun-if-…=…`, also written with one colon. A
    /// relative path is within the crate, which does not change. Returns `None` if a directory is watched.
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
            let is_elsewhere = path.is_absolute() && !path.starts_with(session) && !is_in_registry(path);
            if is_elsewhere && path.is_dir() {
                // Cargo looks at everything in it.
                return None;
            }
            if is_elsewhere {
                self.files.insert(path.to_owned());
            }
        }
        Some(())
    }
}

/// Returns the file in `deps` of which a file is a hard link. Cargo gives every dylib such a link one directory higher,
/// under a name that is the same for all builds, and names the link in its messages.
fn original(file: &Path) -> PathBuf {
    let inode = |path: &Path| Some((fs::metadata(path).ok()?.dev(), fs::metadata(path).ok()?.ino()));
    let is_dylib = file.extension().is_some_and(|it| it == DLL_EXTENSION);
    let directory = file.with_file_name("deps");
    let Some(found) = inode(file).filter(|_| is_dylib && directory.is_dir()) else {
        return file.to_owned();
    };
    let in_directory = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths = in_directory.map(|entry| entry.path());
    paths
        .find(|path| inode(path) == Some(found))
        .unwrap_or_else(|| file.to_owned())
}

/// Returns whether a path is in the source of a crate that cargo has unpacked or checked out.
fn is_in_registry(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/registry/src/") || text.contains("/git/checkouts/")
}

/// Returns the path of rustc's dep-info file for a library.
fn dep_info_of(library: &Path) -> Option<PathBuf> {
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
        let units = BuiltUnits::of(&messages, session.path()).unwrap();
        let files = ["target/deps/libhex-1.rlib", "target/debug/build/x-1/out/lib/libx.a"];
        assert_eq!(units.files, files.map(PathBuf::from).into());
        assert_eq!(units.outputs, [out.with_file_name("output")]);
        let deps = session.path().join("target/deps");
        fs::create_dir_all(&deps).unwrap();
        let name = |more: &str| format!("libmosaic{more}.{DLL_EXTENSION}");
        for number in ["1", "2"] {
            fs::write(deps.join(name(&format!("-{number}"))), number).unwrap();
        }
        let link = session.path().join("target").join(name(""));
        fs::hard_link(deps.join(name("-2")), &link).unwrap();
        let units = BuiltUnits::of(&artefact("mosaic", "dylib", &[&link.to_string_lossy()]), session.path());
        let original = Path::new("target/deps").join(name("-2"));
        assert_eq!(units.unwrap().files, [original].into());
        let elsewhere = artefact("hex", "lib", &["/elsewhere/libhex-1.rlib"]);
        assert_eq!(BuiltUnits::of(&elsewhere, session.path()), None);
        assert_eq!(BuiltUnits::of("{", session.path()), None);
    }

    #[test]
    fn the_inputs_of_a_build_are_known() {
        let session = tempfile::tempdir().unwrap();
        let directory = session.path().join("deps");
        fs::create_dir(&directory).unwrap();
        let dep_info = "/x/libhex.rlib: /x/lib.rs\n# env-dep:CARGO_PKG_NAME=hex\n# env-dep:HEX_TABLE\n";
        fs::write(directory.join("hex-1.d"), dep_info).unwrap();
        let output = session.path().join("output");
        let lines = "cargo:rerun-if-changed=build.rs\ncargo::rerun-if-changed=/usr/include/no-such-header.h\n\
                     cargo:rerun-if-env-changed=HEX_LIB_DIR\ncargo:rustc-cfg=fast\n";
        fs::write(&output, lines).unwrap();
        let built = [Path::new("deps/libhex-1.rlib"), Path::new("build/out/libx.a")];
        let inputs = BuildInputs::of(session.path(), &built, std::slice::from_ref(&output)).unwrap();
        assert_eq!(
            inputs.variables.keys().collect::<Vec<_>>(),
            ["HEX_LIB_DIR", "HEX_TABLE"]
        );
        assert_eq!(inputs.files, [PathBuf::from("/usr/include/no-such-header.h")].into());
        fs::write(&output, "cargo:rerun-if-changed=/usr\n").unwrap();
        assert_eq!(BuildInputs::of(session.path(), &built, &[output]), None);
        assert_eq!(
            BuildInputs::of(session.path(), &[Path::new("deps/libother-1.rlib")], &[]),
            None
        );
    }
}
