//! A file of the session directory: its name, the type of its contents, and how these are encoded.

use crate::session::shared_files;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs, io,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// A file of the session directory with contents `C`: [`Json`], [`Text`] or a [`Directory`].
#[derive(Debug)]
pub(crate) struct SessionFile<C> {
    name: &'static str,
    contents: PhantomData<fn() -> C>,
}

impl<C> SessionFile<C> {
    pub(super) const fn new(name: &'static str) -> SessionFile<C> {
        SessionFile {
            name,
            contents: PhantomData,
        }
    }

    /// Returns the path relative to the session directory.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the path of the file in a session directory.
    pub(crate) fn path(&self, session: &Path) -> PathBuf {
        session.join(self.name)
    }

    /// Removes the file, if it exists.
    ///
    /// # Errors
    ///
    /// The file exists and cannot be removed.
    pub(crate) fn remove(&self, session: &Path) -> io::Result<()> {
        match fs::remove_file(self.path(session)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl<C: Contents> SessionFile<C> {
    /// Reads the file. Returns `None` if it does not exist or has not the expected form.
    pub(crate) fn read(&self, session: &Path) -> Option<C::Owned> {
        C::decode(fs::read(self.path(session)).ok()?)
    }

    /// Reads the file and removes it, so that its content is used once.
    pub(crate) fn take(&self, session: &Path) -> Option<C::Owned> {
        let path = self.path(session);
        let content = fs::read(&path).ok()?;
        // Where this fails, so does the next write, which says so.
        let _ = fs::remove_file(path);
        C::decode(content)
    }

    /// Writes the file in place.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn write(&self, session: &Path, content: &C::Borrowed) -> io::Result<()> {
        fs::write(self.path(session), C::encode(content)?)
    }

    /// Replaces the file in one step, without touching content that it may share with another session.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn replace(&self, session: &Path, content: &C::Borrowed) -> io::Result<()> {
        shared_files::replace(&self.path(session), &C::encode(content)?)
    }
}

/// Files of the session directory whose names have a prefix in common and end with a key.
#[derive(Debug)]
pub(crate) struct SessionFiles<C> {
    prefix: &'static str,
    contents: PhantomData<fn() -> C>,
}

impl<C: Contents> SessionFiles<C> {
    pub(super) const fn new(prefix: &'static str) -> SessionFiles<C> {
        SessionFiles {
            prefix,
            contents: PhantomData,
        }
    }

    /// Returns the path of the file with a key.
    pub(crate) fn path(&self, session: &Path, key: &str) -> PathBuf {
        session.join(format!("{}{key}.json", self.prefix))
    }

    /// Reads the file at one of the [paths](SessionFiles::path). Returns `None` if it does not exist or has not the
    /// expected form.
    pub(crate) fn read(&self, path: &Path) -> Option<C::Owned> {
        C::decode(fs::read(path).ok()?)
    }

    /// Replaces the file at one of the [paths](SessionFiles::path) in one step.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn replace(&self, path: &Path, content: &C::Borrowed) -> io::Result<()> {
        shared_files::replace(path, &C::encode(content)?)
    }
}

/// The contents of a file and its encoding.
pub(crate) trait Contents {
    /// The type that reading returns.
    type Owned;
    /// The type that writing takes.
    type Borrowed: ?Sized;

    /// Returns the bytes of the file.
    fn encode(content: &Self::Borrowed) -> io::Result<Vec<u8>>;

    /// Returns the content, unless the bytes have not the expected form.
    fn decode(bytes: Vec<u8>) -> Option<Self::Owned>;
}

/// Contents of type `T`, encoded as JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(PhantomData<fn() -> T>);

impl<T: Serialize + DeserializeOwned> Contents for Json<T> {
    type Owned = T;
    type Borrowed = T;

    fn encode(content: &T) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(content)?)
    }

    fn decode(bytes: Vec<u8>) -> Option<T> {
        serde_json::from_slice(&bytes).ok()
    }
}

/// Contents that are text in UTF-8.
#[derive(Debug)]
pub(crate) enum Text {}

impl Contents for Text {
    type Owned = String;
    type Borrowed = str;

    fn encode(content: &str) -> io::Result<Vec<u8>> {
        Ok(content.as_bytes().to_vec())
    }

    fn decode(bytes: Vec<u8>) -> Option<String> {
        String::from_utf8(bytes).ok()
    }
}

/// Marks an entry for a directory, which has a name and no contents of its own.
#[derive(Debug)]
pub(crate) enum Directory {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::files::{LOCK_FILE, MISSING_VARIABLES, PROBED_TYPES, RUSTC_INVOCATIONS, RustcInvocation};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let session = tempfile::tempdir().unwrap();
        let session = session.path();
        assert_eq!(MISSING_VARIABLES.read(session), None);
        let names = BTreeSet::from(["a".to_owned(), "ä".to_owned()]);
        MISSING_VARIABLES.write(session, &names).unwrap();
        assert_eq!(MISSING_VARIABLES.read(session), Some(names));
        fs::write(MISSING_VARIABLES.path(session), "[").unwrap();
        assert_eq!(MISSING_VARIABLES.read(session), None);
        LOCK_FILE.replace(session, "version = 4\n").unwrap();
        assert_eq!(LOCK_FILE.read(session).as_deref(), Some("version = 4\n"));
    }

    #[test]
    fn a_file_is_taken_once_and_removed_any_number_of_times() {
        let session = tempfile::tempdir().unwrap();
        let session = session.path();
        PROBED_TYPES.write(session, &vec![None]).unwrap();
        assert_eq!(PROBED_TYPES.take(session), Some(vec![None]));
        assert_eq!(PROBED_TYPES.take(session), None);
        PROBED_TYPES.remove(session).unwrap();
        PROBED_TYPES.write(session, &Vec::new()).unwrap();
        PROBED_TYPES.remove(session).unwrap();
        assert!(!PROBED_TYPES.path(session).exists());
    }

    #[test]
    fn files_of_one_kind_are_told_apart_by_their_keys() {
        let session = tempfile::tempdir().unwrap();
        let [first, second] = ["1", "2"].map(|key| RUSTC_INVOCATIONS.path(session.path(), key));
        let invocation = RustcInvocation {
            arguments: vec!["rustc".to_owned()],
            environment: BTreeMap::new(),
        };
        RUSTC_INVOCATIONS.replace(&first, &invocation).unwrap();
        assert_eq!(RUSTC_INVOCATIONS.read(&first), Some(invocation));
        assert_eq!(RUSTC_INVOCATIONS.read(&second), None);
    }
}
