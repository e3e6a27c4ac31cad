//! A file's bytes in this process.

use mosaic_abi::Buffer;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::{fs::File, io, path::Path, ptr};

/// Maps a stored value.
pub(super) fn map(path: &Path) -> io::Result<Buffer> {
    let file = File::open(path)?;
    let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    if len == 0 {
        return Ok(Buffer::default());
    }
    // SAFETY: the kernel chooses a free place; the file is one of the warehouse's, in a directory that only this user may
    // enter, and is never changed or cut after it got its name, so that its bytes stay as they are while they are mapped.
    let data = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, &file, 0) }?;
    // SAFETY: the mapping is `len` bytes long and stays until `unmap` is called with these two.
    Ok(unsafe { Buffer::from_raw_parts(data.cast(), len, unmap) })
}

unsafe extern "C" fn unmap(data: *mut u8, len: usize, _: usize) {
    // SAFETY: called once, by the buffer that owned the mapping, with the address and length it was made with.
    if let Err(error) = unsafe { munmap(data.cast(), len) } {
        tracing::error!(%error, "a stored value stays mapped");
    }
}
