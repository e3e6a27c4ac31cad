//! Memory that other processes can map.

use super::fork::is_child;
use rustix::{
    fs::{
        FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
        ftruncate, link, memfd_create, open, stat, unlink,
    },
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect, munmap},
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The number of bytes of the first page, which counts buffers and says where a stored value lies in the file.
pub(crate) const HEAD: usize = 4096;
/// The size of a segment is a multiple of this.
pub(super) const STEP: usize = 1 << 20;

/// The offset of the number that says at which byte of the file the stored value begins.
pub(crate) const BEGIN: usize = 8;
/// The offset of the number that says how many bytes the stored value has.
pub(crate) const LEN: usize = 16;

/// Returns the size of a segment for values of this number of bytes.
fn len_for(capacity: usize) -> io::Result<usize> {
    let len = capacity
        .checked_add(HEAD)
        .and_then(|len| len.checked_next_multiple_of(STEP));
    Ok(len.ok_or(io::ErrorKind::OutOfMemory)?)
}

/// Allocates the memory of a file now: if memory were missing when it is written to, the process would be killed.
fn allocate(file: &OwnedFd, len: usize) -> io::Result<()> {
    ftruncate(file, len as u64)?;
    Ok(fallocate(file, FallocateFlags::empty(), 0, len as u64)?)
}

/// Returns the seals of a segment: its size cannot change, so that no access to it can fail.
fn seals() -> SealFlags {
    SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL
}

/// The purpose of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentKind {
    /// Values that travel: memory without a name.
    Nameless,
    /// Values that may be stored: a file of the warehouse.
    Storable,
}

