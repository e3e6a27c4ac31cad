//! Values that are stored in the file in which they were written: the file gets one more name, which counts as a buffer
//! does.

use super::{
    pool::{SharedBuffers, outside, pool},
    segment::{Segment, SegmentKind, identity, identity_of},
};
use mosaic_abi::Buffer;
use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

/// Sets the beginning of the names of files to which this process writes values to be stored.
pub(crate) fn store_in(names: PathBuf) {
    pool().names = Some(names);
}

/// Stores a value under a name, which counts as a buffer until [`unstore`] removes it.
///
/// # Errors
///
/// The value does not lie in a file of the warehouse, or the file cannot get this name.
pub(crate) fn store(buffer: &Buffer, path: &Path) -> io::Result<()> {
    let mut pool = pool();
    let found = pool.buffers.get(&(buffer.as_ptr() as usize));
    let Some(SharedBuffers { segment, offset, .. }) =
        found.filter(|found| found.segment.kind() == SegmentKind::Storable)
    else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    segment.count().fetch_add(1, Ordering::Relaxed);
    let (stored, segment) = (segment.store(*offset, buffer.len(), path), segment.clone());
    if stored.is_err() {
        // The directory may be gone: then the segment is of no more use.
        pool.own.retain(|own| !Arc::ptr_eq(own, &segment));
    }
    stored
}

/// Returns the value that is stored in `file`, which was opened by the name `path`.
///
/// # Errors
///
/// The file no longer has that name (`NotFound`), or cannot be mapped, or holds no value.
pub(crate) fn open_stored(file: OwnedFd, path: &Path) -> io::Result<Buffer> {
    let identity = identity(&file)?;
    let mut pool = pool();
    let segment = match pool.known(identity) {
        Some(segment) => segment,
        None => Arc::new(Segment::stored(file)?),
    };
    segment.count().fetch_add(1, Ordering::AcqRel);
    // To free a value, its name is removed before its count is. If the name is there after this count, the memory is
    // not used for another value.
    let value = identity_of(path).and_then(|named| match segment.stored_value() {
        _ if named != identity => Err(io::ErrorKind::NotFound.into()),
        Some((offset, len)) if segment.value(offset, len).is_some() => Ok((offset, len)),
        _ => Err(outside()),
    });
    let (offset, len) = value.inspect_err(|_| {
        segment.count().fetch_sub(1, Ordering::Release);
    })?;
    pool.others.retain(|_, segment| segment.strong_count() > 0);
    pool.know(&segment);
    Ok(pool.buffer(segment, offset, len))
}

/// Removes the name of a stored value, and then its count.
///
/// # Errors
///
/// There is no such file, or it cannot be removed.
pub(crate) fn unstore(path: &Path) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    fs::remove_file(path)?;
    Segment::stored(file.into())?.count().fetch_sub(1, Ordering::Release);
    Ok(())
}
