//! The one head of this process, and starting its link when it is first needed.

use super::{
    link,
    process::{Head, HeadOptions},
};
use crate::wire::Network;
use mosaic_abi::Host;
use std::{
    io,
    sync::{OnceLock, PoisonError},
};

/// Set once, before the table is handed out.
static HEAD: OnceLock<Head> = OnceLock::new();

/// Makes the head of this process, whose guests get `host`, or returns the head that there is.
pub(super) fn make(options: HeadOptions, host: Host, worker: Option<String>, network: Network) -> &'static Head {
    HEAD.get_or_init(|| Head::new(options, host, worker, network))
}

/// Returns the head of this process.
///
/// # Panics
///
/// There is no head. The functions of its table cannot be reached then.
pub(super) fn head() -> &'static Head {
    HEAD.get().expect("the table is handed out after the head was made")
}

/// Returns the head of this process, if it was made.
pub(super) fn made_head() -> Option<&'static Head> {
    HEAD.get()
}

/// Returns the head of this process once it knows what runs. For operations that begin something.
///
/// # Panics
///
/// There is no head, as for [`head`].
pub(super) fn linked_head() -> &'static Head {
    let head = head();
    if let Err(error) = ensure_link(head) {
        // Without a link the runtime counts as off.
        tracing::error!(%error, "this process cannot use the runtime");
    }
    head
}

/// Starts the link, the first time, and waits until the head knows what runs.
///
/// # Errors
///
/// The link's thread cannot be started.
pub(super) fn ensure_link(head: &'static Head) -> io::Result<()> {
    let mut outcome = Ok(());
    head.linked.call_once(|| {
        let unlinked = head.unlinked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((monitor, inbox)) = unlinked {
            outcome = link::start(head, monitor, inbox);
        }
    });
    outcome
}
