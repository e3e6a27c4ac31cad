//! The two directories that stored values lie in.

use super::mapped::{counts, map, write_value};
use crate::{id::Id, shared};
use mosaic_abi::Buffer;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::{
    env,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// Where values lie in memory; a directory of a file system in memory.
const ENV_MEMORY: &str = "MOSAIC_MEMORY_DIR";
/// Where values lie that memory has no room for.
const ENV_DISK: &str = "MOSAIC_SPILL_DIR";
const PREFIX: &str = "mosaic-warehouse-";
const LOCK: &str = "lock";

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shelf {
    Memory,
    Disk,
}

/// Both, whether or not they exist yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shelves {
    memory: PathBuf,
    disk: PathBuf,
}

impl Shelves {
    /// These directories.
    pub(crate) fn at(memory: PathBuf, disk: PathBuf) -> Shelves {
        Shelves { memory, disk }
    }

    /// New names for both, as the environment says.
    pub(crate) fn unused() -> Shelves {
        let name = format!("{PREFIX}{}", Id::unique());
        let root = |variable: &str, usual: &str| match env::var_os(variable) {
            Some(directory) if !directory.is_empty() => PathBuf::from(directory),
            _ if Path::new(usual).is_dir() => PathBuf::from(usual),
            _ => env::temp_dir(),
        };
        Shelves {
            memory: root(ENV_MEMORY, "/dev/shm").join(&name),
            // What is usually in memory itself would be of no help.
            disk: root(ENV_DISK, "/var/tmp").join(&name),
        }
    }

    /// The directory.
    pub(crate) fn directory(&self, shelf: Shelf) -> &Path {
        match shelf {
            Shelf::Memory => &self.memory,
            Shelf::Disk => &self.disk,
        }
    }

    fn path(&self, shelf: Shelf, ware: Id) -> PathBuf {
        self.directory(shelf).join(ware.to_string())
    }

    /// Stores a value, on disk where memory has no room after all; says where it lies.
    pub(crate) fn write(&self, wanted: Shelf, ware: Id, bytes: &Buffer) -> Result<Shelf, String> {
        if wanted == Shelf::Memory {
            if shared::store(bytes, &self.path(Shelf::Memory, ware)).is_ok() {
                return Ok(Shelf::Memory);
            }
            // It is small, or lies elsewhere.
            match self.write_to(Shelf::Memory, ware, |file| write_value(file, bytes)) {
                Ok(()) => return Ok(Shelf::Memory),
                Err(error) => tracing::debug!(%error, "a value is stored on disk"),
            }
        }
        self.write_to(Shelf::Disk, ware, |file| write_value(file, bytes))
            .map(|()| Shelf::Disk)
            .map_err(|error| self.no_room(&error))
    }

    /// Moves a value from memory to disk.
    pub(crate) fn spill(&self, ware: Id) -> Result<(), String> {
        let path = self.path(Shelf::Memory, ware);
        self.write_to(Shelf::Disk, ware, |file| write_value(file, &map(&path)?))
            .and_then(|()| remove(&path))
            .map_err(|error| self.no_room(&error))
    }

