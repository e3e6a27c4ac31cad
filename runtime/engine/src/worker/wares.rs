//! Stored values that this worker uses.

use crate::{
    failures::failure,
    id::Id,
    warehouse::{Shelves, dropped},
    wire::Payload,
};
use mosaic_abi::{Failure, FailureKind};
use std::{cell::RefCell, collections::HashMap, io, sync::Arc};

/// How many values stay at hand that nothing uses. They cost addresses, not memory.
const AT_HAND: usize = 1024;

/// The values at hand. Their bytes are those of the warehouse, shared by all processes of the node; they stay at hand until
/// the hub says that a value has moved or is gone.
pub(super) struct Wares {
    shelves: Shelves,
    open: RefCell<HashMap<Id, Payload>>,
}

impl Wares {
    pub(super) fn new(shelves: Shelves) -> Wares {
        Wares {
            shelves,
            open: RefCell::default(),
        }
    }

    /// A value's bytes. To be asked for when the message that needs them is read: whoever sent it holds the value only until
    /// the operation has ended, or it is known that all was read.
    pub(super) fn get(&self, ware: Id, uid: &str) -> Result<Payload, Failure> {
        let mut open = self.open.borrow_mut();
        if let Some(payload) = open.get(&ware) {
            return Ok(payload.clone());
        }
        let bytes = self.shelves.read(ware).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => dropped(uid),
            _ => failure(FailureKind::Runtime, format!("{uid} cannot be read: {error}")),
        })?;
        if open.len() >= AT_HAND {
            open.retain(|_, payload| Arc::strong_count(payload) > 1);
        }
        let payload = Payload::new(bytes);
        open.insert(ware, payload.clone());
        Ok(payload)
    }

    /// A value moved or is gone. Who uses it now keeps it until the end.
    pub(super) fn forget(&self, ware: Id) {
        self.open.borrow_mut().remove(&ware);
    }

    pub(super) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    pub(super) fn shelves(&self) -> &Shelves {
        &self.shelves
    }
}
