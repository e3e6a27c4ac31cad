//! Memory that other processes can map.

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

/// The first page, which counts, and says where in a file the value lies that the file is stored for.
pub(crate) const HEAD: usize = 4096;
/// Sizes are multiples of this.
pub(super) const STEP: usize = 1 << 20;

/// Where the first page says at which byte of a file the value begins, and how long it is.
pub(crate) const BEGIN: usize = 8;
pub(crate) const LEN: usize = 16;

/// How long a segment has to be.
fn len_for(room: usize) -> io::Result<usize> {
    let len = room
        .checked_add(HEAD)
        .and_then(|len| len.checked_next_multiple_of(STEP));
    Ok(len.ok_or(io::ErrorKind::OutOfMemory)?)
}

/// Sets memory aside now, since memory that is missing when it is written to ends the process.
fn allocate(file: &OwnedFd, len: usize) -> io::Result<()> {
    ftruncate(file, len as u64)?;
    Ok(fallocate(file, FallocateFlags::empty(), 0, len as u64)?)
}

/// The size of a segment cannot change, so that no access to it can fail.
fn seals() -> SealFlags {
    SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL
}

/// What a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To travel: memory that never has a name.
    Nameless,
    /// To be stored: a file of the warehouse, which has a name as long as its value is there.
    Storable,
}

/// A segment, mapped into this process.
#[derive(Debug)]
pub(super) struct Segment {
    kind: Kind,
    /// None where only the memory is of use.
    file: Option<OwnedFd>,
    /// That of a file which is this process's own: while it has this one, it can be given others.
    name: Option<PathBuf>,
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

/// That of the file of this name.
pub(super) fn identity_of(path: &Path) -> io::Result<Identity> {
    let status = stat(path)?;
    Ok((status.st_dev, status.st_ino))
}

impl Segment {
    /// New memory for so many bytes, and perhaps more, which this process writes to. One buffer lies in it.
    pub(super) fn new(room: usize) -> io::Result<Segment> {
        let len = len_for(room)?;
        let file = memfd_create(c"mosaic-value", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        allocate(&file, len)?;
        fcntl_add_seals(&file, seals())?;
        Segment::first(Kind::Nameless, file, len)
    }

    /// The same, as a new file of this name, which goes with the segment.
    pub(super) fn storable(room: usize, name: PathBuf) -> io::Result<Segment> {
        let len = len_for(room)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let file = open(&name, flags, Mode::RUSR | Mode::WUSR)?;
        let segment = allocate(&file, len).and_then(|()| Segment::first(Kind::Storable, file, len));
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

    fn first(kind: Kind, file: OwnedFd, len: usize) -> io::Result<Segment> {
        let segment = Segment::map(kind, file, len)?;
        segment.count().store(1, Ordering::Relaxed);
        Ok(segment)
    }

    /// Gives the file one more name, by which others find the value that lies in it.
    pub(super) fn store(&self, offset: usize, len: usize, path: &Path) -> io::Result<()> {
        let name = self.name.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        for (place, number) in [(BEGIN, HEAD + offset), (LEN, len)] {
            self.number(place).store(number as u64, Ordering::Relaxed);
        }
        Ok(link(name, path)?)
    }

    /// A stored file, for reading.
    pub(super) fn stored(file: OwnedFd) -> io::Result<Segment> {
        let len = usize::try_from(fstat(&file)?.st_size).unwrap_or(0);
        if len < HEAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file holds no stored value",
            ));
        }
        let mut segment = Segment::map(Kind::Storable, file, len)?;
        segment.protect()?;
        // Files can be many, and descriptors are few.
        segment.file = None;
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
        let segment = Segment::map(Kind::Nameless, file, len)?;
        segment.protect()?;
        Ok(segment)
    }

    /// Nothing in this process is to write to values.
    fn protect(&self) -> io::Result<()> {
        // SAFETY: the pages are those of the mapping behind the first one, which nothing in this process writes to.
        Ok(unsafe { mprotect(self.values().as_ptr().cast(), self.room(), MprotectFlags::READ) }?)
    }

    fn map(kind: Kind, file: OwnedFd, len: usize) -> io::Result<Segment> {
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
            kind,
            file: Some(file),
            name: None,
            identity,
            address,
            len,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(OwnedFd::as_fd)
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

    /// Where the value lies that the file is stored for, and how long it is.
    pub(super) fn stored_value(&self) -> Option<(usize, usize)> {
        let number = |place| usize::try_from(self.number(place).load(Ordering::Relaxed)).ok();
        Some((number(BEGIN)?.checked_sub(HEAD)?, number(LEN)?))
    }

    fn number(&self, place: usize) -> &AtomicU64 {
        // SAFETY: `place` is that of one of the first page's numbers, which are accessed by this alone, are aligned, can be
        // written to, and stay mapped as long as the segment is borrowed.
        unsafe { AtomicU64::from_ptr(self.address.as_ptr().add(place).cast()) }
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
        if let Some(name) = &self.name {
            // It may have gone with its directory.
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