    /// The file gets its name when all of it is there.
    fn write_to(&self, shelf: Shelf, ware: Id, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let path = self.path(shelf, ware);
        let unfinished = path.with_extension("new");
        let written = File::create_new(&unfinished)
            .and_then(|mut file| write(&mut file))
            .and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn no_room(&self, error: &io::Error) -> String {
        let (memory, disk) = (self.memory.display(), self.disk.display());
        format!(
            "memory ({memory}) has no room for it, and the disk ({disk}) cannot be written: {error}; drop what is stored, \
             or have {ENV_DISK} name another directory before the notebook or program starts"
        )
    }

    /// A value's bytes, which stay as long as they are held.
    ///
    /// # Errors
    ///
    /// Of the kind `NotFound` where the value was dropped.
    pub(crate) fn read(&self, ware: Id) -> io::Result<Buffer> {
        match map(&self.path(Shelf::Memory, ware)) {
            // It is there before it is gone from here.
            Err(error) if is_absent(&error) => map(&self.path(Shelf::Disk, ware)),
            read => read,
        }
    }

    /// Removes a value, wherever it lies. Who has its bytes keeps them.
    pub(crate) fn remove(&self, ware: Id) {
        for shelf in [Shelf::Memory, Shelf::Disk] {
            // It is on one of them at most, or only half there.
            let path = self.path(shelf, ware);
            let _ = remove(&path);
            let _ = fs::remove_file(path.with_extension("new"));
        }
    }

    /// What the names of the files begin with that a head writes values to, before they are stored.
    pub(crate) fn rooms(&self, head: Id) -> PathBuf {
        self.path(Shelf::Memory, head)
    }

    /// Removes what a head that is gone left beside its values.
    pub(crate) fn sweep_rooms(&self, head: Id) {
        let of_head = format!("{head}.");
        let entries = fs::read_dir(self.directory(Shelf::Memory))
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&of_head)) {
            let _ = fs::remove_file(entry.path());
        }
    }

    /// Removes both directories and all that is in them.
    pub(crate) fn clear(&self) {
        for shelf in [Shelf::Memory, Shelf::Disk] {
            let directory = self.directory(shelf);
            if let Err(error) = fs::remove_dir_all(directory)
                && !is_absent(&error)
            {
                tracing::warn!(%error, directory = %directory.display(), "stored values are left behind");
            }
        }
    }
}

/// Removes a value's file.
fn remove(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| counts(&file)) {
        Ok(true) => shared::unstore(path),
        _ => fs::remove_file(path),
    }
}

/// Whether there is no such file, or not even such a directory, since it could not be made.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Who has these directories. They are removed when this is dropped, or by whoever comes next where it is killed.
#[derive(Debug)]
pub(crate) struct Keeper {
    shelves: Shelves,
    /// Locked as long as the process lives, however it ends: that is how others know.
    _locks: Vec<File>,
}

impl Keeper {
    /// Makes the directories, as far as they can be made, and removes those whose keepers were killed.
    pub(crate) fn of(shelves: Shelves) -> Keeper {
        let locks = [Shelf::Memory, Shelf::Disk].map(|shelf| occupy(shelves.directory(shelf)));
        // What cannot be made is told when it is needed.
        let locks = locks.into_iter().flatten().collect();
        Keeper { shelves, _locks: locks }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shelves.clear();
    }
}