/// A segment, mapped into this process.
#[derive(Debug)]
pub(super) struct Segment {
    kind: SegmentKind,
    /// The file; `None` if only the mapping is needed.
    file: Option<OwnedFd>,
    /// The first name of a file that this process made. While the file has this name, it can get more names.
    name: Option<PathBuf>,
    identity: Identity,
    /// The address of the mapping, of `len` bytes.
    address: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the segment and is unmapped with it. Its first page is only accessed with atomics, and
// the values behind it by the rules of the pool (see `Pool::buffer`).
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

/// Tells a segment from all other segments that exist: the device and the inode of its file.
pub(super) type Identity = (u64, u64);

/// Returns the identity of the segment with this file.
pub(super) fn identity(file: impl AsFd) -> io::Result<Identity> {
    let status = fstat(file)?;
    Ok((status.st_dev, status.st_ino))
}

/// Returns the identity of the segment with the file of this name.
pub(super) fn identity_of(path: &Path) -> io::Result<Identity> {
    let status = stat(path)?;
    Ok((status.st_dev, status.st_ino))
}

impl Segment {
    /// Makes a segment without a name for at least this number of bytes. One buffer is counted in it.
    ///
    /// # Errors
    ///
    /// There is not enough memory.
    pub(super) fn new(capacity: usize) -> io::Result<Segment> {
        let len = len_for(capacity)?;
        let file = memfd_create(c"mosaic-value", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        allocate(&file, len)?;
        fcntl_add_seals(&file, seals())?;
        Segment::first(SegmentKind::Nameless, file, len)
    }

    /// Makes a segment that is a new file of this name, which is removed with the segment. One buffer is counted in it.
    ///
    /// # Errors
    ///
    /// The file cannot be made, or there is not enough memory.
    pub(super) fn storable(capacity: usize, name: PathBuf) -> io::Result<Segment> {
        let len = len_for(capacity)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let file = open(&name, flags, Mode::RUSR | Mode::WUSR)?;
        let segment = allocate(&file, len).and_then(|()| Segment::first(SegmentKind::Storable, file, len));
        match segment {
            Ok(mut segment) => {
                segment.name = Some(name);
                Ok(segment)
            }
            Err(error) => {
                let _ = unlink(&name);
                Err(error)
            }
        }
    }

    /// Maps a new file, and counts one buffer in it.
    fn first(kind: SegmentKind, file: OwnedFd, len: usize) -> io::Result<Segment> {
        let segment = Segment::map(kind, file, len)?;
        segment.count().store(1, Ordering::Relaxed);
        Ok(segment)
    }

    /// Gives the file one more name, by which others find the value that lies at `offset`.
    ///
    /// # Errors
    ///
    /// The segment is no file of this process, or the name cannot be given.
    pub(super) fn store(&self, offset: usize, len: usize, path: &Path) -> io::Result<()> {
        let name = self.name.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        for (at, number) in [(BEGIN, HEAD + offset), (LEN, len)] {
            self.number(at).store(number as u64, Ordering::Relaxed);
        }
        Ok(link(name, path)?)
    }

    /// Maps the file of a stored value, for reading.
    ///
    /// # Errors
    ///
    /// The file holds no value, or cannot be mapped.
    pub(super) fn stored(file: OwnedFd) -> io::Result<Segment> {
        let len = usize::try_from(fstat(&file)?.st_size).unwrap_or(0);
        if len < HEAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file holds no stored value",
            ));
        }
        let mut segment = Segment::map(SegmentKind::Storable, file, len)?;
        segment.protect()?;
        // There may be many stored values, and a process has few file descriptors.
        segment.file = None;
        Ok(segment)
    }

    /// Maps a segment that another process sent, for reading.
    ///
    /// # Errors
    ///
    /// The file is no segment, or cannot be mapped.
    pub(super) fn of(file: OwnedFd) -> io::Result<Segment> {
        let len = usize::try_from(fstat(&file)?.st_size).unwrap_or(0);
        if len < HEAD || !fcntl_get_seals(&file)?.contains(seals()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file that was sent is no shared memory",
            ));
        }
        let segment = Segment::map(SegmentKind::Nameless, file, len)?;
        segment.protect()?;
        Ok(segment)
    }

    /// Makes the values read-only in this process.
    fn protect(&self) -> io::Result<()> {
        // SAFETY: these are the pages of the mapping behind the first one, to which nothing in this process writes.
        Ok(unsafe { mprotect(self.values().as_ptr().cast(), self.capacity(), MprotectFlags::READ) }?)
    }

    /// Maps a file.
    fn map(kind: SegmentKind, file: OwnedFd, len: usize) -> io::Result<Segment> {
        // SAFETY: the system chooses a free address.
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
            kind,
            file: Some(file),
            name: None,
            identity,
            address,
            len,
        })
    }

    /// Returns what the segment is for.
    pub(super) fn kind(&self) -> SegmentKind {
        self.kind
    }

    /// Returns the identity of the segment.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Returns the file of the segment, if it is open.
    pub(super) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(OwnedFd::as_fd)
    }

    /// Returns the number of bytes that values in this segment may have.
    pub(super) fn capacity(&self) -> usize {
        self.len - HEAD
    }

    /// Returns the address at which values begin.
    pub(super) fn values(&self) -> NonNull<u8> {
        // SAFETY: the mapping is longer than its first page.
        unsafe { self.address.add(HEAD) }
    }

    /// Returns the number of buffers that lie in the segment, in all processes and on their way.
    ///
    /// A process adds one before it has a buffer: `Relaxed` if it has another buffer here already, and `AcqRel` to open
    /// a stored value, which may be freed meanwhile. It subtracts one after its last access (`Release`). The maker of
    /// the segment uses the memory again once it has changed zero to one (`Acquire`), so that all accesses of others
    /// come before its own.
    pub(super) fn count(&self) -> &AtomicU32 {
        // SAFETY: the first four bytes of the mapping are this counter and nothing else, in every process. They are
        // aligned as a page is, can be written to, and stay mapped as long as the segment is borrowed.
        unsafe { AtomicU32::from_ptr(self.address.as_ptr().cast()) }
    }

    /// Returns the offset and the length of the stored value.
    pub(super) fn stored_value(&self) -> Option<(usize, usize)> {
        let number = |at| usize::try_from(self.number(at).load(Ordering::Relaxed)).ok();
        Some((number(BEGIN)?.checked_sub(HEAD)?, number(LEN)?))
    }

    /// Returns one of the first page's numbers.
    fn number(&self, at: usize) -> &AtomicU64 {
        // SAFETY: `at` is the offset of one of the first page's numbers, which are accessed here only, are aligned, can
        // be written to, and stay mapped as long as the segment is borrowed.
        unsafe { AtomicU64::from_ptr(self.address.as_ptr().add(at).cast()) }
    }

    /// Returns the address of a value at `offset`, if all its bytes are within the segment.
    pub(super) fn value(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        let is_inside = offset.checked_add(len).is_some_and(|end| end <= self.capacity());
        // SAFETY: the address is within the mapping.
        is_inside.then(|| unsafe { self.values().add(offset) })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping is this segment's, and no buffer lies in it: each buffer holds the segment.
        if let Err(error) = unsafe { munmap(self.address.as_ptr().cast(), self.len) } {
            tracing::error!(%error, "shared memory stays mapped");
        }
        if let Some(name) = self.name.as_ref().filter(|_| !is_child()) {
            // The name may have gone with its directory.
            let _ = unlink(name);
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
        let other = Segment::of(segment.file().unwrap().try_clone_to_owned().unwrap()).unwrap();
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
        let capacity = segment.capacity();
        for (offset, len, inside) in [
            (0, 0, true),
            (0, capacity, true),
            (capacity, 0, true),
            (1, capacity, false),
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
