//! The warehouse's books: what is stored, who holds it, and what lies in memory. No I/O here.
//!
//! Who wants to store a value asks first. Where memory would take in more than it may, the oldest values that lie there
//! move to disk, one at a time, and who asked waits for that.

use crate::{
    id::Id,
    map::Map,
    warehouse::{Shelf, of_another_type, uid},
};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Something to do outside the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Tell who asked where to write a value.
    Grant { session: u64, ware: Id, shelf: Shelf },
    /// Tell who asked why it cannot be stored.
    Refuse { session: u64, ware: Id, reason: String },
    /// Move a value to disk, then call [`Stores::spilled`].
    Spill { ware: Id },
    /// Remove a value.
    Remove { ware: Id },
}

/// Somebody who wants to store a value.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) session: u64,
    pub(super) head: Id,
    pub(super) ware: Id,
    pub(super) type_name: String,
    pub(super) size: u64,
}

#[derive(Debug)]
struct Entry {
    type_name: String,
    size: u64,
    /// The order of storing.
    number: u64,
    /// The heads that have references to it.
    holders: HashSet<Id>,
    shelf: Shelf,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Writing,
    Ready,
    Spilling,
    /// Freed while it was moved to disk.
    Freed,
}

/// The books.
#[derive(Debug, Default)]
pub(super) struct Stores {
    /// The bytes that may lie in memory.
    limit: u64,
    /// The bytes that lie in memory or are being written there.
    memory: u64,
    last: u64,
    entries: Map<Id, Entry>,
    /// What lies in memory and is not being written or moved, by the order of storing.
    oldest: BTreeMap<u64, Id>,
    waiting: VecDeque<Request>,
    spilling: bool,
    steps: Vec<Step>,
}

impl Stores {
    pub(super) fn new(limit: u64) -> Stores {
        Stores {
            limit,
            ..Stores::default()
        }
    }

    /// What is to be done now.
    pub(super) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Somebody wants to store a value.
    pub(super) fn ask(&mut self, request: Request) {
        self.waiting.push_back(request);
        self.serve();
    }

    /// Answers those who wait, in their order, as far as there is room or can be made.
    fn serve(&mut self) {
        while let Some(request) = self.waiting.front() {
            let fits = self.memory.saturating_add(request.size) <= self.limit;
            let shelf = if fits { Shelf::Memory } else { Shelf::Disk };
            if !fits && request.size <= self.limit {
                if self.spilling {
                    return;
                }
                if let Some((_, ware)) = self.oldest.pop_first() {
                    return self.spill(ware);
                }
                // All that is in memory is still being written.
            }
            if let Some(request) = self.waiting.pop_front() {
                self.grant(request, shelf);
            }
        }
    }

    fn spill(&mut self, ware: Id) {
        if let Some(entry) = self.entries.get_mut(&ware) {
            entry.stage = Stage::Spilling;
        }
        self.spilling = true;
        self.steps.push(Step::Spill { ware });
    }

    fn grant(&mut self, request: Request, shelf: Shelf) {
        let Request {
            session,
            head,
            ware,
            type_name,
            size,
        } = request;
        self.last += 1;
        if shelf == Shelf::Memory {
            self.memory += size;
        }
        let entry = Entry {
            type_name,
            size,
            number: self.last,
            holders: HashSet::from([head]),
            shelf,
            stage: Stage::Writing,
        };
        self.entries.insert(ware, entry);
        self.steps.push(Step::Grant { session, ware, shelf });
    }

    /// A value was written, perhaps not where it was meant to be.
    pub(super) fn written(&mut self, ware: Id, shelf: Shelf) {
        let Some(entry) = self.entries.get_mut(&ware) else {
            return;
        };
        if entry.shelf == Shelf::Memory && shelf == Shelf::Disk {
            self.memory = self.memory.saturating_sub(entry.size);
        }
        (entry.shelf, entry.stage) = (shelf, Stage::Ready);
        if shelf == Shelf::Memory {
            self.oldest.insert(entry.number, ware);
        }
        self.serve();
    }

