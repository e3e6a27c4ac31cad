//! Giving free memory back to the system.
//!
//! The C library's allocator keeps most of what was freed, for the next time. A process that handled much and then has
//! nothing to do should not hold on to it.

use crate::shared;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{task::spawn_blocking, time::sleep};

/// So much must have passed through before it is worth looking.
const ENOUGH: usize = 4 << 20;
/// What an object takes up beside the bytes of its value: a call in flight takes about 0.3 KB in the head, less elsewhere.
const OBJECT: usize = 1 << 10;
/// For how long memory may be used again before it is given back.
const CALM: Duration = Duration::from_millis(500);
/// The same of memory that processes share, of which the first touch costs more.
const SHARED_CALM: Duration = Duration::from_secs(5);

/// Gives memory back some time after much of it was freed, and does nothing while nothing is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trimmer(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// Bytes since the last time.
    bytes: AtomicUsize,
    /// Whether memory will be given back soon.
    pending: AtomicBool,
}

impl Trimmer {
    /// So many bytes of values were freed, or passed through. To be called in a tokio runtime.
    pub(crate) fn note(&self, bytes: usize) {
        let noted = self.0.bytes.fetch_add(bytes + OBJECT, Ordering::Relaxed) + bytes + OBJECT;
        if noted < ENOUGH || self.0.pending.swap(true, Ordering::Relaxed) {
            return;
        }
        let noted = self.0.clone();
        tokio::spawn(async move {
            let mut there_is_more = true;
            while there_is_more {
                sleep(CALM).await;
                noted.bytes.store(0, Ordering::Relaxed);
                noted.pending.store(false, Ordering::Relaxed);
                // It takes a while where much is free.
                there_is_more = spawn_blocking(trim).await.unwrap_or(false);
            }
        });
    }
}

/// Says whether there is shared memory to be given back later.
fn trim() -> bool {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function takes any padding, and may be called on any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
    shared::give_back(SHARED_CALM)
}
