//! The kernel's private directory for sockets and pipes: short, as paths of sockets must be, and gone with the kernel.

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

/// The directory. It is removed when this is dropped; where the kernel was killed instead, by the next kernel.
pub(crate) struct RunDir {
    directory: TempDir,
    /// Locked as long as the kernel lives, however it ends: that is how others know.
    _lock: File,
}

impl RunDir {
    /// Makes the directory, and removes those of kernels that were killed.
    ///
    /// # Errors
    /// When no directory can be made where the system keeps temporary files.
    pub(crate) fn create() -> Result<Self> {
        Self::create_in(&parent())
    }

    fn create_in(parent: &Path) -> Result<Self> {
        sweep(parent);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent);
        let directory = directory.with_context(|| format!("cannot make a directory in {}", parent.display()))?;
        // Locked before it has the name that another kernel's sweep looks for.
        let path = directory.path().join(LOCK);
        let unlocked = path.with_extension("new");
        let lock = File::create(&unlocked).with_context(|| format!("cannot create {}", unlocked.display()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .and_then(|()| rustix::fs::rename(&unlocked, &path))
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(RunDir { directory, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// The user's own directory for such things, where there is one.
fn parent() -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|directory| directory.is_dir());
    runtime.unwrap_or_else(env::temp_dir)
}

/// Removes the directories of kernels that no longer hold their lock.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let ours = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in ours {
        if let Err(error) = remove_if_dead(&entry.path()) {
            // It belongs to a living kernel, to another user, or has gone meanwhile.
            debug!("{} stays: {error}", entry.path().display());
        }
    }
}

fn remove_if_dead(directory: &Path) -> io::Result<()> {
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
