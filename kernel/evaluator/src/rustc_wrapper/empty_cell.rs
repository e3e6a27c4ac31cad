//! The cell in which there is nothing, by which evcxr has crates built when a command has added them.
//!
//! Its library is the same whatever the crates are, since it names none of them. It is compiled once, and shared among
//! the sessions.

use crate::{
    prebuilt::cache_directory::CacheDirectory,
    rustc_wrapper::rustc_call::cell_library,
    session::{
        digest::{self, Parts},
        shared_files,
    },
};
use anyhow::{Context, Result};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// All that evcxr writes, around the cell's number.
const BEFORE: &str =
    "#![allow(unused_imports, unused_mut, dead_code)]\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
const AFTER: &str = "(\nmut x: *mut std::os::raw::c_void) -> *mut std::os::raw::c_void {x}\n";
/// Arguments that come in pairs and are about the crates.
const ABOUT_CRATES: [&str; 2] = ["--extern", "-L"];

/// The cell's library, here and for all.
#[derive(Debug)]
pub(super) struct EmptyCell {
    library: PathBuf,
    shared: PathBuf,
}

impl EmptyCell {
    /// The library of a cell, if there is nothing in it.
    pub(super) fn of(session: &Path, text: &str, arguments: &[OsString]) -> Option<EmptyCell> {
        let number = text.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut parts = Parts::default();
        parts.add(text.as_bytes());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let argument = argument.to_str()?;
            if ABOUT_CRATES.contains(&argument) {
                rest.next();
            } else {
                parts.add(argument.replace(session.to_str()?, "").as_bytes());
            }
        }
        Some(EmptyCell {
            library: cell_library(arguments)?,
            shared: CacheDirectory::of_session(session)
                .empty_cells()
                .join(parts.name(16))
                .with_extension("so"),
        })
    }

    /// Where it is told what the shared library consists of.
    fn sum(&self) -> PathBuf {
        self.shared.with_extension("sum")
    }

    /// Puts the shared library in the cell's place, if it is there and whole.
    pub(super) fn give(&self) -> Result<bool> {
        let (Ok(content), Ok(sum)) = (fs::read(&self.shared), fs::read_to_string(self.sum())) else {
            return Ok(false);
        };
        if digest::of(&content, 16) != sum {
            return Ok(false);
        }
        // The last cell may have left one.
        let _ = fs::remove_file(&self.library);
        fs::write(&self.library, content).context("cannot write the cell's library")?;
        Ok(true)
    }

    /// Shares the library that was compiled.
    pub(super) fn keep(&self) -> Result<()> {
        let content = fs::read(&self.library).context("the cell's library is gone")?;
        for (file, content) in [
            (self.sum(), digest::of(&content, 16).into_bytes()),
            (self.shared.clone(), content),
        ] {
            shared_files::replace(&file, &content)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(session: &Path, text: &str, externs: &[&str]) -> Option<EmptyCell> {
        let out = session.join("target");
        let arguments = ["--crate-name", "ctx", "src/lib.rs", "-C", "opt-level=2", "--out-dir"].map(OsString::from);
        let arguments = arguments.into_iter().chain([out.into()]);
        let externs = externs.iter().flat_map(|it| ["--extern".into(), OsString::from(it)]);
        EmptyCell::of(session, text, &arguments.chain(externs).collect::<Vec<_>>())
    }

    #[test]
    fn a_cell_in_which_there_is_nothing_is_shared_by_its_text() {
        let text = |number: &str| format!("{BEFORE}{number}{AFTER}");
        let [first, second] = [Path::new("/c/session-1"), Path::new("/c/session-2")];
        let file =
            |session: &Path, number: &str, externs: &[&str]| idle(session, &text(number), externs).unwrap().shared;
        assert_eq!(
            file(first, "2", &["hex=/c/session-1/libhex.rlib"]),
            file(second, "2", &[])
        );
        assert_ne!(file(first, "2", &[]), file(first, "3", &[]));
        for other in [
            text("2 fn f() {}\nfn g"),
            format!("fn f() {{}}\n{}", text("2")),
            String::new(),
        ] {
            assert!(idle(first, &other, &[]).is_none(), "{other}");
        }
    }

    #[test]
    fn a_library_is_given_as_long_as_it_is_whole() {
        let parent = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| parent.path().join(name));
        let text = format!("{BEFORE}2{AFTER}");
        for session in [&first, &second] {
            fs::create_dir_all(session.join("target")).unwrap();
        }
        let (kept, given) = (idle(&first, &text, &[]).unwrap(), idle(&second, &text, &[]).unwrap());
        assert!(!given.give().unwrap());
        fs::write(&kept.library, "library").unwrap();
        kept.keep().unwrap();
        assert!(given.give().unwrap());
        assert_eq!(fs::read_to_string(&given.library).unwrap(), "library");
        fs::write(&given.shared, "libr").unwrap();
        assert!(!given.give().unwrap());
        kept.keep().unwrap();
        assert!(given.give().unwrap());
    }
}
