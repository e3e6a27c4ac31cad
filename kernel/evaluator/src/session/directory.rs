//! The directory in which one kernel compiles its cells.

use crate::session::shared_files::clone_directory;
use anyhow::{Context, Result};
use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The directory, removed at the end. A lock beside it says that its kernel lives, so that what a killed kernel left is
/// found and removed by the next one.
#[derive(Debug)]
pub(crate) struct Session {
    directory: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl Session {
    /// An empty session.
    pub(crate) fn empty(parent: &Path, prefix: &str) -> Result<Session> {
        remove_stale(parent);
        let (lock, unlocked) = tempfile::Builder::new()
            .prefix(prefix)
            .suffix(".new")
            .tempfile_in(parent)
            .with_context(|| format!("cannot write to {}", parent.display()))?
            .keep()?;
        lock.lock()?;
        // Locked before it has the name that another kernel's sweep looks for.
        let lock_path = unlocked.with_extension("lock");
        fs::rename(unlocked, &lock_path)?;
        let directory = lock_path.with_extension("");
        fs::create_dir(&directory)?;
        Ok(Session {
            directory,
            lock_path,
            _lock: lock,
        })
    }

    /// Clones a template into it.
    pub(crate) fn fill_from(&self, template: &Path) -> Result<()> {
        clone_directory(template, &self.directory).context("cannot clone the prebuilt crates")
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        remove(&self.directory, &self.lock_path);
    }
}

/// Removes the sessions whose kernels are gone: nobody holds their lock, or there is none.
fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"session-"));
        let lock_path = path.with_extension("lock");
        let stale = || match File::open(&lock_path) {
            Ok(lock) => path == lock_path && lock.try_lock().is_ok(),
            Err(error) => path.extension().is_none() && error.kind() == io::ErrorKind::NotFound,
        };
        if ours && stale() {
            remove(&path.with_extension(""), &lock_path);
        }
    }
}

/// Removes a session's directory, and then its lock: a directory that stays is found again by its lock.
fn remove(directory: &Path, lock_path: &Path) {
    if let Err(error) = try_remove(directory, lock_path) {
        tracing::warn!("cannot remove {}: {error}", directory.display());
    }
}

/// Removes a session although other processes and threads may still write to it; these end soon, but tell nobody.
pub(crate) fn remove_until_gone(directory: &Path, lock_path: &Path) {
    for _ in 0..ATTEMPTS {
        if try_remove(directory, lock_path).is_ok() {
            return;
        }
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
    remove(directory, lock_path);
}

/// For ten seconds: on a busy machine a killed compiler takes its time.
const ATTEMPTS: u32 = 100;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// Removes what rust-analyzer keeps among the temporary files while it loads a project, where its process ends meanwhile.
pub(crate) fn remove_rust_analyzers_of(process: u32) {
    // As its crate `temp-dir` names them.
    let prefix = format!("rust-analyzer{process:x}-");
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn try_remove(directory: &Path, lock_path: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    gone(fs::remove_dir_all(directory))?;
    gone(fs::remove_file(lock_path))
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
        let first = Session::empty(parent.path(), "session-").unwrap();
        let second = Session::empty(parent.path(), "session-").unwrap();
        assert!(first.directory().is_dir() && second.directory().is_dir());
        assert!(!parent.path().join("session-killed").exists());
        assert!(!parent.path().join("session-half-removed").exists());
        drop((first, second));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
