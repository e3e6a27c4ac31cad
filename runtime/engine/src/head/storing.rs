//! The link's part in the warehouse: asking for room, writing, and reading.

use super::{
    ledger::Ledger,
    link::{Event, Link},
};
use crate::{
    failures::failure,
    id::Id,
    warehouse::{Shelf, Shelves, dropped},
    wire::{FromWarehouse, Payload, ToHub, ToWarehouse},
};
use mosaic_abi::{FailureKind, Handle};
use std::{collections::HashMap, io};
use tokio::task::spawn_blocking;

/// What this process knows of the warehouse.
#[derive(Default)]
pub(super) struct Storing {
    /// Where values lie, as the hub said.
    pub(super) shelves: Option<Shelves>,
    /// Values that wait for room.
    values: HashMap<Id, Payload>,
}

impl Link {
    /// Asks for room; where there is a hub, it answers.
    pub(super) fn store(&mut self, ware: Id, type_name: String, value: Payload) {
        let size = value.len() as u64;
        self.storing.values.insert(ware, value);
        self.to_hub(ToHub::Warehouse(ToWarehouse::Store { ware, type_name, size }));
    }

    pub(super) fn hear_warehouse(&mut self, message: FromWarehouse) {
        match message {
            FromWarehouse::Room {
                ware,
                outcome: Ok(shelf),
            } => self.write(ware, shelf),
            FromWarehouse::Room {
                ware,
                outcome: Err(reason),
            } => {
                self.storing.values.remove(&ware);
                self.stored(ware, Err(reason));
            }
            FromWarehouse::Found { ware, outcome } => {
                let outcome = outcome.map_err(|reason| failure(FailureKind::Dropped, reason));
                self.change(|ledger| ledger.stored(ware, outcome));
            }
        }
    }

    fn write(&mut self, ware: Id, shelf: Shelf) {
        let (Some(value), Some(shelves)) = (self.storing.values.remove(&ware), self.storing.shelves.clone()) else {
            return;
        };
        let report = self.reporter();
        // What lies there gets a name, and the rest is copied.
        self.trimmer.note(value.len());
        spawn_blocking(move || {
            let outcome = shelves.write(shelf, ware, &value);
            report(Event::Written { ware, outcome });
        });
    }

    /// A value was written, which the hub hears before anybody can use it.
    pub(super) fn written(&mut self, ware: Id, outcome: Result<Shelf, String>) {
        let message = match outcome {
            Ok(shelf) => ToWarehouse::Stored { ware, shelf },
            Err(_) => ToWarehouse::Discard { ware },
        };
        self.to_hub(ToHub::Warehouse(message));
        self.stored(ware, outcome.map(drop));
    }

    fn stored(&mut self, ware: Id, outcome: Result<(), String>) {
        let outcome = outcome.map_err(|reason| {
            let message = format!("the value cannot be stored: {reason}");
            failure(FailureKind::Runtime, message)
        });
        self.change(|ledger| ledger.stored(ware, outcome));
    }

    /// Reads a stored value: its bytes are mapped, not copied.
    pub(super) fn load(&mut self, wait: Handle, ware: Id, uid: &str) {
        let read = match &self.storing.shelves {
            Some(shelves) => shelves.read(ware),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let value = read.map(Payload::new).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => dropped(uid),
            _ => failure(FailureKind::Runtime, format!("{uid} cannot be read: {error}")),
        });
        self.change(|ledger| ledger.fetched(wait, value));
    }

    /// Nothing that was asked of the warehouse counts any more.
    pub(super) fn forget_stores(&mut self) {
        self.storing.values.clear();
    }

    fn change<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        self.head.change(change)
    }
}
