//! Stored values: what the state of the warehouse decides is carried out here.

use super::{
    super::state::{Lifecycle, Step, StoreRequest},
    EventLoop,
    event::Event,
    hosts::host_of_session,
};
use crate::{
    id::Id,
    warehouse::{Keeper, StoreDir, memory_limit},
    wire::{FromMonitor, FromWarehouse, ToNode, ToWarehouse},
};
use mosaic_abi::LogLevel;
use tokio::task::spawn_blocking;

impl EventLoop {
    /// Opens the warehouse, unless it is open still.
    pub(super) fn open_warehouse(&mut self, spill_above: Option<f64>) {
        if self.keeper.is_some() {
            return;
        }
        let keeper = Keeper::of(self.store_dirs.clone());
        let limit = memory_limit(spill_above, self.store_dirs.directory(StoreDir::Memory));
        self.state.warehouses.open(None, limit);
        self.keeper = Some(keeper);
    }

    /// Frees all stored values. No worker may run any more.
    pub(super) fn close_warehouse(&mut self) {
        self.state.warehouses.clear();
        self.keeper = None;
    }

    /// Does what a head's message to the warehouse asks for.
    pub(super) fn handle_warehouse_message(&mut self, session: u64, message: ToWarehouse) {
        let Some(head) = self.connections.head_of(session) else {
            return;
        };
        match message {
            ToWarehouse::Store { ware, type_name, size } if self.state.lifecycle == Lifecycle::On => {
                let request = StoreRequest {
                    session,
                    head,
                    ware,
                    type_name,
                    size,
                };
                // The host of a head lives, since the head has just spoken.
                self.state.warehouses.ask(host_of_session(session), request);
            }
            ToWarehouse::Store { ware, .. } => {
                let outcome = Err("the mosaic runtime is off".to_owned());
                self.connections.to_head(
                    session,
                    FromMonitor::Warehouse(FromWarehouse::Granted { ware, outcome }),
                );
            }
            ToWarehouse::Stored { ware, dir } => self.state.warehouses.on_all(|warehouse| warehouse.written(ware, dir)),
            ToWarehouse::Find { ware, type_name, uid } => {
                let outcome = self.state.warehouses.find(head, ware, &type_name, &uid);
                self.connections
                    .to_head(session, FromMonitor::Warehouse(FromWarehouse::Found { ware, outcome }));
            }
            ToWarehouse::Release { ware } => self.state.warehouses.on_all(|warehouse| warehouse.release(head, ware)),
            ToWarehouse::Discard { ware } => self.state.warehouses.on_all(|warehouse| warehouse.free(ware)),
        }
        self.take_steps();
    }

    /// Notes that everything that a head which is gone submitted has what it needs: frees what only this head held.
    pub(super) fn head_settled(&mut self, head: Id) {
        self.connections.to_workers(&FromMonitor::HeadSettled { head });
        self.store_dirs.sweep_unstored(head);
        self.hosts.to_nodes(&ToNode::SweepUnstored { head });
        self.state.warehouses.on_all(|warehouse| warehouse.leave(head));
        self.take_steps();
    }

    /// Notes that a value moved to disk, or could not.
    pub(super) fn value_spilled(&mut self, ware: Id, outcome: Result<(), String>) {
        if outcome.is_ok() {
            self.log(LogLevel::Info, || format!("the stored value {ware} moved to disk"));
            self.value_removed(ware);
        }
        self.state.warehouses.spilled(ware, &outcome);
        self.take_steps();
    }

    /// Tells all processes that a value's file is gone, so that they forget it.
    pub(super) fn value_removed(&self, ware: Id) {
        // Heads may have tesserae in their own process.
        self.connections.to_workers(&FromMonitor::Forget { ware });
        self.connections.to_heads(&FromMonitor::Forget { ware });
    }

    /// Returns the number of the host on which the stored value of this uid lies, if that is one with workers.
    pub(super) fn host_of_value(&self, uid: &str) -> Option<u32> {
        let ware = Id::of_stored(uid)?;
        self.state.warehouses.host_of(ware)?
    }

    /// Carries out the steps of the warehouse's state.
    fn take_steps(&mut self) {
        for (host, step) in self.state.warehouses.take_steps() {
            let (store_dirs, events) = (self.store_dirs.clone(), self.events.clone());
            match step {
                Step::Grant { session, ware, dir } => {
                    let outcome = Ok(dir);
                    self.connections.to_head(
                        session,
                        FromMonitor::Warehouse(FromWarehouse::Granted { ware, outcome }),
                    );
                }
                Step::Refuse { session, ware, reason } => {
                    let outcome = Err(reason);
                    self.connections.to_head(
                        session,
                        FromMonitor::Warehouse(FromWarehouse::Granted { ware, outcome }),
                    );
                }
                Step::Spill { ware } => match host {
                    Some(host) => self.hosts.to_node(host, ToNode::Spill { ware }),
                    None => {
                        spawn_blocking(move || {
                            let outcome = store_dirs.spill(ware);
                            let _ = events.send(Event::Spilled { ware, outcome });
                        });
                    }
                },
                // Freeing the memory of a large file takes a while.
                Step::Remove { ware } => {
                    // Any host may have a copy.
                    self.hosts.to_nodes(&ToNode::Remove { ware });
                    spawn_blocking(move || {
                        store_dirs.remove(ware);
                        let _ = events.send(Event::Removed { ware });
                    });
                }
            }
        }
    }
}
