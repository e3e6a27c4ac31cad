//! The bytes of the library.

use crate::linker::one_object::{
    ENDIAN,
    dynamic_tables::DynamicTables,
    headers,
    layout::{CELL, Layout, STUB, distance},
    object_file::{Kind, ObjectFile, Relocation, Value},
    request::Kept,
    resolution::Resolution,
};
use anyhow::{Context, Result, bail};
use object::{
    I64, LittleEndian, U64,
    elf::{
        DF_1_NOW, DF_1_ORIGIN, DF_BIND_NOW, DF_ORIGIN, DT_FLAGS, DT_FLAGS_1, DT_GNU_HASH, DT_NEEDED, DT_RELA,
        DT_RELACOUNT, DT_RELAENT, DT_RELASZ, DT_RUNPATH, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB, DT_VERNEED,
        DT_VERNEEDNUM, DT_VERSYM, Dyn64, R_X86_64_64, R_X86_64_DTPMOD64, R_X86_64_DTPOFF64, R_X86_64_GLOB_DAT,
        R_X86_64_RELATIVE, Rela64, STT_NOTYPE, STT_TLS, Sym64,
    },
    pod::bytes_of_slice,
};
use std::{collections::BTreeMap, mem::size_of};

/// `jmp *cell(%rip)`, which the distance to the cell follows, and a `nop` of two bytes.
const JUMP: [u8; 2] = [0xff, 0x25];
const FILLER: [u8; 2] = [0x66, 0x90];

/// Writes the library.
///
/// # Errors
///
/// A relocation does not fit, or writes to what is only read.
pub(super) fn write(
    object: &ObjectFile,
    resolution: &Resolution,
    tables: &DynamicTables,
    layout: &Layout,
    kept: Kept,
) -> Result<Vec<u8>> {
    let mut image = Image {
        object,
        tables,
        layout,
        places: tables.places(),
        cells: places(&resolution.cells, layout.cells, CELL),
        thread_local_cells: places(&resolution.thread_local_cells, layout.thread_local_cells, 2 * CELL),
        stubs: places(&resolution.stubs, layout.stubs, STUB),
        bytes: vec![0; usize::try_from(layout.written.end)?],
    };
    for (section, at) in object.sections.iter().zip(&layout.sections) {
        image.put(*at, section.content)?;
    }
    image.put(layout.hashes, &tables.hashes)?;
    image.put(layout.versions, &tables.versions)?;
    image.put(layout.needed_versions, &tables.needed_versions)?;
    image.put(layout.strings, &tables.strings.0)?;
    image.put_symbols()?;
    image.put_stubs()?;
    let relative = image.put_dynamic_relocations()?;
    for relocation in &object.relocations {
        image.relocate(relocation)?;
    }
    if let Some(frames) = &layout.frames {
        image.put(layout.unwind_table, &frames.table(object, layout)?)?;
    }
    image.put_dynamic_table(relative)?;
    headers::add(image.bytes, object, tables, layout, kept)
}

/// Returns the address of each symbol's entry in a list.
fn places(symbols: &[usize], begin: u64, size: u64) -> BTreeMap<usize, u64> {
    let addresses = (0..).map(|at| begin + at * size);
    symbols.iter().copied().zip(addresses).collect()
}

/// A library in the making.
struct Image<'l> {
    object: &'l ObjectFile<'l>,
    tables: &'l DynamicTables,
    layout: &'l Layout,
    /// The places of the object's symbols in the table of symbols for the loader.
    places: BTreeMap<usize, usize>,
    /// The addresses of the symbols' cells and stubs.
    cells: BTreeMap<usize, u64>,
    thread_local_cells: BTreeMap<usize, u64>,
    stubs: BTreeMap<usize, u64>,
    bytes: Vec<u8>,
}

