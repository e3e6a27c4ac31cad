//! The two directories of stored values: one in memory, one on disk.

use super::value_file::{is_segment, map, write_value};
use crate::{id::Id, own_files, shared_memory};
use mosaic_abi::Buffer;
use serde::{Deserialize, Serialize};
use std::{
    env,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// The environment variable that names the directory for values in memory: one in a file system in memory.
const ENV_MEMORY: &str = "MOSAIC_MEMORY_DIR";
/// The environment variable that names the directory for values that do not fit into memory.
const ENV_DISK: &str = "MOSAIC_SPILL_DIR";
/// The beginning of the names of both directories, by which directories of killed processes are found.
const PREFIX: &str = "mosaic-warehouse-";
/// The name of the file in each directory that its keeper keeps locked.
const LOCK: &str = "lock";

/// One of the two directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoreDir {
    Memory,
    Disk,
}

/// The paths of both directories, whether or not they exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreDirs {
    memory: PathBuf,
    disk: PathBuf,
}

impl StoreDirs {
    /// Returns directories with these paths.
    pub(crate) fn at(memory: PathBuf, disk: PathBuf) -> StoreDirs {
        StoreDirs { memory, disk }
    }

    /// Returns directories that do not exist yet, where the environment says.
    pub(crate) fn unused() -> StoreDirs {
        let name = format!("{PREFIX}{}", Id::unique());
        let root = |variable: &str, usual: &str| match env::var_os(variable) {
            Some(directory) if !directory.is_empty() => PathBuf::from(directory),
            _ if Path::new(usual).is_dir() => PathBuf::from(usual),
            _ => env::temp_dir(),
        };
        StoreDirs {
            memory: root(ENV_MEMORY, "/dev/shm").join(&name),
            // Not `/tmp`, which often lies in memory itself.
            disk: root(ENV_DISK, "/var/tmp").join(&name),
        }
    }

    /// Returns the path of a directory.
    pub(crate) fn directory(&self, dir: StoreDir) -> &Path {
        match dir {
            StoreDir::Memory => &self.memory,
            StoreDir::Disk => &self.disk,
        }
    }

    fn path(&self, dir: StoreDir, ware: Id) -> PathBuf {
        self.directory(dir).join(ware.to_string())
    }

    /// Writes a value, to disk if it does not fit into memory after all. Returns where it lies.
    ///
    /// # Errors
    ///
    /// Neither directory can take the value; the text says what to do.
    pub(crate) fn write(&self, wanted: StoreDir, ware: Id, bytes: &Buffer) -> Result<StoreDir, String> {
        if wanted == StoreDir::Memory {
            if shared_memory::store(bytes, &self.path(StoreDir::Memory, ware)).is_ok() {
                return Ok(StoreDir::Memory);
            }
            // The value is small, or does not lie in a file of the warehouse: it is copied.
            match self.write_to(StoreDir::Memory, ware, |file| write_value(file, bytes)) {
                Ok(()) => return Ok(StoreDir::Memory),
                Err(error) => tracing::debug!(%error, "a value is stored on disk"),
            }
        }
        self.write_to(StoreDir::Disk, ware, |file| write_value(file, bytes))
            .map(|()| StoreDir::Disk)
            .map_err(|error| self.no_room(&error))
    }

    /// Moves a value from memory to disk.
    ///
    /// # Errors
    ///
    /// The disk cannot take the value; the text says what to do.
    pub(crate) fn spill(&self, ware: Id) -> Result<(), String> {
        let path = self.path(StoreDir::Memory, ware);
        self.write_to(StoreDir::Disk, ware, |file| write_value(file, &map(&path)?))
            .and_then(|()| remove(&path))
            .map_err(|error| self.no_room(&error))
    }

    /// Writes a file, which gets its name once all of it is there.
    fn write_to(&self, dir: StoreDir, ware: Id, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let path = self.path(dir, ware);
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

    /// Maps a value's bytes, which stay mapped as long as the buffer lives.
    ///
    /// # Errors
    ///
    /// The value was dropped (`NotFound`), or cannot be read.
    pub(crate) fn read(&self, ware: Id) -> io::Result<Buffer> {
        match map(&self.path(StoreDir::Memory, ware)) {
            // A value that moves is on disk before it is gone from memory.
            Err(error) if is_absent(&error) => map(&self.path(StoreDir::Disk, ware)),
            read => read,
        }
    }

    /// Returns the number of bytes that values take up in memory.
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        let entries = fs::read_dir(self.directory(StoreDir::Memory)).into_iter().flatten();
        let files = entries.flatten().map(|entry| entry.path());
        // The lock and the files that are not stored have names of other kinds.
        let values = files.filter(|file| file.extension().is_none() && !file.ends_with(LOCK));
        values.filter_map(|file| Some(fs::metadata(file).ok()?.len())).sum()
    }

