//! Crates that the user has not added and that the types of variables come from.
//!
//! An added crate may return a type of a crate that only it needs: `quote!` returns one of `proc_macro2`. evcxr stores a
//! variable by the name of its type, so the cell has to know the crate. From the first such variable on, each cell
//! links the crate as if the user had added it.

use crate::{
    rustc_wrapper::{
        rustc_call::RustcCall,
        shared_crates::{added_crates, units::Unit},
    },
    session::files,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

/// Returns the crates that added crates need and that the user has not added: their names in the source, and their
/// libraries. If a name has several builds, it means the one that added crates need themselves; if that leaves several,
/// the name is left out.
pub(in crate::rustc_wrapper) fn hidden_crates(call: &RustcCall) -> BTreeMap<String, PathBuf> {
    let known: BTreeSet<&str> = call.externs().iter().map(|(name, _)| name.as_str()).collect();
    let added: Vec<Unit> = added_crates(call).into_values().collect();
    // A crate of which nothing is known hides none.
    let mut found = single_builds(added.iter().filter_map(|unit| unit.closure().ok()).flatten());
    found.extend(single_builds(
        added.iter().filter_map(|unit| unit.needs().ok()).flatten(),
    ));
    found.retain(|name, _| !known.contains(name.as_str()));
    found
}

/// Returns the crates that have one build among `units`.
fn single_builds(units: impl Iterator<Item = Unit>) -> BTreeMap<String, PathBuf> {
    let mut builds: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for unit in units {
        let builds = builds.entry(unit.crate_name().to_owned()).or_default();
        builds.insert(unit.path().to_owned());
    }
    let first = |paths: BTreeSet<PathBuf>| paths.into_iter().next();
    let single = builds.into_iter().filter(|(_, paths)| paths.len() == 1);
    single.filter_map(|(name, paths)| Some((name, first(paths)?))).collect()
}

/// Adds the crates to a call that the types of variables come from.
pub(in crate::rustc_wrapper) fn add_used(call: &mut RustcCall, session: &Path) {
    let Some(used) = files::HIDDEN_CRATES.read(session) else {
        return;
    };
    for (name, path) in hidden_crates(call).into_iter().filter(|(name, _)| used.contains(name)) {
        call.add_extern(&name, &path);
    }
}

/// Has each later cell link crates that the types of variables come from.
///
/// # Errors
///
/// The session's directory cannot be written.
pub(in crate::rustc_wrapper) fn use_from_now_on(session: &Path, names: BTreeSet<String>) -> io::Result<()> {
    let mut used = files::HIDDEN_CRATES.read(session).unwrap_or_default();
    used.extend(names);
    files::HIDDEN_CRATES.write(session, &used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rustc_wrapper::shared_crates::units::NEEDS_EXTENSION;
    use std::{ffi::OsString, fs};

    #[test]
    fn a_crate_of_an_added_crate_is_known_if_its_name_has_one_meaning() {
        let directory = tempfile::tempdir().unwrap();
        let path = |unit: &str| directory.path().join(format!("lib{unit}.rlib"));
        for (unit, needs) in [
            ("quote-1", "proc_macro2-1\n"),
            ("proc_macro2-1", ""),
            ("petgraph-1", "hashbrown-1\nindexmap-1\n"),
            ("indexmap-1", "hashbrown-2\nequivalent-1\n"),
            ("equivalent-1", ""),
            ("hashbrown-1", "foldhash-1\n"),
            ("hashbrown-2", "foldhash-2\n"),
            ("foldhash-1", ""),
            ("foldhash-2", ""),
        ] {
            fs::write(path(unit), "").unwrap();
            fs::write(path(unit).with_extension(NEEDS_EXTENSION), needs).unwrap();
        }
        let hidden = |added: &[&str]| {
            let externs = added.iter().flat_map(|unit| {
                let name = unit.split('-').next().unwrap();
                ["--extern".to_owned(), format!("{name}={}", path(unit).display())]
            });
            let call = RustcCall::parse(externs.map(OsString::from));
            let found = hidden_crates(&call).into_values();
            let names = found.map(|path| path.file_stem().unwrap().to_string_lossy()[3..].to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(hidden(&["quote-1"]), ["proc_macro2-1"]);
        assert_eq!(hidden(&["quote-1", "proc_macro2-1"]), [""; 0]);
        assert_eq!(hidden(&["petgraph-1"]), ["equivalent-1", "hashbrown-1", "indexmap-1"]);
        assert_eq!(hidden(&["petgraph-1", "indexmap-1"]), ["equivalent-1"]);
    }
}
