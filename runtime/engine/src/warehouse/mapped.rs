//! The file of a stored value, and its bytes in this process.
//!
//! ```text
//! u64 where the value begins, little-endian | nothing | value
//! ```
//!
//! It begins where it has the same place in a line of the CPU's caches as it had in memory, so that numbers that were
//! aligned stay so, and methods look at them where they lie.

use mosaic_abi::Buffer;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    ptr,
};

/// A line of the CPU's caches, and more than any number's alignment.
const LINE: usize = 64;

/// Divides the size of all pages, on each of which a mapping begins.
const PAGE: usize = 4096;

/// Writes a file that [`map`] reads.
pub(super) fn write_value(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let begin = LINE + bytes.as_ptr() as usize % LINE;
    let mut head = [0; 2 * LINE];
    head[..8].copy_from_slice(&(begin as u64).to_le_bytes());
    file.write_all(&head[..begin])?;
    file.write_all(bytes)
}

/// Maps a stored value.
pub(super) fn map(path: &Path) -> io::Result<Buffer> {
    let mut file = File::open(path)?;
    let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut begin = [0; 8];
    file.read_exact(&mut begin)?;
    let begin = usize::try_from(u64::from_le_bytes(begin)).unwrap_or(usize::MAX);
    if begin == len {
        return Ok(Buffer::default());
    }
    if !(LINE..len.min(2 * LINE)).contains(&begin) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file holds no stored value",
        ));
    }
    // SAFETY: the kernel chooses a free place; the file is one of the warehouse's, in a directory that only this user may
    // enter, and is never changed or cut after it got its name, so that its bytes stay as they are while they are mapped.
    let data = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, &file, 0) }?;
    // SAFETY: the value lies within the mapping, which stays until `unmap` is called for it.
    Ok(unsafe { Buffer::from_raw_parts(data.cast::<u8>().add(begin), len - begin, unmap) })
}

unsafe extern "C" fn unmap(data: *mut u8, len: usize, _: usize) {
    // The mapping begins with its page, and the value on that first page.
    let begin = data as usize % PAGE;
    // SAFETY: called once, by the buffer that owned the mapping, with the value's address and length; the mapping ends
    // where the value does.
    if let Err(error) = unsafe { munmap(data.sub(begin).cast(), begin + len) } {
        tracing::error!(%error, "a stored value stays mapped");
    }
}
