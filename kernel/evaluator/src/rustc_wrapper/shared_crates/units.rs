//! What is known of a crate that cargo has built: which crates it needs, and which a dylib contains.
//!
//! The wrapper writes a file beside each crate's library when it compiles the crate, with the same name and another
//! extension. The names contain cargo's hash, so a file goes with its library to the template, to the pool and to other
//! sessions.

use crate::rustc_wrapper::rustc_call::{RustcCall, file_build};
use anyhow::{Context, Result};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// The extension of the list of the crates that a crate may use: one unit on a line.
pub(crate) const NEEDS_EXTENSION: &str = "needs";
/// The extension of the arguments of the linker for a dylib, as rustc prints them.
pub(crate) const LINK_ARGUMENTS_EXTENSION: &str = "link-arguments";

/// A crate that cargo has built, by the path of its library.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unit {
    path: PathBuf,
    name: String,
}

impl Unit {
    /// Returns the unit of a library that rustc can put into a dylib.
    pub(super) fn of_rlib(path: &Path) -> Option<Unit> {
        Unit::of_library(path).filter(|_| path.extension() == Some(OsStr::new("rlib")))
    }

    fn of_library(path: &Path) -> Option<Unit> {
        Some(Unit {
            path: path.to_owned(),
            name: path.file_stem()?.to_str()?.strip_prefix("lib")?.to_owned(),
        })
    }

    /// Returns the path of the library.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the name of the crate with cargo's hash, which no other build has.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Identifies the build of the crate. Another build of a crate that the user edits has the same name.
    pub(super) fn build(&self) -> String {
        file_build(&self.path).unwrap_or_default()
    }

    /// Returns the name of the crate alone.
    pub(super) fn crate_name(&self) -> &str {
        self.name.rsplit_once('-').map_or(&self.name, |(name, _)| name)
    }

    /// Returns the crates that this one needs itself.
    ///
    /// # Errors
    ///
    /// What the crate needs is not known.
    pub(super) fn needs(&self) -> Result<BTreeSet<Unit>> {
        let file = self.path.with_extension(NEEDS_EXTENSION);
        let needs = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let needed = needs
            .lines()
            .filter_map(|name| Unit::of_library(&self.path.with_file_name(format!("lib{name}.rlib"))));
        // Procedural macros lie elsewhere, and dylibs contain what they need.
        Ok(needed.filter(|it| it.path.is_file()).collect())
    }

    /// Returns the crates that this one needs, directly or through others, and itself.
    ///
    /// # Errors
    ///
    /// What a crate needs is not known.
    pub(super) fn closure(&self) -> Result<BTreeSet<Unit>> {
        let mut found = BTreeSet::from([self.clone()]);
        let mut open = vec![self.clone()];
        while let Some(unit) = open.pop() {
            let new: Vec<Unit> = unit.needs()?.into_iter().filter(|it| !found.contains(it)).collect();
            open.extend(new.clone());
            found.extend(new);
        }
        Ok(found)
    }
}

/// Writes which crates the crate of a call may use.
///
/// # Errors
///
/// The file cannot be written.
pub(in crate::rustc_wrapper) fn record_needs(call: &RustcCall) -> Result<()> {
    let Some(library) = call.library() else { return Ok(()) };
    let names = call.externs().iter().filter_map(|(_, path)| {
        let stem = path.file_stem()?.to_str()?;
        Some(stem.strip_prefix("lib")?.to_owned() + "\n")
    });
    let file = library.with_extension(NEEDS_EXTENSION);
    fs::write(&file, names.collect::<String>()).with_context(|| format!("cannot write {}", file.display()))
}

/// Returns the names of the units that a dylib contains.
pub(super) fn contents(dylib: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(dylib.with_extension(LINK_ARGUMENTS_EXTENSION)).unwrap_or_default();
    let paths = text.split('"').filter(|word| word.ends_with(".rlib"));
    paths
        .filter_map(|path| Some(Unit::of_rlib(Path::new(path))?.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn compile(directory: &Path, name: &str, needs: &[&str]) {
        let out = directory.to_string_lossy();
        let mut words = vec![
            "--crate-name".to_owned(),
            name.to_owned(),
            "--crate-type".into(),
            "lib".into(),
        ];
        words.extend([
            "-C".into(),
            "extra-filename=-1".into(),
            "--out-dir".into(),
            out.to_string(),
        ]);
        for need in needs {
            words.extend(["--extern".into(), format!("{need}={out}/lib{need}-1.rmeta")]);
        }
        record_needs(&RustcCall::parse(words.into_iter().map(OsString::from))).unwrap();
        fs::write(directory.join(format!("lib{name}-1.rlib")), "").unwrap();
    }

    #[test]
    fn a_crate_needs_what_its_crates_need() {
        let directory = tempfile::tempdir().unwrap();
        compile(directory.path(), "a", &[]);
        compile(directory.path(), "b", &["a", "some_macro"]);
        compile(directory.path(), "c", &["a", "b"]);
        let unit = Unit::of_rlib(&directory.path().join("libc-1.rlib")).unwrap();
        let names: Vec<String> = unit.closure().unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["a-1", "b-1", "c-1"]);
        compile(directory.path(), "d", &["c"]);
        let needs = Unit::of_rlib(&directory.path().join("libd-1.rlib"))
            .unwrap()
            .needs()
            .unwrap();
        assert_eq!(needs, BTreeSet::from([unit.clone()]));
        assert_eq!(unit.crate_name(), "c");
        assert!(Unit::of_rlib(&directory.path().join("libd-1.so")).is_none());
        let other = Unit::of_rlib(&directory.path().join("libother-1.rlib")).unwrap();
        assert!(other.closure().is_err());
    }

    #[test]
    fn a_dylib_contains_what_was_linked_into_it() {
        let directory = tempfile::tempdir().unwrap();
        let dylib = directory.path().join("libmosaic-1.so");
        let arguments = "\"cc\" \"/x y/libserde-2.rlib\" \"/x y/libstd-3.so\" \"/x y/libndarray-4.rlib\"\n";
        fs::write(dylib.with_extension(LINK_ARGUMENTS_EXTENSION), arguments).unwrap();
        assert_eq!(contents(&dylib), ["ndarray-4", "serde-2"].map(str::to_owned).into());
        assert_eq!(contents(&directory.path().join("libother-1.so")), BTreeSet::new());
    }
}
