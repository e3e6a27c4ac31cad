//! The time, on a clock that all processes of a runtime share: the monotonic clock of the monitor's machine.

use std::{
    mem::MaybeUninit,
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// The number of nanoseconds to add to this machine's clock to get the monitor's. Set once, when the process starts.
static OFFSET: AtomicI64 = AtomicI64::new(0);

/// Sets the number of nanoseconds by which the monitor's clock is ahead of this machine's.
pub(crate) fn set_offset(nanoseconds: i64) {
    OFFSET.store(nanoseconds, Ordering::Relaxed);
}

/// Returns the nanoseconds since the monitor's machine started, on a clock that never goes back.
pub(crate) fn now() -> u64 {
    own().saturating_add_signed(OFFSET.load(Ordering::Relaxed))
}

/// Returns the nanoseconds since this machine started, on a clock that never goes back.
pub(crate) fn own() -> u64 {
    let mut now = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the call writes one `timespec`. If it fails, the zeroes are a valid one.
    let now = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr());
        now.assume_init()
    };
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

/// Returns the number of nanoseconds to add to [`now`] to get the time since 1970.
pub(crate) fn wall_clock() -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(wall.as_nanos()).unwrap_or_default().saturating_sub(now())
}
