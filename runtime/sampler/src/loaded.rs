//! The program and the libraries that are loaded.

use framehop::{ExplicitModuleSectionInfo, Module};
use std::{
    ffi::{CStr, OsStr, c_int, c_void},
    ops::Range,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    slice,
};

/// The encoding of the address of `.eh_frame` in the header that all linkers use: signed, 4 bytes, relative to itself.
const RELATIVE_SIGNED_4: u8 = 0x1b;
/// Where the address of `.eh_frame` is in the header.
const EH_FRAME_ADDRESS: usize = 4;

/// A program or a library that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// The file; empty for the program.
    pub(crate) file: PathBuf,
    /// The addresses that it takes up.
    pub(crate) range: Range<u64>,
    /// What is added to an address of the file.
    pub(crate) bias: u64,
}

impl Loaded {
    /// Returns whether this is the program and no library.
    pub(crate) fn is_program(&self) -> bool {
        self.file.as_os_str().is_empty()
    }
}

/// A loaded object with its tables for unwinding, copied while it could not be unloaded.
pub(crate) struct Object {
    pub(crate) loaded: Loaded,
    header: Option<(Range<u64>, Vec<u8>)>,
    tables: Option<(Range<u64>, Vec<u8>)>,
}

impl Object {
    /// Returns the object as framehop takes it.
    pub(crate) fn module(self) -> Module<Vec<u8>> {
        let Object { loaded, header, tables } = self;
        let (header_range, header) = header.unzip();
        let (tables_range, tables) = tables.unzip();
        let sections = ExplicitModuleSectionInfo {
            eh_frame_hdr_svma: header_range,
            eh_frame_hdr: header,
            eh_frame_svma: tables_range,
            eh_frame: tables,
            ..ExplicitModuleSectionInfo::default()
        };
        Module::new(
            loaded.file.to_string_lossy().into_owned(),
            loaded.range,
            loaded.bias,
            sections,
        )
    }
}

/// Returns everything that is loaded and not `known`.
pub(crate) fn new_objects(known: &[Loaded]) -> Vec<Object> {
    let mut search = Search {
        known,
        found: Vec::new(),
    };
    // SAFETY: the callback has the required type, and its argument outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

struct Search<'a> {
    known: &'a [Loaded],
    found: Vec<Object>,
}

/// Takes one loaded object. The loader holds its lock meanwhile, so the object is not unloaded.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, search: *mut c_void) -> c_int {
    // SAFETY: `new_objects` passes this search, and uses it only after the call.
    let search = unsafe { &mut *search.cast::<Search>() };
    // SAFETY: the loader passes a valid structure.
    let info = unsafe { &*info };
    // SAFETY: the loader's array has this many entries, and lives as long as the object.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let name = match info.dlpi_name.is_null() {
        true => &[],
        // SAFETY: the loader's names are C strings.
        false => unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes(),
    };
    let segments = || {
        headers
            .iter()
            .filter(|it| it.p_type == libc::PT_LOAD)
            .map(range_in_file)
    };
    let (Some(first), Some(end)) = (segments().map(|it| it.start).min(), segments().map(|it| it.end).max()) else {
        return 0;
    };
    let bias = info.dlpi_addr;
    let loaded = Loaded {
        file: PathBuf::from(OsStr::from_bytes(name)),
        range: bias.wrapping_add(first)..bias.wrapping_add(end),
        bias,
    };
    if search.known.contains(&loaded) {
        return 0;
    }
    let header = headers
        .iter()
        .find(|it| it.p_type == libc::PT_GNU_EH_FRAME)
        .map(range_in_file);
    // SAFETY: the segments of a loaded object that are to be read are readable.
    let copy = |range: &Range<u64>| unsafe { copy(bias, range) };
    let header = header.map(|range| (range.clone(), copy(&range)));
    let tables = header.as_ref().and_then(|(range, bytes)| {
        let begin = tables_address(range.start, bytes)?;
        let segment = segments().find(|segment| segment.contains(&begin))?;
        Some(begin..segment.end)
    });
    let tables = tables.map(|range| (range.clone(), copy(&range)));
    search.found.push(Object { loaded, header, tables });
    0
}

/// Returns the addresses of a segment without what was added to them.
fn range_in_file(header: &libc::Elf64_Phdr) -> Range<u64> {
    header.p_vaddr..header.p_vaddr.saturating_add(header.p_memsz)
}

/// Finds the address of `.eh_frame` in its header, which lies at `at`.
fn tables_address(at: u64, header: &[u8]) -> Option<u64> {
    let [version, encoding] = *header.first_chunk()?;
    if (version, encoding) != (1, RELATIVE_SIGNED_4) {
        return None;
    }
    let relative = i32::from_ne_bytes(*header.get(EH_FRAME_ADDRESS..)?.first_chunk()?);
    (at + EH_FRAME_ADDRESS as u64).checked_add_signed(relative.into())
}

/// Copies memory of a loaded object.
///
/// # Safety
///
/// The range with `bias` added to it is readable.
unsafe fn copy(bias: u64, range: &Range<u64>) -> Vec<u8> {
    let begin = bias.wrapping_add(range.start) as *const u8;
    let len = usize::try_from(range.end - range.start).unwrap_or(0);
    // SAFETY: by this function's contract.
    unsafe { slice::from_raw_parts(begin, len) }.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_and_its_libraries_are_found_once() {
        let found = new_objects(&[]);
        let own = new_objects as *const () as u64;
        let program = found.iter().find(|it| it.loaded.range.contains(&own)).unwrap();
        assert!(program.loaded.is_program() && program.tables.is_some());
        let known: Vec<Loaded> = found.iter().map(|it| it.loaded.clone()).collect();
        assert!(known.len() > 1, "there is no library");
        assert!(new_objects(&known).is_empty());
    }

    #[test]
    fn an_unknown_encoding_has_no_tables() {
        assert_eq!(
            tables_address(0x100, &[1, RELATIVE_SIGNED_4, 3, 0x3b, 0xfc, 0xff, 0xff, 0xff]),
            Some(0x100)
        );
        assert_eq!(tables_address(0x100, &[1, 0x3b, 3, 0x3b, 0, 0, 0, 0]), None);
        assert_eq!(tables_address(0x100, &[1, RELATIVE_SIGNED_4]), None);
    }
}
