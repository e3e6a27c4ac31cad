//! Memory that other processes can map.

use rustix::{
    fs::{MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create},
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect, munmap},
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, Ordering},
};

/// The first page, which counts.
const HEAD: usize = 4096;
/// Sizes are multiples of this.
pub(super) const STEP: usize = 1 << 20;

/// The size of a segment cannot change, so that no access to it can fail.
fn seals() -> SealFlags {
    SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL
}

/// A segment, mapped into this process.
#[derive(Debug)]
pub(super) struct Segment {
    file: OwnedFd,
    identity: Identity,
    address: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the segment, and goes with it; what lies in it is shared by its own rules (see `count`
// and `bytes`).
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

/// What tells a segment from all others that live.
pub(super) type Identity = (u64, u64);

/// That of the segment whose file this is.
pub(super) fn identity(file: impl AsFd) -> io::Result<Identity> {
    let status = fstat(file)?;
    Ok((status.st_dev, status.st_ino))
}

impl Segment {
    /// New memory for so many bytes, and perhaps more, which this process writes to. One buffer lies in it.
    pub(super) fn new(room: usize) -> io::Result<Segment> {
        let len = room
            .checked_add(HEAD)
            .and_then(|len| len.checked_next_multiple_of(STEP))
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let file = memfd_create(c"mosaic-value", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, len as u64)?;
        // Now, since memory that is missing when it is written to ends the process.
        fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, len as u64)?;
        fcntl_add_seals(&file, seals())?;
        let segment = Segment::map(file, len)?;
        segment.count().store(1, Ordering::Relaxed);
        Ok(segment)
    }

    /// What another process sent, for reading.
    pub(super) fn of(file: OwnedFd) -> io::Result<Segment> {
        let len = usize::try_from(fstat(&file)?.st_size).unwrap_or(0);
        if len < HEAD || !fcntl_get_seals(&file)?.contains(seals()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "what was sent is no shared memory",
            ));
        }
        let segment = Segment::map(file, len)?;
        let values = segment.values().as_ptr();
        // SAFETY: the pages are those of the mapping behind the first one, which nothing in this process writes to.
        unsafe { mprotect(values.cast(), len - HEAD, MprotectFlags::READ) }?;
        Ok(segment)
    }

    fn map(file: OwnedFd, len: usize) -> io::Result<Segment> {
        // SAFETY: the kernel chooses a free place.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )
        }?;
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let identity = identity(&file)?;
        Ok(Segment {
            file,
            identity,
            address,
            len,
        })
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// How many bytes there is room for.
    pub(super) fn room(&self) -> usize {
        self.len - HEAD
    }

    /// Where values lie.
    pub(super) fn values(&self) -> NonNull<u8> {
        // SAFETY: the mapping is longer than its first page.
        unsafe { self.address.add(HEAD) }
    }

    /// How many buffers lie here, in all processes.
    pub(super) fn count(&self) -> &AtomicU32 {
        // SAFETY: the first four bytes of the mapping are this counter and nothing else, in every process that has it; they
        // are aligned as a page is, can be written to, and stay mapped as long as the segment is borrowed.
        unsafe { AtomicU32::from_ptr(self.address.as_ptr().cast()) }
    }

    /// Where a value begins that lies at `offset`, if all of its bytes are there.
    pub(super) fn value(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        let is_inside = offset.checked_add(len).is_some_and(|end| end <= self.room());
        // SAFETY: it is inside the mapping.
        is_inside.then(|| unsafe { self.values().add(offset) })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping is this segment's, and no buffer in it is left: each holds the segment.
        if let Err(error) = unsafe { munmap(self.address.as_ptr().cast(), self.len) } {
            tracing::error!(%error, "shared memory stays mapped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_mappings_are_one_memory() {
        let segment = Segment::new(3).unwrap();
        let value = segment.value(0, 3).unwrap();
        // SAFETY: nobody else has the segment yet.
        unsafe { value.copy_from_nonoverlapping(NonNull::from(b"abc").cast(), 3) };
        let other = Segment::of(segment.file().try_clone_to_owned().unwrap()).unwrap();
        let read = other.value(0, 3).unwrap();
        assert_ne!(read, value);
        // SAFETY: the bytes are mapped, and nobody writes to them any more.
        assert_eq!(unsafe { std::slice::from_raw_parts(read.as_ptr(), 3) }, b"abc");
        other.count().fetch_add(1, Ordering::Relaxed);
        assert_eq!(segment.count().load(Ordering::Relaxed), 2);
        assert_eq!(segment.identity(), other.identity());
    }

    #[test]
    fn a_value_is_inside_or_nowhere() {
        let segment = Segment::new(10).unwrap();
        let room = segment.room();
        for (offset, len, inside) in [
            (0, 0, true),
            (0, room, true),
            (room, 0, true),
            (1, room, false),
            (usize::MAX, 2, false),
        ] {
            assert_eq!(segment.value(offset, len).is_some(), inside, "{offset} {len}");
        }
    }

    #[test]
    fn what_is_no_segment_is_refused() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        assert!(Segment::of(file.into()).is_err());
        assert!(Segment::new(usize::MAX).is_err());
    }
}
