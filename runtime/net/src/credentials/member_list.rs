//! The file that lists the members of a run: one fingerprint a line, in order.

use super::private_files;
use crate::{Fingerprint, io_error::with_context};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

const MEMBERS: &str = "members";

/// The list of members, which all processes of a host share as a file.
#[derive(Debug, Clone)]
pub(crate) struct MemberList {
    directory: PathBuf,
}

impl MemberList {
    /// Names the list of a directory, and reads nothing.
    pub(crate) fn open(directory: &Path) -> MemberList {
        MemberList {
            directory: directory.to_owned(),
        }
    }

    /// Writes a new list to a directory.
    pub(super) fn create(directory: &Path, members: &BTreeSet<Fingerprint>) -> io::Result<MemberList> {
        let list = MemberList::open(directory);
        list.write(members)?;
        Ok(list)
    }

    /// Reports whether a fingerprint is on the list.
    pub(crate) fn contains(&self, member: Fingerprint) -> io::Result<bool> {
        Ok(self.read()?.contains(&member))
    }

    /// Reads the list.
    pub(super) fn read(&self) -> io::Result<BTreeSet<Fingerprint>> {
        let path = self.path();
        let text = fs::read_to_string(&path)
            .map_err(|error| with_context(&error, format_args!("could not read {}", path.display())))?;
        let members: Result<_, _> = text.lines().map(str::parse).collect();
        members.map_err(|error| {
            let text = format!("{} is damaged: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }

    /// Reads the list, changes it, and writes it if `change` returns true.
    pub(super) fn change(&self, change: impl FnOnce(&mut BTreeSet<Fingerprint>) -> bool) -> io::Result<()> {
        // Otherwise a process would overwrite what another one has added between the two.
        let _lock = private_files::lock_directory(&self.directory)?;
        let mut members = self.read()?;
        match change(&mut members) {
            true => self.write(&members),
            false => Ok(()),
        }
    }

    fn write(&self, members: &BTreeSet<Fingerprint>) -> io::Result<()> {
        let lines: String = members.iter().map(|member| format!("{member}\n")).collect();
        private_files::write(&self.path(), lines.as_bytes())
    }

    fn path(&self) -> PathBuf {
        self.directory.join(MEMBERS)
    }
}
