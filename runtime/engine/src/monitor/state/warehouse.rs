//! The stored values: which heads hold them, and which of them lie in memory. No I/O here.
//!
//! A head that wants to store a value asks first. If the value does not fit into memory, the oldest values there move
//! to disk, one at a time, and the head waits meanwhile.

use crate::{
    id::Id,
    shrinking_map::Map,
    warehouse::{StoreDir, uid, wrong_type_text},
};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// A step outside the state, to be carried out by the event loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Step {
    /// Tell the head where to write a value.
    Grant { session: u64, ware: Id, dir: StoreDir },
    /// Tell the head why a value cannot be stored.
    Refuse { session: u64, ware: Id, reason: String },
    /// Move a value to disk, then call [`WarehouseState::spilled`].
    Spill { ware: Id },
    /// Remove a value.
    Remove { ware: Id },
}

/// A head's request to store a value.
#[derive(Debug)]
pub(in super::super) struct StoreRequest {
    pub(in super::super) session: u64,
    pub(in super::super) head: Id,
    pub(in super::super) ware: Id,
    pub(in super::super) type_name: String,
    pub(in super::super) size: u64,
}

/// A stored value.
#[derive(Debug)]
struct StoredValue {
    type_name: String,
    size: u64,
    /// Numbers the values in the order in which they were stored.
    number: u64,
    /// The heads that refer to the value.
    holders: HashSet<Id>,
    dir: StoreDir,
    stage: Stage,
}

/// How far a value has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Being written by its head.
    Writing,
    /// Stored: it can be used.
    Ready,
    /// Being moved to disk; it can be used.
    Spilling,
    /// The value was freed while it was being moved to disk.
    Freed,
}

/// All stored values, and the requests that wait.
#[derive(Debug, Default)]
pub(in super::super) struct WarehouseState {
    /// The number of bytes that may lie in memory.
    limit: u64,
    /// The number of bytes that lie in memory or are being written there.
    memory: u64,
    /// The number of the last value.
    last: u64,
    values: Map<Id, StoredValue>,
    /// The values that lie in memory and are neither written nor moved, by their numbers.
    oldest: BTreeMap<u64, Id>,
    waiting: VecDeque<StoreRequest>,
    /// Whether a value is being moved to disk.
    spilling: bool,
    /// Queued by changes, in order; see [`WarehouseState::take_steps`].
    steps: Vec<Step>,
}

impl WarehouseState {
    /// Makes an empty warehouse, where this number of bytes may lie in memory.
    pub(in super::super) fn new(limit: u64) -> WarehouseState {
        WarehouseState {
            limit,
            ..WarehouseState::default()
        }
    }

    /// Returns all values.
    pub(super) fn values(&self) -> Vec<Id> {
        self.values.keys().copied().collect()
    }

    /// Returns whether a value is here for everybody.
    pub(super) fn is_ready(&self, ware: Id) -> bool {
        let value = self.values.get(&ware);
        value.is_some_and(|value| matches!(value.stage, Stage::Ready | Stage::Spilling))
    }

    /// Takes the steps to carry out.
    pub(in super::super) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Adds a request to store a value.
    pub(in super::super) fn ask(&mut self, request: StoreRequest) {
        self.waiting.push_back(request);
        self.answer_requests();
    }

    /// Answers the requests that wait, in order, until one has to wait for a value to move to disk.
    fn answer_requests(&mut self) {
        while let Some(request) = self.waiting.front() {
            let fits = self.memory.saturating_add(request.size) <= self.limit;
            let dir = if fits { StoreDir::Memory } else { StoreDir::Disk };
            if !fits && request.size <= self.limit {
                if self.spilling {
                    return;
                }
                if let Some((_, ware)) = self.oldest.pop_first() {
                    return self.spill(ware);
                }
                // All values in memory are still being written: this one goes to disk.
            }
            if let Some(request) = self.waiting.pop_front() {
                self.grant(request, dir);
            }
        }
    }

    /// Begins to move a value to disk.
    fn spill(&mut self, ware: Id) {
        if let Some(value) = self.values.get_mut(&ware) {
            value.stage = Stage::Spilling;
        }
        self.spilling = true;
        self.steps.push(Step::Spill { ware });
    }

