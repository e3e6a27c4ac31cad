//! The directory with the code of a host.

use crate::wire::{CodeFile, Object};
use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The name of the directory in a host's run directory.
const DIRECTORY: &str = "code";
/// The number of characters of a SHA-256 in hexadecimal.
const SHA256_LEN: usize = 64;

/// The code of a host: `code/SHA256/NAME` in its run directory.
#[derive(Clone, Debug)]
pub(crate) struct CodeStore {
    directory: PathBuf,
}

impl CodeStore {
    /// Returns the store in a run directory.
    pub(crate) fn in_run_dir(run_dir: &Path) -> CodeStore {
        CodeStore {
            directory: run_dir.join(DIRECTORY),
        }
    }

    /// Returns where a file lies, or would.
    ///
    /// # Errors
    ///
    /// The names are none that this store gives.
    pub(crate) fn path(&self, file: &CodeFile) -> io::Result<PathBuf> {
        let is_hash = file.sha256.len() == SHA256_LEN && file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_name = !file.name.is_empty() && !file.name.contains('/') && file.name != "." && file.name != "..";
        if !is_hash || !is_name {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(self.directory.join(&file.sha256).join(&file.name))
    }

    /// Returns the files of an object that are not here.
    pub(crate) fn missing(&self, object: &Object) -> Vec<CodeFile> {
        let Object::Files { files, .. } = object else {
            return Vec::new();
        };
        let is_missing = |file: &&CodeFile| self.path(file).is_ok_and(|path| !path.exists());
        files.iter().filter(is_missing).cloned().collect()
    }

    /// Adds a file of this host, which stays where it is.
    ///
    /// # Errors
    ///
    /// The link cannot be made.
    pub(super) fn link(&self, file: &CodeFile, to: &Path) -> io::Result<()> {
        let path = self.path(file)?;
        self.make_directory(&path)?;
        match symlink(to, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    }

    /// Adds a file that came from another host.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn add(&self, file: &CodeFile, content: &[u8]) -> io::Result<()> {
        let path = self.path(file)?;
        let parent = self.make_directory(&path)?;
        let mut unfinished = tempfile::NamedTempFile::new_in(parent)?;
        unfinished.write_all(content)?;
        unfinished.persist(&path)?;
        Ok(())
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// It is not here.
    pub(crate) fn open(&self, file: &CodeFile) -> io::Result<File> {
        File::open(self.path(file)?)
    }

    fn make_directory<'a>(&self, path: &'a Path) -> io::Result<&'a Path> {
        let parent = path.parent().unwrap_or(path);
        fs::create_dir_all(parent)?;
        Ok(parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Host;

    fn file(name: &str) -> CodeFile {
        CodeFile {
            sha256: "0123456789abcdef".repeat(4),
            name: name.to_owned(),
        }
    }

    #[test]
    fn what_was_added_or_linked_is_not_missing() {
        let directory = tempfile::tempdir().unwrap();
        let store = CodeStore::in_run_dir(directory.path());
        let object = Object::Files {
            files: vec![file("libone.so"), file("libtwo.so")],
            host: Host::Monitor,
        };
        assert_eq!(store.missing(&object).len(), 2);
        store.add(&file("libone.so"), b"one").unwrap();
        assert_eq!(store.missing(&object), [file("libtwo.so")]);
        let two = directory.path().join("two");
        fs::write(&two, "two").unwrap();
        store.link(&file("libtwo.so"), &two).unwrap();
        store.link(&file("libtwo.so"), &two).unwrap();
        assert!(store.missing(&object).is_empty());
        assert_eq!(
            io::read_to_string(store.open(&file("libtwo.so")).unwrap()).unwrap(),
            "two"
        );
        assert!(store.missing(&Object::Program).is_empty());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let store = CodeStore::in_run_dir(Path::new("/nowhere"));
        for name in ["", ".", "..", "../x", "a/b"] {
            assert!(store.path(&file(name)).is_err(), "{name}");
        }
        let wrong = CodeFile {
            sha256: "../../../etc".to_owned(),
            ..file("passwd")
        };
        assert!(store.path(&wrong).is_err());
    }
}
