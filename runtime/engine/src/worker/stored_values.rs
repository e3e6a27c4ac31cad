//! The stored values that this worker uses.

use crate::{
    failures::failure,
    id::Id,
    warehouse::{StoreDirs, value_dropped},
    wire::Payload,
};
use mosaic_abi::{Failure, FailureKind};
use std::{cell::RefCell, collections::HashMap, io, sync::Arc};

/// The number of values that may stay at hand although nothing uses them. They cost addresses, not memory.
const MOST_AT_HAND: usize = 1024;

/// The values at hand. Their bytes are mapped from the warehouse and shared by all processes of the node. A value stays
/// at hand until the monitor says that it has moved or is gone. Only the I/O thread uses this.
pub(crate) struct StoredValues {
    store_dirs: StoreDirs,
    open: RefCell<HashMap<Id, Payload>>,
}

impl StoredValues {
    /// Makes an empty set of values, which lie in `store_dirs`.
    pub(super) fn new(store_dirs: StoreDirs) -> StoredValues {
        StoredValues {
            store_dirs,
            open: RefCell::default(),
        }
    }

    /// Returns a value's bytes. Call this when the message that needs the value is read: its sender holds the value
    /// only until the operation has ended, or until all messages were read.
    pub(super) fn get(&self, ware: Id, uid: &str) -> Result<Payload, Failure> {
        let mut open = self.open.borrow_mut();
        if let Some(payload) = open.get(&ware) {
            return Ok(payload.clone());
        }
        let bytes = self.store_dirs.read(ware).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => value_dropped(uid),
            _ => failure(FailureKind::Runtime, format!("{uid} cannot be read: {error}")),
        })?;
        if open.len() >= MOST_AT_HAND {
            open.retain(|_, payload| Arc::strong_count(payload) > 1);
        }
        let payload = Payload::new(bytes);
        open.insert(ware, payload.clone());
        Ok(payload)
    }

    /// Forgets a value that has moved or is gone. Operations that use it keep its bytes.
    pub(crate) fn forget(&self, ware: Id) {
        self.open.borrow_mut().remove(&ware);
    }

    /// Returns the number of values at hand.
    pub(super) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Returns where stored values lie.
    pub(crate) fn store_dirs(&self) -> &StoreDirs {
        &self.store_dirs
    }
}
