//! The built-in crates: what every cell can use without `:dep`, and what that needs.
//!
//! [`BUILT_IN_CRATES`] holds every fact about them. To add a crate, add an entry there; for a crate of this workspace,
//! its directory is embedded in this executable, and for a crate of crates.io, `[workspace.dependencies]` of the
//! workspace's `Cargo.toml` says the version.

use crate::session::files;
use include_dir::{Dir, include_dir};

/// A crate that is built ahead for all cells of a toolchain.
#[derive(Debug)]
pub(crate) struct BuiltInCrate {
    /// The package's name, with hyphens.
    pub(crate) name: &'static str,
    pub(crate) source: Source,
    pub(crate) audience: Audience,
    /// The features that the crate is built with, by which a `:dep` of the crate is checked.
    pub(crate) features: &'static [&'static str],
    /// Cells run on this very crate, so a `:dep` of another version under the same name is refused.
    pub(crate) runs_cells: bool,
    /// Its types are handles of the host and the same in every build, so every build gets the same metadata hash. A
    /// value of such a type thus outlives a change of the crate's build.
    pub(crate) has_constant_types: bool,
}

/// Where the sources of a built-in crate come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A crate of this workspace, whose sources travel in this executable.
    Embedded {
        files: Dir<'static>,
        linkage: Linkage,
        /// Its manifest inherits from the workspace's, so it is a member of the workspace in the cache as well.
        is_workspace_member: bool,
    },
    /// A crate of crates.io, as the workspace's manifest specifies it.
    Registry,
}

/// How cells link an embedded crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// As a dylib, which exists once in a process, with its statics, however many cells link it.
    Dynamic,
    /// Into the crate that uses it.
    Static,
}

/// Whose code names a built-in crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Users, in their cells.
    Users,
    /// Only the code that is generated around a cell, so completion hides the crate.
    GeneratedCode,
    /// Only other built-in crates. Cells do not depend on it directly.
    BuiltInCrates,
}

/// All built-in crates, in the order in which users are told of them.
pub(crate) static BUILT_IN_CRATES: [BuiltInCrate; 9] = [
    BuiltInCrate {
        name: "mosaic",
        source: Source::Embedded {
            files: include_dir!("$CARGO_MANIFEST_DIR/../../runtime/mosaic"),
            linkage: Linkage::Dynamic,
            is_workspace_member: true,
        },
        audience: Audience::Users,
        features: &["default"],
        runs_cells: true,
        has_constant_types: true,
    },
    BuiltInCrate {
        name: "mosaic-abi",
        source: Source::Embedded {
            files: include_dir!("$CARGO_MANIFEST_DIR/../../runtime/abi"),
            linkage: Linkage::Static,
            is_workspace_member: true,
        },
        audience: Audience::BuiltInCrates,
        features: &[],
        runs_cells: true,
        has_constant_types: true,
    },
    BuiltInCrate {
        name: "mosaic-message",
        source: Source::Embedded {
            files: include_dir!("$CARGO_MANIFEST_DIR/../message"),
            linkage: Linkage::Static,
            is_workspace_member: true,
        },
        audience: Audience::BuiltInCrates,
        features: &[],
        runs_cells: true,
        has_constant_types: false,
    },
    BuiltInCrate {
        name: "mosaic-cell",
        source: Source::Embedded {
            files: include_dir!("$CARGO_MANIFEST_DIR/cell"),
            linkage: Linkage::Dynamic,
            is_workspace_member: true,
        },
        audience: Audience::GeneratedCode,
        features: &[],
        runs_cells: true,
        has_constant_types: false,
    },
    BuiltInCrate {
        name: "mosaic-std",
        source: Source::Embedded {
            files: include_dir!("$CARGO_MANIFEST_DIR/std"),
            linkage: Linkage::Static,
            is_workspace_member: true,
        },
        audience: Audience::GeneratedCode,
        features: &[],
        runs_cells: true,
        has_constant_types: false,
    },
    BuiltInCrate {
        name: "notebook",
        source: Source::Embedded {
            files: include_dir!("$CARGO_MANIFEST_DIR/../notebook"),
            linkage: Linkage::Dynamic,
            is_workspace_member: true,
        },
        audience: Audience::Users,
        features: &["default"],
        runs_cells: false,
        has_constant_types: false,
    },
    BuiltInCrate {
        name: "tokio",
        source: Source::Embedded {
            files: include_dir!("$CARGO_MANIFEST_DIR/../../runtime/tokio"),
            linkage: Linkage::Dynamic,
            is_workspace_member: false,
        },
        audience: Audience::Users,
        features: &[
            "default",
            "full",
            "fs",
            "io-util",
            "io-std",
            "macros",
            "net",
            "parking_lot",
            "process",
            "rt",
            "rt-multi-thread",
            "signal",
            "sync",
            "test-util",
            "time",
            "bytes",
            "libc",
            "mio",
            "socket2",
            "tokio-macros",
            "signal-hook-registry",
        ],
        runs_cells: true,
        has_constant_types: false,
    },
    BuiltInCrate {
        name: "ndarray",
        source: Source::Registry,
        audience: Audience::Users,
        features: &["default", "std", "serde"],
        runs_cells: false,
        has_constant_types: false,
    },
    BuiltInCrate {
        name: "serde",
        source: Source::Registry,
        audience: Audience::Users,
        features: &["default", "std", "derive", "alloc", "serde_derive"],
        runs_cells: false,
        has_constant_types: false,
    },
];

