//! Removes the directories of a process that was killed.
//!
//! A process that is killed can remove nothing, and one without workers on its machine has nobody who does it instead. So
//! a shell waits for the end of a pipe that only the process holds open.

use crate::warehouse::{StoreDir, StoreDirs};
use std::{
    io::{self, PipeWriter, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Waits for a line, and removes the directories if none comes. Once more a little later, since processes that end
/// meanwhile may have written there.
///
/// A batch system asks all processes of a job to end, of which this shell has to be the last.
const SCRIPT: &str = r#"trap '' TERM INT HUP; read -r line && exit; rm -rf -- "$@"; sleep 1; rm -rf -- "$@""#;

/// Removes directories when this process is killed. While it exists they are in use, and when it is dropped they stay.
#[derive(Debug)]
pub(crate) struct Sweeper {
    lifeline: PipeWriter,
    shell: Child,
}

impl Sweeper {
    /// Starts the shell that removes a run directory, and the directories of stored values of the same process.
    ///
    /// # Errors
    ///
    /// There is no shell, or no pipe can be made.
    pub(crate) fn of_run(run_dir: &Path, store_dirs: &StoreDirs) -> io::Result<Sweeper> {
        let stored = [StoreDir::Memory, StoreDir::Disk].map(|dir| store_dirs.directory(dir));
        Sweeper::start(stored.into_iter().chain([run_dir]))
    }

    fn start<'a>(directories: impl IntoIterator<Item = &'a Path>) -> io::Result<Sweeper> {
        let (read, lifeline) = io::pipe()?;
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "mosaic-sweeper"])
            .args(directories)
            .current_dir("/")
            .stdin(read)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt at the terminal is not meant for it.
            .process_group(0)
            .spawn()?;
        Ok(Sweeper { lifeline, shell })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        // Both fail only if somebody has killed the shell.
        let _ = self.lifeline.write_all(b"keep\n");
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn directories_stay_unless_the_process_was_killed() {
        let parent = tempfile::tempdir().unwrap();
        let (kept, swept) = (parent.path().join("kept"), parent.path().join("a b"));
        for directory in [&kept, &swept] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("file"), "").unwrap();
        }
        drop(Sweeper::start([&*kept]).unwrap());
        assert!(kept.exists());
        let mut sweeper = std::mem::ManuallyDrop::new(Sweeper::start([&*swept]).unwrap());
        // What the system does when a process is killed.
        let (_, other) = io::pipe().unwrap();
        drop(std::mem::replace(&mut sweeper.lifeline, other));
        sweeper.shell.wait().unwrap();
        assert!(!swept.exists() && kept.exists());
    }
}
