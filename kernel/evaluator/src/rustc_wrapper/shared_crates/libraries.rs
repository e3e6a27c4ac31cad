//! The dylibs of a session, and which of them holds a crate.
//!
//! The built-in dylibs come first: what they contain cannot be in another library. Then come the libraries that the
//! wrapper has made, in the order in which it made them. A library is usable as long as every library that it links is.

use crate::{
    prebuilt::builtin::BUILT_IN_CRATES,
    rustc_wrapper::{
        rustc_call::RustcCall,
        shared_crates::units::{Unit, contents},
    },
    session::files::{SharedCrates, SharedLibrary},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env::consts::DLL_EXTENSION,
    ffi::OsStr,
    path::PathBuf,
};

/// A dylib that holds crates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Library {
    pub(super) path: PathBuf,
}

/// The libraries that cells of a session can link.
pub(super) struct Libraries<'a> {
    pub(super) state: &'a mut SharedCrates,
    /// The built-in dylibs, by their names in the source.
    built_in: BTreeMap<String, Library>,
    /// The library of each unit that is in one.
    holders: BTreeMap<String, Library>,
    pub(super) is_changed: bool,
}

impl<'a> Libraries<'a> {
    /// Collects the libraries: the built-in ones that a call of rustc links, and those that the session has.
    pub(super) fn new(call: &RustcCall, state: &'a mut SharedCrates) -> Libraries<'a> {
        let is_built_in = |name: &str| BUILT_IN_CRATES.iter().any(|it| it.is_library(name));
        let is_dylib = |path: &PathBuf| path.extension() == Some(OsStr::new(DLL_EXTENSION));
        let built_in = call
            .externs()
            .iter()
            .filter(|(name, path)| is_built_in(name) && is_dylib(path));
        let built_in: BTreeMap<String, Library> = built_in
            .map(|(name, path)| (name.clone(), Library { path: path.clone() }))
            .collect();
        let mut libraries = Libraries {
            state,
            built_in,
            holders: BTreeMap::new(),
            is_changed: false,
        };
        for library in libraries.built_in.values() {
            for unit in contents(&library.path) {
                libraries.holders.entry(unit).or_insert_with(|| library.clone());
            }
        }
        let mut usable: BTreeSet<PathBuf> = libraries.built_in.values().map(|it| it.path.clone()).collect();
        for shared in &libraries.state.libraries {
            let is_current = |(name, build): (&String, &String)| {
                let rlib = shared.path.with_file_name(format!("lib{name}.rlib"));
                Unit::of_rlib(&rlib).is_some_and(|unit| unit.build() == *build)
            };
            let are_linked_usable = shared.links.iter().all(|it| usable.contains(it));
            if are_linked_usable && shared.path.is_file() && shared.contents.iter().all(is_current) {
                usable.insert(shared.path.clone());
                for unit in shared.contents.keys() {
                    let library = || Library {
                        path: shared.path.clone(),
                    };
                    libraries.holders.entry(unit.clone()).or_insert_with(library);
                }
            }
        }
        libraries
    }

    /// Returns the built-in dylib of a name.
    pub(super) fn built_in(&self, name: &str) -> Option<&Library> {
        self.built_in.get(name)
    }

    /// Returns the library that holds a unit.
    pub(super) fn holder(&self, unit: &Unit) -> Option<&Library> {
        self.holders.get(unit.name())
    }

    /// Adds a library that was made for a crate. Tells the user if there was one before, unless the user has edited the
    /// crate.
    pub(super) fn add(&mut self, unit: &Unit, library: SharedLibrary) {
        let is_again = |(name, build): (&String, &String)| match name == unit.name() {
            true => *build == unit.build(),
            false => name.rsplit_once('-').is_some_and(|(name, _)| name == unit.crate_name()),
        };
        if self.state.libraries.iter().flat_map(|it| &it.contents).any(is_again) {
            self.state.notices.push(format!(
                "`{}` was built again for the crates that were added: its statics start anew",
                unit.crate_name()
            ));
        }
        for name in library.contents.keys() {
            let path = library.path.clone();
            self.holders.entry(name.clone()).or_insert(Library { path });
        }
        self.state.libraries.push(library);
        self.is_changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::OsString, fs, path::Path};

    fn unit(directory: &Path, name: &str) -> Unit {
        Unit::of_rlib(&directory.join(format!("lib{name}.rlib"))).unwrap()
    }

    fn shared(directory: &Path, name: &str, contents: &[&str], links: &[PathBuf]) -> SharedLibrary {
        let path = directory.join(format!("libmosaic_shared_{name}.so"));
        fs::write(&path, "").unwrap();
        SharedLibrary {
            path,
            contents: contents
                .iter()
                .map(|it| ((*it).to_owned(), unit(directory, it).build()))
                .collect(),
            links: links.to_vec(),
        }
    }

    #[test]
    fn a_library_is_used_as_long_as_those_that_it_links() {
        let directory = tempfile::tempdir().unwrap();
        let mosaic = |number: &str| directory.path().join(format!("libmosaic-{number}.so"));
        let call = |number: &str| {
            let words = ["--extern".to_owned(), format!("mosaic={}", mosaic(number).display())];
            RustcCall::parse(words.map(OsString::from))
        };
        let unit = |name: &str| unit(directory.path(), name);
        let log = shared(directory.path(), "log", &["log-1"], &[]);
        let csv = shared(directory.path(), "csv", &["csv-1"], &[mosaic("1"), log.path.clone()]);
        let mut state = SharedCrates {
            libraries: vec![log.clone(), csv],
            ..SharedCrates::default()
        };
        for (build, holds_csv) in [("1", true), ("2", false)] {
            let mut libraries = Libraries::new(&call(build), &mut state);
            assert_eq!(libraries.holder(&unit("log-1")).map(|it| &it.path), Some(&log.path));
            assert_eq!(libraries.holder(&unit("csv-1")).is_some(), holds_csv, "{build}");
            assert_eq!(libraries.built_in("mosaic").map(|it| &it.path), Some(&mosaic(build)));
            if !holds_csv {
                libraries.add(
                    &unit("csv-1"),
                    shared(directory.path(), "csv2", &["csv-1"], &[mosaic("2")]),
                );
                assert!(libraries.holder(&unit("csv-1")).is_some());
                libraries.add(&unit("rand-1"), shared(directory.path(), "rand", &["rand-1"], &[]));
            }
        }
        assert_eq!(state.notices.len(), 1, "{:?}", state.notices);
        assert!(state.notices[0].starts_with("`csv` was built again"));
    }
}
