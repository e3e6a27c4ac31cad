//! The memory of this process, most of which rust-analyzer takes and frees.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Less is not worth the time.
const WORTH_GIVING_BACK: u64 = 32 << 20;

/// How much was left when memory was last given back, by whichever thread.
static LEFT: AtomicU64 = AtomicU64::new(0);

/// How much has been added since memory was last given back, in bytes.
pub(crate) fn grown() -> u64 {
    resident().saturating_sub(LEFT.load(Relaxed))
}

/// Gives back what is free, if enough has been added to be worth the time.
pub(crate) fn give_back_if_worth() {
    if grown() > WORTH_GIVING_BACK {
        give_back();
    }
}

/// How much there is, in bytes.
fn resident() -> u64 {
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
    LEFT.store(resident(), Relaxed);
}
