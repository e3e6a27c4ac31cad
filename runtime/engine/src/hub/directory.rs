//! The monitor's books: which workers there are and which tessera is where. No I/O here.

use crate::{id::Id, wire::Place};
use std::collections::HashMap;

/// The workers, in the order of their numbers, and the tesserae on them.
#[derive(Debug, Default)]
pub(super) struct Directory {
    workers: Vec<Place>,
    /// The worker that gets the next tessera: round robin.
    next: usize,
    tesserae: HashMap<Id, Entry>,
}

#[derive(Debug)]
struct Entry {
    worker: String,
    head: u64,
}

impl Directory {
    /// Makes a worker available.
    pub(super) fn add(&mut self, place: Place) {
        self.workers.push(place);
        // `worker:0:10` comes after `worker:0:9`.
        self.workers
            .sort_by(|a, b| (a.uid.len(), &a.uid).cmp(&(b.uid.len(), &b.uid)));
    }

    /// Never places on this worker again, and forgets what it had.
    pub(super) fn remove(&mut self, worker: &str) {
        if let Some(index) = self.workers.iter().position(|place| place.uid == worker) {
            self.workers.remove(index);
            // Whoever was next stays next.
            if index < self.next {
                self.next -= 1;
            }
        }
        self.tesserae.retain(|_, entry| entry.worker != worker);
    }

    /// Chooses a worker for a tessera of `head`, if there is any.
    pub(super) fn place(&mut self, tessera: Id, head: u64) -> Option<Place> {
        if self.next >= self.workers.len() {
            self.next = 0;
        }
        let place = self.workers.get(self.next)?.clone();
        self.next += 1;
        let entry = Entry {
            worker: place.uid.clone(),
            head,
        };
        self.tesserae.insert(tessera, entry);
        Some(place)
    }

    /// A tessera is gone.
    pub(super) fn forget(&mut self, tessera: Id) {
        self.tesserae.remove(&tessera);
    }

    /// A head is gone, and its tesserae with it.
    pub(super) fn forget_head(&mut self, head: u64) {
        self.tesserae.retain(|_, entry| entry.head != head);
    }

    pub(super) fn workers(&self) -> &[Place] {
        &self.workers
    }

    pub(super) fn clear(&mut self) {
        *self = Directory::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(workers: usize) -> Directory {
        let mut directory = Directory::default();
        for number in (0..workers).rev() {
            directory.add(Place {
                uid: format!("worker:0:{number}"),
                address: format!("/run/worker-0-{number}.sock").into(),
            });
        }
        directory
    }

    fn places(directory: &mut Directory, count: u128) -> Vec<String> {
        (0..count)
            .map(|id| {
                directory
                    .place(Id::of(id), 1)
                    .map_or("none".to_owned(), |place| place.uid)
            })
            .collect()
    }

    #[test]
    fn tesserae_go_round_in_the_order_of_the_workers() {
        assert_eq!(places(&mut directory(2), 3), ["worker:0:0", "worker:0:1", "worker:0:0"]);
        assert_eq!(places(&mut directory(11), 11)[9..], ["worker:0:9", "worker:0:10"]);
    }

    #[test]
    fn nothing_is_placed_on_a_worker_that_is_gone() {
        let mut directory = directory(3);
        assert_eq!(places(&mut directory, 2), ["worker:0:0", "worker:0:1"]);
        directory.remove("worker:0:0");
        assert_eq!(places(&mut directory, 3), ["worker:0:2", "worker:0:1", "worker:0:2"]);
        directory.remove("worker:0:1");
        directory.remove("worker:0:2");
        assert_eq!(places(&mut directory, 1), ["none"]);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut directory = directory(2);
        places(&mut directory, 4);
        directory.forget(Id::of(0));
        directory.remove("worker:0:1");
        assert_eq!(directory.tesserae.len(), 1);
        directory.forget_head(1);
        assert!(directory.tesserae.is_empty());
    }
}
