//! The object that rustc compiled: its sections, symbols and relocations.

use crate::linker::one_object::{ENDIAN, debug_information::DebugSection};
use anyhow::{Context, Result, bail};
use object::{
    LittleEndian,
    elf::{
        EM_X86_64, FileHeader64, R_X86_64_64, R_X86_64_GOTPCREL, R_X86_64_GOTPCRELX, R_X86_64_PC32, R_X86_64_PLT32,
        R_X86_64_REX_GOTPCRELX, R_X86_64_TLSGD, Rela64, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS, SHF_WRITE, SHN_ABS,
        SHN_COMMON, SHN_UNDEF, SHT_NOBITS, SHT_PROGBITS, SHT_RELA, SHT_SYMTAB, SHT_X86_64_UNWIND, STB_LOCAL, STB_WEAK,
        STT_FILE, STT_GNU_IFUNC, STT_SECTION, STT_TLS, SectionHeader64, Sym64,
    },
    read::elf::{FileHeader, SectionHeader, Sym},
};
use std::borrow::Cow;

type Header = FileHeader64<LittleEndian>;
/// The name of the section with the descriptions of functions' frames.
const FRAMES_SECTION: &str = ".eh_frame";
/// The largest alignment of a section: that of a page.
const LARGEST_ALIGNMENT: u64 = 4096;
/// Sections that the real linker or the C library treats in a way of their own.
const SPECIAL_SECTIONS: [&str; 4] = [".ctors", ".dtors", ".init", ".fini"];
/// How sections begin that are only written while the library is loaded.
const RELOCATED_SECTIONS: &str = ".data.rel.ro";

/// What a section is loaded as. The order is the order in the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ReadOnly,
    /// The descriptions of functions' frames, from which panics learn how to leave them.
    Frames,
    Code,
    /// Written by the loader alone.
    Relocated,
    Writable,
    /// Writable, and zero at first.
    Zeroed,
}

/// A section that is loaded.
#[derive(Debug)]
pub(super) struct Section<'d> {
    pub(super) kind: Kind,
    /// Empty if the section is zeroed.
    pub(super) content: &'d [u8],
    /// In bytes.
    pub(super) size: u64,
    /// In bytes.
    pub(super) alignment: u64,
}

/// Where a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Definition {
    /// The number of a loaded section, and an offset in bytes.
    InSection(usize, u64),
    Absolute(u64),
    /// In a section of debug information, at an offset in bytes.
    InDebugSection(u64),
    /// In another section that is not loaded.
    NotLoaded,
    /// In another file. A weak symbol may be nowhere.
    Undefined {
        is_weak: bool,
    },
}

/// A symbol of the object.
#[derive(Debug)]
pub(super) struct Symbol<'d> {
    pub(super) name: &'d [u8],
    pub(super) definition: Definition,
    /// Other objects may use it.
    pub(super) is_global: bool,
    /// ELF's binding and type in one byte, as a symbol table has them.
    pub(super) info: u8,
    /// In bytes.
    pub(super) size: u64,
}

/// What a relocation writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// The address of a symbol, 64 bits.
    Address,
    /// The distance to a symbol, 32 bits.
    Distance,
    /// The distance to a function, or to code that jumps to it, 32 bits.
    Call,
    /// The distance to a cell of the global offset table that has a symbol's address, 32 bits.
    AddressCell,
    /// The distance to a pair of cells that tell a symbol's place in a thread's storage, 32 bits.
    ThreadLocalCells,
}

/// A place in a section that the linker fills in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation {
    /// The number of a loaded section.
    pub(super) section: usize,
    /// In bytes from the section's begin.
    pub(super) offset: u64,
    pub(super) value: Value,
    /// The number of a symbol.
    pub(super) symbol: usize,
    pub(super) addend: i64,
}

/// An object.
#[derive(Debug)]
pub(super) struct ObjectFile<'d> {
    pub(super) sections: Vec<Section<'d>>,
    pub(super) symbols: Vec<Symbol<'d>>,
    pub(super) relocations: Vec<Relocation>,
    pub(super) debug_information: Vec<DebugSection<'d>>,
}

/// What becomes of a section.
#[derive(Clone, Copy)]
enum Place {
    /// Loaded, with this number.
    Loaded(usize),
    /// Debug information, with this number.
    DebugInformation(usize),
    LeftOut,
}

impl<'d> ObjectFile<'d> {
    /// Reads an object.
    ///
    /// # Errors
    ///
    /// The object has parts that this linker does not know: constructors, data of threads.
    pub(super) fn parse(content: &'d [u8]) -> Result<ObjectFile<'d>> {
        let header = Header::parse(content)?;
        if !header.is_little_endian() || header.e_machine(ENDIAN) != EM_X86_64 {
            bail!("the object is of another machine");
        }
        let table = header.sections(ENDIAN, content)?;
        let mut places = vec![Place::LeftOut; table.len()];
        let mut sections = Vec::new();
        let mut debug_information = Vec::new();
        for (index, section) in table.enumerate() {
            let name = str::from_utf8(table.section_name(ENDIAN, section)?)?;
            if let Some(section) = load(name, section, content)? {
                places[index.0] = Place::Loaded(sections.len());
                sections.push(section);
            } else if let Some(section) = DebugSection::read(name, section, content)? {
                places[index.0] = Place::DebugInformation(debug_information.len());
                debug_information.push(section);
            }
        }
        let symbols = table.symbols(ENDIAN, content, SHT_SYMTAB)?;
        let strings = symbols.strings();
        let symbol = |symbol: &'d Sym64<LittleEndian>| -> Result<Symbol<'d>> {
            Ok(Symbol {
                name: symbol.name(ENDIAN, strings)?,
                definition: definition(symbol, &places)?,
                is_global: symbol.st_bind() != STB_LOCAL,
                info: symbol.st_info(),
                size: symbol.st_size(ENDIAN),
            })
        };
        let symbols = symbols.iter().map(symbol).collect::<Result<Vec<_>>>()?;
        let mut relocations = Vec::new();
        for section in table.iter().filter(|it| it.sh_type(ENDIAN) == SHT_RELA) {
            let (entries, _) = section.rela(ENDIAN, content)?.context("a section has no relocations")?;
            match places.get(section.info_link(ENDIAN).0) {
                Some(Place::Loaded(target)) => {
                    for entry in entries {
                        relocations.push(relocation(*target, entry, symbols.len())?);
                    }
                }
                Some(Place::DebugInformation(target)) => debug_information[*target].relocate_by(entries),
                Some(Place::LeftOut) | None => {}
            }
        }
        Ok(ObjectFile {
            sections,
            symbols,
            relocations,
            debug_information,
        })
    }
}

impl Symbol<'_> {
    pub(super) fn is_undefined(&self) -> bool {
        matches!(self.definition, Definition::Undefined { .. })
    }