    /// Grants a request, and counts the value.
    fn grant(&mut self, request: StoreRequest, dir: StoreDir) {
        let StoreRequest {
            session,
            head,
            ware,
            type_name,
            size,
        } = request;
        self.last += 1;
        if dir == StoreDir::Memory {
            self.memory += size;
        }
        let value = StoredValue {
            type_name,
            size,
            number: self.last,
            holders: HashSet::from([head]),
            dir,
            stage: Stage::Writing,
        };
        self.values.insert(ware, value);
        self.steps.push(Step::Grant { session, ware, dir });
    }

    /// Notes that a value was written, perhaps elsewhere than was granted.
    pub(in super::super) fn written(&mut self, ware: Id, dir: StoreDir) {
        let Some(value) = self.values.get_mut(&ware) else {
            return;
        };
        if value.dir == StoreDir::Memory && dir == StoreDir::Disk {
            self.memory = self.memory.saturating_sub(value.size);
        }
        (value.dir, value.stage) = (dir, Stage::Ready);
        if dir == StoreDir::Memory {
            self.oldest.insert(value.number, ware);
        }
        self.answer_requests();
    }

    /// Notes that a value was moved to disk, or could not be.
    pub(in super::super) fn spilled(&mut self, ware: Id, outcome: Result<(), String>) {
        self.spilling = false;
        if let Some(value) = self.values.get_mut(&ware) {
            let freed = value.stage == Stage::Freed;
            value.stage = Stage::Ready;
            if outcome.is_ok() {
                value.dir = StoreDir::Disk;
                self.memory = self.memory.saturating_sub(value.size);
            } else {
                self.oldest.insert(value.number, ware);
            }
            if freed {
                self.free(ware);
            }
        }
        if let Err(reason) = outcome
            && let Some(request) = self.waiting.pop_front()
        {
            let StoreRequest { session, ware, .. } = request;
            self.steps.push(Step::Refuse { session, ware, reason });
        }
        self.answer_requests();
    }

    /// Adds a head to the holders of a value.
    ///
    /// # Errors
    ///
    /// The text says why the head cannot have the value.
    pub(in super::super) fn find(&mut self, head: Id, ware: Id, type_name: &str, name: &str) -> Result<(), String> {
        let found = self.values.get_mut(&ware);
        match found.filter(|value| matches!(value.stage, Stage::Ready | Stage::Spilling)) {
            Some(value) if value.type_name != type_name => Err(wrong_type_text(name, &value.type_name, type_name)),
            Some(value) if uid(type_name, ware) == name => {
                value.holders.insert(head);
                Ok(())
            }
            _ => Err(format!("no value \"{name}\" is stored: it was dropped, or never was")),
        }
    }

    /// Removes a head from the holders of a value, and frees the value with its last holder.
    pub(in super::super) fn release(&mut self, head: Id, ware: Id) {
        if let Some(value) = self.values.get_mut(&ware) {
            value.holders.remove(&head);
            if value.holders.is_empty() {
                self.free(ware);
            }
        }
    }

    /// Removes a head that is gone, with its requests, from the holders of all values.
    pub(in super::super) fn leave(&mut self, head: Id) {
        self.waiting.retain(|request| request.head != head);
        let held: Vec<Id> = (self.values.iter())
            .filter(|(_, value)| value.holders.contains(&head))
            .map(|(ware, _)| *ware)
            .collect();
        for ware in held {
            self.release(head, ware);
        }
    }

    /// Frees a value, whoever holds it.
    pub(in super::super) fn free(&mut self, ware: Id) {
        let Some(value) = self.values.get_mut(&ware) else {
            return;
        };
        if matches!(value.stage, Stage::Spilling | Stage::Freed) {
            value.stage = Stage::Freed;
            return;
        }
        if value.dir == StoreDir::Memory {
            self.memory = self.memory.saturating_sub(value.size);
            self.oldest.remove(&value.number);
        }
        self.values.remove(&ware);
        self.steps.push(Step::Remove { ware });
        self.answer_requests();
    }

