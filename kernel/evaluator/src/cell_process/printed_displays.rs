//! Finds out whether a cell can print evcxr's display blocks.
//!
//! A block is text, and a text that a cell only passes on may contain one: what it has downloaded, or read from a file.
//! It must not become HTML with scripts. So the kernel takes a block for a display only while a cell runs whose code
//! contains the text with which blocks begin. That is the cell's own library, with the notebook's items that the cell
//! uses and the crates that are linked into it, or a dylib of crates that the cells have loaded.

use crate::evcxr_text::markers::CONTENT_BEGINS;
use memchr::memmem;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What is known of the libraries of the process.
#[derive(Debug, Default)]
pub(super) struct PrintedDisplays {
    /// How many libraries the process has loaded in its life.
    loaded: u64,
    /// The libraries of cells, and those that were searched.
    known: BTreeSet<PathBuf>,
    /// Whether a library that is not a cell's contains the text.
    in_crates: bool,
}

impl PrintedDisplays {
    /// Reports whether the cell in a library that was just loaded may print blocks.
    pub(super) fn may_come_from(&mut self, library: &Path) -> bool {
        if self.in_crates {
            return true;
        }
        self.known
            .insert(library.canonicalize().unwrap_or_else(|_| library.to_owned()));
        let loaded = count_of_loaded();
        // The list of all libraries is long after many cells. It has changed if the cell has brought others along.
        if loaded != self.loaded + 1 {
            for mapped in mapped_libraries() {
                if self.known.insert(mapped.clone()) {
                    self.in_crates |= contains_text(&mapped);
                }
            }
        }
        self.loaded = loaded;
        self.in_crates || contains_text(library)
    }
}

/// Reports whether a file contains the beginning of the text. The compiler keeps eight bytes together, at least.
fn contains_text(file: &Path) -> bool {
    let text = &CONTENT_BEGINS.as_bytes()[..8];
    fs::read(file).is_ok_and(|bytes| memmem::find(&bytes, text).is_some())
}

/// Returns the libraries that are in the memory of this process.
fn mapped_libraries() -> BTreeSet<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let files = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
    files
        .filter(|file| file.ends_with(".so") || file.contains(".so."))
        .map(PathBuf::from)
        .collect()
}

/// Returns how many libraries this process has loaded in its life.
fn count_of_loaded() -> u64 {
    let mut loaded = 0_u64;
    // SAFETY: the function below has the type that is expected, and the pointer leads to a number that outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(read_count), (&raw mut loaded).cast()) };
    loaded
}

/// Stores the count that comes with the first library, and stops.
unsafe extern "C" fn read_count(library: *mut libc::dl_phdr_info, _: usize, loaded: *mut libc::c_void) -> i32 {
    // SAFETY: `library` is valid for the call, and `loaded` is the number of `count_of_loaded`.
    unsafe { *loaded.cast::<u64>() = (*library).dlpi_adds };
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_library_may_print_blocks_if_it_contains_their_beginning() {
        for (content, expected) in [
            (&b"\0\x01EVCXR_BEGIN_CONTENT text/html\n"[..], true),
            (b"EVCXR_EXECUTION", false),
            (b"", false),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(content).unwrap();
            let mut displays = PrintedDisplays::default();
            displays.may_come_from(file.path());
            displays.in_crates = false;
            assert_eq!(displays.may_come_from(file.path()), expected, "{content:?}");
        }
    }

    #[test]
    fn libraries_of_this_process_are_found_and_counted() {
        let libraries = mapped_libraries();
        assert!(libraries.iter().any(|it| it.ends_with("libc.so.6")), "{libraries:?}");
        assert!(count_of_loaded() > 1);
    }
}
