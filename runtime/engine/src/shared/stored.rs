//! Values that are stored where they were written: a name for the file that they lie in, which counts as a buffer does.

use super::{
    pool::{Lying, outside, pool},
    segment::{Kind, Segment, identity, identity_of},
};
use mosaic_abi::Buffer;
use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

/// What the names of the files that values are stored in begin with from now on.
pub(crate) fn store_in(names: PathBuf) {
    pool().names = Some(names);
}

/// Stores a value under a name, which counts as a buffer until [`unstore`].
///
/// # Errors
///
/// It does not lie in memory for that, or cannot be given this name.
pub(crate) fn store(buffer: &Buffer, path: &Path) -> io::Result<()> {
    let mut pool = pool();
    let lying = pool.buffers.get(&(buffer.as_ptr() as usize));
    let Some(Lying { segment, offset, .. }) = lying.filter(|lying| lying.segment.kind() == Kind::Storable) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    segment.count().fetch_add(1, Ordering::Relaxed);
    let (stored, segment) = (segment.store(*offset, buffer.len(), path), segment.clone());
    if stored.is_err() {
        // Its directory may be gone: it is of no more use.
        pool.own.retain(|own| !Arc::ptr_eq(own, &segment));
    }
    stored
}

/// The value that `file` is stored for, which was opened by the name `path`.
///
/// # Errors
///
/// Of the kind `NotFound` where it has that name no longer.
pub(crate) fn open_stored(file: OwnedFd, path: &Path) -> io::Result<Buffer> {
    let identity = identity(&file)?;
    let mut pool = pool();
    let segment = match pool.known(identity) {
        Some(segment) => segment,
        None => Arc::new(Segment::stored(file)?),
    };
    segment.count().fetch_add(1, Ordering::AcqRel);
    // Who frees a value takes its name away before its count: where the name is there now, the memory is not used again.
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

/// Takes its name from a stored file, and the name's count from its memory.
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
