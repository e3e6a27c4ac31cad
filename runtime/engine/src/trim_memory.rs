//! Giving free memory back to the system.
//!
//! The C library's allocator keeps most of the memory that was freed, to use it again. A process that handled much data
//! and then has nothing to do should give that memory back.

use crate::shared_memory;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{task::spawn_blocking, time::sleep};

/// The number of bytes that must have passed through before memory is given back.
const WORTHWHILE: usize = 4 << 20;
/// The memory of an object beside its value, in bytes: a call in flight takes about 0.3 KB in the head, and less
/// elsewhere.
const OBJECT: usize = 1 << 10;
/// How long free memory is kept, since it may be used again.
const CALM: Duration = Duration::from_millis(500);
/// How long free shared memory is kept, which costs more to allocate.
const SHARED_CALM: Duration = Duration::from_secs(5);

/// Gives memory back some time after much of it was freed. Costs nothing while nothing is freed. Any thread may use it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trimmer(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// The number of bytes since memory was last given back. No other memory depends on it.
    bytes: AtomicUsize,
    /// Whether a task is waiting to give memory back. Whoever sets it starts the task.
    pending: AtomicBool,
}

impl Trimmer {
    /// Notes that this number of bytes was freed, or passed through. Call this in a tokio runtime.
    pub(crate) fn note(&self, bytes: usize) {
        let noted = self.0.bytes.fetch_add(bytes + OBJECT, Ordering::Relaxed) + bytes + OBJECT;
        if noted < WORTHWHILE || self.0.pending.swap(true, Ordering::Relaxed) {
            return;
        }
        let noted = self.0.clone();
        tokio::spawn(async move {
            let mut there_is_more = true;
            while there_is_more {
                sleep(CALM).await;
                noted.bytes.store(0, Ordering::Relaxed);
                noted.pending.store(false, Ordering::Relaxed);
                // This takes a while if much memory is free.
                there_is_more = spawn_blocking(trim).await.unwrap_or(false);
            }
        });
    }
}

/// Gives memory back. Returns whether there is shared memory to be given back later.
fn trim() -> bool {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function takes any padding, and may be called on any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
    shared_memory::give_back(SHARED_CALM)
}
