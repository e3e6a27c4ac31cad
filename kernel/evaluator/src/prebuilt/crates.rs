//! The cells' crates, `mosaic`, `tokio`, `ndarray` and `serde`: their sources, and where they are built ahead.
//!
//! They are built once per toolchain, in a *template*: a directory of evcxr's with everything compiled in it. Each
//! session works in a clone of the template, so that two kernels never share a file that cargo writes to.

use crate::{prebuilt::toolchain::Toolchain, session::digest};
use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

static ROOT_MANIFEST: &str = include_str!("../../../../Cargo.toml");

/// The crates whose sources travel in this executable, as `(directory, sources, links dynamically)`. A dylib exists once
/// in a process, however many cells link it.
static EMBEDDED: [(&str, Dir, bool); 7] = [
    ("abi", include_dir!("$CARGO_MANIFEST_DIR/../../runtime/abi"), false),
    ("mosaic", include_dir!("$CARGO_MANIFEST_DIR/../../runtime/mosaic"), true),
    ("message", include_dir!("$CARGO_MANIFEST_DIR/../message"), false),
    ("cell", include_dir!("$CARGO_MANIFEST_DIR/cell"), true),
    ("notebook", include_dir!("$CARGO_MANIFEST_DIR/../notebook"), true),
    ("std", include_dir!("$CARGO_MANIFEST_DIR/std"), false),
    ("tokio", include_dir!("$CARGO_MANIFEST_DIR/../../runtime/tokio"), true),
];

/// The directory of one toolchain in the cache.
#[derive(Clone, Debug)]
pub(crate) struct Crates {
    directory: PathBuf,
}

impl Crates {
    /// The cache's directory for this toolchain and this version of the sources, created if it is not there.
    pub(crate) fn for_toolchain(toolchain: &Toolchain) -> Result<Crates> {
        let directory = cache_directory()?.join(key(toolchain));
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let directory = fs::canonicalize(directory)?;
        let crates = Crates { directory };
        crates.write_sources()?;
        Ok(crates)
    }

    /// Where the sessions of this toolchain lie, and the template beside them: dylibs find one another by paths relative
    /// to their own, so a clone must lie as deep as its template.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the template is, once it is complete.
    pub(crate) fn template(&self) -> PathBuf {
        self.directory.join("template")
    }

    /// Where the standard library's sources are as rust-analyzer sees them.
    pub(crate) fn view(&self) -> PathBuf {
        self.directory.join("library")
    }

    /// Where lies what cargo said while a kernel started.
    pub(crate) fn answers(&self) -> PathBuf {
        self.directory.join("answers")
    }

    /// The cells' dependencies, as name and Cargo's specification.
    pub(crate) fn dependencies(&self) -> [(&'static str, String); 7] {
        let path = |name: &str| format!("{{ path = {:?} }}", self.directory.join("crates").join(name));
        [
            ("mosaic", path("mosaic")),
            ("mosaic-cell", path("cell")),
            ("mosaic-std", path("std")),
            ("notebook", path("notebook")),
            ("tokio", path("tokio")),
            ("ndarray", workspace_dependency("ndarray")),
            ("serde", workspace_dependency("serde")),
        ]
    }

    fn write_sources(&self) -> Result<()> {
        let complete = self.directory.join("crates");
        if complete.is_dir() {
            return Ok(());
        }
        // Written aside and renamed: another kernel may be doing the same.
        let aside = tempfile::Builder::new().prefix("crates-").tempdir_in(&self.directory)?;
        fs::write(aside.path().join("Cargo.toml"), workspace_manifest()?)?;
        for (name, sources, dynamic) in &EMBEDDED {
            let directory = aside.path().join(name);
            fs::create_dir_all(&directory)?;
            for entry in sources.find("**/*.rs")? {
                let Some(file) = entry.as_file() else { continue };
                let path = directory.join(file.path());
                fs::create_dir_all(path.parent().unwrap_or(&directory))?;
                fs::write(path, file.contents())?;
            }
            let manifest = sources.get_file("Cargo.toml").and_then(|file| file.contents_utf8());
            let manifest = manifest.with_context(|| format!("the crate {name} has no manifest"))?;
            fs::write(directory.join("Cargo.toml"), notebook_manifest(manifest, *dynamic)?)?;
        }
        match fs::rename(aside.path(), &complete) {
            Err(_) if complete.is_dir() => Ok(()),
            other => Ok(other?),
        }
    }
}

fn cache_directory() -> Result<PathBuf> {
    if let Some(directory) = env::var_os("MOSAIC_CACHE_DIR") {
        return Ok(PathBuf::from(directory));
    }
    let cache = dirs::cache_dir().context("the home directory is unknown: set MOSAIC_CACHE_DIR")?;
    Ok(cache.join("mosaic-kernel"))
}

/// Names the toolchain and the sources: whatever is built from other ones lies elsewhere.
fn key(toolchain: &Toolchain) -> String {
    let mut hash = Sha256::new();
    hash.update(&toolchain.verbose_version);
    hash.update(ROOT_MANIFEST);
    for (name, sources, _) in &EMBEDDED {
        hash.update(name);
        for file in sources
            .find("**/*")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.as_file())
        {
            hash.update(file.path().as_os_str().as_encoded_bytes());
            hash.update(file.contents());
        }
    }
    format!("{}-{}", toolchain.version(), digest::name(hash, 6))
}

