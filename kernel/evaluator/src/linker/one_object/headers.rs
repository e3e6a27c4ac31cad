//! The headers of the library: segments for the loader, and sections and symbols for debuggers and profilers.

use crate::linker::one_object::{
    ENDIAN,
    dynamic_tables::{DynamicTables, Strings},
    layout::{Layout, PAGE, SEGMENTS},
    object_file::{Definition, ObjectFile, Symbol},
    request::Kept,
    unwinding::Frames,
};
use anyhow::Result;
use object::{
    LittleEndian, U16, U32, U64,
    elf::{
        Dyn64, ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_DYN, EV_CURRENT, FileHeader64, Ident, PF_R, PF_W, PF_X,
        PT_DYNAMIC, PT_GNU_EH_FRAME, PT_GNU_RELRO, PT_GNU_STACK, PT_LOAD, PT_NULL, ProgramHeader64, Rela64, SHF_ALLOC,
        SHF_EXECINSTR, SHF_WRITE, SHN_ABS, SHN_UNDEF, SHT_DYNAMIC, SHT_DYNSYM, SHT_GNU_HASH, SHT_GNU_VERNEED,
        SHT_GNU_VERSYM, SHT_NOBITS, SHT_NULL, SHT_PROGBITS, SHT_RELA, SHT_STRTAB, SHT_SYMTAB, SectionHeader64, Sym64,
        Versym,
    },
    pod::{bytes_of, bytes_of_slice},
};
use std::{mem::size_of, ops::Range};

/// The number of the section that holds the loader's strings.
const DYNAMIC_STRINGS: u16 = 2;
/// The number of the section that holds the loader's symbols.
const DYNAMIC_SYMBOLS: u16 = 1;
/// The number of the first section with content of the object. The others follow in the order of [`Kind`](super::object_file::Kind).
const FIRST_OF_OBJECT: u16 = 6;

/// A section of the library.
#[derive(Clone, Debug, Default)]
struct Section<'n> {
    name: &'n str,
    elf_type: u32,
    flags: u32,
    address: u64,
    offset: u64,
    size: u64,
    link: u16,
    info: u64,
    alignment: u64,
    entry: usize,
}

/// Returns an entry of a table of symbols. `name` is an offset into the table's strings.
pub(super) fn symbol(name: u32, info: u8, section: u16, address: u64, size: u64) -> Sym64<LittleEndian> {
    Sym64 {
        st_name: U32::new(ENDIAN, name),
        st_info: info,
        st_other: 0,
        st_shndx: U16::new(ENDIAN, section),
        st_value: U64::new(ENDIAN, address),
        st_size: U64::new(ENDIAN, size),
    }
}

/// Returns the number of the library's section in which a symbol is.
pub(super) fn section_of(object: &ObjectFile, symbol: &Symbol) -> u16 {
    match symbol.definition {
        Definition::InSection(section, _) => FIRST_OF_OBJECT + object.sections[section].kind as u16,
        Definition::Absolute(_) => SHN_ABS,
        Definition::InDebugSection(_) | Definition::NotLoaded | Definition::Undefined { .. } => SHN_UNDEF,
    }
}

/// Adds all headers to the loaded parts of a library.
pub(super) fn add(
    mut bytes: Vec<u8>,
    object: &ObjectFile,
    tables: &DynamicTables,
    layout: &Layout,
    kept: Kept,
) -> Result<Vec<u8>> {
    let mut sections = loaded_sections(tables, layout);
    let (symbols, strings, locals) = match kept >= Kept::Symbols {
        true => symbol_table(object, layout)?,
        false => (vec![symbol(0, 0, 0, 0, 0)], Strings::default(), 1),
    };
    let mut not_loaded = |name, elf_type, content: &[u8]| {
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let offset = bytes.len() as u64;
        bytes.extend_from_slice(content);
        Section {
            name,
            elf_type,
            offset,
            size: content.len() as u64,
            alignment: 8,
            ..Section::default()
        }
    };
    if kept == Kept::DebugInformation {
        for section in &object.debug_information {
            let content = section.linked(object, layout)?;
            sections.push(not_loaded(section.name, SHT_PROGBITS, &content));
        }
    }
    // The next section.
    let strings_section = u16::try_from(sections.len() + 1)?;
    sections.push(Section {
        link: strings_section,
        info: locals,
        entry: size_of::<Sym64<LittleEndian>>(),
        ..not_loaded(".symtab", SHT_SYMTAB, bytes_of_slice(&symbols))
    });
    sections.push(not_loaded(".strtab", SHT_STRTAB, &strings.0));
    let mut names = Strings::default();
    let mut offsets = Vec::new();
    for name in sections.iter().map(|it| it.name).chain([".shstrtab"]) {
        offsets.push(names.add(name.as_bytes())?);
    }
    sections.push(not_loaded(".shstrtab", SHT_STRTAB, &names.0));
    let headers = sections
        .iter()
        .zip(offsets)
        .map(|(section, name)| section_header(section, name));
    let headers: Vec<_> = headers.collect::<Result<_>>()?;
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let begin = bytes.len() as u64;
    bytes.extend_from_slice(bytes_of_slice(&headers));
    let first = [
        bytes_of(&file_header(begin, headers.len())?),
        bytes_of_slice(&segments(layout)),
    ]
    .concat();
    bytes[..first.len()].copy_from_slice(&first);
    Ok(bytes)
}

