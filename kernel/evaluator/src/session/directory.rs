//! The session directory: the directory in which one kernel compiles its cells.
//!
//! A session directory `session-x` lies in the cache directory beside its lock file `session-x.lock`. The kernel holds
//! the lock as long as it lives, so another kernel can tell that a session was left behind and remove it.

use crate::session::shared_files::clone_directory;
use anyhow::{Context, Result};
use mosaic_engine::lock_own_file;
use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The prefix of the names of session directories and their lock files.
const PREFIX: &str = "session-";
/// How often [`remove_until_gone`] tries: for ten seconds, since on a busy machine a killed compiler takes its time.
const ATTEMPTS: u32 = 100;
/// The time between two attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// A session directory with its lock. Dropping it removes both.
#[derive(Debug)]
pub(crate) struct SessionDirectory {
    path: PathBuf,
    _lock: File,
}

impl SessionDirectory {
    /// Creates an empty session directory in `parent`, after removing those of killed kernels.
    ///
    /// # Errors
    ///
    /// `parent` cannot be written to.
    pub(crate) fn create(parent: &Path) -> Result<SessionDirectory> {
        remove_stale(parent);
        let (lock, unlocked) = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(".new")
            .tempfile_in(parent)
            .with_context(|| format!("cannot write to {}", parent.display()))?
            .keep()?;
        lock.lock()?;
        // Locked before it has the name by which another kernel looks for locks that nobody holds.
        let lock_path = unlocked.with_extension("lock");
        fs::rename(unlocked, &lock_path)?;
        let path = lock_path.with_extension("");
        fs::create_dir(&path)?;
        Ok(SessionDirectory { path, _lock: lock })
    }

    /// Clones the template into the directory.
    ///
    /// # Errors
    ///
    /// The template cannot be read, or the directory cannot be written to.
    pub(crate) fn fill_from(&self, template: &Path) -> Result<()> {
        clone_directory(template, &self.path).context("cannot clone the prebuilt crates")
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SessionDirectory {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes the sessions of kernels that are gone. Nobody holds the lock of such a session, or the session has no lock.
fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_of_session = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        let lock_path = path.with_extension("lock");
        let is_stale = || match lock_own_file(&lock_path) {
            Ok(_) => path == lock_path,
            Err(error) => path.extension().is_none() && error.kind() == io::ErrorKind::NotFound,
        };
        if is_of_session && is_stale() {
            remove(&path.with_extension(""));
        }
    }
}

/// Removes a session directory and its lock. Where that fails, logs a warning, and a later kernel tries again.
fn remove(directory: &Path) {
    if let Err(error) = try_remove(directory) {
        tracing::warn!("cannot remove {}: {error}", directory.display());
    }
}

/// Removes a session directory while processes and threads that are ending may still write to it. Nobody reports their
/// end, so the removal is tried several times.
pub(crate) fn remove_until_gone(directory: &Path) {
    for _ in 0..ATTEMPTS {
        if try_remove(directory).is_ok() {
            return;
        }
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
    remove(directory);
}

/// Removes the directory first and then its lock, so that a directory that cannot be removed is found again by its
/// lock.
fn try_remove(directory: &Path) -> io::Result<()> {
    let ignore_missing = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    match fs::remove_dir_all(directory) {
        // A file in it may be what was missing, if a compiler that is ending has removed that file at the same moment.
        Err(error) if directory.exists() => return Err(error),
        result => ignore_missing(result)?,
    }
    ignore_missing(fs::remove_file(directory.with_extension("lock")))
}

/// Removes the temporary files of rust-analyzer in a process that has ended while it was loading a project.
pub(crate) fn remove_rust_analyzers_of(process: u32) {
    // rust-analyzer's crate `temp-dir` names them so.
    let prefix = format!("rust-analyzer{process:x}-");
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_leaves_nothing_and_removes_what_others_left() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("session-killed.lock"), "").unwrap();
        fs::create_dir(parent.path().join("session-killed")).unwrap();
        fs::create_dir(parent.path().join("session-half-removed")).unwrap();
        let first = SessionDirectory::create(parent.path()).unwrap();
        let second = SessionDirectory::create(parent.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        assert!(!parent.path().join("session-killed").exists());
        assert!(!parent.path().join("session-half-removed").exists());
        drop((first, second));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