    #[cfg(test)]
    /// Returns the number of values, and how many bytes of them lie in memory.
    pub(in super::super) fn census(&self) -> (usize, u64) {
        (self.values.len(), self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: u128 = 100;
    const OTHER_HEAD: u128 = 200;

    fn ask(stores: &mut WarehouseState, ware: u128, size: u64) {
        stores.ask(StoreRequest {
            session: 1,
            head: Id::of(HEAD),
            ware: Id::of(ware),
            type_name: "f64".to_owned(),
            size,
        });
    }

    fn steps(stores: &mut WarehouseState) -> Vec<String> {
        let number = |id: Id| (0..10).find(|number| Id::of(*number) == id).unwrap();
        let steps = stores.take_steps();
        let shown = steps.into_iter().map(|step| match step {
            Step::Grant { ware, dir, .. } => format!("grant {} {dir:?}", number(ware)),
            Step::Refuse { ware, reason, .. } => format!("refuse {}: {reason}", number(ware)),
            Step::Spill { ware } => format!("spill {}", number(ware)),
            Step::Remove { ware } => format!("remove {}", number(ware)),
        });
        shown.collect()
    }

    /// Values 1 and 2, of 40 bytes each, lie in memory, which may hold 100.
    fn stores() -> WarehouseState {
        let mut stores = WarehouseState::new(100);
        for ware in [1, 2] {
            ask(&mut stores, ware, 40);
            stores.written(Id::of(ware), StoreDir::Memory);
        }
        assert_eq!(steps(&mut stores), ["grant 1 Memory", "grant 2 Memory"]);
        stores
    }

    #[test]
    fn the_oldest_values_make_room() {
        let mut stores = stores();
        ask(&mut stores, 3, 90);
        ask(&mut stores, 4, 10);
        assert_eq!(steps(&mut stores), ["spill 1"]);
        stores.spilled(Id::of(1), Ok(()));
        assert_eq!(steps(&mut stores), ["spill 2"]);
        stores.spilled(Id::of(2), Ok(()));
        assert_eq!(steps(&mut stores), ["grant 3 Memory", "grant 4 Memory"]);
        assert_eq!(stores.census(), (4, 100));
    }

    #[test]
    fn what_never_fits_and_what_finds_all_being_written_goes_to_disk() {
        let mut stores = stores();
        ask(&mut stores, 3, 101);
        assert_eq!(steps(&mut stores), ["grant 3 Disk"]);
        let mut stores = WarehouseState::new(100);
        ask(&mut stores, 1, 60);
        ask(&mut stores, 2, 60);
        assert_eq!(steps(&mut stores), ["grant 1 Memory", "grant 2 Disk"]);
        // The value did not fit into memory after all.
        stores.written(Id::of(1), StoreDir::Disk);
        assert_eq!(stores.census(), (2, 0));
    }

    #[test]
    fn where_nothing_can_be_moved_the_reason_is_told() {
        let mut stores = stores();
        ask(&mut stores, 3, 90);
        ask(&mut stores, 4, 20);
        stores.spilled(Id::of(1), Err("full".to_owned()));
        assert_eq!(steps(&mut stores), ["spill 1", "refuse 3: full", "grant 4 Memory"]);
        assert_eq!(stores.census(), (3, 100));
    }

    #[test]
    fn a_value_goes_with_its_last_holder() {
        let mut stores = stores();
        let name = uid("f64", Id::of(1));
        assert_eq!(stores.find(Id::of(OTHER_HEAD), Id::of(1), "f64", &name), Ok(()));
        let error = stores
            .find(Id::of(OTHER_HEAD), Id::of(2), "f32", "ware-f32-2")
            .unwrap_err();
        assert_eq!(error, "ware-f32-2 is a `f64`, not a `f32`");
        assert!(stores.find(Id::of(OTHER_HEAD), Id::of(3), "f64", "ware-f64-3").is_err());
        stores.leave(Id::of(HEAD));
        assert_eq!(steps(&mut stores), ["remove 2"]);
        stores.release(Id::of(OTHER_HEAD), Id::of(1));
        assert_eq!(steps(&mut stores), ["remove 1"]);
        assert_eq!(stores.census(), (0, 0));
    }

    #[test]
    fn what_is_freed_while_it_moves_is_removed_when_it_has_moved() {
        for (outcome, rest) in [
            (Ok(()), vec!["remove 1", "grant 3 Memory"]),
            (Err("full".to_owned()), vec!["remove 1", "grant 3 Memory"]),
        ] {
            let mut stores = stores();
            ask(&mut stores, 3, 50);
            stores.free(Id::of(1));
            assert_eq!(steps(&mut stores), ["spill 1"]);
            stores.spilled(Id::of(1), outcome);
            assert_eq!(steps(&mut stores), rest);
        }
    }
}
