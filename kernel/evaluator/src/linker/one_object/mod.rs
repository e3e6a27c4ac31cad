//! Links what nearly every cell is: one object of rustc's, and shared libraries.
//!
//! The real linker takes a fifth of the time in which a short cell is compiled, and most of it to start and to read
//! whole libraries. This one looks up the symbols that the object needs in the libraries' hash tables, and writes a
//! shared library that the system's loader treats as it treats the real linker's.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`request`] | the arguments for the real linker, as far as they describe such a library |
//! | [`object_file`] | sections, symbols and relocations of the object |
//! | [`debug_information`] | what only debuggers and backtraces read |
//! | [`shared_library`] | the symbols that a shared library defines for others |
//! | [`resolution`] | which library defines which symbol that the object needs |
//! | [`dynamic_tables`] | the tables by which the loader finds symbols and their versions |
//! | [`layout`] | the place of each part in the library |
//! | [`image`], [`headers`] | the bytes of the library |
//! | [`unwinding`] | the table by which a panic finds the frames of functions |
//!
//! Invariant: what this linker does not know exactly, it refuses. The real linker then links the cell.
//!
//! Sources: *System V Application Binary Interface*, its *AMD64 Architecture Processor Supplement*, *Linux Standard Base
//! Core Specification* (symbol versions, `.eh_frame_hdr`), and *ELF Handling For Thread-Local Storage*.

mod debug_information;
mod dynamic_tables;
mod headers;
mod image;
mod layout;
mod object_file;
mod request;
mod resolution;
mod shared_library;
#[cfg(test)]
mod tests;
mod unwinding;

use crate::linker::{
    elf::ENDIAN,
    one_object::{
        dynamic_tables::DynamicTables, layout::Layout, object_file::ObjectFile, request::Request,
        resolution::Resolution,
    },
};
use anyhow::{Context, Result};
use std::{ffi::OsStr, fs, os::unix::fs::OpenOptionsExt};

/// Links as the real linker would with these arguments.
///
/// # Errors
///
/// The arguments or the files contain what this linker does not know, or a file cannot be read or written. The real
/// linker links such a cell, or has a better error.
pub(super) fn link<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<()> {
    let request = Request::parse(arguments)?;
    let content = fs::read(&request.object).context("cannot read the object")?;
    let object = ObjectFile::parse(&content)?;
    let resolution = Resolution::new(&object, &request)?;
    let tables = DynamicTables::new(&object, &resolution, &request)?;
    let layout = Layout::new(&object, &resolution, &tables)?;
    let image = image::write(&object, &resolution, &tables, &layout, request.kept)?;
    // A hard link may be the library of an earlier cell, so nothing may write into the file that is there.
    let _ = fs::remove_file(&request.output);
    let mut file = fs::OpenOptions::new();
    let mut file = file.write(true).create_new(true).mode(0o755).open(&request.output)?;
    std::io::Write::write_all(&mut file, &image).context("cannot write the library")
}
