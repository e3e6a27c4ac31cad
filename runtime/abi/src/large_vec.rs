//! Room for large values.

/// From so many bytes on, it is worth a system call to have memory in large pages.
const LARGE: usize = 4 << 20;
/// What the address of a range of memory must be a multiple of.
const PAGE: usize = 4096;

/// An empty vector with room for so many values. Where they are large, the system is asked for pages of 2 MiB: the first
/// touch of memory, page by page of 4 KiB, takes several times longer than the copy that goes there.
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

    // Declared here, since this crate is built with the cells' and has no dependency for a single function.
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    const MADV_HUGEPAGE: c_int = 14;

    if bytes < LARGE {
        return;
    }
    let begin = address.next_multiple_of(PAGE);
    let end = (address + bytes) / PAGE * PAGE;
    // SAFETY: the pages lie within an allocation, and the advice changes how they are mapped, not what they hold. Where
    // it is refused, pages are small as they were.
    unsafe { madvise(std::ptr::with_exposed_provenance_mut(begin), end - begin, MADV_HUGEPAGE) };
}
