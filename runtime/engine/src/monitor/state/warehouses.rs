//! The stored values of all hosts. No I/O here.

use super::warehouse::{Step, StoreRequest, WarehouseState};
use crate::id::Id;
use std::collections::BTreeMap;

/// The number of a host with a node process; `None` is the monitor's host.
pub(in super::super) type HostNumber = Option<u32>;

/// The stored values of each host.
#[derive(Debug, Default)]
pub(in super::super) struct Warehouses(BTreeMap<HostNumber, WarehouseState>);

impl Warehouses {
    /// Begins with an empty warehouse on a host, whose values may take up `limit` bytes of memory.
    pub(in super::super) fn open(&mut self, host: HostNumber, limit: u64) {
        self.0.insert(host, WarehouseState::new(limit));
    }

    /// Forgets all values of a host that is gone.
    pub(in super::super) fn close(&mut self, host: HostNumber) {
        self.0.remove(&host);
    }

    /// Returns the values of a host.
    pub(in super::super) fn host_values(&self, host: HostNumber) -> Vec<Id> {
        self.0.get(&host).map(WarehouseState::values).unwrap_or_default()
    }

    /// Forgets everything.
    pub(in super::super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the host on which a value lies.
    pub(in super::super) fn host_of(&self, ware: Id) -> Option<HostNumber> {
        let mut found = self.0.iter().filter(|(_, warehouse)| warehouse.is_ready(ware));
        found.next().map(|(host, _)| *host)
    }

    /// Notes that a value was moved to disk, or could not be; see [`WarehouseState::spilled`].
    pub(in super::super) fn spilled(&mut self, ware: Id, outcome: &Result<(), String>) {
        let mut spilling = self
            .0
            .values_mut()
            .filter(|warehouse| warehouse.values().contains(&ware));
        if let Some(warehouse) = spilling.next() {
            warehouse.spilled(ware, outcome.clone());
        }
    }

    /// Takes the steps of all hosts that are to be carried out.
    pub(in super::super) fn take_steps(&mut self) -> Vec<(HostNumber, Step)> {
        let hosts = self.0.iter_mut();
        let steps = hosts.flat_map(|(host, warehouse)| {
            let steps = warehouse.take_steps().into_iter();
            steps.map(|step| (*host, step))
        });
        steps.collect()
    }

    /// Asks for room for a value on a host; see [`WarehouseState::ask`]. Returns whether the host is there.
    pub(in super::super) fn ask(&mut self, host: HostNumber, request: StoreRequest) -> bool {
        self.0.get_mut(&host).map(|warehouse| warehouse.ask(request)).is_some()
    }

    /// Makes a head a holder of a value, wherever that lies; see [`WarehouseState::find`].
    pub(in super::super) fn find(&mut self, head: Id, ware: Id, type_name: &str, name: &str) -> Result<(), String> {
        let host = self.host_of(ware).unwrap_or_default();
        match self.0.get_mut(&host) {
            Some(warehouse) => warehouse.find(head, ware, type_name, name),
            None => WarehouseState::default().find(head, ware, type_name, name),
        }
    }

    /// Changes the warehouses of all hosts.
    pub(in super::super) fn on_all(&mut self, change: impl Fn(&mut WarehouseState)) {
        self.0.values_mut().for_each(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::{StoreDir, uid};

    #[test]
    fn a_value_is_found_on_its_host_until_that_is_gone() {
        let mut warehouses = Warehouses::default();
        for host in [None, Some(1)] {
            warehouses.open(host, 100);
        }
        let (head, ware) = (Id::of(7), Id::of(1));
        let request = StoreRequest {
            session: 1,
            head,
            ware,
            type_name: "f64".to_owned(),
            size: 8,
        };
        assert!(warehouses.ask(Some(1), request));
        assert_eq!(warehouses.host_of(ware), None, "it is being written");
        warehouses.on_all(|warehouse| warehouse.written(ware, StoreDir::Memory));
        assert_eq!(warehouses.host_of(ware), Some(Some(1)));
        assert_eq!(warehouses.find(head, ware, "f64", &uid("f64", ware)), Ok(()));
        let steps = warehouses.take_steps();
        assert!(matches!(&*steps, [(Some(1), Step::Grant { .. })]), "{steps:?}");
        warehouses.close(Some(1));
        assert_eq!(warehouses.host_of(ware), None);
        assert!(warehouses.find(head, ware, "f64", &uid("f64", ware)).is_err());
    }
}
