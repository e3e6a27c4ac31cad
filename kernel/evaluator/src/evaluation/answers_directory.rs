//! The directory of cargo's answers to the questions of a starting kernel. The first kernel of a toolchain records
//! them, and the cargo shim of each later kernel answers from the record.

use crate::{
    prebuilt::cache_directory::CacheDirectory,
    session::{environment, shared_files::keep_directory},
};
use anyhow::{Context, Result};
use std::path::PathBuf;
use tempfile::TempDir;

/// The directory of cargo's answers for a toolchain.
pub(super) enum AnswersDirectory {
    /// The answers are kept here, or cargo itself answers.
    Kept(PathBuf),
    /// The answers are being recorded here.
    New(TempDir),
}

impl AnswersDirectory {
    /// Finds the answers for a toolchain, or begins to record them.
    pub(super) fn of(crates: &CacheDirectory) -> Result<AnswersDirectory> {
        let kept = crates.answers();
        if kept.is_dir() || !environment::is_shim_active() {
            return Ok(AnswersDirectory::Kept(kept));
        }
        let new = tempfile::Builder::new()
            .prefix("answers-")
            .tempdir_in(crates.directory())?;
        Ok(AnswersDirectory::New(new))
    }

    /// Returns whether the answers are being recorded.
    pub(super) fn are_new(&self) -> bool {
        matches!(self, AnswersDirectory::New(_))
    }

    pub(super) fn directory(&self) -> PathBuf {
        match self {
            AnswersDirectory::Kept(directory) => directory.clone(),
            AnswersDirectory::New(directory) => directory.path().to_owned(),
        }
    }

    /// Keeps answers that have been recorded, unless another kernel has kept its own meanwhile. Returns where they are
    /// kept.
    pub(super) fn keep(self, crates: &CacheDirectory) -> Result<PathBuf> {
        let kept = crates.answers();
        if let AnswersDirectory::New(directory) = self {
            match keep_directory(directory.path(), &kept) {
                Err(_) if kept.is_dir() => {}
                renamed => {
                    renamed.context("cannot keep what cargo says")?;
                    let _ = directory.keep();
                }
            }
        }
        Ok(kept)
    }
}
