//! The kernel's private directory for sockets and pipes.
//!
//! Its path is short, since the path of a socket has at most 107 bytes. The kernel removes the directory when it ends.
//! If the kernel was killed, its guardian removes it, or else the next kernel.

use std::{
    fs::{File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use mosaic_engine::{lock_new_file, remove_abandoned, run_dir_parent};
use tempfile::TempDir;

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
        Self::create_in(&run_dir_parent()?)
    }

    fn create_in(parent: &Path) -> Result<Self> {
        remove_abandoned(parent, PREFIX, LOCK);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent);
        let directory = directory.with_context(|| format!("cannot create a directory in {}", parent.display()))?;
        let path = directory.path().join(LOCK);
        let lock = lock_new_file(&path).with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(RunDir { directory, _lock: lock })
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