/// Returns the table of all of the object's symbols, local ones first, their names, and the number of the first global.
fn symbol_table(object: &ObjectFile, layout: &Layout) -> Result<(Vec<Sym64<LittleEndian>>, Strings, u64)> {
    let mut strings = Strings::default();
    let mut entries = vec![symbol(0, 0, 0, 0, 0)];
    let named = || object.symbols.iter().enumerate().filter(|(_, it)| it.is_named());
    let mut first_global = 1;
    for is_global in [false, true] {
        for (number, it) in named().filter(|(_, it)| it.is_global == is_global) {
            let name = strings.add(it.name)?;
            let address = layout.address(object, number)?;
            entries.push(symbol(name, it.info, section_of(object, it), address, it.size));
        }
        if !is_global {
            first_global = entries.len() as u64;
        }
    }
    Ok((entries, strings, first_global))
}

/// Returns the sections that are loaded, after the empty one that comes first in each file.
fn loaded_sections(tables: &DynamicTables, layout: &Layout) -> Vec<Section<'static>> {
    let empty = Section {
        elf_type: SHT_NULL,
        ..Section::default()
    };
    let mut sections = vec![empty];
    sections.extend(sections_of_loader(tables, layout));
    sections.extend(sections_of_object(layout));
    sections.push(Section {
        link: DYNAMIC_STRINGS,
        entry: size_of::<Dyn64<LittleEndian>>(),
        ..loaded(".dynamic", SHT_DYNAMIC, SHF_WRITE, layout.dynamic.clone())
    });
    if !tables.versions.is_empty() {
        sections.push(Section {
            link: DYNAMIC_SYMBOLS,
            entry: size_of::<Versym<LittleEndian>>(),
            ..table(".gnu.version", SHT_GNU_VERSYM, layout.versions, tables.versions.len())
        });
        let needed = tables.needed_versions.len();
        sections.push(Section {
            link: DYNAMIC_STRINGS,
            info: tables.versioned_libraries as u64,
            ..table(".gnu.version_r", SHT_GNU_VERNEED, layout.needed_versions, needed)
        });
    }
    sections
}

/// Returns the sections that only the loader reads.
fn sections_of_loader(tables: &DynamicTables, layout: &Layout) -> [Section<'static>; 5] {
    let symbol_size = size_of::<Sym64<LittleEndian>>();
    let symbols = symbol_size * (tables.symbols.len() + 1);
    let unwind_table = layout.frames.as_ref().map_or(0, Frames::table_size);
    let unwind_table = layout.unwind_table..layout.unwind_table + unwind_table;
    [
        Section {
            link: DYNAMIC_STRINGS,
            info: 1,
            entry: symbol_size,
            ..table(".dynsym", SHT_DYNSYM, layout.symbols, symbols)
        },
        table(".dynstr", SHT_STRTAB, layout.strings, tables.strings.0.len()),
        Section {
            link: DYNAMIC_SYMBOLS,
            ..table(".gnu.hash", SHT_GNU_HASH, layout.hashes, tables.hashes.len())
        },
        Section {
            link: DYNAMIC_SYMBOLS,
            entry: size_of::<Rela64<LittleEndian>>(),
            ..loaded(".rela.dyn", SHT_RELA, 0, layout.relocations.clone())
        },
        loaded(".eh_frame_hdr", SHT_PROGBITS, 0, unwind_table),
    ]
}

/// Returns the sections with content of the object, in the order of [`Kind`](super::object_file::Kind).
fn sections_of_object(layout: &Layout) -> [Section<'static>; 6] {
    let frames = layout.constants.end..layout.read_only.end;
    let relocated = layout.relocated.start..layout.dynamic.start;
    let zeroed = layout.written.end..layout.end;
    [
        loaded(".rodata", SHT_PROGBITS, 0, layout.constants.clone()),
        loaded(".eh_frame", SHT_PROGBITS, 0, frames),
        loaded(".text", SHT_PROGBITS, SHF_EXECINSTR, layout.code.clone()),
        loaded(".data.rel.ro", SHT_PROGBITS, SHF_WRITE, relocated),
        loaded(".data", SHT_PROGBITS, SHF_WRITE, layout.written.clone()),
        loaded(".bss", SHT_NOBITS, SHF_WRITE, zeroed),
    ]
}

