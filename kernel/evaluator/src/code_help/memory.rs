//! The memory of this process. rust-analyzer takes and frees most of it.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// The bytes that must have been added for giving memory back to be worth the time.
const WORTH_GIVING_BACK: u64 = 32 << 20;

/// The bytes that were left when a thread last gave memory back.
static LEFT: AtomicU64 = AtomicU64::new(0);

/// Returns how many bytes have been added since memory was last given back.
pub(crate) fn grown() -> u64 {
    resident().saturating_sub(LEFT.load(Relaxed))
}

/// Gives free memory back to the operating system, if enough has been added to be worth the time.
pub(crate) fn give_back_if_worth() {
    if grown() > WORTH_GIVING_BACK {
        give_back();
    }
}

/// Returns how many bytes of memory this process holds.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    1024 * resident.and_then(|it| it.trim().parse().ok()).unwrap_or(0)
}

/// Gives free memory back to the operating system. It lies in many pieces, which the allocator keeps unless it is
/// asked.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function may be called at any time, and from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    LEFT.store(resident(), Relaxed);
}
