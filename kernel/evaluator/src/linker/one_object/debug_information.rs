//! Debug information: sections that debuggers, backtraces and profiles read from the file, and that nobody loads.

use crate::linker::one_object::{
    ENDIAN,
    layout::Layout,
    object_file::{Definition, ObjectFile},
};
use anyhow::{Context, Result, bail};
use object::{
    LittleEndian,
    elf::{R_X86_64_32, R_X86_64_64, Rela64, SHF_COMPRESSED, SHT_PROGBITS, SectionHeader64},
    read::elf::SectionHeader,
};

/// How the names of the sections begin.
const SECTIONS: &str = ".debug_";

/// A section of debug information.
#[derive(Debug)]
pub(super) struct DebugSection<'d> {
    pub(super) name: &'d str,
    content: &'d [u8],
    relocations: &'d [Rela64<LittleEndian>],
}

impl<'d> DebugSection<'d> {
    /// Reads a section that is not loaded, if it is one of debug information.
    ///
    /// # Errors
    ///
    /// The section is of an unknown form.
    pub(super) fn read(
        name: &'d str,
        section: &SectionHeader64<LittleEndian>,
        content: &'d [u8],
    ) -> Result<Option<DebugSection<'d>>> {
        if !name.starts_with(SECTIONS) {
            return Ok(None);
        }
        let is_compressed = section.sh_flags(ENDIAN) & u64::from(SHF_COMPRESSED) != 0;
        if section.sh_type(ENDIAN) != SHT_PROGBITS || is_compressed {
            bail!("the debug information {name} is of an unknown kind");
        }
        Ok(Some(DebugSection {
            name,
            content: section.data(ENDIAN, content)?,
            relocations: &[],
        }))
    }

    /// Adds the section's relocations.
    pub(super) fn relocate_by(&mut self, relocations: &'d [Rela64<LittleEndian>]) {
        self.relocations = relocations;
    }

    /// Returns the section's content for the library.
    ///
    /// # Errors
    ///
    /// A relocation is of an unknown kind, or does not fit.
    pub(super) fn linked(&self, object: &ObjectFile, layout: &Layout) -> Result<Vec<u8>> {
        let mut linked = self.content.to_vec();
        for relocation in self.relocations {
            let symbol = usize::try_from(relocation.r_sym(ENDIAN, false))?;
            let definition = object.symbols.get(symbol).map(|it| it.definition);
            let target = match definition.context("the debug information names no symbol")? {
                // These sections have no address, so an offset is one from the section's begin.
                Definition::InDebugSection(offset) => offset,
                Definition::InSection(..) | Definition::Absolute(_) => layout.address(object, symbol)?,
                Definition::NotLoaded | Definition::Undefined { .. } => {
                    bail!("the debug information names another file")
                }
            };
            let value = target.wrapping_add_signed(relocation.r_addend.get(ENDIAN));
            let bytes = match relocation.r_type(ENDIAN, false) {
                R_X86_64_64 => value.to_le_bytes().to_vec(),
                R_X86_64_32 => u32::try_from(value)?.to_le_bytes().to_vec(),
                other => bail!("the relocation {other} of debug information is unknown"),
            };
            let at = usize::try_from(relocation.r_offset.get(ENDIAN))?;
            let place = at.checked_add(bytes.len()).and_then(|end| linked.get_mut(at..end));
            place
                .context("a relocation is outside of its section")?
                .copy_from_slice(&bytes);
        }
        Ok(linked)
    }
}