fn root_manifest() -> Table {
    ROOT_MANIFEST
        .parse()
        .expect("cargo has read the workspace's manifest before")
}

/// A workspace around the sources, from which their manifests inherit as they do from this project's.
fn workspace_manifest() -> Result<String> {
    let mut root = root_manifest();
    let workspace = root["workspace"].as_table_mut().context("no workspace")?;
    let members = EMBEDDED.iter().map(|(name, ..)| *name).filter(|name| *name != "tokio");
    workspace.insert(
        "members".into(),
        Value::Array(members.map(|name| Value::String(name.into())).collect()),
    );
    workspace.insert("exclude".into(), Value::Array(vec!["tokio".into()]));
    let paths = [
        ("mosaic", "mosaic"),
        ("mosaic-abi", "abi"),
        ("mosaic-cell", "cell"),
        ("mosaic-message", "message"),
    ];
    for (name, path) in paths {
        workspace["dependencies"][name]["path"] = path.into();
    }
    let manifest = Table::from_iter([(
        "workspace".to_owned(),
        root.remove("workspace").context("no workspace")?,
    )]);
    Ok(toml::to_string(&manifest)?)
}

/// The manifest as the notebook builds it: dynamic where `dynamic`, and without what is optional or for tests.
fn notebook_manifest(manifest: &str, dynamic: bool) -> Result<String> {
    let mut manifest: Table = manifest.parse()?;
    manifest.remove("dev-dependencies");
    let features = manifest.remove("features");
    if features.is_some_and(|features| features.get("notebook").is_some()) {
        let notebook = [("default", vec!["notebook"]), ("notebook", vec![])];
        manifest.insert(
            "features".into(),
            Table::from_iter(notebook.map(|(k, v)| (k.to_owned(), v.into()))).into(),
        );
    }
    if let Some(dependencies) = manifest.get_mut("dependencies").and_then(Value::as_table_mut) {
        dependencies.retain(|_, specification| specification.get("optional").is_none());
    }
    if dynamic {
        let library = manifest.entry("lib").or_insert_with(|| Table::new().into());
        library
            .as_table_mut()
            .context("`lib` is no table")?
            .insert("crate-type".into(), vec!["dylib"].into());
    }
    Ok(toml::to_string(&manifest)?)
}

/// What the workspace's manifest says of a dependency, on one line.
fn workspace_dependency(name: &str) -> String {
    root_manifest()["workspace"]["dependencies"][name].to_string()
}

/// Copies a template: what rustc made by hard links, since nobody writes to it in place, and cargo's own files by copies.
pub(crate) fn clone_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            clone_directory(&source, &target)?;
        } else if kind.is_file() && !link_if_built(&source, &target) {
            copy_with_time(&source, &target)?;
        }
    }
    Ok(())
}

/// Links a file to another place if rustc made it, as its name says, and that can be.
pub(crate) fn link_if_built(source: &Path, target: &Path) -> bool {
    let built = source
        .extension()
        .is_some_and(|it| ["so", "dylib", "rlib", "rmeta", "a"].iter().any(|e| it == *e));
    built && fs::hard_link(source, target).is_ok()
}

/// Cargo tells by its files' times what is fresh.
pub(crate) fn copy_with_time(source: &Path, target: &Path) -> io::Result<()> {
    fs::copy(source, target)?;
    let modified = fs::metadata(source)?.modified()?;
    fs::File::options().write(true).open(target)?.set_modified(modified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_of_the_notebook_are_dynamic_and_bare() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb = { version = \"1\", optional = true }\n\
                        [features]\nf = [\"b\"]\n[dev-dependencies]\nc = \"1\"\n";
        let manifest: Table = notebook_manifest(manifest, true).unwrap().parse().unwrap();
        assert_eq!(
            manifest["lib"]["crate-type"].as_array().unwrap(),
            &vec![Value::from("dylib")]
        );
        assert_eq!(
            manifest["dependencies"].as_table().unwrap().keys().collect::<Vec<_>>(),
            ["a"]
        );
        assert!(!manifest.contains_key("features") && !manifest.contains_key("dev-dependencies"));
    }

    #[test]
    fn the_workspace_of_the_notebook_has_only_its_members() {
        let manifest: Table = workspace_manifest().unwrap().parse().unwrap();
        assert_eq!(
            manifest["workspace"]["dependencies"]["mosaic-abi"]["path"].as_str(),
            Some("abi")
        );
        assert_eq!(manifest["workspace"]["members"].as_array().unwrap().len(), 6);
    }
}
