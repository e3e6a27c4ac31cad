//! The file of a stored value: its format, writing it, and mapping it into this process.
//!
//! ```text
//! u32 count | nothing | u64 where the value begins | u64 its bytes | nothing | value | nothing
//! ```
//!
//! All numbers are little-endian.
//!
//! A value that was copied into the file begins on the first page. It has the same offset in a cache line as it had in
//! memory, so that aligned numbers stay aligned and methods can use them in place. A value that begins behind the first
//! page was written into the file from the start: the file is a segment, whose first page counts buffers (see
//! [`crate::shared_memory`]).

use crate::shared_memory::{self, BEGIN, HEAD, LEN};
use mosaic_abi::Buffer;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    ptr,
};

/// The size of a cache line, and at least the alignment of any number.
const LINE: usize = 64;

/// Divides the page size of every machine. A mapping begins at a multiple of the page size.
const PAGE: usize = 4096;

/// Writes a file that [`map`] reads.
pub(super) fn write_value(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let begin = LINE + bytes.as_ptr() as usize % LINE;
    let mut head = [0; 2 * LINE];
    head[BEGIN..][..8].copy_from_slice(&(begin as u64).to_le_bytes());
    head[LEN..][..8].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    file.write_all(&head[..begin])?;
    file.write_all(bytes)
}

/// Returns whether a file is a segment of shared memory, which counts the buffers that lie in it.
pub(super) fn is_segment(file: &File) -> io::Result<bool> {
    let [begin, _] = extent(file)?;
    Ok(begin >= HEAD)
}

/// Returns where the value begins in a file, and its length.
fn extent(file: &File) -> io::Result<[usize; 2]> {
    let mut head = [0; LEN + 8];
    file.read_exact_at(&mut head, 0)?;
    let number = |offset: usize| {
        let bytes = head[offset..][..8].first_chunk().copied().unwrap_or_default();
        usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX)
    };
    Ok([number(BEGIN), number(LEN)])
}

/// Maps a stored value into this process.
///
/// # Errors
///
/// The file cannot be opened or mapped, or holds no stored value.
pub(super) fn map(path: &Path) -> io::Result<Buffer> {
    let file = File::options().read(true).write(true).open(path)?;
    let [begin, len] = extent(&file)?;
    if begin >= HEAD {
        return shared_memory::open_stored(file.into(), path);
    }
    if len == 0 {
        return Ok(Buffer::default());
    }
    let all = file.metadata()?.len();
    if begin < LINE || begin.checked_add(len).is_none_or(|end| end as u64 > all) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file holds no stored value",
        ));
    }
    // SAFETY: the system chooses a free address. The file lies in a directory that only this user may enter, and is
    // never changed or cut after it got its name, so that its bytes stay as they are while they are mapped.
    let data = unsafe {
        mmap(
            ptr::null_mut(),
            begin + len,
            ProtFlags::READ,
            MapFlags::SHARED,
            &file,
            0,
        )
    }?;
    // SAFETY: the value lies within the mapping, which stays until `unmap` is called for it.
    Ok(unsafe { Buffer::from_raw_parts(data.cast::<u8>().add(begin), len, unmap) })
}

/// Unmaps a value when its buffer is dropped.
unsafe extern "C" fn unmap(data: *mut u8, _: usize, len: usize) {
    // The mapping begins with its page, and the value on that first page.
    let begin = data as usize % PAGE;
    // SAFETY: called once, by the buffer that owned the mapping, with the value's address and its length when it was
    // mapped; the mapping ends where the value did.
    if let Err(error) = unsafe { munmap(data.sub(begin).cast(), begin + len) } {
        tracing::error!(%error, "a stored value stays mapped");
    }
}