fn table(name: &'static str, elf_type: u32, begin: u64, size: usize) -> Section<'static> {
    loaded(name, elf_type, 0, begin..begin + size as u64)
}

fn loaded(name: &'static str, elf_type: u32, flags: u32, range: Range<u64>) -> Section<'static> {
    Section {
        name,
        elf_type,
        flags: SHF_ALLOC | flags,
        address: range.start,
        offset: range.start,
        size: range.end - range.start,
        alignment: 8,
        ..Section::default()
    }
}

fn section_header(section: &Section, name: u32) -> Result<SectionHeader64<LittleEndian>> {
    Ok(SectionHeader64 {
        sh_name: U32::new(ENDIAN, name),
        sh_type: U32::new(ENDIAN, section.elf_type),
        sh_flags: U64::new(ENDIAN, u64::from(section.flags)),
        sh_addr: U64::new(ENDIAN, section.address),
        sh_offset: U64::new(ENDIAN, section.offset),
        sh_size: U64::new(ENDIAN, section.size),
        sh_link: U32::new(ENDIAN, u32::from(section.link)),
        sh_info: U32::new(ENDIAN, u32::try_from(section.info)?),
        sh_addralign: U64::new(ENDIAN, section.alignment),
        sh_entsize: U64::new(ENDIAN, section.entry as u64),
    })
}

/// Returns the parts of the file that the loader maps, and what else it has to know.
fn segments(layout: &Layout) -> [ProgramHeader64<LittleEndian>; SEGMENTS] {
    let segment = |elf_type: u32, flags: u32, range: Range<u64>, end: u64, alignment: u64| ProgramHeader64 {
        p_type: U32::new(ENDIAN, elf_type),
        p_flags: U32::new(ENDIAN, flags),
        p_offset: U64::new(ENDIAN, range.start),
        p_vaddr: U64::new(ENDIAN, range.start),
        p_paddr: U64::new(ENDIAN, range.start),
        p_filesz: U64::new(ENDIAN, range.end - range.start),
        p_memsz: U64::new(ENDIAN, end - range.start),
        p_align: U64::new(ENDIAN, alignment),
    };
    let whole =
        |elf_type, flags, range: Range<u64>, alignment| segment(elf_type, flags, range.clone(), range.end, alignment);
    let unwinding = match &layout.frames {
        Some(frames) => {
            let table = layout.unwind_table..layout.unwind_table + frames.table_size();
            whole(PT_GNU_EH_FRAME, PF_R, table, 4)
        }
        None => whole(PT_NULL, 0, 0..0, 1),
    };
    [
        whole(PT_LOAD, PF_R, layout.read_only.clone(), PAGE),
        whole(PT_LOAD, PF_R | PF_X, layout.code.clone(), PAGE),
        segment(
            PT_LOAD,
            PF_R | PF_W,
            layout.relocated.start..layout.written.end,
            layout.end,
            PAGE,
        ),
        whole(PT_DYNAMIC, PF_R | PF_W, layout.dynamic.clone(), 8),
        whole(PT_GNU_RELRO, PF_R, layout.relocated.clone(), 1),
        unwinding,
        // The stack holds no code.
        whole(PT_GNU_STACK, PF_R | PF_W, 0..0, 16),
    ]
}

fn file_header(section_headers: u64, count: usize) -> Result<FileHeader64<LittleEndian>> {
    let size = |it: usize| Ok::<_, std::num::TryFromIntError>(U16::new(ENDIAN, u16::try_from(it)?));
    let header = size_of::<FileHeader64<LittleEndian>>();
    Ok(FileHeader64 {
        e_ident: Ident {
            magic: ELFMAG,
            class: ELFCLASS64,
            data: ELFDATA2LSB,
            version: EV_CURRENT,
            os_abi: 0,
            abi_version: 0,
            padding: [0; 7],
        },
        e_type: U16::new(ENDIAN, ET_DYN),
        e_machine: U16::new(ENDIAN, EM_X86_64),
        e_version: U32::new(ENDIAN, u32::from(EV_CURRENT)),
        e_entry: U64::new(ENDIAN, 0),
        e_phoff: U64::new(ENDIAN, header as u64),
        e_shoff: U64::new(ENDIAN, section_headers),
        e_flags: U32::new(ENDIAN, 0),
        e_ehsize: size(header)?,
        e_phentsize: size(size_of::<ProgramHeader64<LittleEndian>>())?,
        e_phnum: size(SEGMENTS)?,
        e_shentsize: size(size_of::<SectionHeader64<LittleEndian>>())?,
        e_shnum: size(count)?,
        // The last section.
        e_shstrndx: size(count - 1)?,
    })
}
