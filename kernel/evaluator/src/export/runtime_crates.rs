//! The crates of the runtime, for programs: they are on no registry, and so are written beside a program that uses them.

use crate::{
    export::program::Crates,
    prebuilt::{
        builtin::{self, Source},
        crates::root_manifest,
    },
    session::files::{MANIFEST, SOURCES},
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
    sources: Sources,
}

/// Where the sources of a crate are in this executable.
enum Sources {
    /// Cells link the crate, so it is a built-in one.
    BuiltIn,
    /// The manifest, the directory of the sources, and another directory with files that they include.
    Own(&'static str, Dir<'static>, Option<(&'static str, Dir<'static>)>),
}

/// The crates that a program with tesserae needs.
static OF_RUNTIME: [RuntimeCrate; 7] = [
    RuntimeCrate {
        name: "mosaic",
        path: "runtime/mosaic",
        sources: Sources::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-abi",
        path: "runtime/abi",
        sources: Sources::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-macros",
        path: "runtime/macros",
        sources: Sources::Own(
            include_str!("../../../../runtime/macros/Cargo.toml"),
            include_dir!("$CARGO_MANIFEST_DIR/../../runtime/macros/src"),
            None,
        ),
    },
    RuntimeCrate {
        name: "mosaic-expand",
        path: "runtime/expand",
        sources: Sources::Own(
            include_str!("../../../../runtime/expand/Cargo.toml"),
            include_dir!("$CARGO_MANIFEST_DIR/../../runtime/expand/src"),
            None,
        ),
    },
    RuntimeCrate {
        name: "mosaic-engine",
        path: "runtime/engine",
        sources: Sources::Own(
            include_str!("../../../../runtime/engine/Cargo.toml"),
            include_dir!("$CARGO_MANIFEST_DIR/../../runtime/engine/src"),
            None,
        ),
    },
    RuntimeCrate {
        name: "mosaic-launch",
        path: "runtime/launch",
        sources: Sources::Own(
            include_str!("../../../../runtime/launch/Cargo.toml"),
            include_dir!("$CARGO_MANIFEST_DIR/../../runtime/launch/src"),
            Some(("ray", include_dir!("$CARGO_MANIFEST_DIR/../../runtime/launch/ray"))),
        ),
    },
    RuntimeCrate {
        name: "mosaic-net",
        path: "runtime/net",
        sources: Sources::Own(
            include_str!("../../../../runtime/net/Cargo.toml"),
            include_dir!("$CARGO_MANIFEST_DIR/../../runtime/net/src"),
            None,
        ),
    },
];

/// The crates that a program needs besides if it uses the crate `notebook`.
static OF_NOTEBOOK: [RuntimeCrate; 3] = [
    RuntimeCrate {
        name: "notebook",
        path: "kernel/notebook",
        sources: Sources::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-message",
        path: "kernel/message",
        sources: Sources::BuiltIn,
    },
    RuntimeCrate {
        name: "mosaic-cell",
        path: "kernel/evaluator/cell",
        sources: Sources::BuiltIn,
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
        let manifest = match &it.sources {
            Sources::Own(manifest, sources, included) => {
                let included = included.iter().map(|(name, files)| (*name, files));
                for (name, files) in included.chain([(SOURCES.name(), sources)]) {
                    let directory = directory.join(name);
                    fs::create_dir_all(&directory)?;
                    files.extract(directory)?;
                }
                *manifest
            }
            Sources::BuiltIn => write_built_in(it.name, &directory)?,
        };
        fs::write(directory.join(MANIFEST.name()), without_tests(manifest)?)?;
    }
    let members = crates.iter().map(|it| Value::from(it.path)).collect();
    fs::write(root.join(MANIFEST.name()), workspace_manifest(members)?)?;
    Ok(())
}

/// Writes the sources of a built-in crate. Returns its manifest.
fn write_built_in(name: &str, directory: &Path) -> Result<&'static str> {
    let built_in = builtin::find(name).map(|it| &it.source);
    let Some(Source::Embedded { files, .. }) = built_in else {
        bail!("the crate {name} is not embedded");
    };
    let sources = files
        .get_dir("src")
        .with_context(|| format!("the crate {name} has no sources"))?;
    fs::create_dir_all(directory.join(SOURCES.name()))?;
    // The paths of its entries begin at the crate's directory.
    for entry in sources.find("**/*")?.filter_map(|entry| entry.as_file()) {
        let path = directory.join(entry.path());
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        fs::write(path, entry.contents())?;
    }
    let manifest = files.get_file(MANIFEST.name()).and_then(|file| file.contents_utf8());
    manifest.with_context(|| format!("the crate {name} has no manifest"))
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
