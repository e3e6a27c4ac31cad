//! Forks of this process: the buffers that a child inherits count as buffers.

use super::pool::{Pool, pool};
use std::{
    cell::RefCell,
    sync::{
        MutexGuard, Once,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether this process is the child of a fork. Only the handler below, in a process with one thread, sets it.
static IS_CHILD: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The lock of the pool while this thread forks. If another thread had the lock then, the child could never lock it.
    static LOCKED: RefCell<Option<MutexGuard<'static, Pool>>> = const { RefCell::new(None) };
}

/// Returns whether this process is the child of a fork. The segments that it inherited are its parent's to use again.
pub(super) fn is_child() -> bool {
    IS_CHILD.load(Ordering::Relaxed)
}

/// Sees to it that forks of this process count buffers from now on.
pub(super) fn count_forks() {
    static REGISTERED: Once = Once::new();
    // SAFETY: the handlers are functions of this executable, which stays loaded. The system calls them on the thread
    // that forks, outside of signal handlers that run while the pool is locked: no code that has the lock forks.
    REGISTERED.call_once(
        || match unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) } {
            0 => {}
            error => tracing::error!(error, "shared memory would be counted wrongly after a fork"),
        },
    );
}

/// Counts the buffers of the child. If there will be no child, or it runs another program or ends without dropping
/// them, they stay counted, as those of a killed process do.
extern "C" fn before() {
    let pool = pool();
    pool.count_all_again();
    let _ = LOCKED.try_with(|locked| locked.borrow_mut().replace(pool));
}

extern "C" fn in_parent() {
    let _ = LOCKED.try_with(|locked| locked.borrow_mut().take());
}

extern "C" fn in_child() {
    IS_CHILD.store(true, Ordering::Relaxed);
    in_parent();
}
