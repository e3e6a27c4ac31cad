//! What a thread executes, so that guest code need not say what it is about.

use super::site::Head;
use crate::{id::Id, wire::FromWorker};
use std::cell::RefCell;

thread_local! {
    /// The constructor or call that this thread executes, and the head that wants it.
    static CURRENT: RefCell<Option<(Head, Id)>> = const { RefCell::new(None) };
}

/// While it lives, what this thread does is done for a constructor or call.
pub(super) struct Executing(());

impl Executing {
    pub(super) fn new(head: Head, id: Id) -> Executing {
        CURRENT.set(Some((head, id)));
        Executing(())
    }
}

impl Drop for Executing {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

/// See [`mosaic_abi::Host::progress`].
pub(crate) unsafe extern "C" fn progress(done: u64, total: u64) {
    let tell = |(head, id): &(Head, Id)| {
        let id = *id;
        head.send(FromWorker::Progress { id, done, total });
    };
    // Destructors of thread locals may come here as well, and then nothing is executed any more.
    let _ = CURRENT.try_with(|current| current.borrow().iter().for_each(tell));
}
