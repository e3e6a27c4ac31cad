//! Writing and reading stored values.

use super::{Event, Link};
use crate::{
    failures::failure,
    id::Id,
    warehouse::{StoreDir, value_dropped},
    wire::{FromWarehouse, Payload, ToMonitor, ToWarehouse},
    worker::WantedFile,
};
use mosaic_abi::{FailureKind, Handle};
use std::io;
use tokio::task::spawn_blocking;

impl Link {
    /// Asks the warehouse where a value may go. The value is written when the answer arrives.
    pub(super) fn store(&mut self, ware: Id, type_name: String, value: Payload) {
        let size = value.len() as u64;
        self.unwritten.insert(ware, value);
        self.to_monitor(ToMonitor::Warehouse(ToWarehouse::Store { ware, type_name, size }));
    }

    /// Does what a message of the warehouse asks for.
    pub(super) fn handle_warehouse_message(&mut self, message: FromWarehouse) {
        match message {
            FromWarehouse::Granted { ware, outcome: Ok(dir) } => self.write(ware, dir),
            FromWarehouse::Granted {
                ware,
                outcome: Err(reason),
            } => {
                self.unwritten.remove(&ware);
                self.stored(ware, Err(reason));
            }
            FromWarehouse::Found { ware, outcome } => {
                let outcome = outcome.map_err(|reason| failure(FailureKind::Dropped, reason));
                self.head.change(|state| state.stored(ware, outcome));
            }
        }
    }

    fn write(&mut self, ware: Id, dir: StoreDir) {
        let (Some(value), Some(store_dirs)) = (self.unwritten.remove(&ware), self.store_dirs.clone()) else {
            return;
        };
        let report = self.reporter();
        // A value that lies in a file of the warehouse only gets a name there; any other value is copied.
        self.trimmer.note(value.len());
        spawn_blocking(move || {
            let outcome = store_dirs.write(dir, ware, &value);
            report(Event::Written { ware, outcome });
        });
    }

    /// Tells the monitor and the state that a value was written, in this order: nobody may use a value of which the
    /// monitor has not heard.
    pub(super) fn written(&mut self, ware: Id, outcome: Result<StoreDir, String>) {
        let message = match outcome {
            Ok(dir) => ToWarehouse::Stored { ware, dir },
            Err(_) => ToWarehouse::Discard { ware },
        };
        self.to_monitor(ToMonitor::Warehouse(message));
        self.stored(ware, outcome.map(drop));
    }

    fn stored(&mut self, ware: Id, outcome: Result<(), String>) {
        let outcome = outcome.map_err(|reason| {
            let message = format!("the value cannot be stored: {reason}");
            failure(FailureKind::Runtime, message)
        });
        self.head.change(|state| state.stored(ware, outcome));
    }

    /// Reads a stored value, whose bytes are mapped and not copied. A value of another host is brought here first.
    pub(super) fn load(&mut self, wait: Handle, ware: Id, uid: &str) {
        let (head, store_dirs) = (self.head, self.store_dirs.clone());
        let read = move |uid: &str| {
            let read = match &store_dirs {
                Some(store_dirs) => store_dirs.read(ware),
                None => Err(io::ErrorKind::NotFound.into()),
            };
            read.map(Payload::new).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => value_dropped(uid),
                _ => failure(FailureKind::Runtime, format!("{uid} cannot be read: {error}")),
            })
        };
        let value = read(uid);
        if value.is_ok() || self.monitor.is_none() {
            return head.change(|state| state.fetched(wait, value));
        }
        let (host_files, uid) = (self.host_files.clone(), uid.to_owned());
        tokio::spawn(async move {
            let obtained = host_files.obtain(WantedFile::Value { ware }).await;
            let value = obtained.and_then(|()| read(&uid));
            head.change(|state| state.fetched(wait, value));
        });
    }
}
