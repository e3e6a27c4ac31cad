//! Bytes that cross the ABI: lent for a call, or handed over.

use std::{ops::Deref, slice};

/// Bytes lent for the duration of one call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    data: *const u8,
    len: usize,
}

// SAFETY: a slice is an address and a length; reading through it is unsafe and has its own contract.
unsafe impl Send for Slice {}
// SAFETY: as above; sharing the address reads nothing.
unsafe impl Sync for Slice {}

impl Slice {
    /// Lends `bytes`. The caller keeps them alive until the call returns.
    pub const fn new(bytes: &[u8]) -> Slice {
        Slice {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// Returns the bytes.
    ///
    /// # Safety
    ///
    /// The lender keeps the bytes alive and unchanged for `'a`.
    pub unsafe fn as_bytes<'a>(self) -> &'a [u8] {
        // SAFETY: `data` and `len` come from a slice (see `new`), alive for `'a` by this function's contract.
        unsafe { slice::from_raw_parts(self.data, self.len) }
    }

    /// Returns the bytes as text. Bytes that are not UTF-8 are replaced.
    ///
    /// # Safety
    ///
    /// As for [`Slice::as_bytes`].
    pub unsafe fn as_text<'a>(self) -> std::borrow::Cow<'a, str> {
        // SAFETY: by this function's contract.
        String::from_utf8_lossy(unsafe { self.as_bytes() })
    }
}

impl From<&str> for Slice {
    fn from(text: &str) -> Slice {
        Slice::new(text.as_bytes())
    }
}

/// Owned bytes that cross the ABI. Dropping them calls back into the side that allocated them.
///
/// ```
/// use mosaic_abi::Buffer;
/// let buffer = Buffer::from(vec![1, 2, 3]);
/// assert_eq!(&*buffer, [1, 2, 3]);
/// ```
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    data: *mut u8,
    len: usize,
    capacity: usize,
    release: unsafe extern "C" fn(*mut u8, usize, usize),
}

// SAFETY: a buffer is the only owner of its bytes, and `release` only returns them to an allocator, on any thread.
unsafe impl Send for Buffer {}
// SAFETY: a shared buffer gives shared access only.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Makes a buffer of bytes outside a vector, such as in a mapped file.
    ///
    /// # Safety
    ///
    /// `data` points to `len` bytes that nobody changes, and that stay until `release` is called with `data`, the
    /// buffer's length then, and `len`: once, on any thread.
    pub unsafe fn from_raw_parts(
        data: *mut u8,
        len: usize,
        release: unsafe extern "C" fn(*mut u8, usize, usize),
    ) -> Buffer {
        Buffer {
            data,
            len,
            capacity: len,
            release,
        }
    }

    /// Keeps the first `len` bytes, if there are more.
    ///
    /// ```
    /// let mut buffer = mosaic_abi::Buffer::from(vec![1, 2, 3]);
    /// buffer.truncate(2);
    /// assert_eq!(&*buffer, [1, 2]);
    /// ```
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Returns the bytes for writing.
    ///
    /// # Safety
    ///
    /// Nobody else has the bytes: the buffer was made from a vector, or by
    /// [`Host::shared_buffer`](crate::Host::shared_buffer).
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; by this function's contract nobody else has the bytes.
        unsafe { slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer::from(Vec::new())
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Buffer {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Buffer {
            data: bytes.as_mut_ptr(),
            len: bytes.len(),
            capacity: bytes.capacity(),
            release: release_vec,
        }
    }
}

impl From<String> for Buffer {
    fn from(text: String) -> Buffer {
        Buffer::from(text.into_bytes())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `data` and `len` describe the bytes that the buffer was made from and still owns.
        unsafe { slice::from_raw_parts(self.data, self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the buffer was made from these three values, and gives them back once.
        unsafe { (self.release)(self.data, self.len, self.capacity) }
    }
}

unsafe extern "C" fn release_vec(data: *mut u8, len: usize, capacity: usize) {
    // SAFETY: called once, by `Buffer::drop`, with the parts of a `Vec<u8>` of this side's allocator.
    drop(unsafe { Vec::from_raw_parts(data, len, capacity) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_keep_their_bytes() {
        for bytes in [vec![], vec![0u8; 1], (0..=255).collect::<Vec<u8>>()] {
            assert_eq!(&*Buffer::from(bytes.clone()), &bytes[..]);
        }
    }
}
