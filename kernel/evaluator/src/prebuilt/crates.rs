//! Writes the sources of the [built-in crates](crate::prebuilt::builtin) to the cache, as a cargo workspace of their
//! own.
//!
//! They are built once for each toolchain, in the *template*: a session directory with everything compiled in it. Each
//! session is a clone of the template, so that two kernels never share a file that cargo writes to.

use crate::{
    prebuilt::{
        builtin::{Audience, BUILT_IN_CRATES, BuiltInCrate, Linkage, Source},
        cache_directory::CacheDirectory,
        profile::CRATE_PROFILE,
        toolchain::Toolchain,
    },
    session::{
        digest,
        files::MANIFEST,
        shared_files::{is_whole, keep_directory},
    },
};
use anyhow::{Context, Result};
use include_dir::Dir;
use mosaic_engine::check_own_directory;
use sha2::{Digest, Sha256};
use std::{
    env,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
};
use toml::{Table, Value};

/// Differs between kernels that build the crates to files of other names or with other files beside them.
const LAYOUT: &str = "dylibs with hashes, lists of needs, of the arguments of the linker and of contents";

/// The manifest of this project's workspace.
static ROOT_MANIFEST: &str = include_str!("../../../../Cargo.toml");

/// An embedded crate, with the fields of [`Source::Embedded`].
struct Embedded {
    built_in: &'static BuiltInCrate,
    files: &'static Dir<'static>,
    linkage: Linkage,
    is_workspace_member: bool,
}

fn embedded_crates() -> impl Iterator<Item = Embedded> {
    BUILT_IN_CRATES.iter().filter_map(|built_in| match &built_in.source {
        Source::Embedded {
            files,
            linkage,
            is_workspace_member,
        } => Some(Embedded {
            built_in,
            files,
            linkage: *linkage,
            is_workspace_member: *is_workspace_member,
        }),
        Source::Registry => None,
    })
}

impl CacheDirectory {
    /// Returns the cache directory for this toolchain and this version of the built-in crates. Creates the directory
    /// and writes the sources of the crates, unless they are there.
    ///
    /// # Errors
    ///
    /// The cache cannot be written, other users may write to it, or the user has no home directory to put it in.
    pub(crate) fn for_toolchain(toolchain: &Toolchain) -> Result<CacheDirectory> {
        let directory = parent_of_caches()?.join(key(toolchain));
        // What lies in it is run, so it is closed to others, whatever the user's mask says.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.with_context(|| format!("cannot create {}", directory.display()))?;
        let directory = fs::canonicalize(directory)?;
        check_own_directory(&directory).context("the cache cannot be trusted")?;
        let cache = CacheDirectory::at(directory);
        cache.write_sources()?;
        Ok(cache)
    }

    /// Returns the dependencies of cells, as name and cargo's specification.
    pub(crate) fn dependencies(&self) -> Vec<(&'static str, String)> {
        let crates = BUILT_IN_CRATES.iter();
        let of_cells = crates.filter(|it| it.audience != Audience::BuiltInCrates);
        let specified = of_cells.map(|it| match it.source {
            Source::Embedded { .. } => (
                it.name,
                format!("{{ path = {:?} }}", self.crates().join(it.directory())),
            ),
            Source::Registry => (it.name, workspace_dependency(it.name)),
        });
        specified.collect()
    }

    fn write_sources(&self) -> Result<()> {
        let complete = self.crates();
        if is_whole(&complete) {
            return Ok(());
        }
        // A power loss may have cut files.
        let _ = fs::remove_dir_all(&complete);
        // Written aside and renamed: another kernel may be doing the same.
        let aside = tempfile::Builder::new()
            .prefix("crates-")
            .tempdir_in(self.directory())?;
        MANIFEST.write(aside.path(), &workspace_manifest()?)?;
        for Embedded {
            built_in,
            files,
            linkage,
            ..
        } in embedded_crates()
        {
            let directory = aside.path().join(built_in.directory());
            fs::create_dir_all(&directory)?;
            for entry in files.find("**/*.rs")? {
                let Some(file) = entry.as_file() else { continue };
                let path = directory.join(file.path());
                fs::create_dir_all(path.parent().unwrap_or(&directory))?;
                fs::write(path, file.contents())?;
            }
            let manifest = files.get_file(MANIFEST.name()).and_then(|file| file.contents_utf8());
            let manifest = manifest.with_context(|| format!("the crate {} has no manifest", built_in.name))?;
            MANIFEST.write(&directory, &cached_manifest(manifest, linkage)?)?;
        }
        match keep_directory(aside.path(), &complete) {
            Err(_) if complete.is_dir() => Ok(()),
            other => Ok(other?),
        }
    }
}