impl BuiltInCrate {
    /// Returns whether the sources of the crate travel in this executable.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.source, Source::Embedded { .. })
    }

    /// Returns the text of the crate's root module, if the crate is embedded.
    pub(crate) fn root_module(&'static self) -> Option<&'static str> {
        match &self.source {
            // Cargo finds the root in the same place as that of a cell's crate.
            Source::Embedded { files: sources, .. } => sources.get_file(files::CELL_SOURCE.name())?.contents_utf8(),
            Source::Registry => None,
        }
    }

    /// Returns the name of an embedded crate's directory in the cache.
    pub(crate) fn directory(&self) -> &'static str {
        self.name.strip_prefix("mosaic-").unwrap_or(self.name)
    }

    /// Returns the name of the crate in Rust code and in file names, with underscores.
    pub(crate) fn library(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Returns whether this is the crate's name in Rust code and in file names.
    pub(crate) fn is_library(&self, name: &str) -> bool {
        let own = self.name.bytes().map(|byte| if byte == b'-' { b'_' } else { byte });
        name.bytes().eq(own)
    }
}

/// Returns the built-in crate with the name of a package.
pub(crate) fn find(package: &str) -> Option<&'static BuiltInCrate> {
    BUILT_IN_CRATES.iter().find(|it| it.name == package)
}

/// Returns the names of the crates that users may name, in the order in which users are told of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let crates = BUILT_IN_CRATES.iter();
    crates.filter(|it| it.audience == Audience::Users).map(|it| it.name)
}

/// Returns whether a crate, by its name in Rust code, is built in for users.
pub(crate) fn is_for_users(library: &str) -> bool {
    let mut crates = BUILT_IN_CRATES.iter().filter(|it| it.audience == Audience::Users);
    crates.any(|it| it.is_library(library))
}

/// Returns the names, as Rust code has them, of the crates that only generated code names.
pub(crate) fn libraries_of_generated_code() -> impl Iterator<Item = String> {
    let crates = BUILT_IN_CRATES.iter();
    crates
        .filter(|it| it.audience == Audience::GeneratedCode)
        .map(BuiltInCrate::library)
}

/// Returns whether a crate, by its name in Rust code, has types that are the same in every build.
pub(crate) fn has_constant_types(library: &str) -> bool {
    let mut crates = BUILT_IN_CRATES.iter().filter(|it| it.has_constant_types);
    crates.any(|it| it.is_library(library))
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::{Table, Value};

    #[test]
    fn the_list_is_what_manifests_say() {
        let workspace: Table = include_str!("../../../../Cargo.toml").parse().unwrap();
        let dependencies = workspace["workspace"]["dependencies"].as_table().unwrap();
        let mut names: Vec<&str> = BUILT_IN_CRATES.iter().map(|it| it.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BUILT_IN_CRATES.len(), "each name once");
        for it in &BUILT_IN_CRATES {
            let Source::Embedded {
                files,
                is_workspace_member,
                ..
            } = &it.source
            else {
                let features = dependencies[it.name].get("features").and_then(Value::as_array);
                let built = |feature: &Value| it.features.contains(&feature.as_str().unwrap());
                assert!(
                    features.is_some_and(|features| features.iter().all(built)),
                    "{}",
                    it.name
                );
                continue;
            };
            let manifest = files.get_file("Cargo.toml").unwrap().contents_utf8().unwrap();
            let manifest: Table = manifest.parse().unwrap();
            assert_eq!(manifest["package"]["name"].as_str(), Some(it.name));
            assert_eq!(
                manifest["package"]["version"].is_table(),
                *is_workspace_member,
                "{}",
                it.name
            );
            // An embedded crate needs the crates of this workspace that it depends on.
            let needs = manifest.get("dependencies").and_then(Value::as_table).unwrap();
            for (name, _) in needs.iter().filter(|(_, needed)| needed.get("optional").is_none()) {
                let is_of_workspace = dependencies.get(name).is_some_and(|it| it.get("path").is_some());
                assert!(!is_of_workspace || find(name).is_some(), "{} needs {name}", it.name);
            }
        }
    }

    #[test]
    fn crates_are_found_by_who_names_them() {
        let of_users: Vec<&str> = names().collect();
        assert_eq!(of_users, ["mosaic", "notebook", "tokio", "ndarray", "serde"]);
        let of_generated_code: Vec<String> = libraries_of_generated_code().collect();
        assert_eq!(of_generated_code, ["mosaic_cell", "mosaic_std"]);
        assert!(has_constant_types("mosaic_abi") && !has_constant_types("tokio"));
    }
}
