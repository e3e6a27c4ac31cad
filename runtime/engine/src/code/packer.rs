//! Finds the files that a shared object needs on another host.

use super::store::CodeStore;
use crate::wire::CodeFile;
use object::{
    elf::{DT_NEEDED, DT_NULL},
    read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The directories of the system's libraries, of which each host has its own.
const SYSTEM: [&str; 4] = ["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"];

/// Packs the objects of this process, each once.
#[derive(Debug)]
pub(crate) struct Packer {
    store: CodeStore,
    /// The files of each object that was packed, by the object's path.
    packed: HashMap<PathBuf, Vec<CodeFile>>,
    /// The files that were read, by path.
    read: HashMap<PathBuf, CodeFile>,
}

impl Packer {
    /// Makes a packer that puts the files into this store.
    pub(crate) fn new(store: CodeStore) -> Packer {
        Packer {
            store,
            packed: HashMap::new(),
            read: HashMap::new(),
        }
    }

    /// Puts a loaded object and all that it needs outside of the system's directories into the store. Returns the files
    /// in the order in which they are to be loaded: the object is the last one.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or cannot be put into the store.
    pub(crate) fn pack(&mut self, object: &Path) -> io::Result<Vec<CodeFile>> {
        if let Some(files) = self.packed.get(object) {
            return Ok(files.clone());
        }
        let loaded = loaded_objects()?;
        let (mut files, mut seen) = (Vec::new(), HashSet::new());
        self.add(object, &loaded, &mut seen, &mut files)?;
        self.packed.insert(object.to_owned(), files.clone());
        Ok(files)
    }

    /// Adds what an object needs, and then the object.
    fn add(
        &mut self,
        path: &Path,
        loaded: &HashMap<Vec<u8>, PathBuf>,
        seen: &mut HashSet<PathBuf>,
        files: &mut Vec<CodeFile>,
    ) -> io::Result<()> {
        if !seen.insert(path.to_owned()) {
            return Ok(());
        }
        let content = fs::read(path)?;
        for name in needed(&content)? {
            // What is not loaded was not needed after all, or is the loader itself.
            if let Some(needed) = loaded.get(&name).filter(|path| !is_of_system(path)) {
                self.add(needed, loaded, seen, files)?;
            }
        }
        let file = match self.read.get(path) {
            Some(file) => file.clone(),
            None => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let digest = Sha256::digest(&content);
                let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                let file = CodeFile { sha256, name };
                self.store.link(&file, path)?;
                self.read.insert(path.to_owned(), file.clone());
                file
            }
        };
        files.push(file);
        Ok(())
    }
}

/// Returns whether every host has this file, or its own version of it.
fn is_of_system(path: &Path) -> bool {
    SYSTEM.iter().any(|directory| path.starts_with(directory))
}

/// Returns the shared objects that are loaded in this process, by the names of their files.
fn loaded_objects() -> io::Result<HashMap<Vec<u8>, PathBuf>> {
    let maps = fs::read("/proc/self/maps")?;
    let paths = maps.split(|byte| *byte == b'\n').filter_map(|line| {
        let path = line.iter().position(|byte| *byte == b'/')?;
        let path = Path::new(OsStr::from_bytes(&line[path..]));
        Some((path.file_name()?.as_bytes().to_vec(), path.to_owned()))
    });
    Ok(paths.collect())
}

/// Returns the names of the shared objects that one needs.
fn needed(content: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let unreadable = |error: object::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let file = ElfFile64::<object::Endianness>::parse(content).map_err(unreadable)?;
    let endian = file.endian();
    let segments = file.elf_header().program_headers(endian, content).map_err(unreadable)?;
    let mut names = Vec::new();
    for segment in segments {
        let Some(entries) = segment.dynamic(endian, content).map_err(unreadable)? else {
            continue;
        };
        let strings = strings(segments, entries, endian, content).unwrap_or_default();
        for entry in entries.iter().take_while(|entry| entry.tag32(endian) != Some(DT_NULL)) {
            if entry.tag32(endian) == Some(DT_NEEDED)
                && let Some(offset) = entry.val32(endian)
                && let Some(rest) = strings.get(offset as usize..)
            {
                names.push(rest.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
            }
        }
    }
    Ok(names)
}

/// Returns the table of names of the dynamic section.
fn strings<'data>(
    segments: &[object::elf::ProgramHeader64<object::Endianness>],
    entries: &[object::elf::Dyn64<object::Endianness>],
    endian: object::Endianness,
    content: &'data [u8],
) -> Option<&'data [u8]> {
    let value = |tag| {
        let entry = entries.iter().find(|entry| entry.tag32(endian) == Some(tag))?;
        Some(entry.d_val(endian))
    };
    let (address, size) = (value(object::elf::DT_STRTAB)?, value(object::elf::DT_STRSZ)?);
    let mut loaded = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == object::elf::PT_LOAD);
    loaded.find_map(|segment| segment.data_range(endian, content, address, size).ok().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_executable_needs_is_found() {
        let content = fs::read("/proc/self/exe").unwrap();
        assert!(needed(&content).unwrap().contains(&b"libc.so.6".to_vec()));
        assert!(needed(b"no executable").is_err());
    }

    #[test]
    fn an_object_is_packed_once_and_without_the_systems_libraries() {
        let directory = tempfile::tempdir().unwrap();
        let object = directory.path().join("libguest.so");
        fs::copy("/proc/self/exe", &object).unwrap();
        let store = CodeStore::in_run_dir(directory.path());
        let mut packer = Packer::new(store.clone());
        let files = packer.pack(&object).unwrap();
        assert_eq!(
            files.iter().map(|file| &*file.name).collect::<Vec<_>>(),
            ["libguest.so"]
        );
        assert_eq!(
            store.path(&files[0]).unwrap().canonicalize().unwrap(),
            object.canonicalize().unwrap()
        );
        fs::remove_file(&object).unwrap();
        assert_eq!(packer.pack(&object).unwrap(), files);
    }
}
