//! How long a worker on another host than the monitor may live without hearing of it.
//!
//! A host that the monitor does not hear of counts as lost after a while, and what it had may live elsewhere then. So
//! its workers must have ended by that time, even if the host is only cut off, or its node process is stopped.

use crate::{clock, node::LEASE};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::time::sleep;

/// How often a worker looks whether its time is over.
const STEP: Duration = Duration::from_millis(100);

/// The time until which this worker may live, on its host's own clock. Only the I/O thread uses it.
#[derive(Clone, Debug)]
pub(super) struct Lease(Rc<Cell<u64>>);

impl Default for Lease {
    /// Begins now.
    fn default() -> Lease {
        Lease(Rc::new(Cell::new(clock::own() + LEASE)))
    }
}

impl Lease {
    /// Extends the lease.
    pub(super) fn extend(&self, until: u64) {
        self.0.set(self.0.get().max(until));
    }

    /// Ends this process and what it has started when the lease is over.
    pub(super) async fn end_when_over(self) {
        while clock::own() < self.0.get() {
            sleep(STEP).await;
        }
        tracing::error!("this worker ends, since its host has not heard of the monitor");
        super::kill_started();
        super::end(1);
    }
}
