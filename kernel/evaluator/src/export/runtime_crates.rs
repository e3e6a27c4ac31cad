//! The crates of the runtime, for programs: they are on no registry, and so are written beside a program that uses them.

use crate::{
    export::program::Crates,
    prebuilt::{
        builtin::{self, Source},
        crates::root_manifest,
    },
    session::files::MANIFEST,
};
use anyhow::{Context, Result, bail};
use include_dir::{Dir, include_dir};
use std::{
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The directory of the crates, in that of the program.
pub(super) const DIRECTORY: &str = "mosaic";

/// A crate of the runtime, and where it lies in this project.
struct RuntimeCrate {
    name: &'static str,
    path: &'static str,
    files: Files,
}

/// Where the files of a crate are in this executable.
enum Files {
    /// Cells link the crate, so it is a built-in one.
    BuiltIn,
    Own(Dir<'static>),
}

/// The directories of a crate that a program does without.
const OF_DEVELOPMENT: [&str; 3] = ["tests", "examples", "benches"];

/// The crates that a program with tesserae needs.
static OF_RUNTIME: [RuntimeCrate; 8] = [
    RuntimeCrate {
        name: "mosaic",
        path: "runtime/mosaic",
        files: Files::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-abi",
        path: "runtime/abi",
        files: Files::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-macros",
        path: "runtime/macros",
        files: Files::Own(include_dir!("$CARGO_MANIFEST_DIR/../../runtime/macros")),
    },
    RuntimeCrate {
        name: "mosaic-expand",
        path: "runtime/expand",
        files: Files::Own(include_dir!("$CARGO_MANIFEST_DIR/../../runtime/expand")),
    },
    RuntimeCrate {
        name: "mosaic-engine",
        path: "runtime/engine",
        files: Files::Own(include_dir!("$CARGO_MANIFEST_DIR/../../runtime/engine")),
    },
    RuntimeCrate {
        name: "mosaic-launch",
        path: "runtime/launch",
        files: Files::Own(include_dir!("$CARGO_MANIFEST_DIR/../../runtime/launch")),
    },
    RuntimeCrate {
        name: "mosaic-net",
        path: "runtime/net",
        files: Files::Own(include_dir!("$CARGO_MANIFEST_DIR/../../runtime/net")),
    },
    RuntimeCrate {
        name: "mosaic-sampler",
        path: "runtime/sampler",
        files: Files::Own(include_dir!("$CARGO_MANIFEST_DIR/../../runtime/sampler")),
    },
];

/// The crates that a program needs besides if it uses the crate `notebook`.
static OF_NOTEBOOK: [RuntimeCrate; 3] = [
    RuntimeCrate {
        name: "notebook",
        path: "kernel/notebook",
        files: Files::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-message",
        path: "kernel/message",
        files: Files::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-cell",
        path: "kernel/evaluator/cell",
        files: Files::BuiltIn,
    },
];

/// Returns the path of a crate within a checkout of this project.
pub(super) fn crate_path(name: &str) -> &'static str {
    let mut crates = OF_RUNTIME.iter().chain(&OF_NOTEBOOK);
    crates.find(|it| it.name == name).map_or("", |it| it.path)
}

/// Returns the absolute path of a checkout of this project.
///
/// # Errors
///
/// The directory does not exist, or is no such checkout.
pub(super) fn checkout(directory: &Path) -> Result<PathBuf> {
    let shown = directory.display();
    let directory = directory
        .canonicalize()
        .with_context(|| format!("cannot find {shown}"))?;
    if !directory
        .join(crate_path("mosaic-engine"))
        .join(MANIFEST.name())
        .is_file()
    {
        bail!(
            "{shown} is no checkout of mosaic-kernel: it has no {}",
            crate_path("mosaic-engine")
        );
    }
    Ok(directory)
}

/// Writes the crates that a program uses into its directory.
///
/// # Errors
///
/// The files cannot be written.
pub(super) fn write(program: &Path, uses: Crates) -> Result<()> {
    if !uses.any() {
        return Ok(());
    }
    let of_notebook = if uses.notebook { &OF_NOTEBOOK[..] } else { &[] };
    let crates: Vec<&RuntimeCrate> = OF_RUNTIME.iter().chain(of_notebook).collect();
    let root = program.join(DIRECTORY);
    for it in &crates {
        let directory = root.join(it.path);
        fs::create_dir_all(&directory)?;
        let files = match (&it.files, builtin::find(it.name).map(|it| &it.source)) {
            (Files::Own(files), _) | (Files::BuiltIn, Some(Source::Embedded { files, .. })) => files,
            _ => bail!("the crate {} is not embedded", it.name),
        };
        write_files(files, &directory)?;
    }
    let members = crates.iter().map(|it| Value::from(it.path)).collect();
    fs::write(root.join(MANIFEST.name()), workspace_manifest(members)?)?;
    Ok(())
}

/// Writes the files of a crate that a program is built from.
fn write_files(files: &Dir, directory: &Path) -> Result<()> {
    let is_needed = |path: &Path| !OF_DEVELOPMENT.iter().any(|it| path.starts_with(it));
    for file in files.find("**/*")?.filter_map(|entry| entry.as_file()) {
        if !is_needed(file.path()) {
            continue;
        }
        let path = directory.join(file.path());
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        if file.path() == Path::new(MANIFEST.name()) {
            let manifest = file.contents_utf8().context("a manifest is no text")?;
            fs::write(path, without_tests(manifest)?)?;
        } else {
            fs::write(path, file.contents())?;
        }
    }
    Ok(())
}

/// Returns the manifest of a crate whose tests and examples are not written.
fn without_tests(manifest: &str) -> Result<String> {
    let mut manifest: Table = manifest.parse()?;
    for key in ["dev-dependencies", "test", "example", "bench"] {
        manifest.remove(key);
    }
    Ok(toml::to_string(&manifest)?)
}

/// Returns the manifest of the workspace of the crates, which inherit from it as from this project's.
fn workspace_manifest(members: Vec<Value>) -> Result<String> {
    let mut root = root_manifest();
    let mut workspace = root.remove("workspace").context("there is no workspace")?;
    let table = workspace.as_table_mut().context("the workspace is no table")?;
    table.insert("members".to_owned(), Value::Array(members));
    table.remove("exclude");
    Ok(toml::to_string(&Table::from_iter([(
        "workspace".to_owned(),
        workspace,
    )]))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_that_the_runtime_needs_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let uses = Crates {
            mosaic: true,
            notebook: true,
        };
        write(directory.path(), uses).unwrap();
        let root = directory.path().join(DIRECTORY);
        let read = |path: PathBuf| -> Table { fs::read_to_string(path).unwrap().parse().unwrap() };
        let workspace = read(root.join(MANIFEST.name()));
        let own = workspace["workspace"]["dependencies"].as_table().unwrap();
        for it in OF_RUNTIME.iter().chain(&OF_NOTEBOOK) {
            let manifest = read(root.join(it.path).join(MANIFEST.name()));
            assert!(root.join(it.path).join("src/lib.rs").is_file(), "{}", it.name);
            assert_eq!(manifest["package"]["name"].as_str(), Some(it.name));
            for name in manifest["dependencies"].as_table().unwrap().keys() {
                let is_own = own.get(name).is_some_and(|it| it.get("path").is_some());
                assert!(!is_own || !crate_path(name).is_empty(), "{} needs {name}", it.name);
            }
        }
    }
}