fn occupy(directory: &Path) -> io::Result<File> {
    if let Some(parent) = directory.parent() {
        sweep(parent);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let path = directory.join(LOCK);
    let unlocked = path.with_extension("new");
    // Locked before it has the name that another keeper's sweep looks for.
    let lock = File::create_new(&unlocked)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    fs::rename(unlocked, path)?;
    Ok(lock)
}

/// Removes what keepers left that were killed.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let of_ours = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if of_ours
            && let Ok(lock) = File::open(path.join(LOCK))
            && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelves(directory: &Path) -> Shelves {
        Shelves {
            memory: directory.join("memory/mosaic-warehouse-1"),
            disk: directory.join("disk/mosaic-warehouse-1"),
        }
    }

    fn text(text: &str) -> Buffer {
        Buffer::from(text.to_owned())
    }

    fn in_directory(test: impl FnOnce(&Path, Shelves)) {
        let directory = tempfile::tempdir().unwrap();
        for root in ["memory", "disk"] {
            fs::create_dir(directory.path().join(root)).unwrap();
        }
        test(directory.path(), shelves(directory.path()));
    }

    #[test]
    fn a_value_is_found_wherever_it_lies() {
        in_directory(|_, shelves| {
            let _keeper = Keeper::of(shelves.clone());
            let (small, empty) = (Id::of(1), Id::of(2));
            assert_eq!(shelves.write(Shelf::Memory, small, &text("seven")), Ok(Shelf::Memory));
            assert_eq!(shelves.write(Shelf::Disk, empty, &text("")), Ok(Shelf::Disk));
            let before = shelves.read(small).unwrap();
            shelves.spill(small).unwrap();
            assert!(!shelves.path(Shelf::Memory, small).exists());
            let after = shelves.read(small).unwrap();
            shelves.remove(small);
            assert_eq!((&*before, &*after), (&b"seven"[..], &b"seven"[..]));
            assert_eq!(&*shelves.read(empty).unwrap(), b"");
            assert_eq!(shelves.read(small).unwrap_err().kind(), io::ErrorKind::NotFound);
        });
    }

    /// A value of the shelves' own file, not stored yet, and where its bytes lie.
    fn room(byte: u8) -> (Buffer, usize) {
        let mut buffer = shared::room(shared::Kind::Storable, shared::LARGE, 0).unwrap();
        // SAFETY: nobody else has the room.
        unsafe { buffer.as_mut_slice() }.fill(byte);
        let place = buffer.as_ptr() as usize;
        (buffer, place)
    }

    #[test]
    fn what_was_written_in_the_warehouse_is_stored_without_a_copy() {
        let _alone = shared::alone();
        in_directory(|_, shelves| {
            let _keeper = Keeper::of(shelves.clone());
            let (head, first, second) = (Id::of(9), Id::of(1), Id::of(2));
            shared::store_in(shelves.rooms(head));
            let (written, place) = room(1);
            assert_eq!(shelves.write(Shelf::Memory, first, &written), Ok(Shelf::Memory));
            drop(written);
            let read = shelves.read(first).unwrap();
            assert_eq!(read.as_ptr() as usize, place);
            // As long as it has a name, and then as long as somebody reads it, its memory is not used again.
            let (other, elsewhere) = room(2);
            assert_ne!(elsewhere, place);
            shelves.remove(first);
            let (third, elsewhere) = room(3);
            assert_ne!(elsewhere, place);
            assert!(read.iter().all(|byte| *byte == 1));
            drop(read);
            assert_eq!(room(4).1, place);
            // On disk as well it is read with its length.
            assert_eq!(shelves.write(Shelf::Memory, second, &other), Ok(Shelf::Memory));
            drop(other);
            shelves.spill(second).unwrap();
            assert_eq!(&*shelves.read(second).unwrap(), &vec![2; shared::LARGE][..]);
            drop(third);
            let left = || fs::read_dir(shelves.directory(Shelf::Memory)).unwrap().count();
            assert!(left() > 1);
            shelves.sweep_rooms(head);
            assert_eq!(left(), 1, "the lock");
        });
    }

    #[test]
    fn a_disk_that_cannot_be_written_is_named() {
        in_directory(|directory, shelves| {
            let _keeper = Keeper::of(shelves.clone());
            fs::remove_dir_all(directory.join("disk")).unwrap();
            fs::write(directory.join("disk"), "").unwrap();
            shelves.write(Shelf::Memory, Id::of(1), &text("seven")).unwrap();
            let error = shelves.spill(Id::of(1)).unwrap_err();
            assert!(
                error.contains("MOSAIC_SPILL_DIR") && error.contains("disk/mosaic-warehouse-1"),
                "{error}"
            );
            assert_eq!(&*shelves.read(Id::of(1)).unwrap(), b"seven");
        });
    }

    #[test]
    fn what_a_keeper_leaves_is_removed_by_the_next_one() {
        in_directory(|directory, shelves| {
            let killed = Keeper::of(shelves.clone());
            shelves.write(Shelf::Memory, Id::of(1), &text("seven")).unwrap();
            let next = Shelves {
                memory: directory.join("memory/mosaic-warehouse-2"),
                disk: directory.join("disk/mosaic-warehouse-2"),
            };
            drop(Keeper::of(next.clone()));
            // The first one lives.
            assert!(shelves.directory(Shelf::Memory).exists());
            let locks = std::mem::take(&mut std::mem::ManuallyDrop::new(killed)._locks);
            drop(locks);
            drop(Keeper::of(next.clone()));
            assert!(!shelves.directory(Shelf::Memory).exists() && !shelves.directory(Shelf::Disk).exists());
            assert!(!next.directory(Shelf::Memory).exists());
        });
    }
}
