//! The kernel's private directory for sockets and pipes.
//!
//! Its path is short, since the path of a socket has at most 107 bytes. The kernel removes the directory when it ends.
//! If the kernel was killed, the next kernel removes it.

use std::{
    env,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;
use tracing::debug;

const PREFIX: &str = "mosaic-";
const LOCK: &str = "kernel.lock";

/// The kernel's directory, which is removed when this is dropped.
pub(crate) struct RunDir {
    directory: TempDir,
    /// The lock file. It stays locked until the kernel ends, also when it is killed, so that others see that it lives.
    _lock: File,
}

impl RunDir {
    /// Creates the directory, and removes the directories of kernels that were killed.
    ///
    /// # Errors
    /// When the directory cannot be created among the system's temporary files.
    pub(crate) fn create() -> Result<Self> {
        Self::create_in(&parent())
    }

    fn create_in(parent: &Path) -> Result<Self> {
        remove_abandoned(parent);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent);
        let directory = directory.with_context(|| format!("cannot create a directory in {}", parent.display()))?;
        // The lock is taken before the file has the name that other kernels look for.
        let path = directory.path().join(LOCK);
        let unlocked = path.with_extension("new");
        let lock = File::create(&unlocked).with_context(|| format!("cannot create {}", unlocked.display()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .and_then(|()| rustix::fs::rename(&unlocked, &path))
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(RunDir { directory, _lock: lock })
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Returns the user's own runtime directory, or else the directory for temporary files.
fn parent() -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|directory| directory.is_dir());
    runtime.unwrap_or_else(env::temp_dir)
}

/// Removes the directories whose kernels no longer hold the lock.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let ours = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in ours {
        if let Err(error) = remove_if_unlocked(&entry.path()) {
            // It belongs to a living kernel or to another user, or another kernel has removed it meanwhile.
            debug!("not removing {}: {error}", entry.path().display());
        }
    }
}

fn remove_if_unlocked(directory: &Path) -> io::Result<()> {
    let lock = File::open(directory.join(LOCK))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    fs::remove_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_stay_and_the_dead_go() {
        let parent = tempfile::tempdir().unwrap();
        let living = RunDir::create_in(parent.path()).unwrap();
        let dead = parent.path().join("mosaic-dead");
        let foreign = parent.path().join("mosaic-other");
        fs::create_dir(&dead).unwrap();
        fs::create_dir(&foreign).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let another = RunDir::create_in(parent.path()).unwrap();
        assert!(!dead.exists());
        assert!(foreign.exists(), "without our lock file it is not ours");
        assert!(living.path().exists() && another.path().exists());
        let path = living.path().to_owned();
        drop(living);
        assert!(!path.exists());
    }
}
