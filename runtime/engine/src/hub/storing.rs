//! The hub's loop: the warehouse, whose books are in `stores`.

use super::{
    event::Event,
    lifecycle::Lifecycle,
    server::Server,
    stores::{Request, Step, Stores},
};
use crate::{
    id::Id,
    warehouse::{Keeper, Shelf, memory_limit},
    wire::{FromHub, FromWarehouse, ToWarehouse},
};
use mosaic_abi::LogLevel;
use tokio::task::spawn_blocking;

impl Server {
    /// Opens the warehouse, unless it outlived the workers.
    pub(super) fn open_warehouse(&mut self, spill_above: Option<f64>) {
        if self.keeper.is_some() {
            return;
        }
        let keeper = Keeper::of(self.shelves.clone());
        self.stores = Stores::new(memory_limit(spill_above, self.shelves.directory(Shelf::Memory)));
        self.keeper = Some(keeper);
    }

    /// Frees all that is stored. No worker may run any more.
    pub(super) fn close_warehouse(&mut self) {
        self.stores = Stores::default();
        self.keeper = None;
    }

    /// A head wants something of the warehouse.
    pub(super) fn hear_of_stores(&mut self, session: u64, message: ToWarehouse) {
        let Some(head) = self.connections.head_of(session) else {
            return;
        };
        match message {
            ToWarehouse::Store { ware, type_name, size } if self.lifecycle == Lifecycle::On => {
                self.stores.ask(Request {
                    session,
                    head,
                    ware,
                    type_name,
                    size,
                })
            }
            ToWarehouse::Store { ware, .. } => {
                let outcome = Err("the mosaic runtime is off".to_owned());
                self.connections
                    .to_head(session, FromHub::Warehouse(FromWarehouse::Room { ware, outcome }));
            }
            ToWarehouse::Stored { ware, shelf } => self.stores.written(ware, shelf),
            ToWarehouse::Find { ware, type_name, uid } => {
                let outcome = self.stores.find(head, ware, &type_name, &uid);
                self.connections
                    .to_head(session, FromHub::Warehouse(FromWarehouse::Found { ware, outcome }));
            }
            ToWarehouse::Release { ware } => self.stores.release(head, ware),
            ToWarehouse::Discard { ware } => self.stores.free(ware),
        }
        self.take_steps();
    }

    /// All that a head which is gone submitted has what it needs.
    pub(super) fn head_settled(&mut self, head: Id) {
        self.connections.to_workers(&FromHub::HeadSettled { head });
        self.shelves.sweep_rooms(head);
        self.stores.leave(head);
        self.take_steps();
    }

    pub(super) fn spilled(&mut self, ware: Id, outcome: Result<(), String>) {
        if outcome.is_ok() {
            self.log(LogLevel::Info, || format!("the stored value {ware} moved to disk"));
            self.removed(ware);
        }
        self.stores.spilled(ware, outcome);
        self.take_steps();
    }

    /// A value's file is gone: nobody can begin to use it any more.
    pub(super) fn removed(&self, ware: Id) {
        // Heads may have tesserae of their own.
        self.connections.to_workers(&FromHub::Forget { ware });
        self.connections.to_heads(&FromHub::Forget { ware });
    }

    fn take_steps(&mut self) {
        for step in self.stores.take_steps() {
            let (shelves, events) = (self.shelves.clone(), self.events.clone());
            match step {
                Step::Grant { session, ware, shelf } => {
                    let outcome = Ok(shelf);
                    self.connections
                        .to_head(session, FromHub::Warehouse(FromWarehouse::Room { ware, outcome }));
                }
                Step::Refuse { session, ware, reason } => {
                    let outcome = Err(reason);
                    self.connections
                        .to_head(session, FromHub::Warehouse(FromWarehouse::Room { ware, outcome }));
                }
                Step::Spill { ware } => {
                    spawn_blocking(move || {
                        let outcome = shelves.spill(ware);
                        let _ = events.send(Event::Spilled { ware, outcome });
                    });
                }
                // Giving back a large file's memory takes a while.
                Step::Remove { ware } => {
                    spawn_blocking(move || {
                        shelves.remove(ware);
                        let _ = events.send(Event::Removed { ware });
                    });
                }
            }
        }
    }
}