    /// A value was moved to disk, or could not be.
    pub(super) fn spilled(&mut self, ware: Id, outcome: Result<(), String>) {
        self.spilling = false;
        if let Some(entry) = self.entries.get_mut(&ware) {
            let freed = entry.stage == Stage::Freed;
            entry.stage = Stage::Ready;
            if outcome.is_ok() {
                entry.shelf = Shelf::Disk;
                self.memory = self.memory.saturating_sub(entry.size);
            } else {
                self.oldest.insert(entry.number, ware);
            }
            if freed {
                self.free(ware);
            }
        }
        if let Err(reason) = outcome
            && let Some(request) = self.waiting.pop_front()
        {
            let Request { session, ware, .. } = request;
            self.steps.push(Step::Refuse { session, ware, reason });
        }
        self.serve();
    }

    /// One more head wants a value; says why it cannot have it.
    pub(super) fn find(&mut self, head: Id, ware: Id, type_name: &str, name: &str) -> Result<(), String> {
        let found = self.entries.get_mut(&ware);
        match found.filter(|entry| matches!(entry.stage, Stage::Ready | Stage::Spilling)) {
            Some(entry) if entry.type_name != type_name => Err(of_another_type(name, &entry.type_name, type_name)),
            Some(entry) if uid(type_name, ware) == name => {
                entry.holders.insert(head);
                Ok(())
            }
            _ => Err(format!("no value \"{name}\" is stored: it was dropped, or never was")),
        }
    }

    /// A head has no reference to a value any more.
    pub(super) fn release(&mut self, head: Id, ware: Id) {
        if let Some(entry) = self.entries.get_mut(&ware) {
            entry.holders.remove(&head);
            if entry.holders.is_empty() {
                self.free(ware);
            }
        }
    }

    /// A head is gone, and all that it submitted has what it needs.
    pub(super) fn leave(&mut self, head: Id) {
        self.waiting.retain(|request| request.head != head);
        let held: Vec<Id> = (self.entries.iter())
            .filter(|(_, entry)| entry.holders.contains(&head))
            .map(|(ware, _)| *ware)
            .collect();
        for ware in held {
            self.release(head, ware);
        }
    }

    /// Frees a value, whoever holds it.
    pub(super) fn free(&mut self, ware: Id) {
        let Some(entry) = self.entries.get_mut(&ware) else {
            return;
        };
        if matches!(entry.stage, Stage::Spilling | Stage::Freed) {
            entry.stage = Stage::Freed;
            return;
        }
        if entry.shelf == Shelf::Memory {
            self.memory = self.memory.saturating_sub(entry.size);
            self.oldest.remove(&entry.number);
        }
        self.entries.remove(&ware);
        self.steps.push(Step::Remove { ware });
        self.serve();
    }

    #[cfg(test)]
    /// How many values are stored, and how many bytes of them lie in memory.
    pub(super) fn census(&self) -> (usize, u64) {
        (self.entries.len(), self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: u128 = 100;
    const OTHER_HEAD: u128 = 200;

    fn ask(stores: &mut Stores, ware: u128, size: u64) {
        stores.ask(Request {
            session: 1,
            head: Id::of(HEAD),
            ware: Id::of(ware),
            type_name: "f64".to_owned(),
            size,
        });
    }

    fn steps(stores: &mut Stores) -> Vec<String> {
        let number = |id: Id| (0..10).find(|number| Id::of(*number) == id).unwrap();
        let steps = stores.take_steps();
        let shown = steps.into_iter().map(|step| match step {
            Step::Grant { ware, shelf, .. } => format!("grant {} {shelf:?}", number(ware)),
            Step::Refuse { ware, reason, .. } => format!("refuse {}: {reason}", number(ware)),
            Step::Spill { ware } => format!("spill {}", number(ware)),
            Step::Remove { ware } => format!("remove {}", number(ware)),
        });
        shown.collect()
    }

    /// Values 1 and 2, of 40 bytes each, lie in memory, which may hold 100.
    fn stores() -> Stores {
        let mut stores = Stores::new(100);
        for ware in [1, 2] {
            ask(&mut stores, ware, 40);
            stores.written(Id::of(ware), Shelf::Memory);
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
        let mut stores = Stores::new(100);
        ask(&mut stores, 1, 60);
        ask(&mut stores, 2, 60);
        assert_eq!(steps(&mut stores), ["grant 1 Memory", "grant 2 Disk"]);
        // Memory had no room after all.
        stores.written(Id::of(1), Shelf::Disk);
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
