//! The empty cell, with which evcxr has crates built when a command has added them.
//!
//! The library of an empty cell names no crate, so it is the same whatever the crates are. It is compiled once and
//! shared among the sessions.

use crate::{
    evcxr_text::markers::is_empty_cell,
    prebuilt::cache_directory::CacheDirectory,
    rustc_wrapper::rustc_call::RustcCall,
    session::{
        digest::{self, Parts},
        shared_files,
    },
};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The library of an empty cell, in its session and shared.
#[derive(Debug)]
pub(super) struct EmptyCell {
    library: PathBuf,
    shared: PathBuf,
}

impl EmptyCell {
    /// Returns the library of a cell, if the cell is empty. `call` returns the call by which rustc compiles the cell.
    pub(super) fn of(session: &Path, text: &str, call: impl FnOnce() -> RustcCall) -> Option<EmptyCell> {
        if !is_empty_cell(text) {
            return None;
        }
        let call = call();
        let mut parts = Parts::default();
        parts.add(text.as_bytes());
        for argument in call.arguments_without_crates() {
            parts.add(argument.to_str()?.replace(session.to_str()?, "").as_bytes());
        }
        Some(EmptyCell {
            library: call.cell_library()?,
            shared: CacheDirectory::of_session(session)
                .empty_cells()
                .join(parts.name(16))
                .with_extension("so"),
        })
    }

    /// Returns the file that holds the digest of the shared library.
    fn digest_file(&self) -> PathBuf {
        self.shared.with_extension("sum")
    }

    /// Copies the shared library to the session, if there is one and it is whole.
    pub(super) fn copy(&self) -> Result<bool> {
        let (Ok(content), Ok(sum)) = (fs::read(&self.shared), fs::read_to_string(self.digest_file())) else {
            return Ok(false);
        };
        if digest::of(&content, 16) != sum {
            return Ok(false);
        }
        // The last cell may have left a library there.
        let _ = fs::remove_file(&self.library);
        fs::write(&self.library, content).context("cannot write the cell's library")?;
        Ok(true)
    }

    /// Shares the library that was compiled in the session.
    pub(super) fn share(&self) -> Result<()> {
        let content = fs::read(&self.library).context("the cell's library is gone")?;
        for (file, content) in [
            (self.digest_file(), digest::of(&content, 16).into_bytes()),
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
    use crate::evcxr_text::markers::empty_cell as source;
    use std::ffi::OsString;

    fn empty_cell(session: &Path, text: &str, externs: &[&str]) -> Option<EmptyCell> {
        let out = session.join("target");
        let arguments = ["--crate-name", "ctx", "src/lib.rs", "-C", "opt-level=2", "--out-dir"].map(OsString::from);
        let arguments = arguments.into_iter().chain([out.into()]);
        let externs = externs.iter().flat_map(|it| ["--extern".into(), OsString::from(it)]);
        EmptyCell::of(session, text, || RustcCall::parse(arguments.chain(externs)))
    }

    #[test]
    fn an_empty_cell_is_shared_by_its_text() {
        let [first, second] = [Path::new("/c/session-1"), Path::new("/c/session-2")];
        let file = |session: &Path, number: &str, externs: &[&str]| {
            empty_cell(session, &source(number), externs).unwrap().shared
        };
        assert_eq!(
            file(first, "2", &["hex=/c/session-1/libhex.rlib"]),
            file(second, "2", &[])
        );
        assert_ne!(file(first, "2", &[]), file(first, "3", &[]));
        assert!(empty_cell(first, "fn f() {}\n", &[]).is_none());
    }

    #[test]
    fn a_shared_library_is_copied_as_long_as_it_is_whole() {
        let parent = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| parent.path().join(name));
        let text = source("2");
        for session in [&first, &second] {
            fs::create_dir_all(session.join("target")).unwrap();
        }
        let (shared, copied) = (
            empty_cell(&first, &text, &[]).unwrap(),
            empty_cell(&second, &text, &[]).unwrap(),
        );
        assert!(!copied.copy().unwrap());
        fs::write(&shared.library, "library").unwrap();
        shared.share().unwrap();
        assert!(copied.copy().unwrap());
        assert_eq!(fs::read_to_string(&copied.library).unwrap(), "library");
        fs::write(&copied.shared, "libr").unwrap();
        assert!(!copied.copy().unwrap());
        shared.share().unwrap();
        assert!(copied.copy().unwrap());
    }
}