/// Returns the directory in which the cache directories of all toolchains lie.
fn parent_of_caches() -> Result<PathBuf> {
    if let Some(directory) = env::var_os("MOSAIC_CACHE_DIR") {
        return Ok(PathBuf::from(directory));
    }
    let cache = dirs::cache_dir().context("the home directory is unknown: set MOSAIC_CACHE_DIR")?;
    Ok(cache.join("mosaic-kernel"))
}

/// Returns the name of a cache directory, a digest of the toolchain, the profile, and the sources of the built-in crates.
fn key(toolchain: &Toolchain) -> String {
    let mut hash = Sha256::new();
    hash.update(&toolchain.verbose_version);
    hash.update(ROOT_MANIFEST);
    hash.update(LAYOUT);
    for (name, value) in CRATE_PROFILE {
        hash.update(name);
        hash.update(value);
    }
    for Embedded { built_in, files, .. } in embedded_crates() {
        hash.update(built_in.name);
        for file in files
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

/// Returns the manifest of this project's workspace.
pub(crate) fn root_manifest() -> Table {
    ROOT_MANIFEST
        .parse()
        .expect("cargo has read the workspace's manifest before")
}

/// Returns the manifest of the workspace in the cache. The embedded crates inherit from it as from this project's.
fn workspace_manifest() -> Result<String> {
    let mut root = root_manifest();
    let workspace = root["workspace"].as_table_mut().context("no workspace")?;
    let directories = |are_members: bool| -> Vec<Value> {
        let crates = embedded_crates().filter(|it| it.is_workspace_member == are_members);
        crates.map(|it| it.built_in.directory().into()).collect()
    };
    workspace.insert("members".into(), Value::Array(directories(true)));
    workspace.insert("exclude".into(), Value::Array(directories(false)));
    let dependencies = workspace["dependencies"]
        .as_table_mut()
        .context("the workspace has no dependencies")?;
    for Embedded { built_in, .. } in embedded_crates() {
        // A crate of another origin may have the name, as the `tokio` of this project itself does.
        let path = dependencies.get_mut(built_in.name).and_then(|it| it.get_mut("path"));
        if let Some(path) = path {
            *path = built_in.directory().into();
        }
    }
    let manifest = Table::from_iter([(
        "workspace".to_owned(),
        root.remove("workspace").context("no workspace")?,
    )]);
    Ok(toml::to_string(&manifest)?)
}

/// Returns the manifest of an embedded crate as it is built for cells: with the linkage, and without optional and
/// development dependencies.
fn cached_manifest(manifest: &str, linkage: Linkage) -> Result<String> {
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
    if linkage == Linkage::Dynamic {
        let library = manifest.entry("lib").or_insert_with(|| Table::new().into());
        library
            .as_table_mut()
            .context("`lib` is no table")?
            .insert("crate-type".into(), vec!["dylib"].into());
    }
    Ok(toml::to_string(&manifest)?)
}

/// Returns the workspace's specification of a dependency, on one line.
pub(crate) fn workspace_dependency(name: &str) -> String {
    root_manifest()["workspace"]["dependencies"][name].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_of_the_notebook_are_dynamic_and_bare() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb = { version = \"1\", optional = true }\n\
                        [features]\nf = [\"b\"]\n[dev-dependencies]\nc = \"1\"\n";
        let manifest: Table = cached_manifest(manifest, Linkage::Dynamic).unwrap().parse().unwrap();
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
