//! The tables by which the loader finds symbols and their versions.

use crate::linker::one_object::{
    ENDIAN,
    object_file::{ObjectFile, Symbol},
    request::Request,
    resolution::{Import, Resolution},
};
use anyhow::{Context, Result};
use object::{
    LittleEndian, U16, U32,
    elf::{VER_NDX_GLOBAL, VER_NDX_LOCAL, VER_NEED_CURRENT, Vernaux, Verneed, gnu_hash, hash},
    pod::{bytes_of, bytes_of_slice},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem::size_of,
};

/// By how many bits the second hash of a symbol is shifted, so that it differs from the first.
const FILTER_SHIFT: u32 = 26;

/// The tables, but for the addresses of exported symbols.
#[derive(Debug, Default)]
pub(super) struct DynamicTables {
    pub(super) strings: Strings,
    /// The symbols of the object in the order of the table: those that are imported, then those that are exported. The
    /// table begins with an empty entry before them.
    pub(super) symbols: Vec<DynamicSymbol>,
    /// The hash table of the exported symbols.
    pub(super) hashes: Vec<u8>,
    /// The version of each symbol. Empty if no symbol has one.
    pub(super) versions: Vec<u8>,
    /// The versions that are needed of libraries, and of how many libraries.
    pub(super) needed_versions: Vec<u8>,
    pub(super) versioned_libraries: usize,
    /// The names of the needed libraries, as offsets into the strings.
    pub(super) needed: Vec<u32>,
    /// The directories in which the loader looks for libraries, as an offset into the strings.
    pub(super) run_path: u32,
}

/// An entry of the table of symbols.
#[derive(Debug)]
pub(super) struct DynamicSymbol {
    /// The number of the object's symbol.
    pub(super) symbol: usize,
    /// The name, as an offset into the strings.
    pub(super) name: u32,
}

/// Texts, each ended by a zero byte.
#[derive(Debug)]
pub(super) struct Strings(pub(super) Vec<u8>);

impl Default for Strings {
    fn default() -> Strings {
        // The offset 0 is that of the empty text.
        Strings(vec![0])
    }
}

impl Strings {
    /// Adds a text and returns its offset.
    pub(super) fn add(&mut self, text: &[u8]) -> Result<u32> {
        let at = u32::try_from(self.0.len())?;
        self.0.extend_from_slice(text);
        self.0.push(0);
        Ok(at)
    }
}

impl DynamicTables {
    /// Makes the tables of a library.
    ///
    /// # Errors
    ///
    /// A symbol that is to be exported is not in the object.
    pub(super) fn new(object: &ObjectFile, resolution: &Resolution, request: &Request) -> Result<DynamicTables> {
        let mut tables = DynamicTables::default();
        let exports = exported(object, &request.exports)?;
        for symbol in resolution.imports.iter().map(|it| it.symbol).chain(exports) {
            let name = tables.strings.add(object.symbols[symbol].name)?;
            tables.symbols.push(DynamicSymbol { symbol, name });
        }
        for library in &resolution.needed {
            let name = tables.strings.add(library)?;
            tables.needed.push(name);
        }
        tables.run_path = tables.strings.add(request.run_path.as_bytes())?;
        let exports = &tables.symbols[resolution.imports.len()..];
        let names: Vec<&[u8]> = exports.iter().map(|entry| object.symbols[entry.symbol].name).collect();
        tables.hashes = hash_table(resolution.imports.len() + 1, &names)?;
        tables.add_versions(resolution)?;
        Ok(tables)
    }

    /// Returns the place of each of the object's symbols in the table of symbols.
    pub(super) fn places(&self) -> BTreeMap<usize, usize> {
        let entries = self.symbols.iter().enumerate();
        entries.map(|(at, entry)| (entry.symbol, at + 1)).collect()
    }

