//! The time, on a clock that all processes of a machine share.

use std::{
    mem::MaybeUninit,
    time::{SystemTime, UNIX_EPOCH},
};

/// Returns the nanoseconds since the machine started, on a clock that never goes back.
pub(crate) fn now() -> u64 {
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
