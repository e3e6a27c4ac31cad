//! Memory for large values.

/// Bytes from which it is worth a system call to get memory in large pages.
const LARGE: usize = 4 << 20;
/// The size of a memory page, in bytes, to which ranges are aligned.
const PAGE: usize = 4096;

/// Makes an empty vector with capacity for `len` values. If they are large, the system is asked for pages of 2 MiB.
///
/// The first touch of new memory, in pages of 4 KiB, takes several times longer than copying to it.
///
/// ```
/// let vec = mosaic_abi::large_vec::<f32>(1 << 22);
/// assert!(vec.is_empty() && vec.capacity() >= 1 << 22);
/// ```
#[must_use]
pub fn large_vec<T>(len: usize) -> Vec<T> {
    let vec = Vec::with_capacity(len);
    #[cfg(target_os = "linux")]
    advise(vec.as_ptr() as usize, len.saturating_mul(size_of::<T>()));
    vec
}

#[cfg(target_os = "linux")]
fn advise(address: usize, bytes: usize) {
    use std::ffi::{c_int, c_void};

    // Declared here, since cells build this crate, and a single function is not worth a dependency.
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    const MADV_HUGEPAGE: c_int = 14;

    if bytes < LARGE {
        return;
    }
    let begin = address.next_multiple_of(PAGE);
    let end = (address + bytes) / PAGE * PAGE;
    // SAFETY: the pages lie within an allocation, and the advice changes how they are mapped, not their content. If the
    // system refuses, the pages stay small.
    unsafe { madvise(std::ptr::with_exposed_provenance_mut(begin), end - begin, MADV_HUGEPAGE) };
}