    /// Returns the name for an error.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name)
    }

    /// ELF's type of the symbol, such as a function.
    pub(super) fn elf_type(&self) -> u8 {
        self.info & 0xf
    }

    /// Reports whether a symbol table needs the symbol: a function or an object that the library has.
    pub(super) fn is_named(&self) -> bool {
        let is_part = matches!(self.definition, Definition::InSection(..));
        is_part && !self.name.is_empty() && ![STT_FILE, STT_SECTION].contains(&self.elf_type())
    }
}

/// Returns a section as it is loaded, if it is.
fn load<'d>(name: &str, section: &SectionHeader64<LittleEndian>, content: &'d [u8]) -> Result<Option<Section<'d>>> {
    let flags = section.sh_flags(ENDIAN);
    let has = |flag: u32| flags & u64::from(flag) != 0;
    if !has(SHF_ALLOC) {
        return Ok(None);
    }
    if has(SHF_TLS) {
        bail!("the object has data of threads");
    }
    if SPECIAL_SECTIONS.contains(&name) {
        bail!("the object has the section {name}");
    }
    let is_zeroed = match section.sh_type(ENDIAN) {
        SHT_NOBITS => true,
        SHT_PROGBITS | SHT_X86_64_UNWIND => false,
        other => bail!("the section {name} is of the unknown kind {other:#x}"),
    };
    let alignment = section.sh_addralign(ENDIAN).max(1);
    if alignment > LARGEST_ALIGNMENT || !alignment.is_power_of_two() {
        bail!("the section {name} is aligned to {alignment} bytes");
    }
    let kind = match (has(SHF_WRITE), has(SHF_EXECINSTR)) {
        (true, true) => bail!("the section {name} is both writable and code"),
        (true, false) if is_zeroed => Kind::Zeroed,
        (true, false) if name.starts_with(RELOCATED_SECTIONS) => Kind::Relocated,
        (true, false) => Kind::Writable,
        (false, _) if is_zeroed => bail!("the section {name} is zeroed and not writable"),
        (false, true) => Kind::Code,
        (false, false) if name == FRAMES_SECTION => Kind::Frames,
        (false, false) => Kind::ReadOnly,
    };
    Ok(Some(Section {
        kind,
        content: if is_zeroed { &[] } else { section.data(ENDIAN, content)? },
        size: section.sh_size(ENDIAN),
        alignment,
    }))
}

fn definition(symbol: &Sym64<LittleEndian>, places: &[Place]) -> Result<Definition> {
    if symbol.st_type() == STT_TLS && symbol.st_shndx(ENDIAN) != SHN_UNDEF {
        bail!("the object has data of threads");
    }
    if symbol.st_type() == STT_GNU_IFUNC {
        bail!("the object has a function that is chosen when it is loaded");
    }
    let value = symbol.st_value(ENDIAN);
    Ok(match symbol.st_shndx(ENDIAN) {
        SHN_UNDEF => Definition::Undefined {
            is_weak: symbol.st_bind() == STB_WEAK,
        },
        SHN_ABS => Definition::Absolute(value),
        SHN_COMMON => bail!("the object has a common symbol"),
        section => match places.get(usize::from(section)) {
            Some(Place::Loaded(number)) => Definition::InSection(*number, value),
            Some(Place::DebugInformation(_)) => Definition::InDebugSection(value),
            Some(Place::LeftOut) => Definition::NotLoaded,
            None => bail!("a symbol is in a section that is not there"),
        },
    })
}

fn relocation(section: usize, entry: &Rela64<LittleEndian>, symbol_count: usize) -> Result<Relocation> {
    let symbol = usize::try_from(entry.r_sym(ENDIAN, false))?;
    if symbol == 0 || symbol >= symbol_count {
        bail!("a relocation is of no symbol");
    }
    Ok(Relocation {
        section,
        offset: entry.r_offset.get(ENDIAN),
        value: value(entry.r_type(ENDIAN, false))?,
        symbol,
        addend: entry.r_addend.get(ENDIAN),
    })
}

fn value(elf_type: u32) -> Result<Value> {
    Ok(match elf_type {
        R_X86_64_64 => Value::Address,
        R_X86_64_PC32 => Value::Distance,
        R_X86_64_PLT32 => Value::Call,
        R_X86_64_GOTPCREL | R_X86_64_GOTPCRELX | R_X86_64_REX_GOTPCRELX => Value::AddressCell,
        R_X86_64_TLSGD => Value::ThreadLocalCells,
        other => bail!("the relocation {other} is unknown"),
    })
}
