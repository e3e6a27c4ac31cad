//! Whether output of a worker is on its way to the monitor, as the worker sees it.
//!
//! The node process of another host reads what a worker writes at once, so that the worker's pipe is empty while the
//! output is on its way. The mark lies in a file that both map: the node process sets it before it reads the pipe, and
//! the worker looks at the pipe before it looks at the mark. So one of them always tells.

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::{
    fs::File,
    io,
    path::Path,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, Ordering},
};

/// The number of bytes of the file.
const LEN: usize = 4096;

/// A mark, mapped into this process.
#[derive(Debug)]
pub(crate) struct OutputMark {
    /// The address of a mapping of [`LEN`] bytes.
    address: NonNull<u32>,
}

// SAFETY: the mapping belongs to the mark, is only accessed by atomics, and is unmapped with it.
unsafe impl Send for OutputMark {}
// SAFETY: as above.
unsafe impl Sync for OutputMark {}

impl OutputMark {
    /// Makes a mark in a new file.
    ///
    /// # Errors
    ///
    /// The file cannot be made or mapped.
    pub(crate) fn create(path: &Path) -> io::Result<OutputMark> {
        let file = File::options().read(true).write(true).create_new(true).open(path)?;
        file.set_len(LEN as u64)?;
        OutputMark::map(&file)
    }

    /// Opens the mark in a file.
    ///
    /// # Errors
    ///
    /// There is no such file, or it cannot be mapped.
    pub(crate) fn open(path: &Path) -> io::Result<OutputMark> {
        let file = File::options().read(true).write(true).open(path)?;
        if file.metadata()?.len() < LEN as u64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        OutputMark::map(&file)
    }

    fn map(file: &File) -> io::Result<OutputMark> {
        // SAFETY: the system chooses the address, so that no other mapping is replaced. The file has this length, and
        // only processes of this user, which never shorten it, may open it.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                LEN,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )
        }?;
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(OutputMark { address })
    }

    fn number(&self) -> &AtomicU32 {
        // SAFETY: the address is that of a page which is mapped as long as `self` lives, so it is aligned, and both
        // processes access it by atomics alone.
        unsafe { AtomicU32::from_ptr(self.address.as_ptr()) }
    }

    /// Notes that output is on its way, or that all of it is shown.
    pub(crate) fn set(&self, is_on_its_way: bool) {
        self.number().store(u32::from(is_on_its_way), Ordering::SeqCst);
    }

    /// Returns whether output is on its way.
    pub(crate) fn is_set(&self) -> bool {
        self.number().load(Ordering::SeqCst) != 0
    }
}

impl Drop for OutputMark {
    fn drop(&mut self) {
        // SAFETY: the mapping has this address and length, and nothing refers to it any more.
        if let Err(error) = unsafe { munmap(self.address.as_ptr().cast(), LEN) } {
            tracing::warn!(%error, "a mapping is left");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_see_the_mark() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        assert!(OutputMark::open(&path).is_err());
        let node = OutputMark::create(&path).unwrap();
        let worker = OutputMark::open(&path).unwrap();
        assert!(!worker.is_set());
        node.set(true);
        assert!(worker.is_set());
        node.set(false);
        assert!(!worker.is_set());
        std::fs::write(&path, "short").unwrap();
        assert!(OutputMark::open(&path).is_err());
    }
}
