//! The place of each part in the library. Until the last part that is loaded, an address is also an offset in the file.

use crate::linker::one_object::{
    dynamic_tables::DynamicTables,
    object_file::{Definition, Kind, ObjectFile, Value},
    resolution::Resolution,
    unwinding::Frames,
};
use anyhow::{Context, Result, bail};
use object::{
    LittleEndian,
    elf::{Dyn64, FileHeader64, ProgramHeader64, Rela64, Sym64},
};
use std::{mem::size_of, ops::Range};

/// The size of a page, in bytes.
pub(super) const PAGE: u64 = 4096;
/// How many segments a library has at most.
pub(super) const SEGMENTS: usize = 7;
/// How many entries of the dynamic table are not names of libraries, at most.
const DYNAMIC_ENTRIES: usize = 16;
/// The size of the code that jumps to a function of another library, in bytes.
pub(super) const STUB: u64 = 8;
/// The size of a cell for an address, in bytes.
pub(super) const CELL: u64 = 8;
/// The end of the frame descriptions: a length of 0.
const END_OF_FRAMES: u64 = 4;

/// Addresses, from the begin of the library.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The addresses of the object's loaded sections.
    pub(super) sections: Vec<u64>,
    pub(super) symbols: u64,
    pub(super) strings: u64,
    pub(super) hashes: u64,
    pub(super) versions: u64,
    pub(super) needed_versions: u64,
    pub(super) relocations: Range<u64>,
    pub(super) unwind_table: u64,
    pub(super) stubs: u64,
    pub(super) cells: u64,
    pub(super) thread_local_cells: u64,
    pub(super) dynamic: Range<u64>,
    /// The object's constants.
    pub(super) constants: Range<u64>,
    /// All that is only read, from the headers to the descriptions of frames.
    pub(super) read_only: Range<u64>,
    pub(super) code: Range<u64>,
    /// What the loader writes, and nobody else.
    pub(super) relocated: Range<u64>,
    /// What is written, as far as the file has it.
    pub(super) written: Range<u64>,
    /// The end of what is zero at first.
    pub(super) end: u64,
    pub(super) frames: Option<Frames>,
}

/// The next free address.
struct Cursor(u64);

impl Cursor {
    fn align(&mut self, alignment: u64) -> u64 {
        self.0 = self.0.next_multiple_of(alignment);
        self.0
    }

    /// Takes a place, and returns its address.
    fn take(&mut self, size: usize, alignment: u64) -> u64 {
        let at = self.align(alignment);
        self.0 += size as u64;
        at
    }
}

impl Layout {
    /// Gives each part its place.
    ///
    /// # Errors
    ///
    /// The frame descriptions are of an unknown form.
    pub(super) fn new(object: &ObjectFile, resolution: &Resolution, tables: &DynamicTables) -> Result<Layout> {
        let mut layout = Layout {
            sections: vec![0; object.sections.len()],
            frames: Frames::of(object)?,
            ..Layout::default()
        };
        let headers = size_of::<FileHeader64<LittleEndian>>() + SEGMENTS * size_of::<ProgramHeader64<LittleEndian>>();
        let mut at = Cursor(headers as u64);
        layout.hashes = at.take(tables.hashes.len(), 8);
        layout.symbols = at.take((tables.symbols.len() + 1) * size_of::<Sym64<LittleEndian>>(), 8);
        layout.versions = at.take(tables.versions.len(), 2);
        layout.needed_versions = at.take(tables.needed_versions.len(), 8);
        layout.strings = at.take(tables.strings.0.len(), 1);
        let addresses = object
            .relocations
            .iter()
            .filter(|it| it.value == Value::Address)
            .count();
        let relocations = addresses + resolution.cells.len() + 2 * resolution.thread_local_cells.len();
        layout.relocations.start = at.take(relocations * size_of::<Rela64<LittleEndian>>(), 8);
        layout.relocations.end = at.0;
        layout.unwind_table = at.align(4);
        at.0 += layout.frames.as_ref().map_or(0, Frames::table_size);
        layout.constants.start = at.align(16);
        layout.place(object, &mut at, Kind::ReadOnly);
        layout.constants.end = at.0;
        layout.place(object, &mut at, Kind::Frames);
        layout.read_only = 0..at.0;
        layout.code.start = at.align(PAGE);
        layout.place(object, &mut at, Kind::Code);
        layout.stubs = at.align(16);
        at.0 += STUB * resolution.stubs.len() as u64;
        layout.code.end = at.0;
        layout.relocated.start = at.align(PAGE);
        layout.place(object, &mut at, Kind::Relocated);
        layout.cells = at.align(CELL);
        at.0 += CELL * resolution.cells.len() as u64;
        layout.thread_local_cells = at.0;
        at.0 += 2 * CELL * resolution.thread_local_cells.len() as u64;
        let dynamic = (tables.needed.len() + DYNAMIC_ENTRIES) * size_of::<Dyn64<LittleEndian>>();
        layout.dynamic.start = at.take(dynamic, 8);
        layout.dynamic.end = at.0;
        layout.relocated.end = at.align(PAGE);
        layout.written.start = at.0;
        layout.place(object, &mut at, Kind::Writable);
        layout.written.end = at.0;
        layout.place(object, &mut at, Kind::Zeroed);
        layout.end = at.0;
        Ok(layout)
    }

    /// Returns the address of a symbol that the library has.
    pub(super) fn address(&self, object: &ObjectFile, symbol: usize) -> Result<u64> {
        match object.symbols[symbol].definition {
            Definition::InSection(section, offset) => Ok(self.sections[section] + offset),
            Definition::Absolute(value) => Ok(value),
            Definition::InDebugSection(_) | Definition::NotLoaded | Definition::Undefined { .. } => {
                bail!("{} has no address", object.symbols[symbol].shown())
            }
        }
    }

    fn place(&mut self, object: &ObjectFile, at: &mut Cursor, kind: Kind) {
        let sections = object.sections.iter().enumerate();
        for (number, section) in sections.filter(|(_, section)| section.kind == kind) {
            self.sections[number] = at.align(section.alignment);
            at.0 += section.size;
            if kind == Kind::Frames {
                at.0 += END_OF_FRAMES;
            }
        }
    }
}

/// Returns the distance to an address from another one, as code and tables of the library have it.
pub(super) fn distance(to: u64, from: u64) -> Result<i32> {
    i32::try_from(to.wrapping_sub(from).cast_signed()).context("the library is too large")
}
