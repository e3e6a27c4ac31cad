//! The table by which a panic finds the frame description of a function: `.eh_frame_hdr`.

use crate::linker::one_object::{
    layout::{Layout, distance},
    object_file::{Kind, ObjectFile, Value},
};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// The table's version, and the formats of its fields: a distance of 4 bytes, a count of 4 bytes, pairs of distances of
/// 4 bytes from the table's begin (`DW_EH_PE_pcrel | DW_EH_PE_sdata4`, `DW_EH_PE_udata4`, `DW_EH_PE_datarel |
/// DW_EH_PE_sdata4`).
const FORMAT: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
/// The size of the table without its pairs, in bytes.
const HEAD: usize = 12;
/// The size of a pair, in bytes.
const PAIR: usize = 8;
/// Says in place of a length that the length has 64 bits.
const LONG_LENGTH: u32 = u32::MAX;

/// The frame description of a function.
#[derive(Debug)]
struct Frame {
    /// Its offset in the section, in bytes.
    offset: u64,
    /// The number of the relocation that writes the distance to the function.
    relocation: usize,
}

/// The frame descriptions of an object.
#[derive(Debug)]
pub(super) struct Frames {
    /// The number of the section.
    section: usize,
    frames: Vec<Frame>,
}

impl Frames {
    /// Finds the frame descriptions of an object, if it has any.
    ///
    /// # Errors
    ///
    /// The object has several sections of them, or they are of an unknown form.
    pub(super) fn of(object: &ObjectFile) -> Result<Option<Frames>> {
        let sections = object.sections.iter().enumerate();
        let mut sections = sections.filter(|(_, section)| section.kind == Kind::Frames);
        let Some((number, section)) = sections.next() else {
            return Ok(None);
        };
        if sections.next().is_some() {
            bail!("the object has several sections of frames");
        }
        let relocations = object.relocations.iter().enumerate();
        let relocations: BTreeMap<u64, usize> = relocations
            .filter(|(_, it)| it.section == number && it.value == Value::Distance)
            .map(|(at, it)| (it.offset, at))
            .collect();
        let content = section.content;
        let mut frames = Vec::new();
        let mut at = 0;
        while at < content.len() {
            let (length, kind) = (word(content, at)?, word(content, at + 4));
            if length == 0 {
                break;
            }
            if length == LONG_LENGTH {
                bail!("a frame description is too long");
            }
            // A 0 is that of an entry which several descriptions share.
            if kind? != 0 {
                let offset = u64::try_from(at)?;
                let relocation = relocations.get(&(offset + 8)).copied();
                let relocation = relocation.context("a frame description does not say the distance to its function")?;
                frames.push(Frame { offset, relocation });
            }
            at += 4 + usize::try_from(length)?;
        }
        Ok(Some(Frames {
            section: number,
            frames,
        }))
    }

    /// The size of the table, in bytes.
    pub(super) fn table_size(&self) -> u64 {
        (HEAD + PAIR * self.frames.len()) as u64
    }

    /// Returns the table for its place in the library.
    pub(super) fn table(&self, object: &ObjectFile, layout: &Layout) -> Result<Vec<u8>> {
        let begin = layout.unwind_table;
        let section = layout.sections[self.section];
        let mut pairs = Vec::with_capacity(self.frames.len());
        for frame in &self.frames {
            let relocation = object.relocations[frame.relocation];
            let function = layout.address(object, relocation.symbol)?;
            let function = function.wrapping_add_signed(relocation.addend);
            pairs.push((distance(function, begin)?, distance(section + frame.offset, begin)?));
        }
        pairs.sort_unstable();
        let mut table = FORMAT.to_vec();
        table.extend(distance(section, begin + 4)?.to_le_bytes());
        table.extend(u32::try_from(pairs.len())?.to_le_bytes());
        table.extend(
            pairs
                .into_iter()
                .flat_map(|(function, frame)| [function.to_le_bytes(), frame.to_le_bytes()])
                .flatten(),
        );
        Ok(table)
    }
}

fn word(content: &[u8], at: usize) -> Result<u32> {
    let bytes = content.get(at..at + 4).and_then(|it| it.try_into().ok());
    Ok(u32::from_le_bytes(bytes.context("a frame description is cut off")?))
}