    /// The loader checks that a library has the versions that are needed of it, and takes symbols of these versions. A
    /// symbol without a version could be an old one, such as `memcpy` of the first C library for this machine.
    fn add_versions(&mut self, resolution: &Resolution) -> Result<()> {
        let mut by_library: BTreeMap<usize, BTreeSet<&[u8]>> = BTreeMap::new();
        for (library, version) in resolution.imports.iter().filter_map(versioned) {
            by_library.entry(library).or_default().insert(version);
        }
        if by_library.is_empty() {
            return Ok(());
        }
        let mut numbers = BTreeMap::new();
        let last = by_library.keys().next_back().copied();
        for (library, versions) in &by_library {
            let size = size_of::<Verneed<LittleEndian>>() + versions.len() * size_of::<Vernaux<LittleEndian>>();
            let next = if last == Some(*library) {
                0
            } else {
                u32::try_from(size)?
            };
            self.needed_versions.extend_from_slice(bytes_of(&Verneed {
                vn_version: U16::new(ENDIAN, VER_NEED_CURRENT),
                vn_cnt: U16::new(ENDIAN, u16::try_from(versions.len())?),
                vn_file: U32::new(ENDIAN, self.needed[*library]),
                vn_aux: U32::new(ENDIAN, u32::try_from(size_of::<Verneed<LittleEndian>>())?),
                vn_next: U32::new(ENDIAN, next),
            }));
            for (at, version) in versions.iter().enumerate() {
                // The numbers 0 and 1 are those of symbols without versions.
                let number = VER_NDX_GLOBAL + 1 + u16::try_from(numbers.len())?;
                numbers.insert((*library, *version), number);
                let is_last = at + 1 == versions.len();
                let next = if is_last {
                    0
                } else {
                    u32::try_from(size_of::<Vernaux<LittleEndian>>())?
                };
                let name = self.strings.add(version)?;
                self.needed_versions.extend_from_slice(bytes_of(&Vernaux {
                    vna_hash: U32::new(ENDIAN, hash(version)),
                    vna_flags: U16::new(ENDIAN, 0),
                    vna_other: U16::new(ENDIAN, number),
                    vna_name: U32::new(ENDIAN, name),
                    vna_next: U32::new(ENDIAN, next),
                }));
            }
        }
        self.versioned_libraries = by_library.len();
        let of_imports = resolution.imports.iter().map(|import| match versioned(import) {
            Some(version) => numbers.get(&version).copied().context("a version has no number"),
            None => Ok(VER_NDX_GLOBAL),
        });
        let of_exports = (resolution.imports.len()..self.symbols.len()).map(|_| Ok(VER_NDX_GLOBAL));
        let all = [Ok(VER_NDX_LOCAL)].into_iter().chain(of_imports).chain(of_exports);
        let all = all.map(|it| Ok(U16::new(ENDIAN, it?))).collect::<Result<Vec<_>>>()?;
        self.versions = bytes_of_slice(&all).to_vec();
        Ok(())
    }
}

fn versioned(import: &Import) -> Option<(usize, &[u8])> {
    let (library, version) = import.source.as_ref()?;
    Some((*library, version.as_deref()?))
}

/// Returns the object's symbols that are to be exported. A name may be of a symbol that an earlier library defines, and
/// that the object had before.
fn exported(object: &ObjectFile, names: &[String]) -> Result<Vec<usize>> {
    let globals = object.symbols.iter().enumerate().filter(|(_, symbol)| symbol.is_global);
    let globals: BTreeMap<&[u8], (usize, &Symbol)> = globals.map(|(at, symbol)| (symbol.name, (at, symbol))).collect();
    let mut exported = Vec::new();
    for name in names {
        let (at, symbol) = globals
            .get(name.as_bytes())
            .with_context(|| format!("the exported symbol {name} is not in the object"))?;
        if !symbol.is_undefined() {
            exported.push(*at);
        }
    }
    Ok(exported)
}

/// Returns the hash table of the exported symbols, which come last in the table of symbols, from `first` on. It has one
/// bucket, since libraries export few symbols.
fn hash_table(first: usize, exports: &[&[u8]]) -> Result<Vec<u8>> {
    let hashes: Vec<u32> = exports.iter().map(|name| gnu_hash(name)).collect();
    let bit = |hash: u32| 1u64 << (hash % u64::BITS);
    // Says with two bits of each hash which names are not there.
    let filter = hashes
        .iter()
        .fold(0, |filter, hash| filter | bit(*hash) | bit(hash >> FILTER_SHIFT));
    let first = u32::try_from(first)?;
    let bucket: u32 = if hashes.is_empty() { 0 } else { first };
    let mut table = Vec::new();
    for word in [1, first, 1, FILTER_SHIFT] {
        table.extend(u32::to_le_bytes(word));
    }
    table.extend(u64::to_le_bytes(filter));
    table.extend(bucket.to_le_bytes());
    for (at, hash) in hashes.iter().enumerate() {
        let is_last = at + 1 == hashes.len();
        // The lowest bit ends the list.
        table.extend((hash & !1 | u32::from(is_last)).to_le_bytes());
    }
    Ok(table)
}
