//! The symbols that a library defines for others.

use crate::linker::one_object::{ENDIAN, request::Input};
use anyhow::{Context, Result};
use object::{
    LittleEndian, ReadCache,
    elf::{DT_SONAME, FileHeader64, SHN_UNDEF, SHT_DYNSYM, gnu_hash},
    read::{
        archive::ArchiveFile,
        elf::{FileHeader, GnuHashTable, SectionTable, Sym, SymbolTable, VersionTable},
    },
};
use std::{collections::HashSet, fs::File, path::Path};

type Header = FileHeader64<LittleEndian>;
type Content<'c> = &'c ReadCache<File>;

/// A library whose symbols can be looked up.
pub(super) enum Library<'c> {
    Shared(Box<SharedLibrary<'c>>),
    /// The names of a static library's symbols.
    Archive(HashSet<&'c [u8]>),
}

/// A shared library.
pub(super) struct SharedLibrary<'c> {
    /// The name by which the loader finds the library.
    pub(super) name: Vec<u8>,
    hashes: GnuHashTable<'c, Header>,
    symbols: SymbolTable<'c, Header, Content<'c>>,
    versions: VersionTable<'c, Header>,
}

/// A symbol that a shared library defines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'c> {
    /// The name of the symbol's version, if the library distinguishes versions.
    pub(super) version: Option<&'c [u8]>,
}

impl<'c> Library<'c> {
    /// Opens a library, whose content is read as it is needed.
    ///
    /// # Errors
    ///
    /// The file is not a library of this machine, or has no table of hashes.
    pub(super) fn open(input: &Input, content: Content<'c>) -> Result<Library<'c>> {
        match input {
            Input::Shared(path) => {
                let library = SharedLibrary::open(path, content);
                let library = library.with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Library::Shared(Box::new(library)))
            }
            Input::Archive(path) => {
                let names = archive_symbols(content);
                Ok(Library::Archive(
                    names.with_context(|| format!("cannot read {}", path.display()))?,
                ))
            }
        }
    }
}

impl<'c> SharedLibrary<'c> {
    fn open(path: &Path, content: Content<'c>) -> Result<SharedLibrary<'c>> {
        let header = Header::parse(content)?;
        let sections = header.sections(ENDIAN, content)?;
        let hashes = sections.gnu_hash(ENDIAN, content)?;
        let (hashes, _) = hashes.context("the library has no table of hashes")?;
        let name = match soname(&sections, content)? {
            Some(name) => name.to_owned(),
            // The loader then looks for the path that the linker got.
            None => path.as_os_str().as_encoded_bytes().to_owned(),
        };
        Ok(SharedLibrary {
            name,
            hashes,
            symbols: sections.symbols(ENDIAN, content, SHT_DYNSYM)?,
            versions: sections.versions(ENDIAN, content)?.unwrap_or_default(),
        })
    }

    /// Looks up a symbol; the default version if there are several.
    pub(super) fn find(&self, name: &[u8]) -> Result<Option<Found<'c>>> {
        let hash = gnu_hash(name);
        let found = self
            .hashes
            .find(ENDIAN, name, hash, None, &self.symbols, &self.versions);
        let Some((index, symbol)) = found.filter(|(_, symbol)| symbol.st_shndx(ENDIAN) != SHN_UNDEF) else {
            return Ok(None);
        };
        debug_assert!(symbol.st_name(ENDIAN) != 0);
        let version = self.versions.version(self.versions.version_index(ENDIAN, index))?;
        Ok(Some(Found {
            version: version.map(|version| version.name()),
        }))
    }
}

fn soname<'c>(sections: &SectionTable<'c, Header, Content<'c>>, content: Content<'c>) -> Result<Option<&'c [u8]>> {
    let Some((entries, strings)) = sections.dynamic(ENDIAN, content)? else {
        return Ok(None);
    };
    let strings = sections.strings(ENDIAN, content, strings)?;
    let entry = entries
        .iter()
        .find(|entry| entry.d_tag.get(ENDIAN) == u64::from(DT_SONAME));
    let Some(entry) = entry else { return Ok(None) };
    let offset = u32::try_from(entry.d_val.get(ENDIAN))?;
    let name = strings.get(offset).ok().context("the name of a library is cut off")?;
    Ok(Some(name))
}

fn archive_symbols(content: Content<'_>) -> Result<HashSet<&[u8]>> {
    let archive = ArchiveFile::parse(content)?;
    let symbols = archive.symbols()?.context("the library has no table of symbols")?;
    let names = symbols.map(|symbol| Ok(symbol?.name()));
    names.collect()
}