    /// Removes a value, wherever it lies. Buffers of it stay valid.
    pub(crate) fn remove(&self, ware: Id) {
        for dir in [StoreDir::Memory, StoreDir::Disk] {
            // The value lies in one of them at most, perhaps unfinished.
            let path = self.path(dir, ware);
            let _ = remove(&path);
            let _ = fs::remove_file(path.with_extension("new"));
        }
    }

    /// Returns the beginning of the names of files to which a head writes values before it stores them.
    pub(crate) fn unstored_prefix(&self, head: Id) -> PathBuf {
        self.path(StoreDir::Memory, head)
    }

    /// Removes the files to which a head that is gone wrote values, as far as these are not stored.
    pub(crate) fn sweep_unstored(&self, head: Id) {
        let of_head = format!("{head}.");
        let entries = fs::read_dir(self.directory(StoreDir::Memory))
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&of_head)) {
            let _ = fs::remove_file(entry.path());
        }
    }

    /// Removes both directories with everything in them.
    pub(crate) fn clear(&self) {
        for dir in [StoreDir::Memory, StoreDir::Disk] {
            let directory = self.directory(dir);
            if let Err(error) = fs::remove_dir_all(directory)
                && !is_absent(&error)
            {
                tracing::warn!(%error, directory = %directory.display(), "stored values are left behind");
            }
        }
    }
}

/// Removes the file of a value.
fn remove(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| is_segment(&file)) {
        Ok(true) => shared_memory::unstore(path),
        _ => fs::remove_file(path),
    }
}

/// Returns whether there is no such file, or no such directory, because it could not be made.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Keeps both directories for this process. Dropping it removes them; if this process is killed, the next keeper does.
#[derive(Debug)]
pub(crate) struct Keeper {
    store_dirs: StoreDirs,
    /// Locked as long as the process lives, however it ends, so that other keepers know.
    _locks: Vec<File>,
}

impl Keeper {
    /// Makes the directories, as far as possible, and removes directories whose keepers were killed.
    pub(crate) fn of(store_dirs: StoreDirs) -> Keeper {
        let locks = [StoreDir::Memory, StoreDir::Disk].map(|dir| occupy(store_dirs.directory(dir)));
        // A directory that cannot be made is reported when it is needed.
        let locks = locks.into_iter().flatten().collect();
        Keeper {
            store_dirs,
            _locks: locks,
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.store_dirs.clear();
    }
}

/// Makes a directory, and locks it for this process.
fn occupy(directory: &Path) -> io::Result<File> {
    if let Some(parent) = directory.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        own_files::remove_abandoned(parent, PREFIX, LOCK);
    }
    match own_files::create_locked_directory(directory, LOCK) {
        // The last run of this process could not remove it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            own_files::check_own_directory(directory)?;
            own_files::lock_new_file(&directory.join(LOCK))
        }
        occupied => occupied,
    }
}

