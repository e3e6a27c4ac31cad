//! The memory of this process, most of which rust-analyzer takes and frees.

use std::fs;

/// How much there is, in bytes.
pub(crate) fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    1024 * resident.and_then(|it| it.trim().parse().ok()).unwrap_or(0)
}

/// Gives back what is free: it lies in many pieces that the allocator keeps unless it is asked.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function may be called at any time, and from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