impl Image<'_> {
    fn put(&mut self, at: u64, content: &[u8]) -> Result<()> {
        let at = usize::try_from(at)?;
        let place = self.bytes.get_mut(at..at + content.len());
        place
            .context("a part has no place in the library")?
            .copy_from_slice(content);
        Ok(())
    }

    /// Writes the symbols for the loader.
    fn put_symbols(&mut self) -> Result<()> {
        let mut entries = vec![headers::symbol(0, 0, 0, 0, 0)];
        for entry in &self.tables.symbols {
            let symbol = &self.object.symbols[entry.symbol];
            entries.push(if symbol.is_undefined() {
                let is_thread_local = symbol.elf_type() == STT_TLS;
                let elf_type = if is_thread_local { STT_TLS } else { STT_NOTYPE };
                headers::symbol(entry.name, (symbol.info & 0xf0) | elf_type, 0, 0, 0)
            } else {
                let address = self.layout.address(self.object, entry.symbol)?;
                let section = headers::section_of(self.object, symbol);
                headers::symbol(entry.name, symbol.info, section, address, symbol.size)
            });
        }
        self.put(self.layout.symbols, bytes_of_slice(&entries))
    }

    fn put_stubs(&mut self) -> Result<()> {
        for (symbol, at) in self.stubs.clone() {
            let cell = *self.cells.get(&symbol).context("a function has no cell")?;
            let behind_jump = at + (JUMP.len() + 4) as u64;
            let distance = distance(cell, behind_jump)?;
            self.put(at, &[&JUMP[..], &distance.to_le_bytes(), &FILLER].concat())?;
        }
        Ok(())
    }

    /// Writes the relocations for the loader. Returns how many of them only add the library's address. They come first.
    fn put_dynamic_relocations(&mut self) -> Result<usize> {
        let mut relative = Vec::new();
        let mut others = Vec::new();
        let mut add = |symbol: usize, at: u64, addend: i64, elf_type: u32| -> Result<()> {
            if self.object.symbols[symbol].is_undefined() {
                others.push(self.dynamic_relocation(Some(symbol), at, addend, elf_type)?);
            } else {
                let address = self.layout.address(self.object, symbol)?.wrapping_add_signed(addend);
                relative.push(self.dynamic_relocation(None, at, address.cast_signed(), R_X86_64_RELATIVE)?);
            }
            Ok(())
        };
        for (symbol, at) in &self.cells {
            add(*symbol, *at, 0, R_X86_64_GLOB_DAT)?;
        }
        for relocation in self.object.relocations.iter().filter(|it| it.value == Value::Address) {
            let kind = self.object.sections[relocation.section].kind;
            if !matches!(kind, Kind::Relocated | Kind::Writable) {
                bail!("an address is in what is only read");
            }
            let at = self.layout.sections[relocation.section] + relocation.offset;
            add(relocation.symbol, at, relocation.addend, R_X86_64_64)?;
        }
        for (symbol, at) in &self.thread_local_cells {
            add(*symbol, *at, 0, R_X86_64_DTPMOD64)?;
            add(*symbol, *at + CELL, 0, R_X86_64_DTPOFF64)?;
        }
        let count = relative.len();
        relative.append(&mut others);
        self.put(self.layout.relocations.start, bytes_of_slice(&relative))?;
        Ok(count)
    }

    fn dynamic_relocation(
        &self,
        symbol: Option<usize>,
        at: u64,
        addend: i64,
        elf_type: u32,
    ) -> Result<Rela64<LittleEndian>> {
        let place = match symbol {
            Some(symbol) => *self.places.get(&symbol).context("a symbol is not in the table")?,
            None => 0,
        };
        Ok(Rela64 {
            r_offset: U64::new(ENDIAN, at),
            r_info: Rela64::r_info(ENDIAN, false, u32::try_from(place)?, elf_type),
            r_addend: I64::new(ENDIAN, addend),
        })
    }

    /// Fills in a place of a section.
    fn relocate(&mut self, relocation: &Relocation) -> Result<()> {
        let symbol = relocation.symbol;
        let known = |addresses: &BTreeMap<usize, u64>| addresses.get(&symbol).copied();
        let target = match relocation.value {
            // The loader does.
            Value::Address => return Ok(()),
            Value::Call => match known(&self.stubs) {
                Some(stub) => stub,
                None => self.layout.address(self.object, symbol)?,
            },
            Value::Distance => self.layout.address(self.object, symbol)?,
            Value::AddressCell => known(&self.cells).context("a symbol has no cell")?,
            Value::ThreadLocalCells => known(&self.thread_local_cells).context("a symbol has no cells")?,
        };
        let section = &self.object.sections[relocation.section];
        if relocation.offset.checked_add(4).is_none_or(|end| end > section.size) {
            bail!("a relocation is outside of its section");
        }
        let at = self.layout.sections[relocation.section] + relocation.offset;
        self.put(
            at,
            &distance(target.wrapping_add_signed(relocation.addend), at)?.to_le_bytes(),
        )
    }

    /// Writes the table that tells the loader where everything is.
    fn put_dynamic_table(&mut self, relative: usize) -> Result<()> {
        let relocations = &self.layout.relocations;
        let mut entries: Vec<(u32, u64)> = self
            .tables
            .needed
            .iter()
            .map(|name| (DT_NEEDED, u64::from(*name)))
            .collect();
        entries.extend([
            (DT_RUNPATH, u64::from(self.tables.run_path)),
            (DT_GNU_HASH, self.layout.hashes),
            (DT_STRTAB, self.layout.strings),
            (DT_SYMTAB, self.layout.symbols),
            (DT_STRSZ, self.tables.strings.0.len() as u64),
            (DT_SYMENT, size_of::<Sym64<LittleEndian>>() as u64),
            (DT_RELA, relocations.start),
            (DT_RELASZ, relocations.end - relocations.start),
            (DT_RELAENT, size_of::<Rela64<LittleEndian>>() as u64),
            (DT_RELACOUNT, relative as u64),
            (DT_FLAGS, u64::from(DF_ORIGIN | DF_BIND_NOW)),
            (DT_FLAGS_1, u64::from(DF_1_NOW | DF_1_ORIGIN)),
        ]);
        if !self.tables.versions.is_empty() {
            entries.extend([
                (DT_VERSYM, self.layout.versions),
                (DT_VERNEED, self.layout.needed_versions),
                (DT_VERNEEDNUM, self.tables.versioned_libraries as u64),
            ]);
        }
        // What is behind the last entry is zero, which ends the table.
        let entries: Vec<Dyn64<LittleEndian>> = entries
            .into_iter()
            .map(|(tag, value)| Dyn64 {
                d_tag: U64::new(ENDIAN, u64::from(tag)),
                d_val: U64::new(ENDIAN, value),
            })
            .collect();
        self.put(self.layout.dynamic.start, bytes_of_slice(&entries))
    }
}