/// Removes the directories of keepers that were killed, in the places that the environment names.
pub fn remove_abandoned_values() {
    let store_dirs = StoreDirs::unused();
    for dir in [StoreDir::Memory, StoreDir::Disk] {
        if let Some(parent) = store_dirs.directory(dir).parent() {
            own_files::remove_abandoned(parent, PREFIX, LOCK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store_dirs(directory: &Path) -> StoreDirs {
        StoreDirs {
            memory: directory.join("memory/mosaic-warehouse-1"),
            disk: directory.join("disk/mosaic-warehouse-1"),
        }
    }

    fn text(text: &str) -> Buffer {
        Buffer::from(text.to_owned())
    }

    fn in_directory(test: impl FnOnce(&Path, StoreDirs)) {
        let directory = tempfile::tempdir().unwrap();
        for root in ["memory", "disk"] {
            fs::create_dir(directory.path().join(root)).unwrap();
        }
        test(directory.path(), store_dirs(directory.path()));
    }

    #[test]
    fn a_value_is_found_wherever_it_lies() {
        in_directory(|_, store_dirs| {
            let _keeper = Keeper::of(store_dirs.clone());
            let (small, empty) = (Id::of(1), Id::of(2));
            assert_eq!(
                store_dirs.write(StoreDir::Memory, small, &text("seven")),
                Ok(StoreDir::Memory)
            );
            assert_eq!(store_dirs.write(StoreDir::Disk, empty, &text("")), Ok(StoreDir::Disk));
            let before = store_dirs.read(small).unwrap();
            assert!(store_dirs.bytes_in_memory() >= 5);
            store_dirs.spill(small).unwrap();
            assert_eq!(store_dirs.bytes_in_memory(), 0, "the lock does not count");
            assert!(!store_dirs.path(StoreDir::Memory, small).exists());
            let after = store_dirs.read(small).unwrap();
            store_dirs.remove(small);
            assert_eq!((&*before, &*after), (&b"seven"[..], &b"seven"[..]));
            assert_eq!(&*store_dirs.read(empty).unwrap(), b"");
            assert_eq!(store_dirs.read(small).unwrap_err().kind(), io::ErrorKind::NotFound);
        });
    }

    /// Makes a value in a file of the warehouse, not stored yet, and returns it with its address.
    fn storable(byte: u8) -> (Buffer, usize) {
        let mut buffer =
            shared_memory::allocate(shared_memory::SegmentKind::Storable, shared_memory::THRESHOLD, 0).unwrap();
        // SAFETY: the buffer is new, and nobody else has it.
        unsafe { buffer.as_mut_slice() }.fill(byte);
        let address = buffer.as_ptr() as usize;
        (buffer, address)
    }

    #[test]
    fn what_was_written_in_the_warehouse_is_stored_without_a_copy() {
        let _alone = shared_memory::alone();
        in_directory(|_, store_dirs| {
            let _keeper = Keeper::of(store_dirs.clone());
            let (head, first, second) = (Id::of(9), Id::of(1), Id::of(2));
            shared_memory::store_in(store_dirs.unstored_prefix(head));
            let (written, place) = storable(1);
            assert_eq!(
                store_dirs.write(StoreDir::Memory, first, &written),
                Ok(StoreDir::Memory)
            );
            drop(written);
            let read = store_dirs.read(first).unwrap();
            assert_eq!(read.as_ptr() as usize, place);
            // The memory is not used again as long as it has a name, or somebody reads it.
            let (other, elsewhere) = storable(2);
            assert_ne!(elsewhere, place);
            store_dirs.remove(first);
            let (third, elsewhere) = storable(3);
            assert_ne!(elsewhere, place);
            assert!(read.iter().all(|byte| *byte == 1));
            drop(read);
            assert_eq!(storable(4).1, place);
            // The value keeps its length when it moves to disk.
            assert_eq!(store_dirs.write(StoreDir::Memory, second, &other), Ok(StoreDir::Memory));
            drop(other);
            store_dirs.spill(second).unwrap();
            assert_eq!(
                &*store_dirs.read(second).unwrap(),
                &vec![2; shared_memory::THRESHOLD][..]
            );
            drop(third);
            let left = || fs::read_dir(store_dirs.directory(StoreDir::Memory)).unwrap().count();
            assert!(left() > 1);
            store_dirs.sweep_unstored(head);
            assert_eq!(left(), 1, "the lock");
        });
    }

    #[test]
    fn a_disk_that_cannot_be_written_is_named() {
        in_directory(|directory, store_dirs| {
            let _keeper = Keeper::of(store_dirs.clone());
            fs::remove_dir_all(directory.join("disk")).unwrap();
            fs::write(directory.join("disk"), "").unwrap();
            store_dirs.write(StoreDir::Memory, Id::of(1), &text("seven")).unwrap();
            let error = store_dirs.spill(Id::of(1)).unwrap_err();
            assert!(
                error.contains("MOSAIC_SPILL_DIR") && error.contains("disk/mosaic-warehouse-1"),
                "{error}"
            );
            assert_eq!(&*store_dirs.read(Id::of(1)).unwrap(), b"seven");
        });
    }

    #[test]
    fn what_a_keeper_leaves_is_removed_by_the_next_one() {
        in_directory(|directory, store_dirs| {
            let killed = Keeper::of(store_dirs.clone());
            store_dirs.write(StoreDir::Memory, Id::of(1), &text("seven")).unwrap();
            let next = StoreDirs {
                memory: directory.join("memory/mosaic-warehouse-2"),
                disk: directory.join("disk/mosaic-warehouse-2"),
            };
            drop(Keeper::of(next.clone()));
            // The first keeper lives.
            assert!(store_dirs.directory(StoreDir::Memory).exists());
            let locks = std::mem::take(&mut std::mem::ManuallyDrop::new(killed)._locks);
            drop(locks);
            drop(Keeper::of(next.clone()));
            assert!(!store_dirs.directory(StoreDir::Memory).exists() && !store_dirs.directory(StoreDir::Disk).exists());
            assert!(!next.directory(StoreDir::Memory).exists());
        });
    }
}
