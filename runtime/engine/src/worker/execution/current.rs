//! The constructor or call that the present thread executes, so that guest code need not say for which task it reports
//! progress.

use super::{super::head::HeadConnection, subject::Subject};
use crate::{id::Id, task_table, wire::FromWorker};
use mosaic_abi::Reporter;
use std::{
    cell::RefCell,
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

thread_local! {
    /// The constructor or call that this thread executes, and its head.
    static CURRENT: RefCell<Option<(HeadConnection, Id)>> = const { RefCell::new(None) };
}

/// The number of constructors and calls that threads of this process execute. Other memory does not depend on it.
static EXECUTING: AtomicUsize = AtomicUsize::new(0);

/// Marks this thread as executing a constructor or call, until it is dropped.
pub(super) struct Executing(());

impl Executing {
    /// Marks this thread as executing a constructor or call of a head.
    pub(super) fn new(head: HeadConnection, id: Id, subject: &Subject) -> Executing {
        CURRENT.set(Some((head, id)));
        task_table::begin(subject.entry());
        EXECUTING.fetch_add(1, Ordering::Relaxed);
        Executing(())
    }
}

impl Drop for Executing {
    fn drop(&mut self) {
        task_table::end();
        CURRENT.set(None);
        EXECUTING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns whether any thread of this process executes a constructor or call.
pub(crate) fn is_any_executing() -> bool {
    EXECUTING.load(Ordering::Relaxed) > 0
}

/// Returns whether this thread executes a constructor or call.
pub(crate) fn is_executing() -> bool {
    executing().is_some()
}

/// Returns the constructor or call that this thread executes.
pub(crate) fn executing() -> Option<Id> {
    // A destructor of a thread local may call this when `CURRENT` is gone: then nothing is executed any more.
    let current = CURRENT.try_with(|current| current.borrow().as_ref().map(|(_, id)| *id));
    current.ok().flatten()
}

/// Sends the progress of a constructor or call to its head.
fn tell((head, id): &(HeadConnection, Id), done: u64, total: u64) {
    let id = *id;
    head.send(FromWorker::Progress { id, done, total });
}

/// Reports the progress of what this thread executes; see [`mosaic_abi::Host::progress`].
pub(crate) unsafe extern "C" fn progress(done: u64, total: u64) {
    let tell = |current: &(HeadConnection, Id)| tell(current, done, total);
    // A destructor of a thread local may call this when `CURRENT` is gone: then nothing is executed any more.
    let _ = CURRENT.try_with(|current| current.borrow().iter().for_each(tell));
}

/// Returns a reporter for what this thread executes; see [`mosaic_abi::Host::reporter`].
pub(crate) unsafe extern "C" fn reporter() -> Reporter {
    unsafe extern "C" fn tell_of(data: *const c_void, done: u64, total: u64) {
        // SAFETY: `data` comes from `reporter`, was not freed, and is only read: it is `Sync`, as asserted there.
        tell(unsafe { &*data.cast() }, done, total);
    }
    unsafe extern "C" fn free(data: *mut c_void) {
        // SAFETY: `data` comes from `reporter`, and is freed once.
        drop(unsafe { Box::from_raw(data.cast::<(HeadConnection, Id)>()) });
    }
    unsafe extern "C" fn none(_: *const c_void, _: u64, _: u64) {}
    unsafe extern "C" fn nothing(_: *mut c_void) {}
    fn shared<T: Send + Sync>(value: T) -> *mut c_void {
        Box::into_raw(Box::new(value)).cast()
    }
    let current = CURRENT.try_with(|current| current.borrow().clone());
    match current.ok().flatten() {
        Some(current) => Reporter {
            data: shared(current),
            tell: tell_of,
            drop: free,
        },
        None => Reporter {
            data: ptr::null_mut(),
            tell: none,
            drop: nothing,
        },
    }
}
